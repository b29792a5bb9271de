//! Strategies for every value that crosses the wire.

use glasslink_protocol::{
    AppState, AppStatus, Capabilities, Category, ClientMessage, ClockMark, Codec, DeviceEvent, Display,
    DisplaySize, Durability, EngineState, Epoch, ErrorReport, EventNumber, Final, FrameIndex, Gap, GapCause,
    Layout, Partial, Press, RelayMessage, ResumedStream, Retry, SessionId, Severity, SpeechTo, StreamFormat,
    StreamId, StreamStart, StreamSums, Touch, TranscriptEvent, View, Word,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn client_message() -> impl Strategy<Value = ClientMessage> {
    prop_oneof![
        hello(),
        start().prop_map(ClientMessage::Open),
        gap().prop_map(ClientMessage::Gap),
        clock().prop_map(ClientMessage::Clock),
        (stream(), index()).prop_map(|(stream, at)| ClientMessage::End { stream, at }),
        vec(sums(), 0..5).prop_map(|streams| ClientMessage::Sums { streams }),
        (stream(), any::<u32>(), any::<bool>()).prop_map(|(stream, rearms, given_up)| {
            ClientMessage::AudioStalled { stream, rearms, given_up }
        }),
        any::<u32>().prop_map(|ping_ms| ClientMessage::PingInterval { ping_ms }),
        any::<u64>().prop_map(|id| ClientMessage::Ping { id }),
        any::<u64>().prop_map(|id| ClientMessage::Pong { id }),
        device_event().prop_map(ClientMessage::DeviceEvent),
        capabilities().prop_map(ClientMessage::Capabilities),
        (text(), any::<bool>()).prop_map(|(app, run)| ClientMessage::RunApp { app, run }),
        Just(ClientMessage::Bye),
    ]
}

pub(crate) fn relay_message() -> impl Strategy<Value = RelayMessage> {
    prop_oneof![
        welcome(),
        (stream(), index(), option::of(index())).prop_map(|(stream, next, limit)| RelayMessage::Received {
            stream,
            next,
            limit
        }),
        (stream(), index()).prop_map(|(stream, next)| RelayMessage::Kept { stream, next }),
        (stream(), index(), index(), report())
            .prop_map(|(stream, first, to, error)| RelayMessage::Rejected { stream, first, to, error }),
        (any::<u64>(), event())
            .prop_map(|(number, event)| RelayMessage::Transcript { number: EventNumber(number), event }),
        (stream(), index(), any::<u32>(), text()).prop_map(|(stream, from, revision, text)| {
            RelayMessage::Partial(Partial { stream, from, revision, text })
        }),
        (stream(), index()).prop_map(|(stream, to)| RelayMessage::Transcribed { stream, to }),
        stream().prop_map(|stream| RelayMessage::Ended { stream }),
        (engine(), text(), text(), option::of((text(), option::of(text())))).prop_map(
            |(engine, message, remedy, to)| RelayMessage::Status {
                engine,
                message,
                remedy,
                speech_to: to.map(|(engine, host)| SpeechTo { engine, host }),
            },
        ),
        display().prop_map(RelayMessage::Display),
        (text(), text(), select(vec![AppState::Running, AppState::Away, AppState::Stopped]))
            .prop_map(|(app, name, state)| RelayMessage::App(AppStatus { app, name, state })),
        any::<u64>().prop_map(|id| RelayMessage::Ping { id }),
        any::<u64>().prop_map(|id| RelayMessage::Pong { id }),
        report().prop_map(RelayMessage::Error),
        (any::<u64>(), any::<u64>())
            .prop_map(|(reconnect_in_ms, spread_ms)| RelayMessage::Restarting { reconnect_in_ms, spread_ms }),
    ]
}

fn device_event() -> impl Strategy<Value = DeviceEvent> {
    let presses = select(vec![Press::Short, Press::Long]);
    let touches = select(vec![Touch::SingleTap, Touch::LongPress, Touch::DownSwipe]);
    prop_oneof![
        any::<bool>().prop_map(|connected| DeviceEvent::Connection { connected }),
        (any::<u8>(), any::<bool>()).prop_map(|(level, charging)| DeviceEvent::Battery { level, charging }),
        any::<bool>().prop_map(|up| DeviceEvent::Head { up }),
        (text(), presses).prop_map(|(button, press)| DeviceEvent::Button { button, press }),
        touches.prop_map(|gesture| DeviceEvent::Touch { gesture }),
    ]
}

fn capabilities() -> impl Strategy<Value = Capabilities> {
    let display = (any::<u16>(), any::<u16>(), any::<u16>(), any::<bool>())
        .prop_map(|(width, height, lines, bitmaps)| DisplaySize { width, height, lines, bitmaps });
    (text(), option::of(display), any::<[bool; 7]>()).prop_map(|(model, display, can)| {
        let [microphone, speaker, camera, buttons, touch, head, battery] = can;
        Capabilities { model, display, microphone, speaker, camera, buttons, touch, head, battery }
    })
}

fn display() -> impl Strategy<Value = Display> {
    let layout = prop_oneof![
        text().prop_map(|text| Layout::TextWall { text }),
        (text(), text()).prop_map(|(top, bottom)| Layout::DoubleTextWall { top, bottom }),
        (text(), text()).prop_map(|(title, text)| Layout::ReferenceCard { title, text }),
        (text(), text()).prop_map(|(left, right)| Layout::DashboardCard { left, right }),
        text().prop_map(|data| Layout::BitmapView { data }),
        Just(Layout::ClearView),
    ];
    (text(), select(vec![View::Main, View::Dashboard]), layout, option::of(any::<u64>()))
        .prop_map(|(app, view, layout, duration_ms)| Display { app, view, layout, duration_ms })
}

/// A format, and frames that fit it and fit into one message.
pub(crate) fn audio() -> impl Strategy<Value = (StreamFormat, StreamId, FrameIndex, Vec<Vec<u8>>)> {
    let frames = |format: StreamFormat| {
        let size = format.frame_bytes().map_or(1..=400, |size| size as usize..=size as usize);
        let most = 60_000 / (size.end() + 2);
        vec(vec(any::<u8>(), size), 1..=most.min(40))
    };
    (format(), stream(), 0u64..1 << 63).prop_flat_map(move |(format, stream, first)| {
        frames(format).prop_map(move |frames| (format, stream, FrameIndex(first), frames))
    })
}

/// The frames as the body of an audio message.
pub(crate) fn body(format: &StreamFormat, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for frame in frames {
        if format.frame_bytes().is_none() {
            body.extend_from_slice(&(frame.len() as u16).to_le_bytes());
        }
        body.extend_from_slice(frame);
    }
    body
}

pub(crate) fn format() -> impl Strategy<Value = StreamFormat> {
    let rates = select(vec![8_000, 16_000, 24_000, 32_000, 44_100, 48_000]);
    (rates, 0..3, 20u32..=400, 1u32..=4).prop_map(|(rate, codec, bytes, quarters)| match codec {
        0 => StreamFormat::lc3(rate, bytes).unwrap(),
        1 => StreamFormat::opus(rate, rate / 200 * quarters).unwrap(),
        _ => StreamFormat::new(Codec::PcmS16le, rate, rate / 100, rate / 50).unwrap(),
    })
}

fn hello() -> impl Strategy<Value = ClientMessage> {
    let counts = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>());
    let streams = vec(start(), 0..4);
    let sessions = (session(), option::of(session()));
    let flags = (any::<bool>(), any::<bool>());
    (sessions, counts, flags, option::of(epoch()), streams, text()).prop_map(
        |((session, continues), (holder, attach, after, ping_ms), flags, epoch, streams, client)| {
            let (take, remote_speech) = flags;
            let events_after = EventNumber(after);
            ClientMessage::Hello {
                session,
                holder,
                attach,
                take,
                epoch,
                events_after,
                ping_ms,
                streams,
                continues,
                client,
                remote_speech,
            }
        },
    )
}

