use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

/// Of the clock that processes' time is counted by, on every Linux there is.
const TICKS_A_SECOND: u64 = 100;

/// A server in a process of its own. It ends with this value.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
        let mut output = BufReader::new(child.stdout.take().context("it is piped")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().rsplit_once('/').context("it does not say where it listens")?.1.to_owned();
        Ok(Self { child, address })
    }

    pub(crate) fn relay(program: &Path, certificate: &Path, key: &Path, data: &Path) -> Result<Self> {
        let mut relay = Command::new(program);
        relay.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--engine", "none"]);
        relay.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key).arg("--data").arg(data);
        Self::start(&mut relay)
    }

    /// Processor time it took so far, of user and system.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may hold anything: state, parent, ..., utime and stime.
        let fields: Vec<&str> =
            stat.rsplit_once(')').context("stat has a name")?.1.split_whitespace().collect();
        let ticks =
            |index: usize| -> Result<u64> { Ok(fields.get(index).context("stat is short")?.parse()?) };
        Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1_000 / TICKS_A_SECOND))
    }

    /// Bytes of memory it holds.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes = field.trim().strip_suffix(" kB").context("not in kB")?;
        Ok(kibibytes.parse::<u64>()? << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
