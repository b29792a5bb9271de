//! One value of every wire message, and of every shape a message takes.

use glasslink_protocol::{
    AppState, AppStatus, AudioMessage, Capabilities, Cause, ClientMessage, ClockMark, DeviceEvent, Display,
    DisplaySize, Durability, EngineState, Epoch, ErrorReport, EventNumber, Final, FrameIndex, Gap, GapCause,
    Layout, Partial, Press, RelayMessage, ResumedStream, SessionId, SpeechTo, StreamFormat, StreamId,
    StreamStart, StreamSums, Touch, TranscriptEvent, View, Word,
};

pub(crate) const SESSION: SessionId = SessionId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
pub(crate) const EARLIER_SESSION: SessionId = SessionId(0xfedc_ba98_7654_3210_8899_aabb_ccdd_eeff);

pub(crate) const CLIENT_VARIANTS: [&str; 14] = [
    "audio_stalled",
    "bye",
    "capabilities",
    "clock",
    "device_event",
    "end",
    "gap",
    "hello",
    "open",
    "ping",
    "ping_interval",
    "pong",
    "run_app",
    "sums",
];

pub(crate) const RELAY_VARIANTS: [&str; 16] = [
    "app",
    "display",
    "ended",
    "error",
    "kept",
    "partial",
    "ping",
    "pong",
    "received",
    "rejected",
    "restarting",
    "send_pcm",
    "status",
    "transcribed",
    "transcript",
    "welcome",
];

/// The message's `type`. A new variant does not compile until it is named here, and fails until it has a sample.
pub(crate) fn client_variant(message: &ClientMessage) -> &'static str {
    match message {
        ClientMessage::Hello { .. } => "hello",
        ClientMessage::Open(_) => "open",
        ClientMessage::Gap(_) => "gap",
        ClientMessage::Clock(_) => "clock",
        ClientMessage::End { .. } => "end",
        ClientMessage::Sums { .. } => "sums",
        ClientMessage::AudioStalled { .. } => "audio_stalled",
        ClientMessage::DeviceEvent(_) => "device_event",
        ClientMessage::Capabilities(_) => "capabilities",
        ClientMessage::RunApp { .. } => "run_app",
        ClientMessage::PingInterval { .. } => "ping_interval",
        ClientMessage::Ping { .. } => "ping",
        ClientMessage::Pong { .. } => "pong",
        ClientMessage::Bye => "bye",
        ClientMessage::Unknown => "unknown",
    }
}

pub(crate) fn relay_variant(message: &RelayMessage) -> &'static str {
    match message {
        RelayMessage::Welcome { .. } => "welcome",
        RelayMessage::Received { .. } => "received",
        RelayMessage::Kept { .. } => "kept",
        RelayMessage::Rejected { .. } => "rejected",
        RelayMessage::Transcript { .. } => "transcript",
        RelayMessage::Partial(_) => "partial",
        RelayMessage::Transcribed { .. } => "transcribed",
        RelayMessage::Ended { .. } => "ended",
        RelayMessage::Status { .. } => "status",
        RelayMessage::SendPcm { .. } => "send_pcm",
        RelayMessage::Display(_) => "display",
        RelayMessage::App(_) => "app",
        RelayMessage::Ping { .. } => "ping",
        RelayMessage::Pong { .. } => "pong",
        RelayMessage::Error(_) => "error",
        RelayMessage::Restarting { .. } => "restarting",
        RelayMessage::Unknown => "unknown",
    }
}

