use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A folder of this package with a `package.json` and its lock, installed into the target folder as the lock says.
/// `None`, with a word, where npm is not there: unless `GLASSLINK_REQUIRE_NODE=1`, which makes its absence a failure.
pub fn packages(name: &str) -> Option<PathBuf> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if Command::new("npm").arg("--version").stdout(Stdio::null()).status().is_err() {
        let required = std::env::var("GLASSLINK_REQUIRE_NODE").is_ok_and(|value| value == "1");
        assert!(!required, "GLASSLINK_REQUIRE_NODE=1, and there is no npm");
        eprintln!("skipped: there is no npm");
        return None;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let folder = target().join("interop").join(name);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let copy = |file: &str| {
        let text = fs::read(source.join(file)).expect("it is part of this package");
        let new = fs::read(folder.join(file)).ok().as_ref() != Some(&text);
        if new {
            fs::write(folder.join(file), text).expect("the target folder can be written");
        }
        new
    };
    let changed = copy("package.json") | copy("package-lock.json");
    let installed = folder.join("installed");
    if changed || !installed.exists() {
        let _ = fs::remove_file(&installed);
        let mut install = Command::new("npm");
        // Nobody's scripts are run.
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder);
        assert!(install.status().expect("npm is there").success(), "npm ci of {name} failed");
        fs::write(&installed, "").expect("the target folder can be written");
    }
    for file in fs::read_dir(&source).expect("it is part of this package").flatten() {
        let name = file.file_name().into_string().expect("its files have plain names");
        if Path::new(&name).extension().is_some_and(|extension| extension == "mjs") {
            copy(&name);
        }
    }
    Some(folder)
}

/// A program in Node that prints one JSON object a line. It ends with this value.
pub struct Node {
    child: Child,
    said: Arc<Said>,
}

#[derive(Default)]
struct Said {
    lines: Mutex<(Vec<Value>, bool)>,
    changed: Condvar,
}

impl Node {
    /// Runs a program of an installed folder.
    pub fn start<'a>(
        folder: &Path,
        program: &str,
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut command = Command::new("node");
        command.arg(program).current_dir(folder).envs(environment);
        Self::run(command)
    }

    /// Runs any program that prints so.
    pub fn run(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program is there");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let said = Arc::new(Said::default());
        let of_thread = Arc::clone(&said);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Libraries write what they like between the objects.
                let line = serde_json::from_str::<Value>(&line).ok().filter(Value::is_object);
                let Some(line) = line else { continue };
                of_thread.lines.lock().unwrap_or_else(PoisonError::into_inner).0.push(line);
                of_thread.changed.notify_all();
            }
            of_thread.lines.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
            of_thread.changed.notify_all();
        });
        Self { child, said }
    }

    /// The first object from number `from` on that `wanted` takes, and the number behind it.
    #[track_caller]
    pub fn wait(&self, from: usize, within: Duration, wanted: impl Fn(&Value) -> bool) -> (usize, Value) {
        let until = Instant::now() + within;
        let mut lines = self.said.lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let found = lines.0.iter().enumerate().skip(from).find(|(_, line)| wanted(line));
            if let Some((at, line)) = found {
                return (at + 1, line.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !lines.1,
                "it does not say so within {within:?}: {:?}",
                &lines.0[from..]
            );
            let (guard, _) =
                self.said.changed.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner);
            lines = guard;
        }
    }

    /// What it said from number `from` on.
    pub fn lines(&self, from: usize) -> Vec<Value> {
        self.said.lines.lock().unwrap_or_else(PoisonError::into_inner).0[from..].to_vec()
    }

    /// How much it said so far.
    pub fn said(&self) -> usize {
        self.said.lines.lock().unwrap_or_else(PoisonError::into_inner).0.len()
    }

    /// Gives it an empty line to read.
    pub fn go(&mut self) {
        let input = self.child.stdin.as_mut().expect("it is piped");
        writeln!(input).expect("it reads");
    }

    /// Kills it (`kill -9`).
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

/// The folder cargo builds into: this program is in `target/PROFILE/deps`.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().expect("the system knows this program");
    program.ancestors().nth(3).expect("it is in a profile's folder").to_owned()
}
