use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// Who is at the other end. A session belongs to the identity that made it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// Whoever reaches a relay on loopback that was started without a token.
    Local,
    /// Whoever holds the token that the relay was started with, across restarts and changes of the token.
    Owner,
    /// Whoever holds a token of this name, which the relay was started with too.
    Token(Arc<str>),
    /// A device that was paired.
    Device(PeerId),
    /// Somebody's program, with a key of its own.
    App(App),
}

/// An app, and what it was granted. The same app is equal to itself, whatever it was granted since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct App {
    pub(crate) id: PeerId,
    /// Every session, not only those made with its key.
    pub(crate) sees_all: bool,
}

/// Which device, or which app: 64 random bits, 16 hexadecimal digits in text. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PeerId(pub(crate) u64);

/// Text that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it names no identity that this version knows")]
pub(crate) struct UnknownIdentity;

impl Identity {
    /// Whether it may read, and delete, what belongs to `owner`.
    pub(crate) fn may_see(&self, owner: &Self) -> bool {
        match self {
            Self::Local | Self::Owner => true,
            Self::App(app) => app.sees_all || self == owner,
            Self::Token(_) | Self::Device(_) => self == owner,
        }
    }

    /// Whether it may change how the relay works, and for whom.
    pub(crate) fn is_admin(&self) -> bool {
        matches!(self, Self::Local | Self::Owner)
    }
}

impl PartialEq for App {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for App {}

impl Hash for App {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// As it is written down.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Owner => f.write_str("owner"),
            Self::Token(name) => write!(f, "token:{name}"),
            Self::Device(id) => write!(f, "device:{id}"),
            Self::App(app) => write!(f, "app:{}", app.id),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// From how it was written down. What an app was granted is not.
impl FromStr for Identity {
    type Err = UnknownIdentity;

    fn from_str(stored: &str) -> Result<Self, UnknownIdentity> {
        match stored.split_once(':') {
            None if stored == "local" => Ok(Self::Local),
            None if stored == "owner" => Ok(Self::Owner),
            Some(("token", name)) => Ok(Self::Token(name.into())),
            Some(("device", id)) => Ok(Self::Device(id.parse()?)),
            Some(("app", id)) => Ok(Self::App(App { id: id.parse()?, sees_all: false })),
            _ => Err(UnknownIdentity),
        }
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PeerId {
    type Err = UnknownIdentity;

    fn from_str(text: &str) -> Result<Self, UnknownIdentity> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or(UnknownIdentity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(id: u64, sees_all: bool) -> Identity {
        Identity::App(App { id: PeerId(id), sees_all })
    }

    #[test]
    fn what_was_written_down_is_read_back() {
        for (stored, identity) in [
            ("owner", Identity::Owner),
            ("local", Identity::Local),
            ("token:a name: with: colons", Identity::Token("a name: with: colons".into())),
            ("device:00000000000000ff", Identity::Device(PeerId(255))),
            ("app:000000000000000a", app(10, true)),
        ] {
            assert_eq!(stored.parse(), Ok(identity.clone()));
            assert_eq!(identity.to_string(), stored);
        }
        for unknown in ["", "Owner", "device:", "device:+00000000000000f", "app:1", "guest:x"] {
            assert_eq!(unknown.parse::<Identity>(), Err(UnknownIdentity), "{unknown}");
        }
    }

    #[test]
    fn others_see_what_is_theirs_and_admins_and_granted_apps_all() {
        let (device, other) = (Identity::Device(PeerId(1)), Identity::Device(PeerId(2)));
        let token = Identity::Token("phone".into());
        for sees_all in [Identity::Owner, Identity::Local, app(1, true)] {
            assert!([&device, &token, &Identity::Owner].iter().all(|owner| sees_all.may_see(owner)));
        }
        for own in [device.clone(), token.clone(), app(1, false)] {
            assert!(own.may_see(&own));
            assert!([&other, &Identity::Owner, &Identity::Local].iter().all(|owner| !own.may_see(owner)));
            assert!(!own.is_admin());
        }
        assert!(!app(1, true).is_admin());
        assert!(Identity::Owner.is_admin() && Identity::Local.is_admin());
    }
}
