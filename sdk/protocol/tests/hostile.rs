//! Bad input of any kind gets a typed error: never a panic, a hang or a wrong value.

mod support;

use glasslink_protocol::{
    AudioMessage, AudioMessageError, ClientMessage, FrameIndex, HEADER_BYTES, MAX_AUDIO_BYTES,
    MAX_TEXT_BYTES, MessageError, RelayMessage, SessionId, StreamFormat, StreamId,
};
use proptest::prelude::*;
use support::{any, samples};

#[test]
fn a_text_message_cut_short_is_malformed_at_every_length() {
    for (name, message) in samples::client_messages() {
        each_prefix(&message.encode(), |part| {
            assert!(matches!(ClientMessage::decode(part), Err(MessageError::Malformed(_))), "{name}: {part}");
        });
    }
    for (name, message) in samples::relay_messages() {
        each_prefix(&message.encode(), |part| {
            assert!(matches!(RelayMessage::decode(part), Err(MessageError::Malformed(_))), "{name}: {part}");
        });
    }
}

// SPEC P14.4
#[test]
fn a_text_message_past_the_limit_is_too_large_whatever_it_says() {
    let bye = r#"{"type":"bye"}"#;
    let most = bye.to_owned() + &" ".repeat(MAX_TEXT_BYTES - bye.len());
    assert_eq!(ClientMessage::decode(&most).unwrap(), ClientMessage::Bye);
    let more = format!("{most} ");
    assert!(
        matches!(ClientMessage::decode(&more), Err(MessageError::TooLarge(bytes)) if bytes == MAX_TEXT_BYTES + 1)
    );
    assert!(matches!(RelayMessage::decode(&more), Err(MessageError::TooLarge(_))));
}

