//! The relay's certificate: its own, or one that changes under it.

mod support;

use std::path::Path;

use glasslink_relay::{Relay, RelayHandle};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use support::eventually;
use support::hostile::audited;
use support::program::{Served, TOKEN, program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn write(folder: &Path, until_year: i32) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(until_year, 1, 2);
    std::fs::write(folder.join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

async fn relay(folder: &Path) -> RelayHandle {
    let relay = Relay::builder().tls(folder.join("cert.pem"), folder.join("key.pem"));
    relay.start().await.unwrap()
}

/// `GET /readyz` over TLS to whatever certificate there is.
async fn readyz(relay: &RelayHandle) -> String {
    let tcp = tokio::net::TcpStream::connect(relay.local_addr()).await.unwrap();
    let mut tls = support::tls::anyone().connect("localhost".try_into().unwrap(), tcp).await.unwrap();
    let asked = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", relay.local_addr());
    tls.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tls.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_certificate_is_renewed_without_a_restart_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2_200);
    let relay = relay(folder.path()).await;
    let first = relay.fingerprint();
    std::fs::write(folder.path().join("key.pem"), "broken").unwrap();
    let broken = relay.reload_certificate().unwrap_err();
    assert!(broken.to_string().contains("key.pem"), "{broken}");
    assert_eq!(relay.fingerprint(), first);
    let ready = readyz(&relay).await;
    assert!(
        ready.starts_with("HTTP/1.1 200") && ready.contains("the changed certificate is not used"),
        "{ready}"
    );
    audited(&relay.keys(), "certificate_broken").await;
    write(folder.path(), 2_200);
    relay.reload_certificate().unwrap();
    assert_ne!(relay.fingerprint(), first);
    assert!(!readyz(&relay).await.contains("not used"));
    audited(&relay.keys(), "certificate_changed").await;
}

#[tokio::test]
async fn a_certificate_that_expired_is_a_reason_not_to_be_ready() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2_020);
    let relay = relay(folder.path()).await;
    let ready = readyz(&relay).await;
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("the certificate has expired"), "{ready}");
    write(folder.path(), 2_200);
    relay.reload_certificate().unwrap();
    assert!(readyz(&relay).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_relay_in_a_home_makes_its_own_and_keeps_it() {
    let data = tempfile::tempdir().unwrap();
    let start = || Relay::builder().own_tls().data(data.path()).start();
    let relay = start().await.unwrap();
    let first = relay.fingerprint();
    assert!(relay.url().starts_with("https://"));
    assert!(readyz(&relay).await.starts_with("HTTP/1.1 200"));
    relay.shutdown().await;
    assert_eq!(start().await.unwrap().fingerprint(), first);
}

#[cfg(unix)]
#[tokio::test]
async fn sighup_means_that_the_files_were_changed() {
    use std::process::Command;
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), 2_200);
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let mut relay = Served::start(&[
        "--engine",
        "none",
        "--token",
        TOKEN,
        "--data",
        data.path().to_str().unwrap(),
        "--tls-cert",
        cert.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ]);
    write(folder.path(), 2_200);
    let hangup = Command::new("kill").args(["-HUP", &relay.process.id().to_string()]).status().unwrap();
    assert!(hangup.success());
    eventually("it is noticed", async || {
        let mut audit = program();
        let audit = audit.args(["audit", "--json", "--data"]).arg(data.path()).output().unwrap();
        String::from_utf8_lossy(&audit.stdout).contains("certificate_changed").then_some(())
    })
    .await;
    assert!(relay.process.try_wait().unwrap().is_none(), "and it runs on");
}
