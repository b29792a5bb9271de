use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::process::present_memory;
use crate::{Certificate, relay_program};

/// A relay starts in a fraction of a second; a machine that is busy takes longer.
const START: Duration = Duration::from_mins(1);

/// A relay in a process of its own. It ends with this value.
pub struct RelayProcess {
    child: Child,
    address: String,
    /// What it prints from here on.
    _output: Receiver<String>,
}

impl RelayProcess {
    /// A relay on a port of its own, with TLS if there is a certificate. `model`: the folder of the speech model, if
    /// not the user's.
    pub fn start(certificate: Option<&Certificate>, model: Option<&Path>) -> Self {
        let mut command = Command::new(relay_program());
        command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stdin(Stdio::null());
        if let Some(certificate) = certificate {
            command.arg("--tls-cert").arg(certificate.certificate()).arg("--tls-key").arg(certificate.key());
        }
        if let Some(model) = model {
            command.env("GLASSLINK_MODEL_DIR", model);
        }
        let mut child = command.spawn().expect("the relay was built");
        let output = lines(BufReader::new(child.stdout.take().expect("it is piped")));
        let address = loop {
            let line = output.recv_timeout(START).expect("the relay says where it listens");
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.trim().to_owned();
            }
        };
        Self { child, address, _output: output }
    }

    /// `https://127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Bytes of memory it holds now, where the system tells.
    pub fn memory(&self) -> Option<u64> {
        present_memory(self.child.id())
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