#[test]
fn deep_nesting_exhausts_no_stack() {
    let depth = MAX_TEXT_BYTES / 8;
    let arrays = format!(r#"{{"type":"hello","deep":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let objects = format!(r#"{{"type":"future","deep":{}1{}}}"#, r#"{"":"#.repeat(depth), "}".repeat(depth));
    for text in [arrays, objects] {
        assert!(ClientMessage::decode(&text).is_err());
        assert!(RelayMessage::decode(&text).is_err());
    }
}

#[test]
fn what_is_not_a_message_is_malformed() {
    let others = [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "\"bye\"",
        "1e999",
        r#"{"type":7}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"ping","id":-1}"#,
        r#"{"type":"ping","id":1.5}"#,
        r#"{"type":"ping","id":18446744073709551616}"#,
        r#"{"type":"ping","id":1}{"type":"ping","id":2}"#,
        r#"{"type":"hello","session":"0123","holder":1,"attach":1,"take":true,"ping_ms":1}"#,
        r#"{"type":"open","stream":1,"format":{"codec":"mp3","sample_rate":16000,"frame_samples":160,"frame_bytes":20}}"#,
        r#"{"type":"open","stream":1,"format":{"codec":"lc3","sample_rate":0,"frame_samples":160,"frame_bytes":20}}"#,
        r#"{"type":"open","stream":1,"format":{"codec":"pcm_s16le","sample_rate":48000,"frame_samples":4294967295,"frame_bytes":4294967294}}"#,
    ];
    for text in others {
        assert!(matches!(ClientMessage::decode(text), Err(MessageError::Malformed(_))), "{text}");
    }
}

#[test]
fn a_frame_index_past_the_last_is_malformed() {
    let end = |at: u64| format!(r#"{{"type":"end","stream":1,"at":{at}}}"#);
    assert!(ClientMessage::decode(&end((1 << 63) - 1)).is_ok());
    for at in [1 << 63, u64::MAX] {
        assert!(matches!(ClientMessage::decode(&end(at)), Err(MessageError::Malformed(_))), "{at}");
    }
}

#[test]
fn a_session_id_is_32_hexadecimal_digits_and_nothing_else() {
    let id = "00000000000000000000000000000f0a";
    assert_eq!(id.parse::<SessionId>().unwrap().to_string(), id);
    for text in ["", "f0a", &id[1..], &format!("{id}0"), &id.replace('f', "g"), &format!("+{}", &id[1..])] {
        assert!(text.parse::<SessionId>().is_err(), "{text}");
    }
}

#[test]
fn audio_cut_short_is_told_from_audio_that_does_not_add_up() {
    for (name, format, message) in samples::audio_messages() {
        let mut wire = Vec::new();
        message.encode(&mut wire);
        for length in 0..wire.len() {
            match AudioMessage::decode(&wire[..length]) {
                Ok(part) => {
                    assert!(length >= HEADER_BYTES, "{name}");
                    let body = AudioMessageError::Body { count: message.count };
                    assert_eq!(part.frames(&format).unwrap_err(), body, "{name} at {length}");
                }
                Err(error) => assert_eq!(error, AudioMessageError::Truncated(length), "{name}"),
            }
        }
        wire.push(0);
        assert!(AudioMessage::decode(&wire).unwrap().frames(&format).is_err(), "{name} with a byte more");
    }
}

// SPEC P14.4
#[test]
fn every_field_of_an_audio_header_has_its_error() {
    let header = |count| AudioMessage::header(StreamId(1), FrameIndex(0), count);
    assert_eq!(AudioMessage::decode(&header(0)), Err(AudioMessageError::FrameCount(0)));
    assert_eq!(AudioMessage::decode(&header(1_025)), Err(AudioMessageError::FrameCount(1_025)));
    let mut other = header(1);
    other[0] = 2;
    assert_eq!(AudioMessage::decode(&other), Err(AudioMessageError::UnknownKind(2)));
    let far = AudioMessage::header(StreamId(1), FrameIndex(1 << 63), 1);
    assert_eq!(AudioMessage::decode(&far), Err(AudioMessageError::Index(1 << 63)));
    let large = vec![0; MAX_AUDIO_BYTES + 1];
    assert_eq!(AudioMessage::decode(&large), Err(AudioMessageError::TooLarge(MAX_AUDIO_BYTES + 1)));
}

proptest! {
    #[test]
    fn random_text_never_panics(text in "(?s).{0,200}") {
        let _ = ClientMessage::decode(&text);
        let _ = RelayMessage::decode(&text);
    }

    #[test]
    fn random_bytes_never_panic_as_audio(bytes in proptest::collection::vec(any::<u8>(), 0..200), format in any::format()) {
        if let Ok(message) = AudioMessage::decode(&bytes)
            && let Ok(frames) = message.frames(&format)
        {
            prop_assert_eq!(frames.count(), usize::from(message.count));
        }
    }

    #[test]
    fn a_damaged_message_never_panics(message in any::client_message(), at in any::<prop::sample::Index>(), by in 32u8..127) {
        let mut bytes = message.encode().into_bytes();
        let place = at.index(bytes.len());
        bytes[place] = by;
        if let Ok(text) = String::from_utf8(bytes) {
            let _ = ClientMessage::decode(&text);
            let _ = RelayMessage::decode(&text);
        }
    }

    #[test]
    fn lengths_that_lie_are_found_out((_, stream, first, frames) in any::audio(), at in any::<prop::sample::Index>(), by in 1u16..) {
        let format = StreamFormat::opus(48_000, 960).unwrap();
        let mut body = any::body(&format, &frames);
        let lying = at.index(frames.len());
        let place: usize = frames[..lying].iter().map(|frame| frame.len() + 2).sum();
        let length = u16::from_le_bytes([body[place], body[place + 1]]) ^ by;
        body[place..place + 2].copy_from_slice(&length.to_le_bytes());
        let message = AudioMessage { stream, first, count: frames.len() as u16, body: &body };
        if let Ok(taken) = message.frames(&format) {
            let taken: Vec<&[u8]> = taken.collect();
            prop_assert_eq!(taken.len(), frames.len());
            prop_assert_eq!(taken.iter().map(|frame| frame.len() + 2).sum::<usize>(), body.len());
        }
    }
}

fn each_prefix(text: &str, mut check: impl FnMut(&str)) {
    for (end, _) in text.char_indices() {
        check(&text[..end]);
    }
}