pub(crate) fn client_messages() -> Vec<(&'static str, ClientMessage)> {
    let mut messages = vec![
        ("hello_first", first_hello()),
        ("hello_resuming", resuming_hello()),
        ("hello_allowing_remote_speech", allowing_hello()),
        ("open", ClientMessage::Open(microphone())),
        ("open_opus", ClientMessage::Open(start(StreamFormat::opus(48_000, 960).unwrap(), 2))),
        ("open_pcm", ClientMessage::Open(start(StreamFormat::pcm(16_000).unwrap(), 3))),
        (
            "clock",
            ClientMessage::Clock(ClockMark {
                stream: StreamId(1),
                index: FrameIndex(1_000),
                monotonic_us: 86_400_123_456,
                utc_ms: 1_790_000_000_250,
                utc_offset_min: -210,
            }),
        ),
        ("end", ClientMessage::End { stream: StreamId(1), at: FrameIndex(4_440) }),
        (
            "sums",
            ClientMessage::Sums {
                streams: vec![StreamSums {
                    stream: StreamId(1),
                    captured: 4_440,
                    acknowledged: 4_000,
                    buffered: 390,
                    lost: 50,
                    absent: 7,
                }],
            },
        ),
        ("audio_stalled", ClientMessage::AudioStalled { stream: StreamId(1), rearms: 2, given_up: false }),
        ("capabilities", ClientMessage::Capabilities(glasses())),
        ("capabilities_of_a_pendant", ClientMessage::Capabilities(pendant())),
        ("run_app", ClientMessage::RunApp { app: "com.example.captions".into(), run: false }),
        ("ping", ClientMessage::Ping { id: 12 }),
        ("pong", ClientMessage::Pong { id: 13 }),
        ("ping_interval", ClientMessage::PingInterval { ping_ms: 30_000 }),
        ("bye", ClientMessage::Bye),
    ];
    for (name, cause) in GAPS {
        messages.push((name, ClientMessage::Gap(gap(cause))));
    }
    for (name, event) in device_events() {
        messages.push((name, ClientMessage::DeviceEvent(event)));
    }
    messages
}

fn device_events() -> Vec<(&'static str, DeviceEvent)> {
    vec![
        ("device_connection", DeviceEvent::Connection { connected: true }),
        ("device_battery", DeviceEvent::Battery { level: 87, charging: false }),
        ("device_head", DeviceEvent::Head { up: true }),
        ("device_button", DeviceEvent::Button { button: "main".into(), press: Press::Long }),
        ("device_touch", DeviceEvent::Touch { gesture: Touch::DoubleTap }),
    ]
}

pub(crate) fn glasses() -> Capabilities {
    Capabilities {
        model: "Even Realities G1".into(),
        display: Some(DisplaySize { width: 576, height: 136, lines: 5, bitmaps: true }),
        microphone: true,
        touch: true,
        head: true,
        battery: true,
        ..Capabilities::default()
    }
}

fn pendant() -> Capabilities {
    Capabilities { model: "Omi".into(), microphone: true, ..Capabilities::default() }
}

fn displays() -> Vec<(&'static str, Layout)> {
    let text = |text: &str| text.to_owned();
    vec![
        ("display_text_wall", Layout::TextWall { text: text("Hello") }),
        ("display_double_text_wall", Layout::DoubleTextWall { top: text("one"), bottom: text("two") }),
        ("display_reference_card", Layout::ReferenceCard { title: text("Title"), text: text("words") }),
        ("display_dashboard_card", Layout::DashboardCard { left: text("12:30"), right: text("87 %") }),
        ("display_bitmap_view", Layout::BitmapView { data: text("Qk0=") }),
        ("display_clear_view", Layout::ClearView),
    ]
}

