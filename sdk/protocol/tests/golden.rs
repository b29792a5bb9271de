//! The wire format, pinned: one file a message in `golden/`, both directions. A released file is never edited; a
//! test whose file is missing writes it when `GLASSLINK_BLESS` is set, and fails otherwise.

mod support;

use std::collections::BTreeSet;

use glasslink_protocol::{
    AudioMessage, Cause, ClientMessage, CloseCode, ErrorReport, MessageError, RelayMessage,
};
use serde_json::json;
use support::golden::{golden_bytes, golden_json, golden_text, names_in};
use support::samples;

#[test]
fn every_client_message_is_written_and_read_as_released() {
    let mut variants = BTreeSet::new();
    for (name, message) in samples::client_messages() {
        let golden = golden_text(&format!("client/{name}.json"), &message.encode());
        assert_eq!(message.encode(), golden, "{name}");
        assert_eq!(ClientMessage::decode(&golden).unwrap(), message, "{name}");
        variants.insert(samples::client_variant(&message));
    }
    assert_eq!(variants, samples::CLIENT_VARIANTS.into(), "every message has a golden file");
    assert_eq!(names_in("client"), names(samples::client_messages(), "json"));
}

#[test]
fn every_relay_message_is_written_and_read_as_released() {
    let mut variants = BTreeSet::new();
    for (name, message) in samples::relay_messages() {
        let golden = golden_text(&format!("relay/{name}.json"), &message.encode());
        assert_eq!(message.encode(), golden, "{name}");
        assert_eq!(RelayMessage::decode(&golden).unwrap(), message, "{name}");
        variants.insert(samples::relay_variant(&message));
    }
    assert_eq!(variants, samples::RELAY_VARIANTS.into(), "every message has a golden file");
    assert_eq!(names_in("relay"), names(samples::relay_messages(), "json"));
}

#[test]
fn every_kind_of_audio_message_is_written_and_read_as_released() {
    for (name, format, message) in samples::audio_messages() {
        let mut encoded = Vec::new();
        message.encode(&mut encoded);
        let golden = golden_bytes(&format!("audio/{name}.bin"), &encoded);
        assert_eq!(encoded, golden, "{name}");
        let decoded = AudioMessage::decode(&golden).unwrap();
        assert_eq!(decoded, message, "{name}");
        let frames: Vec<_> = decoded.frames(&format).unwrap().collect();
        assert_eq!(frames.len(), usize::from(message.count), "{name}");
        assert!(frames.iter().all(|frame| format.accepts(frame.len())), "{name}");
    }
    assert_eq!(names_in("audio"), samples::audio_messages().map(|(name, ..)| format!("{name}.bin")).into());
}

#[test]
fn what_may_be_left_out_has_its_default() {
    for (name, text, message) in samples::short_client_messages() {
        let golden = golden_text(&format!("short/{name}.json"), text);
        assert_eq!(ClientMessage::decode(&golden).unwrap(), message, "{name}");
    }
    for (name, text, message) in samples::short_relay_messages() {
        let golden = golden_text(&format!("short/{name}.json"), text);
        assert_eq!(RelayMessage::decode(&golden).unwrap(), message, "{name}");
    }
}

#[test]
fn a_newer_peer_is_understood_as_far_as_it_is_known() {
    for (name, text) in samples::NEWER {
        let golden = golden_text(&format!("newer/{name}.json"), text);
        let client = ClientMessage::decode(&golden);
        let relay = RelayMessage::decode(&golden);
        match *name {
            "unknown_type" => {
                assert_eq!(client.unwrap(), ClientMessage::Unknown);
                assert_eq!(relay.unwrap(), RelayMessage::Unknown);
            }
            "ping_with_more_fields" => {
                assert_eq!(client.unwrap(), ClientMessage::Ping { id: 3 });
                assert_eq!(relay.unwrap(), RelayMessage::Ping { id: 3 });
            }
            "gap_of_unknown_cause" => {
                assert!(matches!(client, Ok(ClientMessage::Gap(gap)) if gap.cause.is_loss()));
            }
            "status_of_unknown_engine_state" => assert!(matches!(relay, Ok(RelayMessage::Status { .. }))),
            other => panic!("no expectation for {other}"),
        }
    }
}

#[test]
fn every_close_code_keeps_its_number_and_cause() {
    for code in CloseCode::ALL {
        let (name, number) = (format!("{code:?}"), code.code());
        let row = json!({ "code": number, "name": name, "cause": CloseCode::cause(number).code() });
        assert_eq!(row, golden_json(&format!("close/{number}.json"), &row));
        assert_eq!(CloseCode::from_code(number), Some(code));
    }
    assert_eq!(names_in("close").len(), CloseCode::ALL.len());
    assert_eq!((CloseCode::from_code(4999), CloseCode::cause(4999)), (None, Cause::ProtocolError));
}

#[test]
fn every_cause_keeps_its_name_and_what_a_client_does_about_it() {
    for cause in samples::CAUSES {
        let ErrorReport { code, category, severity, retry, .. } = cause.report();
        let row = json!({
            "cause": cause, "code": code, "category": category, "severity": severity, "retry": retry
        });
        assert_eq!(row, golden_json(&format!("causes/{code}.json"), &row));
        assert_eq!(serde_json::from_value::<Cause>(row["cause"].clone()).unwrap(), cause);
        assert!(!cause.remedy().is_empty() && !cause.to_string().is_empty());
        assert!(samples::cause_is_listed(cause));
    }
    assert_eq!(names_in("causes").len(), samples::CAUSES.len());
}

#[test]
fn a_released_message_with_a_field_of_another_shape_is_refused() {
    let refused = ClientMessage::decode(r#"{"type":"ping","id":"three"}"#);
    assert!(matches!(refused, Err(MessageError::Malformed(_))));
}

fn names<M>(samples: Vec<(&'static str, M)>, extension: &str) -> BTreeSet<String> {
    samples.into_iter().map(|(name, _)| format!("{name}.{extension}")).collect()
}
