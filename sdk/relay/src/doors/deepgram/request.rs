use serde::Deserialize;

/// What a client says beside its audio.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "type")]
pub(super) enum Request {
    /// There is no audio for now, and will be.
    KeepAlive,
    /// The text of what was sent so far is wanted at once.
    Finalize,
    /// No more audio comes.
    CloseStream,
    /// The settings are to be others.
    Configure,
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sdks_send_is_understood_with_whatever_else_they_add() {
        let read = |text: &str| serde_json::from_str::<Request>(text).ok();
        assert_eq!(read(r#"{"type":"KeepAlive"}"#), Some(Request::KeepAlive));
        assert_eq!(read(r#"{"type":"Finalize","channel":0}"#), Some(Request::Finalize));
        assert_eq!(read(r#"{"type":"Configure","keyterms":["a"]}"#), Some(Request::Configure));
        assert_eq!(read(r#"{"type":"Tomorrow"}"#), Some(Request::Unknown));
        assert_eq!(read("{}"), None);
    }
}
