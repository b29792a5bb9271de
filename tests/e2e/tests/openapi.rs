//! The relay's description of its HTTP interface, and somebody who tries all that it allows, and what it does not.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use glasslink::{Link, StreamFormat, StreamOptions};
use glasslink_e2e::{RelayProcess, TOKEN, run};
use tempfile::TempDir;

/// Where Schemathesis is installed: `cargo xtask test --all` sees to it.
const FOLDER: &str = "GLASSLINK_SCHEMATHESIS";

/// Longer than it takes on any machine.
const PATIENCE: Duration = Duration::from_mins(5);

/// Which of two numbers has to be the larger one, no schema says: those requests may be refused all the same.
const CONFIG: &str = r#"
[[operations]]
include-operation-id = ["transcribe", "getAudio"]
checks.positive_data_acceptance.enabled = false
"#;

/// A session that is over or, with the link it returns, one that lives: its id.
async fn session(relay: &RelayProcess, is_over: bool) -> (String, Link) {
    let (link, _) = Link::builder(relay.address()).token(TOKEN).connect().unwrap();
    let stream = link.open(StreamFormat::lc3(16_000, 20).unwrap(), StreamOptions::default()).unwrap();
    for _ in 0..100 {
        stream.push(&[0; 20]).unwrap();
    }
    let id = stream.id();
    while link.stats().acknowledged < 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(id, stream.id());
    if is_over {
        link.close().await;
    }
    (link.session().to_string(), link)
}

struct Tried {
    relay: RelayProcess,
    folder: TempDir,
}

impl Tried {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        Self { relay: RelayProcess::guarded(&data), folder }
    }

    fn by(&self, schemathesis: &Path, parameters: &str, arguments: &[&str]) {
        fs::write(self.folder.path().join("schemathesis.toml"), format!("{CONFIG}{parameters}")).unwrap();
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", schemathesis).current_dir(&self.folder).args([
            "-m",
            "schemathesis.cli",
            "run",
        ]);
        python.arg(format!("{}/v1/openapi.json", self.relay.address()));
        python.args(["--header", &format!("Authorization: Bearer {TOKEN}")]);
        python.args(["--seed", "1", "--max-examples", "30", "--no-color"]);
        let tried = run(python.args(arguments), PATIENCE);
        println!("{}", tried.stdout);
        assert_eq!(tried.code, Some(0), "{}", tried.stderr);
        assert!(tried.stdout.contains("generated"), "nothing was tried");
    }
}

#[tokio::test]
async fn whatever_its_description_allows_the_relay_answers_as_it_says() {
    let Some(program) = env::var_os(FOLDER) else {
        eprintln!(
            "skipped: {FOLDER} does not say where Schemathesis is; `cargo xtask test --all` installs it"
        );
        return;
    };
    // Ids that nobody has, ...
    let nobodys = Tried::new();
    nobodys.by(program.as_ref(), "", &[]);
    // ... that of a session that is over, and of one that lives. Each at a relay that has seen no wrong token yet.
    for is_over in [true, false] {
        let tried = Tried::new();
        let (id, _link) = session(&tried.relay, is_over).await;
        let parameters = format!("[parameters]\n\"path.id\" = \"{id}\"\n");
        let of_sessions = ["--exclude-method", "DELETE", "--include-path-regex", "^/v1/sessions/"];
        tried.by(program.as_ref(), &parameters, &of_sessions);
    }
}
