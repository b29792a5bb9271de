//! Messages between apps and their door: pinned in `golden/app`, and bad ones refused with a typed error.

mod support;

use std::collections::BTreeSet;

use glasslink_protocol::{
    APP_HEADER_BYTES, AppAudio, AppAudioError, AppEvent, AppMessage, Cause, ClosedReason, DeviceEvent, Epoch,
    EventNumber, FrameIndex, GapCause, Layout, MAX_LISTED_SESSIONS, MAX_TEXT_BYTES, MessageError, Partial,
    SessionId, StreamFormat, StreamId, SubscriptionId, TranscriptEvent, View, Wanted,
};
use support::golden::{golden_bytes, golden_text, names_in};
use support::samples;

const SUBSCRIPTION: SubscriptionId = SubscriptionId(7);

fn messages() -> Vec<(&'static str, AppMessage)> {
    let subscribe = |want, epoch, since| AppMessage::Subscribe {
        subscription: SUBSCRIPTION,
        session: samples::SESSION,
        want,
        epoch,
        since: EventNumber(since),
    };
    vec![
        ("sessions", AppMessage::Sessions { after: None }),
        ("sessions_after", AppMessage::Sessions { after: Some(samples::SESSION) }),
        ("subscribe_raw", subscribe(Wanted::Raw, None, 0)),
        ("subscribe_pcm", subscribe(Wanted::Pcm, None, 0)),
        ("subscribe_transcript_since", subscribe(Wanted::Transcript, Some(Epoch(9_007_199_254_740_991)), 41)),
        ("subscribe_device", subscribe(Wanted::Device, None, 0)),
        (
            "display",
            AppMessage::Display {
                session: samples::SESSION,
                view: View::Dashboard,
                layout: Layout::TextWall { text: "Hello".into() },
                duration_ms: Some(3_000),
            },
        ),
        ("unsubscribe", AppMessage::Unsubscribe { subscription: SUBSCRIPTION }),
        ("ping", AppMessage::Ping { id: 12 }),
    ]
}

fn events() -> Vec<(&'static str, AppEvent)> {
    let (subscription, stream) = (SUBSCRIPTION, StreamId(1));
    let subscribed = |want, events_from| AppEvent::Subscribed {
        subscription,
        session: samples::SESSION,
        want,
        epoch: Epoch(1_790_000_000_000_000),
        events_from,
    };
    let start = |format, continues| AppEvent::Stream {
        subscription,
        stream,
        format,
        from: FrameIndex(900),
        continues,
        label: "Built-in microphone".into(),
    };
    let closed = |reason| AppEvent::Closed { subscription, reason };
    let gap = samples::gap(GapCause::Radio);
    let partial = Partial { stream, from: FrameIndex(1_040), revision: 2, text: "It wa".into() };
    vec![
        ("sessions", AppEvent::Sessions { sessions: vec![samples::SESSION], more: true }),
        ("subscribed_raw", subscribed(Wanted::Raw, None)),
        ("subscribed_transcript", subscribed(Wanted::Transcript, Some(EventNumber(42)))),
        ("stream", start(StreamFormat::lc3(16_000, 20).unwrap(), Some(StreamId(4)))),
        ("stream_pcm", start(AppAudio::pcm_format(), None)),
        ("gap", AppEvent::Gap { subscription, gap }),
        ("missed", AppEvent::Missed { subscription, stream, from: gap.from, to: gap.to, ms: gap.ms }),
        ("ended", AppEvent::Ended { subscription, stream, at: FrameIndex(4_440) }),
        (
            "transcript_final",
            AppEvent::Transcript {
                subscription,
                number: EventNumber(42),
                event: TranscriptEvent::Final(samples::settled()),
            },
        ),
        (
            "transcript_gap",
            AppEvent::Transcript { subscription, number: EventNumber(43), event: TranscriptEvent::Gap(gap) },
        ),
        ("partial", AppEvent::Partial { subscription, partial }),
        (
            "device_event",
            AppEvent::DeviceEvent { subscription, event: DeviceEvent::Battery { level: 87, charging: true } },
        ),
        ("capabilities", AppEvent::Capabilities { subscription, capabilities: samples::glasses() }),
        ("client", AppEvent::Client { subscription, attached: false }),
        ("closed_unsubscribed", closed(ClosedReason::Unsubscribed)),
        ("closed_session_over", closed(ClosedReason::SessionOver)),
        ("closed_not_found", closed(ClosedReason::NotFound)),
        ("closed_refused", closed(ClosedReason::Refused)),
        ("closed_failed", closed(ClosedReason::Failed)),
        ("pong", AppEvent::Pong { id: 12 }),
        ("error", AppEvent::Error(Cause::ProtocolError.report())),
    ]
}

fn audio() -> [(&'static str, AppAudio<'static>); 2] {
    const LC3: [u8; 100] = [0x5a; 100];
    const PCM: [u8; 320] = [0x10; 320];
    let (subscription, stream) = (SUBSCRIPTION, StreamId(1));
    let most = AppAudio {
        subscription: SubscriptionId(u32::MAX),
        stream: StreamId(u32::MAX),
        first: FrameIndex((1 << 63) - 1),
        count: 1,
        body: &PCM,
    };
    [
        ("lc3", AppAudio { subscription, stream, first: FrameIndex(2_000), count: 5, body: &LC3 }),
        ("largest_numbers", most),
    ]
}

/// The message's `type`. A new variant does not compile until it is named here, and fails until it has a sample.
fn message_variant(message: &AppMessage) -> &'static str {
    match message {
        AppMessage::Sessions { .. } => "sessions",
        AppMessage::Subscribe { .. } => "subscribe",
        AppMessage::Unsubscribe { .. } => "unsubscribe",
        AppMessage::Display { .. } => "display",
        AppMessage::Ping { .. } => "ping",
        AppMessage::Unknown => "unknown",
    }
}

