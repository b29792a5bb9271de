use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::cli::config::Config;
use crate::cli::doctor::finding::Finding;

const CHECK: &str = "port";

/// A program on this machine answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the address can be listened on, or is by a relay already.
pub(super) fn check(config: &Config) -> Finding {
    let address = config.listen;
    match TcpListener::bind(address) {
        Ok(_) if address.ip().is_loopback() => {
            Finding::good(CHECK, format!("{address} is free; it is reached from this machine only"))
        }
        Ok(_) if config.token.is_none() && config.data.is_none() => Finding::problem(
            CHECK,
            format!("{address} can be reached from outside, and there is no token"),
            "set token-file, or data, and pair devices; or listen on 127.0.0.1",
        ),
        Ok(_) => Finding::good(
            CHECK,
            format!(
                "{address} is free; from another machine, `curl {}` tells whether a firewall lets it through",
                probe(config)
            ),
        ),
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_relay(config) => {
            Finding::good(CHECK, format!("a relay answers at {address} already"))
        }
        Err(error) => Finding::problem(
            CHECK,
            format!("cannot listen on {address}: {error}"),
            remedy(address, error.kind()),
        ),
    }
}

fn probe(config: &Config) -> String {
    let scheme = if config.tls.is_some() || config.own_tls { "https" } else { "http" };
    format!("{scheme}://THIS-MACHINE:{}/healthz", config.listen.port())
}

fn remedy(address: SocketAddr, error: ErrorKind) -> String {
    let port = address.port();
    match error {
        ErrorKind::AddrInUse => {
            format!(
                "stop the program that has it (`ss -ltnp sport = :{port}` names it), or choose another port with listen"
            )
        }
        ErrorKind::PermissionDenied => format!(
            "ports below 1024 need a privilege: choose a port above, or give the program CAP_NET_BIND_SERVICE; {port} was asked for"
        ),
        ErrorKind::AddrNotAvailable => {
            "that is no address of this machine: `ip address` lists them; 0.0.0.0 is all of them".to_owned()
        }
        _ => "choose another address with listen".to_owned(),
    }
}

/// Whether who has the port is a relay. One that speaks TLS is taken at its word: it takes connections.
fn is_relay(config: &Config) -> bool {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    ask(address).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"))
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    write!(connection, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.take(4096).read_to_string(&mut answer)?;
    Ok(answer)
}
