use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::library::{Library, Profile, Rig};
use super::matrix::Matrix;
use super::{kotlin, notices, python, size, swift};
use crate::steps::Steps;

/// Build the Kotlin, Python and Swift packages, and run their tests
///
/// Kotlin needs npm, a JRE and libjna-java, Python needs pip: both run the scenarios of bindings/scenarios.txt against a
/// real relay process. Swift is written, and built and tested where there is swift.
#[derive(Args)]
pub(crate) struct Bindings {
    what: What,
    /// Build the library as users get it: optimized, which takes minutes
    #[arg(long)]
    release: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Kotlin,
    Python,
    Swift,
    /// Kotlin and Python, and a table of their scenarios
    Matrix,
    /// Write anew what the packages say of other people's software
    Notices,
    /// How large the stripped library is, by feature
    Size,
}

impl Bindings {
    pub(crate) fn run(&self) -> ExitCode {
        let mut steps = Steps::new();
        let profile = if self.release { Profile::Shipped } else { Profile::Dev };
        let languages: &[Language] = match self.what {
            What::Kotlin => &[kotlin::steps],
            What::Python => &[python::steps],
            What::Swift => &[swift::steps],
            What::Matrix => ALL,
            What::Notices => {
                steps.check("bindings, notices", notices::write);
                return steps.finish_untested();
            }
            What::Size => {
                size::steps(&mut steps);
                return steps.finish_untested();
            }
        };
        build_and_test(&mut steps, profile, languages);
        steps.finish()
    }
}

type Language = fn(&mut Steps, &Library, &mut Matrix);

/// Those whose compilers every machine can have.
const ALL: &[Language] = &[python::steps, kotlin::steps];

/// What `test --all` runs.
pub(crate) fn steps(steps: &mut Steps) {
    build_and_test(steps, Profile::Dev, ALL);
}

fn build_and_test(steps: &mut Steps, profile: Profile, languages: &[Language]) {
    steps.check("bindings, notices", notices::check);
    let Some(library) = Library::build(steps, profile) else { return };
    if Rig::build(steps).is_none() {
        return;
    }
    let mut matrix = Matrix::default();
    for language in languages {
        language(steps, &library, &mut matrix);
    }
    matrix.print();
}
