use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::head::Head;

/// What goes wrong, for which connections, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Rule {
    pub fault: Fault,
    pub when: When,
    /// The next so many connections only. `None`: every connection, the open ones included.
    pub times: Option<u32>,
    /// The rule goes by itself after this long.
    pub lasting: Option<Duration>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The port is closed: the system refuses.
    Refuse,
    /// The port is open and nothing answers, as if every packet were lost. Linux only; elsewhere as `Refuse`.
    Unanswered,
    /// The connection ends with a FIN: at once, or cut when the condition is met.
    Close,
    /// The connection ends with an RST.
    Reset,
    /// Nothing passes and nobody says so. When the rule goes, what was sent meanwhile passes.
    BlackHole,
    /// Each way takes longer; opening takes a round trip of it more, as a handshake would. Order is kept.
    Delay { latency: Duration, jitter: Duration },
    /// Each way takes this much and no more.
    Throttle { bytes_per_second: u32 },
    /// The first request is answered with this status, and the connection closed.
    Answer { status: u16, retry_after_s: Option<u32> },
    /// The first request loses its wish for another protocol, as in middleboxes that know no WebSocket.
    StripUpgrade,
    /// A TLS handshake is answered with what is no TLS.
    TlsGarbage,
    /// A TLS handshake is answered with a certificate for another name, signed by nobody.
    TlsCertificate,
}

/// Which connections, and from when on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Bytes one way only. A connection that ends ends both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Once exactly this many bytes went in `direction`, from the connection's beginning: in the middle of a frame, if
    /// need be. TLS counts as it is on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_bytes: Option<u64>,
    /// This long after the connection was opened or the rule was made, whichever is later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    /// The first request's `Host`, without the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The first request's path begins with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether the first request wants to become a WebSocket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From client to upstream.
    Up,
    /// From upstream to client.
    Down,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// With a FIN.
    Close,
    /// With an RST.
    Reset,
}

/// The rule makes no sense as it stands; the sentence says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RuleError(String);

impl Rule {
    pub fn new(fault: Fault) -> Self {
        Self { fault, when: When::default(), times: None, lasting: None }
    }

    /// Every byte takes `latency` longer, each way.
    pub fn delay(latency: Duration) -> Self {
        Self::new(Fault::Delay { latency, jitter: Duration::ZERO })
    }

    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    #[must_use]
    pub fn lasting(self, lasting: Duration) -> Self {
        Self { lasting: Some(lasting), ..self }
    }

    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    #[must_use]
    pub fn after_bytes(self, direction: Direction, bytes: u64) -> Self {
        let when = When { direction: Some(direction), after_bytes: Some(bytes), ..self.when };
        Self { when, ..self }
    }

    #[must_use]
    pub fn on_upgrade(self) -> Self {
        let when = When { upgrade: Some(true), ..self.when };
        Self { when, ..self }
    }

    /// What a rule must not be.
    pub(crate) fn check(self) -> Result<Self, RuleError> {
        let refused = |sentence: &str| Err(RuleError(format!("{}: {sentence}", self.fault.name())));
        let When { direction, after_bytes, after_ms, .. } = &self.when;
        if after_bytes.is_some() && direction.is_none() {
            return refused("after_bytes needs a direction, up or down");
        }
        if self.times == Some(0) {
            return refused("times is at least 1; leave it out for every connection");
        }
        if self.fault.is_the_ports() && (self.times.is_some() || self.when != When::default()) {
            return refused(
                "the port is closed to everybody, so neither times nor when; use for_ms, or reset",
            );
        }
        let mid_way = direction.is_some() || after_bytes.is_some() || after_ms.is_some();
        if self.fault.is_an_answer() && mid_way {
            return refused("it answers the beginning, so neither direction, after_bytes nor after_ms");
        }
        if self.fault.is_of_tls() && self.when.wants_request() {
            return refused("it comes before any request, so neither host, path nor upgrade");
        }
        match self.fault {
            Fault::Answer { status, .. } if !(200..600).contains(&status) => {
                refused("status is between 200 and 599")
            }
            Fault::Throttle { bytes_per_second: 0 } => {
                refused("bytes_per_second is at least 1; nothing at all is black_hole")
            }
            _ => Ok(self),
        }
    }
}

impl Fault {
    /// As in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Unanswered => "unanswered",
            Self::Close => "close",
            Self::Reset => "reset",
            Self::BlackHole => "black_hole",
            Self::Delay { .. } => "delay",
            Self::Throttle { .. } => "throttle",
            Self::Answer { .. } => "answer",
            Self::StripUpgrade => "strip_upgrade",
            Self::TlsGarbage => "tls_garbage",
            Self::TlsCertificate => "tls_certificate",
        }
    }

    pub(crate) fn is_the_ports(&self) -> bool {
        matches!(self, Self::Refuse | Self::Unanswered)
    }

    pub(crate) fn is_of_tls(&self) -> bool {
        matches!(self, Self::TlsGarbage | Self::TlsCertificate)
    }

    pub(crate) fn is_of_http(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::StripUpgrade)
    }

    fn is_an_answer(&self) -> bool {
        self.is_of_tls() || self.is_of_http()
    }

    pub(crate) fn ends(&self) -> Option<How> {
        match self {
            Self::Close => Some(How::Close),
            Self::Reset => Some(How::Reset),
            _ => None,
        }
    }
}