fn event_variant(event: &AppEvent) -> &'static str {
    match event {
        AppEvent::Sessions { .. } => "sessions",
        AppEvent::Subscribed { .. } => "subscribed",
        AppEvent::Stream { .. } => "stream",
        AppEvent::Gap { .. } => "gap",
        AppEvent::Missed { .. } => "missed",
        AppEvent::Ended { .. } => "ended",
        AppEvent::Transcript { .. } => "transcript",
        AppEvent::Partial { .. } => "partial",
        AppEvent::DeviceEvent { .. } => "device_event",
        AppEvent::Capabilities { .. } => "capabilities",
        AppEvent::Client { .. } => "client",
        AppEvent::Closed { .. } => "closed",
        AppEvent::Pong { .. } => "pong",
        AppEvent::Error(_) => "error",
        AppEvent::Unknown => "unknown",
    }
}

fn files<M>(samples: &[(&'static str, M)], extension: &str) -> BTreeSet<String> {
    samples.iter().map(|(name, _)| format!("{name}.{extension}")).collect()
}

#[test]
fn every_message_of_an_app_is_written_and_read_as_released() {
    let mut variants = BTreeSet::new();
    for (name, message) in messages() {
        let golden = golden_text(&format!("app/message/{name}.json"), &message.encode());
        assert_eq!(message.encode(), golden, "{name}");
        assert_eq!(AppMessage::decode(&golden).unwrap(), message, "{name}");
        variants.insert(message_variant(&message));
    }
    assert_eq!(variants, ["display", "ping", "sessions", "subscribe", "unsubscribe"].into());
    assert_eq!(names_in("app/message"), files(&messages(), "json"));
}

#[test]
fn everything_an_app_is_told_is_written_and_read_as_released() {
    let mut variants = BTreeSet::new();
    for (name, event) in events() {
        let golden = golden_text(&format!("app/event/{name}.json"), &event.encode());
        assert_eq!(event.encode(), golden, "{name}");
        assert_eq!(AppEvent::decode(&golden).unwrap(), event, "{name}");
        variants.insert(event_variant(&event));
    }
    assert_eq!(variants.len(), 14, "every event has a golden file: {variants:?}");
    assert_eq!(names_in("app/event"), files(&events(), "json"));
}

#[test]
fn audio_for_an_app_is_written_and_read_as_released() {
    for (name, message) in audio() {
        let mut encoded = Vec::new();
        message.encode(&mut encoded);
        let golden = golden_bytes(&format!("app/audio/{name}.bin"), &encoded);
        assert_eq!(encoded, golden, "{name}");
        assert_eq!(AppAudio::decode(&golden).unwrap(), message, "{name}");
    }
    assert_eq!(names_in("app/audio"), files(&audio(), "bin"));
}

#[test]
fn a_newer_peer_is_understood_as_far_as_it_is_known() {
    assert_eq!(AppMessage::decode(r#"{"type":"translate","to":"fr"}"#).unwrap(), AppMessage::Unknown);
    assert_eq!(AppEvent::decode(r#"{"type":"weather","sunny":true}"#).unwrap(), AppEvent::Unknown);
    let closed = AppEvent::decode(r#"{"type":"closed","subscription":7,"reason":"moved","to":"x"}"#);
    let reason = ClosedReason::Unknown;
    assert_eq!(closed.unwrap(), AppEvent::Closed { subscription: SUBSCRIPTION, reason });
    let short =
        format!(r#"{{"type":"subscribe","subscription":7,"session":"{}","want":"raw"}}"#, samples::SESSION);
    assert_eq!(AppMessage::decode(&short).unwrap(), messages()[2].1);
}

// SPEC P14.4
#[test]
fn bad_messages_are_refused_with_a_typed_error() {
    for bad in [
        "{",
        "[]",
        "7",
        r#"{"type":"subscribe","subscription":7,"session":"short","want":"raw"}"#,
        r#"{"type":"subscribe","subscription":-1,"session":"0123456789abcdef0011223344556677","want":"raw"}"#,
        r#"{"type":"subscribe","subscription":1,"session":"0123456789abcdef0011223344556677","want":"all"}"#,
    ] {
        assert!(matches!(AppMessage::decode(bad), Err(MessageError::Malformed(_))), "{bad}");
    }
    let large = format!(r#"{{"type":"ping","id":1}}{}"#, " ".repeat(MAX_TEXT_BYTES));
    assert!(matches!(AppMessage::decode(&large), Err(MessageError::TooLarge(_))));
    let mut wire = Vec::new();
    audio()[0].1.encode(&mut wire);
    for length in 0..APP_HEADER_BYTES {
        assert_eq!(AppAudio::decode(&wire[..length]), Err(AppAudioError::Truncated(length)));
    }
    let changed = |at: usize, byte: u8| {
        let mut wire = wire.clone();
        wire[at] = byte;
        AppAudio::decode(&wire).map(|_| ()).unwrap_err()
    };
    assert_eq!(changed(0, 1), AppAudioError::UnknownKind(1));
    assert_eq!(changed(2, 0), AppAudioError::FrameCount(0));
    assert!(matches!(changed(15, 0x80), AppAudioError::Index(_)));
}

#[test]
fn the_longest_list_of_sessions_is_one_message() {
    let sessions = (0..MAX_LISTED_SESSIONS as u128).map(SessionId).collect();
    let list = AppEvent::Sessions { sessions, more: true };
    assert_eq!(AppEvent::decode(&list.encode()).unwrap(), list);
}
