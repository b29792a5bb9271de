use serde::Serialize;

/// What is not JSON.
pub(super) const PING: &str = "ping";

/// A stretch of the transcript. A later one with the same id takes its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Segment {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) speaker: String,
    pub(super) speaker_id: usize,
    pub(super) is_user: bool,
    pub(super) person_id: Option<String>,
    /// Seconds since the first audio.
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) translations: [(); 0],
}

/// What happens beside the transcript.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    ServiceStatus {
        status: Status,
        #[serde(skip_serializing_if = "Option::is_none")]
        status_text: Option<String>,
    },
    SegmentsDeleted {
        segment_ids: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Initiating,
    InProgressConversationsProcessing,
    SttInitiating,
    Ready,
    SttFailed,
}
