//! Programs on Deepgram's SDKs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::{Node, packages, site};

/// A clip of a minute, at twice real time, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// Which SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// npm `@deepgram/sdk` 5.13.0
    JavaScript,
    /// `PyPI` `deepgram-sdk` 7.17.0
    Python,
}

impl Sdk {
    pub const ALL: [Self; 2] = [Self::JavaScript, Self::Python];

    /// A program that sends the file `audio` to a relay, whose certificate it is told of. `query`: what it asks for;
    /// `environment`: what else it is to do. `None`, with a word, where the SDK cannot be installed.
    pub fn listen(
        self,
        relay: &str,
        authority: &Path,
        key: &str,
        audio: &Path,
        query: &Value,
        environment: &[(&str, &str)],
    ) -> Option<Node> {
        let mut command = match self {
            Self::JavaScript => {
                let folder = packages("deepgram-js")?;
                let mut node = Command::new("node");
                node.arg("listen.mjs").current_dir(folder).env("NODE_EXTRA_CA_CERTS", authority);
                node
            }
            Self::Python => {
                let site = site("deepgram-py")?;
                let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("deepgram-py").join("listen.py");
                let mut python = Command::new("python3");
                python.arg(program).env("PYTHONPATH", site).env("SSL_CERT_FILE", authority);
                python.env("PYTHONDONTWRITEBYTECODE", "1");
                python
            }
        };
        command.env("RELAY", relay.replacen("http", "ws", 1)).env("KEY", key).env("AUDIO", audio);
        command.env("QUERY", query.to_string()).envs(environment.iter().copied());
        Some(Node::run(command))
    }
}

/// What came of this type.
pub fn messages(lines: &[Value], kind: &str) -> Vec<Value> {
    let messages = lines.iter().filter(|line| line["on"] == "message").map(|line| line["message"].clone());
    messages.filter(|message| message["type"] == kind).collect()
}

/// The texts that will not change.
pub fn finals(lines: &[Value]) -> Vec<String> {
    let results = messages(lines, "Results").into_iter().filter(|message| message["is_final"] == true);
    let texts = results.map(|message| {
        message["channel"]["alternatives"][0]["transcript"].as_str().unwrap_or_default().to_owned()
    });
    texts.filter(|text| !text.is_empty()).collect()
}
