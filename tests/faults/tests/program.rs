//! The program, driven over HTTP as tests in other languages drive it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use ureq::http::StatusCode;

struct Program {
    child: Child,
    proxy: String,
    control: String,
    agent: ureq::Agent,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = upstream.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for mut tcp in upstream.incoming().flatten() {
                thread::spawn(move || {
                    let mut bytes = [0; 1024];
                    while let Ok(read @ 1..) = tcp.read(&mut bytes) {
                        let _ = tcp.write_all(&bytes[..read]);
                    }
                });
            }
        });
        let mut child = Command::new(env!("CARGO_BIN_EXE_glasslink-faults"))
            .args(["--upstream", &address])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { child, proxy: text("proxy"), control: text("control"), agent }
    }

    fn get(&self, path: &str) -> (StatusCode, String) {
        let mut response = self.agent.get(format!("{}{path}", self.control)).call().unwrap();
        (response.status(), response.body_mut().read_to_string().unwrap())
    }

    fn delete(&self, path: &str) -> (StatusCode, String) {
        let mut response = self.agent.delete(format!("{}{path}", self.control)).call().unwrap();
        (response.status(), response.body_mut().read_to_string().unwrap())
    }

    fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.agent.post(format!("{}{path}", self.control)).content_type("application/json");
        let mut response = request.send(body.to_string()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        (response.status(), serde_json::from_str(&text).unwrap())
    }

    fn echo(&self) -> bool {
        let mut tcp = TcpStream::connect(&self.proxy).unwrap();
        let mut back = [0; 5];
        tcp.write_all(b"hello").is_ok() && tcp.read_exact(&mut back).is_ok() && &back == b"hello"
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn rules_come_and_go_and_the_log_can_be_waited_for() {
    let program = Program::start(&[]);
    assert!(program.echo());
    let (status, added) = program.post("/rules", &json!({ "fault": "reset", "times": 1 }));
    assert_eq!((status, &added), (StatusCode::CREATED, &json!({ "rule": 1 })));
    assert!(!program.echo());
    assert!(program.echo());
    let (status, events) = program.get("/events?event=closed&rule=1&wait_ms=20000");
    assert_eq!(status, StatusCode::OK);
    let event: Value = serde_json::from_str(events.trim()).unwrap();
    assert_eq!(
        (&event["connection"], &event["by"], &event["how"]),
        (&json!(2), &json!({ "rule": 1 }), &json!("reset"))
    );
    assert!(program.get("/rules").1.contains(r#""left":0"#));
    assert_eq!(program.delete("/rules/1").0, StatusCode::NO_CONTENT);
    assert_eq!(program.delete("/rules/1").0, StatusCode::NOT_FOUND);
    assert_eq!(program.get("/rules").1, "[]");
    assert_eq!(program.get("/events?event=applied&count=2&wait_ms=10").0, StatusCode::REQUEST_TIMEOUT);
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let program = Program::start(&[]);
    for rule in
        [json!({ "fault": "explode" }), json!({ "fault": "refuse", "times": 2 }), json!([]), json!(null)]
    {
        let (status, answer) = program.post("/rules", &rule);
        assert!(status.is_client_error(), "{rule}: {status}");
        assert!(answer["error"].is_string(), "{rule}: {answer}");
    }
    assert_eq!(program.get("/events?event=explosion").0, StatusCode::BAD_REQUEST);
    assert_eq!(program.get("/rules").1, "[]");
}

#[test]
fn connections_are_listed_ended_and_everything_is_reset() {
    let program = Program::start(&["--rule", r#"{"fault":"delay","latency_ms":1}"#]);
    let mut tcp = TcpStream::connect(&program.proxy).unwrap();
    tcp.write_all(b"hello").unwrap();
    tcp.read_exact(&mut [0; 5]).unwrap();
    let open: Value = serde_json::from_str(&program.get("/connections").1).unwrap();
    assert_eq!((&open[0]["connection"], &open[0]["up"]), (&json!(1), &json!(5)));
    assert_eq!(program.delete("/connections/1?how=close").0, StatusCode::NO_CONTENT);
    assert_eq!(tcp.read(&mut [0]).unwrap(), 0);
    let (_, reset) = program.post("/reset", &json!({}));
    assert_eq!(program.get("/rules").1, "[]");
    assert_eq!(program.get(&format!("/events?after={}", reset["after"])).1, "");
    assert!(program.get("/").1.contains("black_hole"), "it teaches");
    assert!(program.get("/proxy").1.contains(&program.proxy));
}

#[test]
fn the_help_teaches_and_mistakes_end_with_a_sentence() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_glasslink-faults")).args(arguments).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, help, _) = run(&["--help"]);
    assert!(code == Some(0) && help.contains("--upstream") && help.contains("curl"), "{help}");
    let (code, _, error) = run(&["--upstream", "nowhere"]);
    assert!(code == Some(2) && error.contains("HOST:PORT"), "{error}");
    let (code, _, error) = run(&["--upstream", "127.0.0.1:1", "--rule", "{}"]);
    assert!(code == Some(2) && error.contains("fault"), "{error}");
}