fn welcome() -> impl Strategy<Value = RelayMessage> {
    let durability = select(vec![Durability::Memory, Durability::Disk]);
    let resumed = (stream(), index(), index(), index(), option::of(index()), any::<bool>()).prop_map(
        |(stream, received, kept, transcribed, limit, ended)| ResumedStream {
            stream,
            received,
            kept,
            transcribed,
            limit,
            ended,
        },
    );
    (session(), epoch(), durability, vec(resumed, 0..4), any::<u64>(), any::<u64>(), text()).prop_map(
        |(session, epoch, durability, streams, from, keep_ms, relay)| RelayMessage::Welcome {
            session,
            epoch,
            durability,
            streams,
            events_from: EventNumber(from),
            keep_ms,
            relay,
        },
    )
}

fn start() -> impl Strategy<Value = StreamStart> {
    (stream(), format(), index(), index(), option::of(stream()), text()).prop_map(
        |(stream, format, from, transcribed, continues, label)| StreamStart {
            stream,
            format,
            from,
            transcribed,
            continues,
            label,
        },
    )
}

fn gap() -> impl Strategy<Value = Gap> {
    let causes = select(vec![
        GapCause::Radio,
        GapCause::Overflow,
        GapCause::Rejected,
        GapCause::Absent,
        GapCause::Disk,
        GapCause::RelayLostHistory,
        GapCause::NotTranscribed,
        GapCause::Unknown,
    ]);
    (stream(), index(), 0u64..1 << 40, format(), causes).prop_map(|(stream, from, frames, format, cause)| {
        let to = FrameIndex((from.0 + frames).min((1 << 63) - 1));
        Gap::new(stream, from, to, cause, &format)
    })
}

