use std::sync::Arc;
use std::time::Duration;

use glasslink::pairing::{Pairing, PairingTextError};
use glasslink::{ClientConfig, Link, LinkBuilder, RelayAddress, SessionId, SessionIdError, Transport};

use crate::credentials::{Provided, TokenProvider};
use crate::error::{ConnectError, error};
use crate::platform::is_ready_for_tls;

/// What a link is to be. Only `url` has to be given; what is left out is as in the core, which suits speech.
#[derive(Clone, Default, uniffi::Record)]
pub struct LinkOptions {
    /// `https://relay.example`, or `http://127.0.0.1:8787`.
    pub url: String,
    /// The token the relay knows this client by; a provider is better where tokens expire.
    #[uniffi(default)]
    pub token: Option<String>,
    /// The secret text of a pairing, whose address and certificate count then.
    #[uniffi(default)]
    pub pairing: Option<String>,
    /// Name and version of the program, for the relay's log.
    #[uniffi(default)]
    pub client_name: Option<String>,
    /// Goes on with a session instead of beginning one: 32 hexadecimal digits.
    #[uniffi(default)]
    pub session: Option<String>,
    /// A folder in which what is captured is recorded before it is sent, so that nothing is lost when the program dies.
    #[uniffi(default)]
    pub journal_folder: Option<String>,
    /// Seals the recordings in that folder: only who has this key can read them. `new_journal_key` makes one; keep it where
    /// the platform keeps secrets.
    #[uniffi(default)]
    pub journal_key: Option<Vec<u8>>,
    /// Authorities to trust beside the platform's, as PEM text. Not on Android, where an app names its own in its network
    /// security configuration.
    #[uniffi(default)]
    pub extra_roots: Vec<String>,
    /// Goes through this proxy: `http://NAME:PASSWORD@HOST:PORT`.
    #[uniffi(default)]
    pub proxy: Option<String>,
    /// Goes through no proxy, whatever the system says.
    #[uniffi(default = false)]
    pub no_proxy: bool,
    /// Only this; without it, WebSocket, and HTTP where that is blocked.
    #[uniffi(default)]
    pub transport: Option<LinkTransport>,
    /// Lets what is said leave the relay's machine, for a speech engine elsewhere.
    #[uniffi(default = false)]
    pub remote_speech: bool,
    /// Frames older than this are dropped while they cannot be sent.
    #[uniffi(default)]
    pub buffer_age: Option<Duration>,
    /// Bytes of frames kept in memory.
    #[uniffi(default)]
    pub buffer_bytes: Option<u64>,
    /// How often an idle link is pinged in the foreground.
    #[uniffi(default)]
    pub ping_interval: Option<Duration>,
    /// Time an attempt has until the relay's welcome.
    #[uniffi(default)]
    pub connect_timeout: Option<Duration>,
}

/// What carries a link's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LinkTransport {
    WebSocket,
    Http,
}

impl LinkOptions {
    pub(crate) fn builder(self, tokens: Option<Arc<dyn TokenProvider>>) -> Result<LinkBuilder, ConnectError> {
        self.check(is_ready_for_tls())?;
        let journal = self.journal()?;
        let mut builder = Link::builder(self.url.clone()).config(self.config());
        if let Some(token) = &self.token {
            builder = builder.token(token);
        }
        if let Some(tokens) = tokens {
            builder = builder.credentials(Provided(tokens));
        }
        if let Some(pairing) = &self.pairing {
            let pairing: Pairing = pairing.parse().map_err(|wrong: PairingTextError| {
                error!(ConnectError::Credentials, "pairing", wrong, "Pair again.")
            })?;
            builder = builder.paired(&pairing);
        }
        if let Some(name) = self.client_name {
            builder = builder.client_name(name);
        }
        if let Some(session) = &self.session {
            let session: SessionId = session.parse().map_err(|wrong: SessionIdError| {
                error!(ConnectError::Session, "session", wrong, "Check the session.")
            })?;
            builder = builder.session(session);
        }
        for root in self.extra_roots {
            builder = builder.extra_root(root);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy);
        }
        if self.no_proxy {
            builder = builder.no_proxy();
        }
        if let Some(transport) = self.transport {
            builder = builder.transport(transport.into());
        }
        Ok(match journal {
            Some(journal) => builder.journal(&journal),
            None => builder,
        })
    }

    /// Whether the system can be asked whom to trust, if it has to be. Without that its verifier would panic.
    fn check(&self, is_ready_for_tls: bool) -> Result<(), ConnectError> {
        let wants_system = |address: RelayAddress| self.pairing.is_none() && address.is_encrypted();
        if !is_ready_for_tls && self.url.parse().is_ok_and(wants_system) {
            let (reason, remedy) = (
                "the app's context is not known",
                "Call Android.initialize(context) in Application.onCreate.",
            );
            return Err(error!(ConnectError::System, "android_context", reason, remedy));
        }
        Ok(())
    }

    fn config(&self) -> ClientConfig {
        let defaults = ClientConfig::default();
        let bytes = self.buffer_bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        ClientConfig {
            buffer_age: self.buffer_age.unwrap_or(defaults.buffer_age),
            buffer_bytes: bytes.unwrap_or(defaults.buffer_bytes),
            ping_interval: self.ping_interval.unwrap_or(defaults.ping_interval),
            connect_timeout: self.connect_timeout.unwrap_or(defaults.connect_timeout),
            remote_speech: self.remote_speech,
            ..defaults
        }
    }
}

impl From<LinkTransport> for Transport {
    fn from(transport: LinkTransport) -> Self {
        match transport {
            LinkTransport::WebSocket => Self::WebSocket,
            LinkTransport::Http => Self::Http,
        }
    }
}

impl From<Transport> for LinkTransport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::WebSocket => Self::WebSocket,
            Transport::Http => Self::Http,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, pairing: Option<&str>, is_ready_for_tls: bool) -> Result<(), ConnectError> {
        let pairing = pairing.map(str::to_owned);
        LinkOptions { url: url.into(), pairing, ..LinkOptions::default() }.check(is_ready_for_tls)
    }

    #[test]
    fn on_android_a_link_over_tls_is_refused_until_the_context_is_known() {
        let refused = check("https://relay.example", None, false).unwrap_err();
        assert!(matches!(refused, ConnectError::System { code, .. } if code == "android_context"));
        assert_eq!(check("https://relay.example", None, true), Ok(()));
        assert_eq!(check("http://127.0.0.1:8787", None, false), Ok(()));
        assert_eq!(check("https://relay.example", Some("its certificate counts"), false), Ok(()));
    }
}
