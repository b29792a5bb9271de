use std::fmt;

/// What the link is called in logs, its own and the relay's. Says nothing about anybody.
#[derive(Clone, Debug)]
pub(crate) struct Trace(String);

/// How a connection's first message begins.
const HELLO: &str = r#"{"type":"hello","#;

impl Trace {
    pub(crate) fn new(random: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_ne_bytes(random)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Says it in a `hello`, and leaves other messages as they are.
    pub(crate) fn say_in(&self, message: String) -> String {
        match message.strip_prefix(HELLO) {
            Some(fields) => format!(r#"{HELLO}"trace":"{self}",{fields}"#),
            None => message,
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::ClientMessage;

    use super::*;

    #[test]
    fn only_a_hello_is_named() {
        let trace = Trace::new(7_u64.to_ne_bytes());
        let ping = ClientMessage::Ping { id: 1 }.encode();
        assert_eq!(trace.say_in(ping.clone()), ping);
        let hello = r#"{"type":"hello","session":"00000000000000000000000000000001","holder":1,"attach":1,"take":true,"ping_ms":5000}"#;
        let said = trace.say_in(hello.to_owned());
        assert_eq!(ClientMessage::decode(&said).unwrap(), ClientMessage::decode(hello).unwrap());
        let fields: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(fields["trace"], "0000000000000007");
    }
}
