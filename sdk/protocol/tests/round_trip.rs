//! Whatever a sender can say comes out of the decoder as it went in.

mod support;

use glasslink_protocol::{AudioMessage, ClientMessage, RelayMessage, StreamFormat};
use proptest::prelude::*;
use support::any;

proptest! {
    #[test]
    fn every_client_message_survives_the_wire(message in any::client_message()) {
        prop_assert_eq!(ClientMessage::decode(&message.encode()).unwrap(), message);
    }

    #[test]
    fn every_relay_message_survives_the_wire(message in any::relay_message()) {
        prop_assert_eq!(RelayMessage::decode(&message.encode()).unwrap(), message);
    }

    #[test]
    fn audio_survives_the_wire((format, stream, first, frames) in any::audio()) {
        let body = any::body(&format, &frames);
        let message = AudioMessage { stream, first, count: frames.len() as u16, body: &body };
        let mut wire = Vec::new();
        message.encode(&mut wire);
        let decoded = AudioMessage::decode(&wire).unwrap();
        prop_assert_eq!(decoded, message);
        prop_assert_eq!(decoded.end(), first + frames.len() as u64);
        let taken: Vec<&[u8]> = decoded.frames(&format).unwrap().collect();
        prop_assert_eq!(taken, frames);
    }

    #[test]
    fn stream_time_and_frames_are_each_others_inverse(format in any::format(), frames in 0u64..1 << 36) {
        let time = format.duration(frames);
        // The duration is rounded down to a nanosecond, so up to one frame may be missing.
        prop_assert!((frames.saturating_sub(1)..=frames).contains(&format.frames_in(time)));
        let written = serde_json::to_string(&format).unwrap();
        prop_assert_eq!(serde_json::from_str::<StreamFormat>(&written).unwrap(), format);
    }
}