impl When {
    /// Whether it can be told only once the first request is there.
    pub(crate) fn wants_request(&self) -> bool {
        self.host.is_some() || self.path.is_some() || self.upgrade.is_some()
    }

    pub(crate) fn fits(&self, head: &Head) -> bool {
        let host = self.host.as_ref().is_none_or(|host| host.eq_ignore_ascii_case(&head.host));
        let path = self.path.as_ref().is_none_or(|path| head.path.starts_with(path.as_str()));
        host && path && self.upgrade.is_none_or(|upgrade| upgrade == head.upgrade)
    }
}

/// A rule as JSON: flat, and nothing in it that is not known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    fault: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
    #[serde(default)]
    when: When,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    for_ms: Option<u64>,
}

impl TryFrom<Wire> for Rule {
    type Error = RuleError;

    fn try_from(mut wire: Wire) -> Result<Self, RuleError> {
        let missing = |what: &str| RuleError(format!("{} wants {what}", wire.fault));
        let ms = Duration::from_millis;
        let fault = match wire.fault.as_str() {
            "refuse" => Fault::Refuse,
            "unanswered" => Fault::Unanswered,
            "close" => Fault::Close,
            "reset" => Fault::Reset,
            "black_hole" => Fault::BlackHole,
            "delay" => Fault::Delay {
                latency: ms(wire.latency_ms.take().ok_or_else(|| missing("latency_ms"))?),
                jitter: ms(wire.jitter_ms.take().unwrap_or_default()),
            },
            "throttle" => Fault::Throttle {
                bytes_per_second: wire.bytes_per_second.take().ok_or_else(|| missing("bytes_per_second"))?,
            },
            "answer" => Fault::Answer {
                status: wire.status.take().ok_or_else(|| missing("status"))?,
                retry_after_s: wire.retry_after_s.take(),
            },
            "strip_upgrade" => Fault::StripUpgrade,
            "tls_garbage" => Fault::TlsGarbage,
            "tls_certificate" => Fault::TlsCertificate,
            other => return Err(RuleError(format!("there is no fault {other}; GET / lists them"))),
        };
        let left = [
            ("latency_ms", wire.latency_ms.is_some()),
            ("jitter_ms", wire.jitter_ms.is_some()),
            ("bytes_per_second", wire.bytes_per_second.is_some()),
            ("status", wire.status.is_some()),
            ("retry_after_s", wire.retry_after_s.is_some()),
        ];
        if let Some((name, _)) = left.iter().find(|(_, there)| *there) {
            return Err(RuleError(format!("{} has no {name}", wire.fault)));
        }
        Self { fault, when: wire.when, times: wire.times, lasting: wire.for_ms.map(ms) }.check()
    }
}

impl From<Rule> for Wire {
    fn from(rule: Rule) -> Self {
        let ms = |time: Duration| time.as_millis() as u64;
        let mut wire = Self {
            fault: rule.fault.name().into(),
            when: rule.when,
            times: rule.times,
            for_ms: rule.lasting.map(ms),
            ..Self::default()
        };
        match rule.fault {
            Fault::Delay { latency, jitter } => {
                (wire.latency_ms, wire.jitter_ms) = (Some(ms(latency)), Some(ms(jitter)));
            }
            Fault::Throttle { bytes_per_second } => wire.bytes_per_second = Some(bytes_per_second),
            Fault::Answer { status, retry_after_s } => {
                (wire.status, wire.retry_after_s) = (Some(status), retry_after_s);
            }
            _ => {}
        }
        wire
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Rule, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_flat_json_and_come_back_the_same() {
        let cut = Rule::new(Fault::Reset).after_bytes(Direction::Up, 1000).times(3);
        let json = r#"{"fault":"reset","when":{"direction":"up","after_bytes":1000},"times":3}"#;
        assert_eq!(parse(json).unwrap(), cut);
        assert_eq!(serde_json::to_string(&cut).unwrap(), json);
        let answer = Rule::new(Fault::Answer { status: 429, retry_after_s: Some(2) }).on_upgrade();
        let again = parse(&serde_json::to_string(&answer).unwrap()).unwrap();
        assert_eq!(again, answer);
        let delay = r#"{"fault":"delay","latency_ms":25,"jitter_ms":5,"for_ms":1000}"#;
        assert_eq!(parse(delay).unwrap().lasting, Some(Duration::from_secs(1)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_sentence() {
        for (json, word) in [
            (r#"{"fault":"explode"}"#, "no fault explode"),
            (r#"{"fault":"delay"}"#, "latency_ms"),
            (r#"{"fault":"reset","latency_ms":3}"#, "has no latency_ms"),
            (r#"{"fault":"reset","timse":3}"#, "timse"),
            (r#"{"fault":"reset","when":{"after_bytes":3}}"#, "direction"),
            (r#"{"fault":"refuse","times":3}"#, "everybody"),
            (r#"{"fault":"reset","times":0}"#, "at least 1"),
            (r#"{"fault":"answer","status":42}"#, "between 200 and 599"),
            (r#"{"fault":"answer","status":429,"when":{"after_ms":42}}"#, "beginning"),
            (r#"{"fault":"tls_garbage","when":{"path":"/"}}"#, "before any request"),
            (r#"{"fault":"throttle","bytes_per_second":0}"#, "black_hole"),
        ] {
            let error = parse(json).unwrap_err();
            assert!(error.contains(word), "{json}: {error}");
        }
    }
}
