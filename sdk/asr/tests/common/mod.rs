#![allow(dead_code, reason = "each test file uses what it needs")]

use glasslink_asr::model::{File, ModelDir};

/// The installed model, or `None` with a word: unless `GLASSLINK_REQUIRE_MODEL=1`, which makes its absence a failure.
pub(crate) fn model(files: &[File]) -> Option<ModelDir> {
    let model = ModelDir::locate().and_then(|model| model.check(files).map(|()| model));
    match model {
        Ok(model) => Some(model),
        Err(error) if std::env::var("GLASSLINK_REQUIRE_MODEL").is_ok_and(|value| value == "1") => {
            panic!("GLASSLINK_REQUIRE_MODEL=1, and {error}")
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}
