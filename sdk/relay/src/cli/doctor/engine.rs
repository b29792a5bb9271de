use glasslink_asr::model::{File, ModelDir};

use crate::cli::config::{Config, EngineChoice};
use crate::cli::doctor::finding::Finding;

const CHECK: &str = "engine";

/// Whether what is said can be transcribed.
pub(super) fn check(config: &Config) -> Finding {
    if config.engine == EngineChoice::None {
        return Finding::not_checked(CHECK, "engine is none: audio is taken, and nothing is transcribed");
    }
    let folder = match config.model_dir.as_ref().map_or_else(ModelDir::locate, |dir| Ok(ModelDir::new(dir))) {
        Ok(folder) => folder,
        Err(error) => return Finding::problem(CHECK, error.to_string(), "set model-dir"),
    };
    match folder.verify(&File::ALL) {
        Ok(()) => {
            Finding::good(CHECK, format!("the speech model is whole, in {}", folder.folder().display()))
        }
        Err(error) => Finding::problem(
            CHECK,
            error.to_string(),
            "run `glasslink-relay model install`, or set model-dir to the folder that has it",
        ),
    }
}
