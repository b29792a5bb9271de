use std::time::Duration;

/// What the link is. Discrete: never the same twice in a row.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LinkState {
    /// Nobody asked for a connection yet.
    Idle,
    /// A connection is being opened. `attempt` counts from 1 since the link was last healthy.
    Connecting { attempt: u32 },
    /// The connection is open and the relay has not said yet where it stands.
    Resuming { attempt: u32 },
    /// The relay answered and what is captured flows.
    Live,
    /// The next attempt starts in `retry_in`.
    Waiting { attempt: u32, retry_in: Duration, cause: Cause },
    /// No attempt is made until somebody does what the cause's remedy says.
    Refused { cause: Cause },
    /// The program closed the link.
    Closed,
    /// A state that a later version adds.
    Unknown { code: String },
}

/// Why a connection attempt failed or a connection ended, with words for a person.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Cause {
    pub kind: CauseKind,
    /// Stable, for programs and logs: `unauthorized`.
    pub code: String,
    /// One sentence: what is wrong.
    pub reason: String,
    /// One sentence: what to do about it.
    pub remedy: String,
    /// Whether the link stops trying until somebody acts on the remedy.
    pub is_terminal: bool,
}

/// Why, to be told apart.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum CauseKind {
    /// The relay's name does not resolve.
    Dns,
    /// The relay's port does not accept connections.
    ConnectionRefused,
    /// The connection was reset or closed by the other side.
    Reset,
    /// The connection was not established in time.
    Timeout,
    /// The TLS handshake failed.
    Tls,
    /// The relay's certificate is not trusted.
    Certificate,
    /// A proxy in between refused the connection.
    Proxy,
    /// The relay, or something in its place, answered with this status.
    HttpStatus {
        status: u16,
    },
    Overloaded,
    Restarting,
    Unauthorized,
    Forbidden,
    /// Another program attached to this session.
    Superseded,
    RateLimited,
    UnsupportedVersion,
    ProtocolError,
    /// The program could not get the credentials it needs to connect.
    CredentialsUnavailable,
    /// The system says that there is no network.
    NetworkDown,
    /// The connection was open and nothing came back over it.
    Stalled,
    /// The program itself closed the link.
    LocalClose,
    /// A cause that a later version adds.
    Unknown {
        code: String,
    },
}

/// Figures of the link at one moment.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct LinkStats {
    /// Frames, all streams together: `captured = acknowledged + buffered + lost`.
    pub captured: u64,
    pub acknowledged: u64,
    pub buffered: u64,
    pub lost: u64,
    /// Frames of time without a source.
    pub absent: u64,
    /// Bytes of frames in memory.
    pub buffered_bytes: u64,
    /// Stream time of the buffered frames of the fullest stream.
    pub buffered_time: Duration,
    pub rtt: Option<Duration>,
    /// Connections that were live and were lost.
    pub reconnects: u64,
    /// Audio messages and their bytes, resends included.
    pub sent_messages: u64,
    pub sent_bytes: u64,
}

/// What the relay last said of its speech engine.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct EngineStatus {
    pub state: EngineState,
    /// One sentence for a person.
    pub message: String,
    /// What to do about it; empty when all is well.
    pub remedy: String,
    /// The engine that what is said goes to now; `None`: to none.
    pub engine: Option<String>,
    /// The host it runs on; `None`: the relay's own machine.
    pub host: Option<String>,
}

/// Whether speech is transcribed.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum EngineState {
    Ready,
    /// On its way; audio is kept meanwhile.
    Loading,
    NotInstalled,
    /// It fails or lags; audio is kept meanwhile.
    Degraded,
    /// This relay has no engine and will not have one.
    Disabled,
    /// A state that this version does not know.
    Unknown {
        code: String,
    },
}

impl From<glasslink::LinkState> for LinkState {
    fn from(state: glasslink::LinkState) -> Self {
        use glasslink::LinkState as Core;
        match state {
            Core::Idle => Self::Idle,
            Core::Connecting { attempt } => Self::Connecting { attempt },
            Core::Resuming { attempt } => Self::Resuming { attempt },
            Core::Live => Self::Live,
            Core::Waiting { attempt, retry_in, cause } => {
                Self::Waiting { attempt, retry_in, cause: cause.into() }
            }
            Core::Refused { cause, .. } => Self::Refused { cause: cause.into() },
            Core::Closed => Self::Closed,
        }
    }
}

impl From<glasslink::Cause> for Cause {
    fn from(cause: glasslink::Cause) -> Self {
        Self {
            kind: cause.into(),
            code: cause.code().into(),
            reason: cause.to_string(),
            remedy: cause.remedy().into(),
            is_terminal: cause.is_terminal(),
        }
    }
}

impl From<glasslink::Cause> for CauseKind {
    fn from(cause: glasslink::Cause) -> Self {
        use glasslink::Cause as Core;
        match cause {
            Core::Dns => Self::Dns,
            Core::ConnectionRefused => Self::ConnectionRefused,
            Core::Reset => Self::Reset,
            Core::Timeout => Self::Timeout,
            Core::Tls => Self::Tls,
            Core::Certificate => Self::Certificate,
            Core::Proxy => Self::Proxy,
            Core::HttpStatus(status) => Self::HttpStatus { status },
            Core::Overloaded => Self::Overloaded,
            Core::Restarting => Self::Restarting,
            Core::Unauthorized => Self::Unauthorized,
            Core::Forbidden => Self::Forbidden,
            Core::Superseded => Self::Superseded,
            Core::RateLimited => Self::RateLimited,
            Core::UnsupportedVersion => Self::UnsupportedVersion,
            Core::ProtocolError => Self::ProtocolError,
            Core::CredentialsUnavailable => Self::CredentialsUnavailable,
            Core::NetworkDown => Self::NetworkDown,
            Core::Stalled => Self::Stalled,
            Core::LocalClose => Self::LocalClose,
        }
    }
}

impl From<glasslink::LinkStats> for LinkStats {
    fn from(stats: glasslink::LinkStats) -> Self {
        Self {
            captured: stats.captured,
            acknowledged: stats.acknowledged,
            buffered: stats.buffered,
            lost: stats.lost,
            absent: stats.absent,
            buffered_bytes: stats.buffered_bytes as u64,
            buffered_time: stats.buffered_time,
            rtt: stats.rtt,
            reconnects: stats.reconnects,
            sent_messages: stats.sent_messages,
            sent_bytes: stats.sent_bytes,
        }
    }
}

impl From<glasslink::Engine> for EngineStatus {
    fn from(engine: glasslink::Engine) -> Self {
        let (name, host) = engine.speech_to.map_or((None, None), |to| (Some(to.engine), to.host));
        let (message, remedy) = (engine.message, engine.remedy);
        Self { state: engine.state.into(), message, remedy, engine: name, host }
    }
}

impl From<glasslink::EngineState> for EngineState {
    fn from(state: glasslink::EngineState) -> Self {
        use glasslink::EngineState as Core;
        match state {
            Core::Ready => Self::Ready,
            Core::Loading => Self::Loading,
            Core::NotInstalled => Self::NotInstalled,
            Core::Degraded => Self::Degraded,
            Core::Disabled => Self::Disabled,
            Core::Unknown => Self::Unknown { code: "unknown".into() },
        }
    }
}
