use std::process::{Command, ExitCode};

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::commands::bindings;
use crate::steps::Steps;
use crate::workspace;

/// A figure, and what measures it.
struct Figure {
    name: &'static str,
    package: &'static str,
    kind: Kind,
}

enum Kind {
    Bench(&'static str),
    /// A bench that needs a feature of its package.
    BenchWith(&'static str, &'static str),
    /// An example that prints the figure, and what it is told.
    Example(&'static str, &'static str),
    /// A test that asserts the figure.
    Test(&'static str),
}

const FIGURES: [Figure; 7] = [
    Figure { name: "lc3", package: "glasslink-lc3", kind: Kind::Example("compare", "speed") },
    Figure { name: "session", package: "glasslink-session", kind: Kind::Bench("throughput") },
    Figure { name: "protocol", package: "glasslink-protocol", kind: Kind::Bench("messages") },
    Figure { name: "journal", package: "glasslink-audio", kind: Kind::Bench("journal") },
    Figure {
        name: "recording",
        package: "glasslink-audio",
        kind: Kind::BenchWith("recording", "microphone"),
    },
    Figure { name: "library", package: "glasslink-library", kind: Kind::Bench("library") },
    Figure { name: "allocations", package: "glasslink-audio", kind: Kind::Test("allocations") },
];

/// What the packages in other languages cost.
const BINDINGS: &str = "bindings";

/// Measure
///
/// LC3 per frame, frames per second through both halves of a session, the protocol per message, what recording from a
/// microphone costs (where there is a sound server), a recording of 8 hours made, found and played, and allocations per
/// frame on the capture path.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure; everything but `bindings` if nothing is named
    #[arg(value_parser = PossibleValuesParser::new(FIGURES.iter().map(|figure| figure.name).chain([BINDINGS])))]
    names: Vec<String>,
}

impl Bench {
    pub(crate) fn run(&self) -> ExitCode {
        let mut steps = Steps::new();
        let wanted =
            |figure: &&Figure| self.names.is_empty() || self.names.iter().any(|name| name == figure.name);
        for figure in FIGURES.iter().filter(wanted) {
            steps.run(figure.name, &mut command(figure));
        }
        // It wants what a plain machine lacks: only who names it gets it.
        if self.names.iter().any(|name| name == BINDINGS) {
            bindings::bench(&mut steps);
        }
        steps.finish_untested()
    }
}

fn command(figure: &Figure) -> Command {
    match figure.kind {
        Kind::Bench(name) => {
            let mut command = workspace::cargo("bench");
            command.args(["--quiet", "-p", figure.package, "--bench", name]);
            command
        }
        Kind::BenchWith(name, feature) => {
            let mut command = workspace::cargo("bench");
            command.args(["--quiet", "-p", figure.package, "--features", feature, "--bench", name]);
            command
        }
        Kind::Example(name, word) => {
            let mut command = workspace::cargo("run");
            command.args(["--quiet", "--release", "-p", figure.package, "--example", name, "--", word]);
            command
        }
        Kind::Test(name) => {
            let mut command = workspace::cargo("test");
            command.args(["--quiet", "--release", "-p", figure.package, "--test", name]);
            command
        }
    }
}
