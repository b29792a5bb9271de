use glasslink_asr::model::{File, ModelDir};

use crate::cli::config::Config;
use crate::cli::doctor::finding::Finding;
use crate::cli::engines::EngineTable;

const CHECK: &str = "engine";

/// Whether what is said can be transcribed.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    if config.engines.is_empty() {
        let none = "engine is none: audio is taken, and nothing is transcribed";
        return vec![Finding::not_checked(CHECK, none)];
    }
    let check =
        |table: &EngineTable| if table.is_embedded() { embedded(config) } else { remote(config, table) };
    config.engines.iter().map(check).collect()
}

/// Whether it can be reached, takes the key, and answers.
fn remote(config: &Config, table: &EngineTable) -> Finding {
    let name = table.name();
    match table.engine(config.model_dir.as_deref()) {
        Err(error) => Finding::problem(CHECK, format!("{error:#}"), "correct its [[engine]] table"),
        Ok(engine) => match engine.load() {
            Ok(()) => Finding::good(
                CHECK,
                format!("{name} answers; speech goes to {}", engine.host().unwrap_or("this machine")),
            ),
            Err(error) => Finding::problem(
                CHECK,
                format!("{name}: {error}"),
                "look at its address, its key and the way there; others transcribe meanwhile, if there are any",
            ),
        },
    }
}

/// Whether its model is there.
fn embedded(config: &Config) -> Finding {
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
