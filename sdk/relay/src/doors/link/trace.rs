use std::fmt;

use serde::Deserialize;

/// What a connection is called in logs, from its client to the transcript: the client's word for it, or one made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace(String);

/// Longer ones are of no use to anybody who types them.
const MOST: usize = 64;

impl Trace {
    /// What a `hello` calls its connection.
    pub(crate) fn of(hello: &str) -> Self {
        #[derive(Deserialize)]
        struct Named {
            trace: String,
        }
        let named = serde_json::from_str::<Named>(hello).ok().map(|named| named.trace);
        Self::called(named.as_deref())
    }

    /// As a client calls it, if that is fit for a log.
    pub(crate) fn called(name: Option<&str>) -> Self {
        name.filter(|name| is_plain(name)).map_or_else(Self::make, |name| Self(name.to_owned()))
    }

    pub(crate) fn make() -> Self {
        let mut bytes = [0; 8];
        // Without random numbers there is no TLS either; a log without names is a log.
        let _ = getrandom::fill(&mut bytes);
        Self(format!("{:016x}", u64::from_be_bytes(bytes)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Letters, digits, `-` and `_`: nothing that could pretend to be another line of a log.
fn is_plain(trace: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MOST).contains(&trace.len()) && trace.bytes().all(plain)
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_names_its_connection_plainly_or_has_it_named() {
        assert_eq!(Trace::of(r#"{"type":"hello","trace":"phone-7_a"}"#).as_str(), "phone-7_a");
        let long = "x".repeat(65);
        for wrong in ["a b", "", r"a\nb", "\u{202e}", &long] {
            let made = Trace::of(&format!(r#"{{"trace":"{wrong}"}}"#));
            assert_eq!(made.as_str().len(), 16, "{wrong}");
        }
        assert_ne!(Trace::of("{}"), Trace::of("{}"));
    }
}
