use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::library::Library;
use super::matrix::Matrix;
use super::{kotlin, python, swift};
use crate::steps::Steps;

/// Build the Kotlin, Python and Swift packages, and run their tests
///
/// Kotlin needs npm, a JRE and libjna-java, Python needs pip: both run the scenarios of bindings/scenarios.txt against a
/// real relay process. Swift is written, and built where there is swift.
#[derive(Args)]
pub(crate) struct Bindings {
    language: Language,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Kotlin,
    Python,
    Swift,
    Matrix,
}

impl Bindings {
    pub(crate) fn run(&self) -> ExitCode {
        let mut steps = Steps::new();
        match self.language {
            Language::Matrix => self::steps(&mut steps),
            language => {
                let mut matrix = Matrix::default();
                if let Some(library) = Library::build(&mut steps) {
                    match language {
                        Language::Kotlin => kotlin::steps(&mut steps, &library, &mut matrix),
                        Language::Python => python::steps(&mut steps, &library, &mut matrix),
                        Language::Swift => swift::steps(&mut steps, &library),
                        Language::Matrix => {}
                    }
                    matrix.print();
                }
            }
        }
        steps.finish()
    }
}

/// What `test --all` runs.
pub(crate) fn steps(steps: &mut Steps) {
    let Some(library) = Library::build(steps) else { return };
    let mut matrix = Matrix::default();
    python::steps(steps, &library, &mut matrix);
    kotlin::steps(steps, &library, &mut matrix);
    matrix.print();
}

/// What pushing audio costs in each language.
pub(crate) fn bench(steps: &mut Steps) {
    let Some(library) = Library::build(steps) else { return };
    python::bench(steps, &library);
    kotlin::bench(steps, &library);
}
