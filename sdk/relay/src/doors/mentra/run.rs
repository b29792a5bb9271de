use std::fmt;

use glasslink_protocol::SessionId;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::identity::Identity;

/// What an app's part in a session is called: the `sessionId` of Mentra. The same after a restart of the relay, and
/// nothing that leads back to the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RunId(String);

/// An app in a session.
pub(super) struct Run {
    pub(super) session: SessionId,
    /// Whose session it is.
    pub(super) owner: Identity,
    pub(super) state: RunState,
    /// Starts in a row that came to nothing.
    pub(super) failures: u32,
    /// Since when it is away, and whether the wearer knows.
    pub(super) away: Option<(Instant, bool)>,
}

pub(super) enum RunState {
    /// To be started at that time, if it did not come by itself.
    Waiting { at: Instant },
    /// It was called, and is to have come by then.
    Starting { began: Instant, until: Instant, attempt: u64 },
    /// It came and was acknowledged.
    Running { connection: u64, orders: mpsc::UnboundedSender<Order> },
    /// The wearer wants it no more.
    Stopped,
}

/// What a connection is told by whoever looks after its app.
#[derive(Debug)]
pub(super) enum Order {
    Say(String),
    /// The end, with a code and a reason.
    Close(Option<String>, u16, &'static str),
}

impl RunId {
    pub(super) fn new(session: SessionId, package: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"glasslink mentra session\0");
        digest.update(session.0.to_be_bytes());
        digest.update(package.as_bytes());
        Self(hex(&digest.finalize()[..16]))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for RunId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..self.0.len().min(8)])
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A wearer as apps know them: Mentra uses addresses. The same for all sessions of an identity.
pub(super) fn user(owner: &Identity) -> String {
    let owner = owner.to_string();
    let plain: String =
        owner.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '.' }).collect();
    match owner.split_once(':') {
        // Tokens have names of a person's choice, and two may look the same in plain letters.
        Some(("token", name)) => {
            let digest = Sha256::digest(name.as_bytes());
            format!("{plain}.{:02x}{:02x}@glasslink", digest[0], digest[1])
        }
        _ => format!("{plain}@glasslink"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apps_are_told_stays_the_same_and_leads_back_to_nothing() {
        let (one, other) = (SessionId(1), SessionId(2));
        let id = RunId::new(one, "com.example.captions");
        assert_eq!(id, RunId::new(one, "com.example.captions"));
        assert_ne!(id, RunId::new(other, "com.example.captions"));
        assert_ne!(id, RunId::new(one, "com.example.audio"));
        assert!(!id.as_str().contains(&one.to_string()[..8]) && id.as_str().len() == 32);
    }

    #[test]
    fn wearers_are_told_apart() {
        let token = |name: &str| user(&Identity::Token(name.into()));
        assert_eq!(user(&Identity::Owner), "owner@glasslink");
        assert_ne!(token("a b"), token("a.b"));
        assert!(token("Größe: @x").bytes().filter(|byte| *byte == b'@').count() == 1);
    }
}
