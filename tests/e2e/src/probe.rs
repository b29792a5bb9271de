use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program `probe`: a client as a process that says what happens to it. It ends with this value.
pub struct Probe {
    child: Child,
    input: ChildStdin,
    said: Arc<Said>,
}

#[derive(Default)]
struct Said {
    lines: Mutex<Vec<Line>>,
    more: Condvar,
}

/// What it said, and when that was read.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: Instant,
    pub json: Value,
}

impl Line {
    /// Whether it is about this link.
    pub fn is_of(&self, client: usize) -> bool {
        self.json["client"].as_u64() == Some(client as u64)
    }

    pub fn is_state(&self, client: usize, state: &str) -> bool {
        self.is_of(client) && self.json["state"] == state
    }

    pub fn number(&self, name: &str) -> u64 {
        self.json[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {}", self.json))
    }
}

impl Probe {
    /// `program`: where it is. `arguments`: what it wants beside relay and authority.
    pub fn start(program: &Path, relay: &str, authority: &Path, arguments: &[String]) -> Self {
        Self::start_as(Command::new(program), relay, authority, arguments)
    }

    /// `command` starts the program, on another host, say.
    pub fn start_as(mut command: Command, relay: &str, authority: &Path, arguments: &[String]) -> Self {
        let mut child = command
            .args(["--relay", relay, "--ca"])
            .arg(authority)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the probe was built");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let said = Arc::<Said>::default();
        let heard = Arc::clone(&said);
        thread::spawn(move || {
            for text in output.lines().map_while(Result::ok) {
                let line =
                    Line { at: Instant::now(), json: serde_json::from_str(&text).unwrap_or(Value::Null) };
                heard.lines.lock().expect("no reader panics").push(line);
                heard.more.notify_all();
            }
        });
        Self { child, input, said }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A command for one link, or for all.
    pub fn tell(&mut self, command: &str, client: Option<usize>) {
        let number = client.map(|client| format!(" {client}")).unwrap_or_default();
        writeln!(self.input, "{command}{number}").expect("the probe listens");
    }

    /// What it said from line `from` on.
    pub fn lines(&self, from: usize) -> Vec<Line> {
        let lines = self.said.lines.lock().expect("no reader panics");
        lines.get(from..).unwrap_or_default().to_vec()
    }

    pub fn said(&self) -> usize {
        self.said.lines.lock().expect("no reader panics").len()
    }

    /// The first line from `from` on that is `wanted`, waiting for it.
    pub fn wait(&self, from: usize, within: Duration, wanted: impl Fn(&Line) -> bool) -> Option<Line> {
        let until = Instant::now() + within;
        let mut lines = self.said.lines.lock().expect("no reader panics");
        let mut seen = from;
        loop {
            if let Some(line) = lines.get(seen..).and_then(|new| new.iter().find(|line| wanted(line))) {
                return Some(line.clone());
            }
            seen = seen.max(lines.len());
            let left = until.checked_duration_since(Instant::now())?;
            lines = self.said.more.wait_timeout(lines, left).expect("no reader panics").0;
        }
    }

    /// `kill -9`, or `-STOP` and `-CONT`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.id().to_string()).status();
        assert!(sent.expect("there is a kill").success());
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.end();
    }
}
