use std::path::PathBuf;

use glasslink_asr::model::{File, ModelDir};

/// Speech that comes with the model, and what is said in it.
#[derive(Clone, Debug)]
pub struct Clip {
    pub path: PathBuf,
    pub said: &'static str,
}

/// The model's two clips. `None`, with a word, where the model is not installed: unless `GLASSLINK_REQUIRE_MODEL=1`,
/// which makes its absence a failure.
pub fn speech() -> Option<[Clip; 2]> {
    let installed = ModelDir::locate().and_then(|model| model.check(&File::ALL).map(|()| model));
    match installed {
        Ok(model) => Some([
            Clip { path: model.path(File::TwoCities), said: TWO_CITIES },
            Clip { path: model.path(File::Beckett), said: BECKETT },
        ]),
        Err(error) if std::env::var("GLASSLINK_REQUIRE_MODEL").is_ok_and(|value| value == "1") => {
            panic!("GLASSLINK_REQUIRE_MODEL=1, and {error}")
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Charles Dickens, A Tale of Two Cities, 1859: the first sentence.
const TWO_CITIES: &str = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age \
of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the \
season of Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had \
nothing before us, we were all going direct to Heaven, we were all going direct the other way, in short, the period \
was so far like the present period, that some of its noisiest authorities insisted on its being received, for good or \
for evil, in the superlative degree of comparison only.";

/// Samuel Beckett, Worstward Ho, 1983.
const BECKETT: &str = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.";
