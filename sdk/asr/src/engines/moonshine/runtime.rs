use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;

use crate::engine::EngineError;

/// ONNX Runtime allows one environment a process and never unloads.
static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// The process's environment, from the library at `path` when it is the first to ask.
pub(super) fn environment(path: &Path) -> Result<&'static Environment, EngineError> {
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment);
    }
    let environment = ort::init_from(path)
        .map_err(runtime_error)?
        .with_name("glasslink")
        .with_telemetry(false)
        .build()
        .map_err(runtime_error)?;
    Ok(ENVIRONMENT.get_or_init(|| environment))
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn runtime_error(error: impl std::fmt::Display) -> EngineError {
    EngineError::Runtime { detail: error.to_string() }
}
