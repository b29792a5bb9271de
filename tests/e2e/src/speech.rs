use std::path::PathBuf;

use glasslink_asr::model::{File, ModelDir};

/// Speech that comes with the model, and what is said in it.
#[derive(Clone, Debug)]
pub struct Clip {
    pub path: PathBuf,
    pub said: &'static str,
}

/// The model's two clips. `cargo xtask test` searches every log for what is said in them. `None`, with a word, where the model is not installed: unless `GLASSLINK_REQUIRE_MODEL=1`,
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
const TWO_CITIES: &str = include_str!("said/two_cities.txt");

/// Samuel Beckett, Worstward Ho, 1983.
const BECKETT: &str = include_str!("said/beckett.txt");
