use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::http::Uri;
use ureq::http::header::{CONTENT_RANGE, RANGE};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::dir::sha256;
use super::files::Wheel;
use super::install::{InstallError, Progress, disk};

/// A mirror that says nothing for so long has stopped.
const SILENCE: Duration = Duration::from_secs(30);
/// Connections in a row that bring nothing before it is given up.
const ATTEMPTS: u32 = 3;

/// Downloads `wheel` into `folder`, from where the last attempt broke off.
pub(super) fn download(
    mirror: &str,
    wheel: &Wheel,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, InstallError> {
    let url = address(mirror, wheel);
    let agent = agent(&url)?;
    let path = folder.join(format!(".{}.part", wheel.file_name));
    let mut failures = 0;
    loop {
        let before = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        match fetch(&agent, &url, &path, before, wheel, progress) {
            Ok(()) => break,
            Err(error @ InstallError::Mirror { .. }) => {
                let after = fs::metadata(&path).map_or(0, |metadata| metadata.len());
                failures = if after > before { 0 } else { failures + 1 };
                if failures == ATTEMPTS {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    if sha256(&path).map_err(disk(&path))? != wheel.sha256 {
        fs::remove_file(&path).map_err(disk(&path))?;
        return Err(InstallError::WrongWheel { name: url });
    }
    Ok(path)
}

/// The wheel in the folder that `mirror` is, or the wheel beside the one it is.
fn address(mirror: &str, wheel: &Wheel) -> String {
    if mirror.ends_with(wheel.file_name) {
        return mirror.to_owned();
    }
    let folder = match mirror.rsplit_once('/') {
        Some((folder, name)) if has_wheel_extension(name) => folder,
        _ => mirror.trim_end_matches('/'),
    };
    format!("{folder}/{}", wheel.file_name)
}

fn has_wheel_extension(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("whl"))
}

fn agent(url: &str) -> Result<Agent, InstallError> {
    let refused = || InstallError::MirrorAddress { url: url.to_owned() };
    let uri: Uri = url.parse().map_err(|_| refused())?;
    let local = uri.host().is_some_and(is_loopback);
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if local => {}
        _ => return Err(refused()),
    }
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .https_only(!local)
        // HTTP stays on this machine.
        .max_redirects(if local { 0 } else { 5 })
        .http_status_as_error(false)
        .tls_config(tls)
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .build();
    Ok(config.into())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn fetch(
    agent: &Agent,
    url: &str,
    path: &Path,
    have: u64,
    wheel: &Wheel,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), InstallError> {
    let failed = |detail: String| InstallError::Mirror { url: url.to_owned(), detail };
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let mut response = request.call().map_err(|error| failed(error.to_string()))?;
    let length = response.body().content_length();
    let (start, total) = match response.status().as_u16() {
        200 => (0, length),
        206 if starts_at(&response, have) => (have, length.map(|length| have + length)),
        // All of it is there, or something else: the hash tells.
        416 if have > 0 => return Ok(()),
        status => return Err(failed(format!("HTTP status {status}"))),
    };
    let mut file =
        fs::File::options().create(true).write(true).truncate(false).open(path).map_err(disk(path))?;
    file.set_len(start).map_err(disk(path))?;
    file.seek(SeekFrom::Start(start)).map_err(disk(path))?;
    let mut done = start;
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        progress(Progress::Fetching { name: wheel.file_name.to_owned(), done, total });
        match body.read(&mut buffer).map_err(|error| failed(error.to_string()))? {
            0 => break,
            read => file.write_all(&buffer[..read]).map_err(disk(path))?,
        }
        done = file.stream_position().map_err(disk(path))?;
    }
    if total.is_some_and(|total| done < total) {
        return Err(failed(format!("broke off after {done} bytes")));
    }
    file.sync_all().map_err(disk(path))
}

fn starts_at(response: &ureq::http::Response<Body>, have: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {have}-")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::files::MODEL_WHEEL;

    #[test]
    fn a_mirror_is_a_folder_or_the_wheel_itself() {
        let name = MODEL_WHEEL.file_name;
        let expected = format!("https://mirror.example/glasslink/{name}");
        for mirror in ["https://mirror.example/glasslink", "https://mirror.example/glasslink/", &expected] {
            assert_eq!(address(mirror, &MODEL_WHEEL), expected);
        }
        assert_eq!(address("https://mirror.example/glasslink/another.whl", &MODEL_WHEEL), expected);
    }

    #[test]
    fn only_https_leaves_this_machine() {
        for url in [
            "http://mirror.example/x.whl",
            "ftp://127.0.0.1/x.whl",
            "mirror.example",
            "http://127.0.0.1.example/",
        ] {
            assert!(matches!(agent(url), Err(InstallError::MirrorAddress { .. })), "{url}");
        }
        for url in [
            "https://mirror.example/x.whl",
            "http://127.0.0.1:8080/x.whl",
            "http://[::1]/x",
            "http://localhost/x",
        ] {
            assert!(agent(url).is_ok(), "{url}");
        }
    }

    /// Serves `file` once a connection, `most` bytes of it at a time, and keeps the `Range` headers it saw.
    fn serve(
        file: &'static [u8],
        most: usize,
        connections: usize,
    ) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/test.whl", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut ranges = Vec::new();
            for _ in 0..connections {
                let (mut socket, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    socket.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap().to_lowercase();
                let range = head
                    .lines()
                    .find_map(|line| line.strip_prefix("range: bytes="))
                    .unwrap_or("0-")
                    .to_owned();
                let from: usize = range.trim_end_matches('-').parse().unwrap();
                let rest = &file[from..];
                let status = if from == 0 { "200 OK" } else { "206 Partial Content" };
                let (length, total) = (rest.len(), file.len());
                let range_header = format!("content-range: bytes {from}-{}/{total}\r\n", total - 1);
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{range_header}connection: close\r\n\r\n"
                );
                socket.write_all(head.as_bytes()).unwrap();
                socket.write_all(&rest[..most.min(length)]).unwrap();
                ranges.push(range);
            }
            ranges
        });
        (url, server)
    }

    const TEST_WHEEL: Wheel =
        Wheel { requirement: "test==1", file_name: "test.whl", platform: "any", sha256: "" };

    #[test]
    fn a_download_that_breaks_off_is_resumed_where_it_broke() {
        let file: &[u8] = vec![7; 100_000].leak();
        let folder = tempfile::tempdir().unwrap();
        let reference = folder.path().join("reference");
        fs::write(&reference, file).unwrap();
        let hash: &'static str = sha256(&reference).unwrap().leak();
        let (url, server) = serve(file, 40_000, 3);
        let mut last = None;
        let wheel = Wheel { sha256: hash, ..TEST_WHEEL };
        let path = download(&url, &wheel, folder.path(), &mut |progress| last = Some(progress)).unwrap();
        assert_eq!(server.join().unwrap(), ["0-", "40000-", "80000-"]);
        assert_eq!(fs::read(path).unwrap(), file);
        assert_eq!(
            last,
            Some(Progress::Fetching { name: "test.whl".into(), done: 100_000, total: Some(100_000) })
        );
    }

    #[test]
    fn another_file_than_the_published_one_is_refused_and_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let (url, server) = serve(&[8; 1_000], 1_000, 1);
        let error = download(&url, &TEST_WHEEL, folder.path(), &mut |_| {}).unwrap_err();
        server.join().unwrap();
        assert!(matches!(error, InstallError::WrongWheel { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_mirror_that_is_not_there_is_an_error_with_its_address() {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}/test.whl");
        let error = download(&url, &TEST_WHEEL, folder.path(), &mut |_| {}).unwrap_err();
        assert!(error.to_string().starts_with(&url), "{error}");
    }
}
