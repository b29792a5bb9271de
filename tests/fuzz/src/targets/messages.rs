use glasslink_protocol::{AudioMessage, ClientMessage, RelayMessage, StreamFormat};

/// What is understood is written again and understood as the same.
pub(super) fn text(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(message) = ClientMessage::decode(&text) {
        let again = ClientMessage::decode(&message.encode()).expect("it was written by us");
        assert_eq!(again, message);
    }
    if let Ok(message) = RelayMessage::decode(&text) {
        let again = RelayMessage::decode(&message.encode()).expect("it was written by us");
        assert_eq!(again, message);
    }
}

pub(super) fn audio(input: &[u8]) {
    let Ok(message) = AudioMessage::decode(input) else { return };
    let mut again = Vec::new();
    message.encode(&mut again);
    assert_eq!(AudioMessage::decode(&again).as_ref(), Ok(&message));
    for format in [StreamFormat::lc3(16_000, 20), StreamFormat::pcm(16_000), StreamFormat::opus(48_000, 960)]
    {
        let format = format.expect("a format there is");
        if let Ok(frames) = message.frames(&format) {
            let frames: Vec<_> = frames.collect();
            assert_eq!(frames.len(), usize::from(message.count));
            assert!(frames.iter().all(|frame| format.accepts(frame.len())));
        }
    }
}
