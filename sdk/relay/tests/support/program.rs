//! The relay as a program, in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::log::log;

/// The token of relays that have one. Logs are searched for it.
pub const TOKEN: &str = "test-secret-of-the-owner";

/// The program, without settings from this process's environment.
pub fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_glasslink-relay"));
    let ours = |name: &str| name.starts_with("GLASSLINK_") && name != "GLASSLINK_MODEL_DIR";
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        program.env_remove(name);
    }
    program
}

/// A relay that listens. Dropped, it is killed.
pub struct Served {
    pub process: Child,
    pub url: String,
}

impl Served {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_as(program(), arguments)
    }

    pub fn start_as(mut serve: Command, arguments: &[&str]) -> Self {
        serve.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        let log = log(&mut serve).unwrap_or_else(Stdio::null);
        let mut process = serve.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
        Self { process, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
