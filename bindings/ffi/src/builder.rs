use std::sync::Arc;
use std::time::Duration;

use glasslink::audio::journal::JournalStore;
use glasslink::pairing::{Pairing, PairingTextError};
use glasslink::{ClientConfig, Link, LinkBuilder, SessionId, SessionIdError, Transport};

use crate::credentials::{Provided, TokenProvider};
use crate::error::{ConnectError, error};

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
        if let Some(folder) = self.journal_folder {
            builder = builder.journal(&JournalStore::open(folder)?);
        }
        Ok(builder)
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
