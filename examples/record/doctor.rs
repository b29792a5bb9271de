use std::time::Duration;

use anstyle::Style;
use anyhow::Result;
use glasslink_library::{Keep, Library, RecordingState};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::{DoctorOptions, Global};
use crate::relay::{Captioner, installed};
use crate::style::{BAD, DIM, GAP, GOOD, Out};
use crate::time::{clock, size};

/// How well something is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    /// It works; something could be better.
    Hint,
    Bad,
}

struct Finding {
    what: &'static str,
    health: Health,
    words: String,
}

const CONNECT: Duration = Duration::from_secs(10);

pub(crate) async fn run(library: &Library, global: &Global, options: &DoctorOptions) -> Result<Outcome> {
    let mut findings = vec![folder(library), index(library)?];
    findings.extend(recordings(library)?);
    findings.push(rules(library));
    findings.push(model());
    if options.relay.relay.is_some() {
        findings.push(relay(options).await?);
    }
    let bad = findings.iter().any(|finding| finding.health == Health::Bad);
    if global.json {
        let findings: Vec<Value> = findings.iter().map(Finding::json).collect();
        crate::json::say(&json!({ "healthy": !bad, "findings": findings }))?;
    } else {
        let mut out = Out::new(false);
        for Finding { what, health, words } in &findings {
            let mark = out.paint(health.style(), health.mark());
            let what = out.paint(DIM, &format!("{what:<12}"));
            out.raw(&format!("{mark} {what} {words}\n"));
        }
    }
    Ok(if bad { Outcome::NotAll } else { Outcome::Done })
}

fn folder(library: &Library) -> Finding {
    let root = library.root();
    let probe = root.join(".doctor");
    let written = std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => Finding::new("folder", Health::Good, format!("{} can be written", root.display())),
        Err(error) => {
            let words = format!("{} cannot be written ({error}): check disk and permissions", root.display());
            Finding::new("folder", Health::Bad, words)
        }
    }
}

fn index(library: &Library) -> Result<Finding> {
    let problems = library.check_index()?;
    Ok(if problems.is_empty() {
        Finding::new("index", Health::Good, "sound".into())
    } else {
        let words = format!("{}: delete index.sqlite, it is made again", problems.join("; "));
        Finding::new("index", Health::Bad, words)
    })
}

fn recordings(library: &Library) -> Result<Vec<Finding>> {
    let (all, trash) = (library.recordings()?, library.trash()?);
    let bytes: u64 = all.iter().map(|summary| summary.bytes).sum();
    let time: Duration = all.iter().map(|summary| summary.duration).sum();
    let mut findings = vec![Finding::new(
        "recordings",
        Health::Good,
        format!("{}, {} long, {}", all.len(), clock(time), size(bytes)),
    )];
    let count = |state| all.iter().filter(|summary| summary.state == state).count();
    let interrupted = count(RecordingState::Interrupted);
    if interrupted > 0 {
        let words = format!("{interrupted} were interrupted: `record recover` finishes them");
        findings.push(Finding::new("recordings", Health::Hint, words));
    }
    let untranscribed = all.iter().filter(|summary| !summary.untranscribed.is_zero()).count();
    if untranscribed > 0 {
        let words = format!("{untranscribed} are not all transcribed: `record recover` does that");
        findings.push(Finding::new("recordings", Health::Hint, words));
    }
    for summary in all.iter().chain(&trash).filter(|summary| !summary.problems.is_empty()) {
        let words = format!("{}: {}", summary.id, summary.problems.join("; "));
        findings.push(Finding::new("recordings", Health::Bad, words));
    }
    if !trash.is_empty() {
        let bytes: u64 = trash.iter().map(|summary| summary.bytes).sum();
        let words = format!("{}, {}", trash.len(), size(bytes));
        findings.push(Finding::new("trash", Health::Good, words));
    }
    Ok(findings)
}

fn rules(library: &Library) -> Finding {
    match library.retention() {
        Ok(rules) => {
            let kept = match rules.keep {
                Keep::All => "everything is kept".to_owned(),
                Keep::Days(days) => format!("what is older than {days} days goes into the trash"),
                Keep::Newest(most) => format!("the newest {most} are kept"),
            };
            let trash = match rules.trash_days {
                Some(days) => format!("the trash is emptied after {days} days"),
                None => "the trash is never emptied".to_owned(),
            };
            Finding::new("retention", Health::Good, format!("{kept}; {trash}"))
        }
        Err(error) => Finding::new("retention", Health::Bad, format!("{error}: correct or delete it")),
    }
}

fn model() -> Finding {
    match installed() {
        Ok(()) => Finding::new("speech model", Health::Good, "installed".into()),
        Err(problem) => {
            let words = format!("{problem}, or name a relay with --relay");
            Finding::new("speech model", Health::Hint, words)
        }
    }
}

async fn relay(options: &DoctorOptions) -> Result<Finding> {
    let captioner = match Captioner::start(&options.relay, 1.0).await? {
        Ok(captioner) => captioner,
        Err(problem) => return Ok(Finding::new("relay", Health::Bad, problem)),
    };
    let (link, _events) = captioner.builder.clone().connect()?;
    let finding = match link.wait_live(Some(CONNECT)).await {
        Ok(()) => Finding::new("relay", Health::Good, format!("{} answers", captioner.name)),
        Err(error) => Finding::new("relay", Health::Bad, error.to_string()),
    };
    link.close().await;
    captioner.stop().await;
    Ok(finding)
}

impl Finding {
    fn new(what: &'static str, health: Health, words: String) -> Self {
        Self { what, health, words }
    }

    fn json(&self) -> Value {
        json!({ "what": self.what, "health": self.health.name(), "words": self.words })
    }
}

impl Health {
    fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Hint => "hint",
            Self::Bad => "bad",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Good => "ok  ",
            Self::Hint => "hint",
            Self::Bad => "BAD ",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Good => GOOD,
            Self::Hint => GAP,
            Self::Bad => BAD,
        }
    }
}