fn shown((name, layout): (&'static str, Layout)) -> (&'static str, RelayMessage) {
    let view = if name.contains("dashboard") { View::Dashboard } else { View::Main };
    let duration_ms = (name == "display_text_wall").then_some(3_000);
    (name, RelayMessage::Display(Display { app: "com.example.captions".into(), view, layout, duration_ms }))
}

fn app((name, state): (&'static str, AppState)) -> (&'static str, RelayMessage) {
    let status = AppStatus { app: "com.example.captions".into(), name: "Captions".into(), state };
    (name, RelayMessage::App(status))
}

const APPS: [(&str, AppState); 3] =
    [("app_running", AppState::Running), ("app_away", AppState::Away), ("app_stopped", AppState::Stopped)];

pub(crate) fn relay_messages() -> Vec<(&'static str, RelayMessage)> {
    let mut messages = vec![
        ("welcome_new", welcome(Durability::Memory, vec![], 1)),
        ("welcome_resumed", welcome(Durability::Disk, resumed(), 42)),
        ("received", received(None)),
        ("received_with_limit", received(Some(FrameIndex(2_400)))),
        ("kept", RelayMessage::Kept { stream: StreamId(1), next: FrameIndex(1_960) }),
        (
            "rejected",
            RelayMessage::Rejected {
                stream: StreamId(1),
                first: FrameIndex(2_000),
                to: FrameIndex(2_005),
                error: Cause::ProtocolError.report(),
            },
        ),
        (
            "transcript_final",
            RelayMessage::Transcript { number: EventNumber(43), event: TranscriptEvent::Final(settled()) },
        ),
        (
            "transcript_gap",
            RelayMessage::Transcript {
                number: EventNumber(44),
                event: TranscriptEvent::Gap(gap(GapCause::RelayLostHistory)),
            },
        ),
        (
            "partial",
            RelayMessage::Partial(Partial {
                stream: StreamId(1),
                from: FrameIndex(1_040),
                revision: 2,
                text: "It was the best".into(),
            }),
        ),
        ("transcribed", RelayMessage::Transcribed { stream: StreamId(1), to: FrameIndex(1_500) }),
        ("ended", RelayMessage::Ended { stream: StreamId(1) }),
        ("ping", RelayMessage::Ping { id: 12 }),
        ("pong", RelayMessage::Pong { id: 13 }),
        ("status_ready_here", ready("moonshine-tiny-en", None)),
        ("status_ready_elsewhere", ready("deepgram", Some("api.deepgram.com"))),
        (
            "error",
            RelayMessage::Error(ErrorReport {
                message: "this relay takes 8 streams a session".into(),
                remedy: "End a stream first.".into(),
                ..Cause::RateLimited.report()
            }),
        ),
        ("send_pcm", RelayMessage::SendPcm { stream: StreamId(1) }),
        ("restarting", RelayMessage::Restarting { reconnect_in_ms: 500, spread_ms: 2_000 }),
    ];
    for (name, engine) in ENGINES {
        messages.push((name, status(engine)));
    }
    messages.extend(displays().into_iter().map(shown));
    messages.extend(APPS.map(app));
    messages
}

pub(crate) fn audio_messages() -> [(&'static str, StreamFormat, AudioMessage<'static>); 4] {
    const LC3: [u8; 100] = [0x5a; 100];
    const OPUS: &[u8] = &[2, 0, 0xf8, 0xff, 1, 0, 0xf8, 3, 0, 1, 2, 3];
    const PCM: [u8; 320] = [0x10; 320];
    let message = |stream, first, count, body| AudioMessage {
        stream: StreamId(stream),
        first: FrameIndex(first),
        count,
        body,
    };
    [
        ("lc3_five_frames", StreamFormat::lc3(16_000, 20).unwrap(), message(1, 2_000, 5, &LC3)),
        ("opus_three_frames", StreamFormat::opus(48_000, 960).unwrap(), message(2, 0, 3, OPUS)),
        ("pcm_one_frame", StreamFormat::pcm(16_000).unwrap(), message(3, 7, 1, &PCM)),
        (
            "largest_numbers",
            StreamFormat::lc3(16_000, 20).unwrap(),
            message(u32::MAX, (1 << 63) - 1, 1, LC3.first_chunk::<20>().unwrap()),
        ),
    ]
}

/// Messages with nothing but what they must have.
pub(crate) fn short_client_messages() -> Vec<(&'static str, &'static str, ClientMessage)> {
    vec![
        (
            "hello",
            r#"{"type":"hello","session":"0123456789abcdef0011223344556677","holder":7,"attach":1,"take":false,"ping_ms":5000}"#,
            ClientMessage::Hello {
                session: SESSION,
                holder: 7,
                attach: 1,
                take: false,
                epoch: None,
                events_after: EventNumber(0),
                ping_ms: 5_000,
                streams: vec![],
                continues: None,
                client: String::new(),
                remote_speech: false,
            },
        ),
        (
            "open",
            r#"{"type":"open","stream":1,"format":{"codec":"lc3","sample_rate":16000,"frame_samples":160,"frame_bytes":20}}"#,
            ClientMessage::Open(StreamStart {
                label: String::new(),
                ..start(StreamFormat::lc3(16_000, 20).unwrap(), 1)
            }),
        ),
    ]
}

pub(crate) fn short_relay_messages() -> Vec<(&'static str, &'static str, RelayMessage)> {
    vec![
        (
            "welcome",
            r#"{"type":"welcome","session":"0123456789abcdef0011223344556677","epoch":9,"durability":"memory","keep_ms":600000}"#,
            RelayMessage::Welcome {
                session: SESSION,
                epoch: Epoch(9),
                durability: Durability::Memory,
                streams: vec![],
                events_from: EventNumber(0),
                keep_ms: 600_000,
                relay: String::new(),
            },
        ),
        ("received", r#"{"type":"received","stream":1,"next":2000}"#, received(None)),
        (
            "final_without_words",
            r#"{"type":"transcript","number":43,"event":{"kind":"final","stream":1,"from":1040,"to":1100,"text":"It was"}}"#,
            RelayMessage::Transcript {
                number: EventNumber(43),
                event: TranscriptEvent::Final(Final { words: vec![], ..settled() }),
            },
        ),
        (
            "restarting",
            r#"{"type":"restarting","reconnect_in_ms":500}"#,
            RelayMessage::Restarting { reconnect_in_ms: 500, spread_ms: 0 },
        ),
    ]
}

/// What a later version may add.
pub(crate) const NEWER: &[(&str, &str)] = &[
    ("unknown_type", r#"{"type":"hologram","stream":1,"depth":{"near":[1,2,3]}}"#),
    ("ping_with_more_fields", r#"{"type":"ping","id":3,"sent_at":{"ms":5},"hint":null}"#),
    ("gap_of_unknown_cause", r#"{"type":"gap","stream":1,"from":10,"to":20,"ms":100,"cause":"eclipse"}"#),
    (
        "status_of_unknown_engine_state",
        r#"{"type":"status","engine":"dreaming","message":"The engine dreams."}"#,
    ),
];

pub(crate) const CAUSES: [Cause; 20] = [
    Cause::Dns,
    Cause::ConnectionRefused,
    Cause::Reset,
    Cause::Timeout,
    Cause::Tls,
    Cause::Certificate,
    Cause::Proxy,
    Cause::HttpStatus(502),
    Cause::Overloaded,
    Cause::Restarting,
    Cause::Unauthorized,
    Cause::Forbidden,
    Cause::Superseded,
    Cause::RateLimited,
    Cause::UnsupportedVersion,
    Cause::ProtocolError,
    Cause::CredentialsUnavailable,
    Cause::NetworkDown,
    Cause::Stalled,
    Cause::LocalClose,
];

/// Does not compile for a cause added without a look at the list above.
pub(crate) fn cause_is_listed(cause: Cause) -> bool {
    match cause {
        Cause::Dns
        | Cause::ConnectionRefused
        | Cause::Reset
        | Cause::Timeout
        | Cause::Tls
        | Cause::Certificate
        | Cause::Proxy
        | Cause::HttpStatus(_)
        | Cause::Overloaded
        | Cause::Restarting
        | Cause::Unauthorized
        | Cause::Forbidden
        | Cause::Superseded
        | Cause::RateLimited
        | Cause::UnsupportedVersion
        | Cause::ProtocolError
        | Cause::CredentialsUnavailable
        | Cause::NetworkDown
        | Cause::Stalled
        | Cause::LocalClose => CAUSES.contains(&cause),
    }
}

const GAPS: [(&str, GapCause); 7] = [
    ("gap_radio", GapCause::Radio),
    ("gap_overflow", GapCause::Overflow),
    ("gap_rejected", GapCause::Rejected),
    ("gap_absent", GapCause::Absent),
    ("gap_disk", GapCause::Disk),
    ("gap_relay_lost_history", GapCause::RelayLostHistory),
    ("gap_not_transcribed", GapCause::NotTranscribed),
];

const ENGINES: [(&str, EngineState); 5] = [
    ("status_ready", EngineState::Ready),
    ("status_loading", EngineState::Loading),
    ("status_not_installed", EngineState::NotInstalled),
    ("status_degraded", EngineState::Degraded),
    ("status_disabled", EngineState::Disabled),
];

pub(crate) fn first_hello() -> ClientMessage {
    ClientMessage::Hello {
        session: SESSION,
        holder: 6_021_023,
        attach: 1,
        take: true,
        epoch: None,
        events_after: EventNumber(0),
        ping_ms: 5_000,
        streams: vec![],
        continues: Some(EARLIER_SESSION),
        client: "replay 0.1.0".into(),
        remote_speech: false,
    }
}

fn allowing_hello() -> ClientMessage {
    let mut hello = first_hello();
    if let ClientMessage::Hello { remote_speech, .. } = &mut hello {
        *remote_speech = true;
    }
    hello
}

fn resuming_hello() -> ClientMessage {
    ClientMessage::Hello {
        session: SESSION,
        holder: 6_021_023,
        attach: 4,
        take: false,
        epoch: Some(Epoch(9)),
        events_after: EventNumber(41),
        ping_ms: 30_000,
        streams: vec![
            StreamStart { from: FrameIndex(1_960), transcribed: FrameIndex(1_500), ..microphone() },
            StreamStart {
                continues: Some(StreamId(1)),
                ..start(StreamFormat::opus(48_000, 960).unwrap(), 2)
            },
        ],
        continues: None,
        client: "replay 0.1.0".into(),
        remote_speech: false,
    }
}

fn microphone() -> StreamStart {
    StreamStart { label: "Mikrofon „Büro“".into(), ..start(StreamFormat::lc3(16_000, 20).unwrap(), 1) }
}

fn start(format: StreamFormat, stream: u32) -> StreamStart {
    StreamStart {
        stream: StreamId(stream),
        format,
        from: FrameIndex(0),
        transcribed: FrameIndex(0),
        continues: None,
        label: String::new(),
    }
}

fn welcome(durability: Durability, streams: Vec<ResumedStream>, events_from: u64) -> RelayMessage {
    RelayMessage::Welcome {
        session: SESSION,
        epoch: Epoch(9),
        durability,
        streams,
        events_from: EventNumber(events_from),
        keep_ms: 600_000,
        relay: "glasslink-relay 0.1.0".into(),
    }
}

fn resumed() -> Vec<ResumedStream> {
    vec![
        ResumedStream {
            stream: StreamId(1),
            received: FrameIndex(2_000),
            kept: FrameIndex(1_960),
            transcribed: FrameIndex(1_500),
            limit: Some(FrameIndex(2_400)),
            ended: false,
        },
        ResumedStream {
            stream: StreamId(2),
            received: FrameIndex(500),
            kept: FrameIndex(500),
            transcribed: FrameIndex(500),
            limit: None,
            ended: true,
        },
    ]
}

fn received(limit: Option<FrameIndex>) -> RelayMessage {
    RelayMessage::Received { stream: StreamId(1), next: FrameIndex(2_000), limit }
}

pub(crate) fn settled() -> Final {
    let word = |text: &str, from, to| Word {
        text: text.into(),
        from: FrameIndex(from),
        to: FrameIndex(to),
        estimated: true,
    };
    Final {
        stream: StreamId(1),
        from: FrameIndex(1_040),
        to: FrameIndex(1_100),
        text: "It was".into(),
        words: vec![word("It", 1_040, 1_065), word("was", 1_065, 1_100)],
    }
}

pub(crate) fn gap(cause: GapCause) -> Gap {
    Gap { stream: StreamId(1), from: FrameIndex(900), to: FrameIndex(1_040), ms: 1_400, cause }
}

fn status(engine: EngineState) -> RelayMessage {
    let (message, remedy) = ("One sentence.".into(), "What to do.".into());
    RelayMessage::Status { engine, message, remedy, speech_to: None }
}

fn ready(engine: &str, host: Option<&str>) -> RelayMessage {
    RelayMessage::Status {
        engine: EngineState::Ready,
        message: "One sentence.".into(),
        remedy: String::new(),
        speech_to: Some(SpeechTo { engine: engine.into(), host: host.map(Into::into) }),
    }
}
