use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::library::{Library, Profile};
use super::{kotlin, python};
use crate::steps::Steps;
use crate::{figures, workspace};

/// What a listener in one language printed: `listener in LANGUAGE: N finals/s, latency p50 N us, p99 N us`.
#[derive(Debug, PartialEq)]
struct Listener {
    language: String,
    rate: f64,
    p50: f64,
    p99: f64,
}

/// What events, audio and idling cost, with the library as users get it.
pub(crate) fn bench(steps: &mut Steps) {
    let Some(library) = Library::build(steps, Profile::Shipped) else { return };
    let mut build = workspace::cargo("build");
    build.args(["--quiet", "--profile", "shipped", "-p", "glasslink-bindings-bench"]);
    if !steps.run("bindings, what talks", &mut build) {
        return;
    }
    let program = || Command::new(workspace::program("shipped", "glasslink-bindings-bench"));
    let mut talk = match Talk::start(&mut program()) {
        Ok(talk) => talk,
        Err(error) => {
            steps.check("bindings, a relay that talks", || Err(error));
            return;
        }
    };
    let mut listeners = Vec::new();
    let mut run = |steps: &mut Steps, language: &str, command: &mut Command| {
        steps.check(&format!("bindings, cost in {language}"), || {
            figures::run(command.arg(&talk.url), |line| listeners.extend(Listener::of(line)))
        });
    };
    run(steps, "Rust", program().arg("listen"));
    if let Some(mut command) = python::bench(steps, &library) {
        run(steps, "Python", &mut command);
    }
    if let Some(mut command) = kotlin::bench(steps, &library) {
        run(steps, "Kotlin", &mut command);
    }
    steps.run("bindings, an idle hour", program().arg("idle"));
    talk.stop();
    print(&listeners);
}

fn print(listeners: &[Listener]) {
    let Some((plain, others)) = listeners.split_first() else { return };
    println!("\n{:<10}{:>12}{:>20}{:>20}", "", "finals/s", "latency p50, us", "latency p99, us");
    for Listener { language, rate, p50, p99 } in listeners {
        println!("{language:<10}{rate:>12.0}{p50:>20.0}{p99:>20.0}");
    }
    for Listener { language, p50, p99, .. } in others {
        println!(
            "the bridge to {language} adds p50 {:.0} us, p99 {:.0} us",
            p50 - plain.p50,
            p99 - plain.p99
        );
    }
}

/// A relay that talks.
struct Talk {
    process: Child,
    url: String,
}

impl Talk {
    fn start(program: &mut Command) -> Result<Self> {
        let mut process = program.arg("talk").stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        BufReader::new(process.stdout.take().context("its output is ours")?).read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_owned() })
    }

    fn stop(&mut self) {
        // One that is gone already is gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Listener {
    fn of(line: &str) -> Option<Self> {
        let (language, figures) = line.strip_prefix("listener in ")?.split_once(": ")?;
        let (rate, rest) = figures.split_once(" finals/s, latency p50 ")?;
        let (p50, rest) = rest.split_once(" us, p99 ")?;
        Some(Self {
            language: language.to_owned(),
            rate: rate.parse().ok()?,
            p50: p50.parse().ok()?,
            p99: rest.strip_suffix(" us")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listener_prints_is_read() {
        let line = "listener in kotlin: 123456 finals/s, latency p50 210 us, p99 1034 us";
        let listener = Listener { language: "kotlin".into(), rate: 123_456.0, p50: 210.0, p99: 1034.0 };
        assert_eq!(Listener::of(line), Some(listener));
        assert_eq!(Listener::of("pusher in kotlin: 2 us"), None);
    }
}
