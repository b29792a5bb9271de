//! The program, as people start it.

mod support;

use std::process::{Command, Output};

use support::program::{Served, TOKEN, program};
use support::{Client, hello, request};

fn fails(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = program().args(arguments).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn what_is_wrong_is_one_sentence_and_exit_code_2() {
    let relay = Served::start(&["--engine", "none"]);
    let address = relay.url.trim_start_matches("http://");
    assert!(fails(&["serve", "--listen", address]).contains("is in use by another program"));
    assert!(fails(&["serve", "--listen", "0.0.0.0:0"]).contains("set a token"));
    let no_certificate = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", "no.pem", "--tls-key", "no.pem"];
    assert!(fails(&no_certificate).contains("no.pem"));
    assert!(fails(&["serve", "--config", "nothing.toml"]).contains("nothing.toml"));
    assert!(
        fails(&["model", "--model-dir", "/dev/null/no", "install", "--from", "nothing.whl"])
            .contains("/dev/null")
    );
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_tells_clients_to_come_back_and_ends_the_program() {
    let mut relay = Served::start(&["--engine", "none", "--token", TOKEN]);
    let mut client = Client::connect(request(&relay.url, Some(TOKEN))).await.unwrap();
    client.greet(hello(1)).await;
    let pid = relay.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(client.until_closed().await.1, Some(1012));
    assert_eq!(relay.process.wait().unwrap().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn at_rest_without_an_engine_it_takes_less_than_20_mb() {
    let relay = Served::start(&["--engine", "none"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", relay.process.id())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    // The code of a program that is not optimised is nearly twice as large.
    let most = if cfg!(debug_assertions) { 30_000 } else { 20_000 };
    assert!(kilobytes < most, "{kilobytes} kB");
}
