use crate::Cause;

/// WebSocket close codes of `glasslink.v1`. Codes from 4000 are ours; the rest are RFC 6455's and IANA's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum CloseCode {
    /// The session was finished by a `bye`.
    Normal = 1000,
    /// The relay goes away and does not say when it will be back.
    GoingAway = 1001,
    /// A message was larger than the relay takes.
    TooLarge = 1009,
    /// The relay restarts; `restarting` said when to come back.
    Restarting = 1012,
    /// A message could not be understood, or came out of turn.
    ProtocolError = 4400,
    Unauthorized = 4401,
    Forbidden = 4403,
    /// No message came for three times the announced ping interval.
    Timeout = 4408,
    /// Another holder attached to the session later.
    Superseded = 4409,
    UnsupportedVersion = 4426,
    RateLimited = 4429,
    Overloaded = 4503,
}

impl CloseCode {
    /// In ascending order.
    pub const ALL: [Self; 12] = [
        Self::Normal,
        Self::GoingAway,
        Self::TooLarge,
        Self::Restarting,
        Self::ProtocolError,
        Self::Unauthorized,
        Self::Forbidden,
        Self::Timeout,
        Self::Superseded,
        Self::UnsupportedVersion,
        Self::RateLimited,
        Self::Overloaded,
    ];

    /// The number on the wire.
    pub fn code(self) -> u16 {
        self as u16
    }

    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// What a client makes of a close with `code`.
    pub fn cause(code: u16) -> Cause {
        match Self::from_code(code) {
            Some(Self::Normal | Self::GoingAway | Self::Timeout) => Cause::Reset,
            Some(Self::Restarting) => Cause::Restarting,
            Some(Self::TooLarge | Self::ProtocolError) | None => Cause::ProtocolError,
            Some(Self::Unauthorized) => Cause::Unauthorized,
            Some(Self::Forbidden) => Cause::Forbidden,
            Some(Self::Superseded) => Cause::Superseded,
            Some(Self::UnsupportedVersion) => Cause::UnsupportedVersion,
            Some(Self::RateLimited) => Cause::RateLimited,
            Some(Self::Overloaded) => Cause::Overloaded,
        }
    }
}
