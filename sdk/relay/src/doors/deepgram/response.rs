use std::fmt;
use std::time::Duration;

use glasslink_protocol::SessionId;
use serde::Serialize;

/// What a request is called: its session's id as a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestId(pub(super) SessionId);

/// What a client is told, as JSON text.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type")]
pub(super) enum Response {
    Results(Results),
    UtteranceEnd {
        channel: [usize; 2],
        last_word_end: f64,
    },
    SpeechStarted {
        channel: [usize; 2],
        timestamp: f64,
    },
    /// The last one.
    Metadata {
        transaction_key: &'static str,
        request_id: String,
        sha256: String,
        created: String,
        duration: f64,
        channels: usize,
    },
    Error {
        variant: &'static str,
        description: &'static str,
        message: &'static str,
    },
    ConfigureFailure {
        request_id: String,
        code: &'static str,
        description: &'static str,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Results {
    pub(super) channel_index: [usize; 2],
    pub(super) start: f64,
    pub(super) duration: f64,
    pub(super) is_final: bool,
    pub(super) speech_final: bool,
    pub(super) from_finalize: bool,
    pub(super) channel: Channel,
    pub(super) metadata: Option<Metadata>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Channel {
    pub(super) alternatives: [Alternative; 1],
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Alternative {
    pub(super) transcript: String,
    pub(super) confidence: f64,
    pub(super) words: Vec<Word>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Word {
    /// In lower case, without punctuation.
    #[serde(rename = "word")]
    pub(super) bare: String,
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) confidence: f64,
    #[serde(rename = "punctuated_word")]
    pub(super) written: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Metadata {
    request_id: String,
    model_info: ModelInfo,
    model_uuid: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ModelInfo {
    name: &'static str,
    version: &'static str,
    arch: &'static str,
}

impl Metadata {
    pub(super) fn new(request: RequestId) -> Self {
        let model_info =
            ModelInfo { name: "glasslink", version: env!("CARGO_PKG_VERSION"), arch: "glasslink" };
        // There is no catalogue of models to look it up in.
        let model_uuid = "00000000-0000-0000-0000-000000000000";
        Self { request_id: request.to_string(), model_info, model_uuid }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0.to_string();
        write!(f, "{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
    }
}

/// Seconds, to the millisecond.
pub(super) fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1_000.0
}
