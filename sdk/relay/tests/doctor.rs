//! `glasslink-relay doctor` finds what stands in the way, and says what to do.

mod support;

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use support::program::{Served, program};
use tempfile::TempDir;

struct Report {
    code: Option<i32>,
    findings: Vec<Value>,
}

impl Report {
    /// State, message and remedy of a check.
    fn of(&self, check: &str) -> (String, String, String) {
        let finding = self.findings.iter().find(|finding| finding["check"] == check).unwrap();
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        (text("state"), text("message"), text("remedy"))
    }
}

fn doctor(arguments: &[&str]) -> Report {
    let output = program().args(["doctor", "--json"]).args(arguments).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().clone();
    assert_eq!(report["healthy"], output.status.code() == Some(0));
    Report { code: output.status.code(), findings }
}

fn problem(arguments: &[&str], check: &str, message: &str, remedy: &str) {
    let report = doctor(arguments);
    let (state, said, to_do) = report.of(check);
    assert_eq!(state, "problem", "{said}");
    assert!(said.contains(message), "{said}");
    assert!(to_do.contains(remedy), "{to_do}");
    assert_eq!(report.code, Some(1));
}

/// A certificate valid between two years, and its key.
fn certificate(folder: &Path, from: i32, to: i32) -> (String, String) {
    let mut params = CertificateParams::new(vec!["relay.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    let key = KeyPair::generate().unwrap();
    let path = |name: &str| folder.join(format!("{from}-{to}-{name}")).display().to_string();
    let (certificate_file, key_file) = (path("cert.pem"), path("key.pem"));
    std::fs::write(&certificate_file, params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    (certificate_file, key_file)
}

#[test]
fn a_missing_model_is_found() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().to_str().unwrap();
    problem(
        &["--listen", "127.0.0.1:0", "--model-dir", empty],
        "engine",
        empty,
        "glasslink-relay model install",
    );
}

#[test]
fn a_bad_certificate_is_found() {
    let folder = TempDir::new().unwrap();
    let check = |certificate: &str, key: &str, message: &str, remedy: &str| {
        let arguments =
            ["--listen", "127.0.0.1:0", "--engine", "none", "--tls-cert", certificate, "--tls-key", key];
        problem(&arguments, "certificate", message, remedy);
    };
    let (old, old_key) = certificate(folder.path(), 2020, 2021);
    check(&old, &old_key, "expired on", "renew");
    let (early, early_key) = certificate(folder.path(), 2090, 2091);
    check(&early, &early_key, "not valid before", "clock");
    let (_, other_key) = certificate(folder.path(), 2020, 2090);
    check(&old, &other_key, "cannot be used together", "PEM");
    check(&old_key, &old_key, "no certificate in PEM form", "PEM");
    check("no.pem", "no.pem", "no.pem", "PEM");
}

#[test]
fn a_store_that_cannot_be_reached_is_found() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("data").display().to_string();
    let arguments = ["--listen", "127.0.0.1:0", "--engine", "none", "--data", &below];
    problem(&arguments, "data", &below, "another folder");
}

/// A time server whose clock is `ahead` of this machine's.
fn time_server(ahead: Duration) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut packet = [0; 48];
        let (length, from) = socket.recv_from(&mut packet).unwrap();
        assert_eq!((length, packet[0] & 0b111), (48, 3), "a request of a client");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead;
        packet[0] = 0x24;
        packet[40..44].copy_from_slice(&((now.as_secs() + 2_208_988_800) as u32).to_be_bytes());
        socket.send_to(&packet, from).unwrap();
    });
    address
}

#[test]
fn a_wrong_clock_is_found() {
    let with = |server: &str| {
        ["--listen", "127.0.0.1:0", "--engine", "none", "--time-server", server].map(str::to_owned)
    };
    let wrong = with(&time_server(Duration::from_hours(1)));
    problem(&wrong.each_ref().map(String::as_str), "clock", "s off", "set-ntp");
    let right = with(&time_server(Duration::ZERO));
    let (state, message, _) = doctor(&right.each_ref().map(String::as_str)).of("clock");
    assert_eq!(state, "good", "{message}");
}

#[test]
fn a_clock_that_is_behind_what_was_written_is_found() {
    let folder = TempDir::new().unwrap();
    let sessions = folder.path().join("sessions");
    std::fs::create_dir(&sessions).unwrap();
    let later = std::fs::File::create(sessions.join("later")).unwrap();
    later.set_modified(SystemTime::now() + Duration::from_hours(5)).unwrap();
    let data = folder.path().to_str().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--engine", "none", "--data", data];
    problem(&arguments, "clock", "in the future", "set-ntp");
}

#[test]
fn a_port_that_is_taken_is_found_and_a_relay_that_has_it_is_known() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in taken.incoming() {
            drop(connection);
        }
    });
    problem(&["--listen", &address, "--engine", "none"], "port", "cannot listen", "another port");
    let relay = Served::start(&["--engine", "none"]);
    let address = relay.url.trim_start_matches("http://");
    let (state, message, _) = doctor(&["--listen", address, "--engine", "none"]).of("port");
    assert_eq!((state.as_str(), message.contains("a relay answers")), ("good", true), "{message}");
}

#[test]
fn a_relay_open_to_others_without_a_token_is_found() {
    problem(&["--listen", "0.0.0.0:0", "--engine", "none"], "port", "no token", "token-file");
}

#[test]
fn settings_that_do_not_fit_together_are_found_and_nothing_else_is_guessed() {
    let report = doctor(&["--listen", "nowhere"]);
    assert_eq!(report.findings.len(), 1);
    let (state, message, remedy) = report.of("settings");
    assert_eq!(state, "problem");
    assert!(message.contains("--listen") && remedy.contains("--print-config"), "{message} {remedy}");
}

#[test]
fn findings_are_lines_for_a_person_and_without_colours_where_no_terminal_is() {
    let output = program().args(["doctor", "--listen", "127.0.0.1:0", "--engine", "none"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("good        port") && !text.contains('\x1b'), "{text}");
}
