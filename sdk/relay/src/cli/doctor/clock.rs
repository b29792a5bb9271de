use std::fs;
use std::io;
use std::net::{ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cli::config::Config;
use crate::cli::doctor::finding::Finding;

const CHECK: &str = "clock";

/// A second makes no difference to tokens and certificates; wall times in transcripts are to the second.
const NOTICEABLE: Duration = Duration::from_secs(2);

/// Tokens of minutes and the dates of transcripts are wrong by then.
const WRONG: Duration = Duration::from_secs(30);

/// Files are written with the time of another machine's clock on network disks.
const AHEAD: Duration = Duration::from_mins(1);

const PATIENCE: Duration = Duration::from_secs(2);

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

const REMEDY: &str = "set it, and let the system keep it: `timedatectl set-ntp true`";

/// Whether the machine's clock can be right: against what was written here before, and against a time server.
pub(super) fn check(config: &Config, server: Option<&str>) -> Finding {
    let now = SystemTime::now();
    let program = std::env::current_exe().ok();
    let written = config.data.iter().map(|folder| folder.join("sessions")).chain(program);
    for path in written {
        if let Some(ahead) = newest(&path).and_then(|at| at.duration_since(now).ok())
            && ahead > AHEAD
        {
            let message = format!("{} was written {} s in the future", path.display(), ahead.as_secs());
            return Finding::problem(CHECK, message, REMEDY);
        }
    }
    let Some(server) = server else {
        return Finding::not_checked(
            CHECK,
            "nothing here is from the future; --time-server HOST compares it with another",
        );
    };
    match ask(server) {
        Err(error) => Finding::not_checked(CHECK, format!("{server} does not tell the time: {error}")),
        Ok(off) => {
            let message = format!("{:.1} s off {server}'s", off.as_secs_f64());
            match off {
                off if off > WRONG => Finding::problem(CHECK, message, REMEDY),
                off if off > NOTICEABLE => Finding::warning(CHECK, message, REMEDY),
                _ => Finding::good(CHECK, message),
            }
        }
    }
}

/// When the file, or the youngest thing in the folder, was written.
fn newest(path: &Path) -> Option<SystemTime> {
    let written = |path: &Path| fs::metadata(path).ok()?.modified().ok();
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| written(&entry.path())).chain(written(path)).max()
}

/// How far this clock is off the server's, by SNTP (RFC 4330).
fn ask(server: &str) -> io::Result<Duration> {
    let has_port = server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let mut addresses = if has_port { server.to_socket_addrs()? } else { (server, 123).to_socket_addrs()? };
    let address = addresses.next().ok_or_else(|| io::Error::other("it has no address"))?;
    let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(local)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(address)?;
    let mut packet = [0; 48];
    // Version 4, client.
    packet[0] = 0x23;
    let sent = SystemTime::now();
    socket.send(&packet)?;
    let length = socket.recv(&mut packet)?;
    let there = (length == 48).then(|| transmitted(&packet)).flatten();
    let there = there.ok_or_else(|| io::Error::other("its answer is not SNTP"))?;
    // The answer was made half a round trip ago.
    let middle = sent + sent.elapsed().unwrap_or_default() / 2;
    Ok(there.duration_since(middle).unwrap_or_else(|behind| behind.duration()))
}

/// When the server sent the packet.
fn transmitted(packet: &[u8; 48]) -> Option<SystemTime> {
    let word =
        |at: usize| packet.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let (seconds, fraction) = (u64::from(word(40)?), u64::from(word(44)?));
    let is_server = packet[0] & 0b111 == 4;
    let nanos = (fraction * 1_000_000_000) >> 32;
    let unix = seconds.checked_sub(NTP_TO_UNIX)?;
    is_server.then(|| UNIX_EPOCH + Duration::from_secs(unix) + Duration::from_nanos(nanos))
}
