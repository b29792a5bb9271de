use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::mem;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::log::log;
use crate::process::present_memory;
use crate::{Certificate, Network, relay_program};

/// A relay starts in a fraction of a second; a machine that is busy takes longer.
const START: Duration = Duration::from_mins(1);

/// The token of relays that strangers reach. Logs are searched for it.
pub const TOKEN: &str = "test-secret-between-two-hosts";

/// A relay in a process of its own. It ends with this value.
pub struct RelayProcess {
    child: Child,
    address: String,
    arguments: Vec<OsString>,
    model: Option<PathBuf>,
    /// What it prints from here on.
    _output: Receiver<String>,
}

impl RelayProcess {
    /// A relay on a port of its own, with TLS if there is a certificate. `model`: the folder of the speech model, if
    /// not the user's.
    pub fn start(certificate: Option<&Certificate>, model: Option<&Path>) -> Self {
        let mut arguments = Vec::new();
        if let Some(certificate) = certificate {
            arguments.extend(["--tls-cert".into(), certificate.certificate().into()]);
            arguments.extend(["--tls-key".into(), certificate.key().into()]);
        }
        Self::with("127.0.0.1:0", arguments, model.map(Path::to_owned))
    }

    /// A relay that keeps its sessions in `data`.
    pub fn keeping(data: &Path) -> Self {
        Self::with("127.0.0.1:0", vec!["--log".into(), "warn".into(), "--data".into(), data.into()], None)
    }

    /// A relay with TLS and without an engine that keeps its sessions in `data`, and tells only what is wrong.
    pub fn keeping_with_tls(certificate: &Certificate, data: &Path, no_model: &Path) -> Self {
        let mut arguments: Vec<OsString> = vec!["--log".into(), "error".into()];
        arguments.extend(["--data".into(), data.into()]);
        arguments.extend(["--tls-cert".into(), certificate.certificate().into()]);
        arguments.extend(["--tls-key".into(), certificate.key().into()]);
        Self::with("127.0.0.1:0", arguments, Some(no_model.to_owned()))
    }

    /// A relay without an engine that strangers reach, and that keeps its sessions in `data`.
    pub fn guarded(data: &Path) -> Self {
        let mut command = Command::new(relay_program());
        command.env("GLASSLINK_TOKEN", TOKEN);
        let arguments = vec!["--engine".into(), "none".into(), "--data".into(), data.into()];
        Self::start_as(command, "127.0.0.1:0", arguments, None)
    }

    /// A relay with TLS that strangers reach, and that keeps its sessions in `data`.
    pub fn for_strangers(certificate: &Certificate, data: &Path) -> Self {
        let mut command = Command::new(relay_program());
        command.env("GLASSLINK_TOKEN", TOKEN);
        let mut arguments: Vec<OsString> = vec!["--log".into(), "warn".into()];
        arguments.extend(["--data".into(), data.into()]);
        arguments.extend(["--tls-cert".into(), certificate.certificate().into()]);
        arguments.extend(["--tls-key".into(), certificate.key().into()]);
        Self::start_as(command, "127.0.0.1:0", arguments, None)
    }

    /// A relay without an engine on another host, which strangers reach.
    pub fn on_host(network: &Network, certificate: &Certificate, no_model: &Path) -> Self {
        let mut command = network.on_relay(&relay_program());
        command.env("GLASSLINK_TOKEN", TOKEN);
        let mut arguments: Vec<OsString> = vec!["--log".into(), "warn".into()];
        arguments.extend(["--tls-cert".into(), certificate.certificate().into()]);
        arguments.extend(["--tls-key".into(), certificate.key().into()]);
        let listen = format!("{}:0", network.relay_address());
        Self::start_as(command, &listen, arguments, Some(no_model.to_owned()))
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it (`kill -9`), and starts another one at the same address after `pause`.
    pub fn kill_and_restart(&mut self, pause: Duration) {
        self.end();
        thread::sleep(pause);
        let (_, listen) = self.address.split_once("//").expect("an address has a scheme");
        *self = Self::with(listen, mem::take(&mut self.arguments), self.model.take());
    }

    /// Stops it as a service manager does (`kill -TERM`), and starts another one at the same address at once.
    pub fn upgrade(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("there is a kill").success());
        let status = self.child.wait().expect("it is ours");
        assert!(status.success(), "the relay takes its leave: {status}");
        self.kill_and_restart(Duration::ZERO);
    }

    fn with(listen: &str, arguments: Vec<OsString>, model: Option<PathBuf>) -> Self {
        Self::start_as(Command::new(relay_program()), listen, arguments, model)
    }

    fn start_as(
        mut command: Command,
        listen: &str,
        arguments: Vec<OsString>,
        model: Option<PathBuf>,
    ) -> Self {
        command
            .args(["serve", "--listen", listen])
            .args(&arguments)
            .stdout(Stdio::piped())
            .stdin(Stdio::null());
        if let Some(model) = &model {
            command.env("GLASSLINK_MODEL_DIR", model);
        }
        if let Some(log) = log(&mut command) {
            command.stderr(log);
        }
        let mut child = command.spawn().expect("the relay was built");
        let output = lines(BufReader::new(child.stdout.take().expect("it is piped")));
        let address = loop {
            let line = output.recv_timeout(START).expect("the relay says where it listens");
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.trim().to_owned();
            }
        };
        Self { child, address, arguments, model, _output: output }
    }

    /// `https://127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Bytes of memory it holds now, where the system tells.
    pub fn memory(&self) -> Option<u64> {
        present_memory(self.child.id())
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        self.end();
    }
}

fn lines(output: impl BufRead + Send + 'static) -> Receiver<String> {
    let (line, received) = channel();
    thread::spawn(move || {
        for text in output.lines().map_while(Result::ok) {
            // Read on even when nobody listens, or the relay would wait for us.
            let _ = line.send(text);
        }
    });
    received
}