fn clock() -> impl Strategy<Value = ClockMark> {
    (stream(), index(), any::<u64>(), any::<i64>(), any::<i32>()).prop_map(
        |(stream, index, monotonic_us, utc_ms, utc_offset_min)| ClockMark {
            stream,
            index,
            monotonic_us,
            utc_ms,
            utc_offset_min,
        },
    )
}

fn sums() -> impl Strategy<Value = StreamSums> {
    (stream(), any::<[u64; 5]>()).prop_map(|(stream, [captured, acknowledged, buffered, lost, absent])| {
        StreamSums { stream, captured, acknowledged, buffered, lost, absent }
    })
}

fn event() -> impl Strategy<Value = TranscriptEvent> {
    let word = (text(), index(), index(), any::<bool>()).prop_map(|(text, from, to, estimated)| Word {
        text,
        from,
        to,
        estimated,
    });
    let settled = (stream(), index(), index(), text(), vec(word, 0..6))
        .prop_map(|(stream, from, to, text, words)| Final { stream, from, to, text, words });
    prop_oneof![settled.prop_map(TranscriptEvent::Final), gap().prop_map(TranscriptEvent::Gap)]
}

fn report() -> impl Strategy<Value = ErrorReport> {
    let categories = select(vec![
        Category::Network,
        Category::Relay,
        Category::Credentials,
        Category::Protocol,
        Category::Audio,
        Category::Local,
    ]);
    let severities = select(vec![Severity::Warning, Severity::Error]);
    let retries = select(vec![Retry::Automatic, Retry::AfterRemedy]);
    (text(), categories, severities, retries, text(), text()).prop_map(
        |(code, category, severity, retry, message, remedy)| ErrorReport {
            code,
            category,
            severity,
            retry,
            message,
            remedy,
            trace: None,
        },
    )
}

fn engine() -> impl Strategy<Value = EngineState> {
    select(vec![
        EngineState::Ready,
        EngineState::Loading,
        EngineState::NotInstalled,
        EngineState::Degraded,
        EngineState::Disabled,
        EngineState::Unknown,
    ])
}

fn stream() -> impl Strategy<Value = StreamId> {
    any::<u32>().prop_map(StreamId)
}

fn index() -> impl Strategy<Value = FrameIndex> {
    (0u64..1 << 63).prop_map(FrameIndex)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u64>().prop_map(Epoch)
}

fn session() -> impl Strategy<Value = SessionId> {
    any::<u128>().prop_map(SessionId)
}

/// Any text, control characters and other scripts included.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("(?s).{0,24}").unwrap()
}
