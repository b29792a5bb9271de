use glasslink_protocol::{AppAudio, AppEvent, StreamFormat, StreamId};

/// Another protocol for apps: what is told an app in ours, in its words.
pub(crate) trait Dialect: Send {
    /// An event, told in as many messages as it takes; in none where there is no word for it.
    fn event(&mut self, event: &AppEvent) -> Vec<String>;

    /// Frames, as one binary message.
    fn audio(&mut self, audio: &AppAudio<'_>) -> Option<Vec<u8>>;

    /// A stream whose transcript may follow.
    fn stream(&mut self, stream: StreamId, format: StreamFormat);
}
