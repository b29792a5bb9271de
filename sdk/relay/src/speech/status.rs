use glasslink_asr::EngineError;
use glasslink_protocol::{EngineState, SpeechTo};
use serde::Serialize;

/// How the engine is, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct EngineStatus {
    pub(crate) state: EngineState,
    pub(crate) message: String,
    /// What to do about it; empty when all is well.
    pub(crate) remedy: String,
    /// Where speech goes; `None`: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) speech_to: Option<SpeechTo>,
}

impl EngineStatus {
    pub(crate) fn new(state: EngineState, message: impl Into<String>) -> Self {
        Self { state, message: message.into(), remedy: String::new(), speech_to: None }
    }

    pub(crate) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    pub(crate) fn disabled() -> Self {
        Self::new(EngineState::Disabled, "this relay has no speech engine")
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.state == EngineState::Ready
    }

    /// How much hope there is that it gets better by itself.
    pub(super) fn hope(&self) -> u8 {
        match self.state {
            EngineState::Ready => 4,
            EngineState::Loading => 3,
            EngineState::Degraded => 2,
            EngineState::NotInstalled => 1,
            EngineState::Disabled | EngineState::Unknown => 0,
        }
    }

    pub(super) fn of(error: &EngineError) -> Self {
        let by_itself = "look at the relay's log; it tries again by itself";
        let (state, message, remedy) = match error {
            EngineError::NotInstalled { remedy, .. } => {
                (EngineState::NotInstalled, "speech engine not installed".to_owned(), remedy.clone())
            }
            // Not degraded: nobody should wait for it to heal by itself.
            EngineError::Corrupted { file, remedy } => (
                EngineState::NotInstalled,
                format!("speech engine damaged: {file} is not the published file"),
                remedy.clone(),
            ),
            EngineError::NoModelDir => (
                EngineState::NotInstalled,
                "speech engine not installed".to_owned(),
                "set GLASSLINK_MODEL_DIR, then run `glasslink-relay model install`".to_owned(),
            ),
            EngineError::Runtime { .. } => {
                (EngineState::NotInstalled, error.to_string(), "use a relay on another machine".to_owned())
            }
            EngineError::Refused { detail, remedy } => (
                EngineState::Degraded,
                format!("speech engine refused the relay's credentials ({detail})"),
                remedy.clone(),
            ),
            EngineError::Misconfigured { detail, remedy } => {
                (EngineState::Degraded, format!("speech engine cannot be used: {detail}"), remedy.clone())
            }
            EngineError::NotAllowed { detail, remedy } => {
                (EngineState::Degraded, format!("speech engine may not be asked: {detail}"), remedy.clone())
            }
            failed @ (EngineError::Failed { .. }
            | EngineError::Unreachable { .. }
            | EngineError::Broken { .. }
            | EngineError::TimedOut { .. }
            | EngineError::RateLimited { .. }) => {
                (EngineState::Degraded, failed.to_string(), by_itself.to_owned())
            }
        };
        Self::new(state, message).with_remedy(remedy)
    }
}
