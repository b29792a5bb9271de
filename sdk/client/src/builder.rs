use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use glasslink_audio::journal::{Journal, JournalError, JournalStore, Recording, SessionInfo};
use glasslink_protocol::SessionId;
use glasslink_session::{ClientConfig, ClientSession};
use rustls::crypto::ring;

use tracing::{Instrument, info_span};

use crate::address::{AddressError, RelayAddress};
use crate::awareness::Awareness;
use crate::connection::{
    Chooser, Connector, Held, Pin, Proxies, ProxyError, RootError, Roots, Transport, WEBSOCKET_RETRY,
};
use crate::credentials::{Credentials, Token, TokenError};
use crate::driver::Driver;
use crate::events::Events;
use crate::journal::{Restored, ResumeError};
use crate::link::Link;
use crate::pairing::{DeviceCredentials, Pairing};
use crate::shared::Shared;
use crate::telemetry::Telemetry;
use crate::trace::Trace;

/// What a link is to be, before there is one. See [`Link::builder`].
#[must_use]
#[derive(Clone)]
pub struct LinkBuilder {
    url: String,
    credentials: Result<Option<Arc<dyn Credentials>>, TokenError>,
    extra_roots: Vec<Vec<u8>>,
    client_name: Option<String>,
    config: ClientConfig,
    session: Option<SessionId>,
    seed: Option<u64>,
    through: Option<SocketAddr>,
    proxies: Result<Proxies, ProxyError>,
    transport: Option<Transport>,
    websocket_retry: Duration,
    journal: Option<JournalStore>,
    pairing: Option<Pairing>,
    changes: Watched,
}

/// Who tells of the network.
#[derive(Clone, Debug)]
enum Watched {
    System,
    Nobody,
    #[cfg(test)]
    Test(crate::awareness::Changes),
}

/// Why there is no link. Nothing was tried yet: each is the program's to correct.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not a relay's.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The token cannot be one.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// An extra root is not a certificate.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A proxy's address is not one.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A link is a task: connect from within a tokio runtime that has time and I/O enabled.
    #[error("a link needs a tokio runtime: connect from within one")]
    NoRuntime,
    /// The system has no random numbers, without which there is neither TLS nor a session.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// The recording cannot be begun; without a journal the link works.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl LinkBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: Ok(None),
            extra_roots: Vec::new(),
            client_name: None,
            config: ClientConfig::default(),
            session: None,
            seed: None,
            through: None,
            proxies: Ok(Proxies::default()),
            transport: None,
            websocket_retry: WEBSOCKET_RETRY,
            journal: None,
            pairing: None,
            changes: Watched::System,
        }
    }

    /// The token the relay knows this client by. Sent as `Authorization: Bearer`, over TLS or to this machine only
    /// if it is to stay secret.
    pub fn token(mut self, token: &str) -> Self {
        self.credentials = Token::new(token).map(|token| Some(Arc::new(token) as Arc<dyn Credentials>));
        self
    }

    /// Asked for a token before every attempt.
    pub fn credentials(mut self, credentials: impl Credentials) -> Self {
        self.credentials = Ok(Some(Arc::new(credentials)));
        self
    }

    /// The pairing with the relay: its address, the tokens for this device, and its certificate, which alone is trusted.
    pub fn paired(mut self, pairing: &Pairing) -> Self {
        pairing.url().clone_into(&mut self.url);
        self.pairing = Some(pairing.clone());
        self
    }

    /// An authority to trust beside the platform's: one certificate or more, as PEM text. Not on Android, where an
    /// app names its own in its network security configuration.
    pub fn extra_root(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_roots.push(pem.into());
        self
    }

    /// Name and version of the program, for the relay's log.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// How the link behaves; the defaults suit speech.
    pub fn config(mut self, config: ClientConfig) -> Self {
        self.config = config;
        self
    }

    /// Goes on with a session instead of beginning one.
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Connects to `address`, a tunnel's or a proxy's end, instead of where the relay's name leads. TLS still wants
    /// the relay's certificate.
    pub fn through(mut self, address: SocketAddr) -> Self {
        self.through = Some(address);
        self
    }

    /// Goes through the proxy at `url`, `http://NAME:PASSWORD@HOST:PORT` or `https://...`, whatever the environment says.
    ///
    /// Without it `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` count (upper case first), then what the
    /// system is set to (macOS, Windows); a relay on this machine is reached without any.
    pub fn proxy(mut self, url: &str) -> Self {
        self.proxies = Proxies::given(url);
        self
    }

    /// Goes through no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxies = Ok(Proxies::None);
        self
    }

    /// Only this. Without it the link is a WebSocket; where two in a row fail although the host is there it goes on over
    /// HTTP, and comes back when WebSocket works.
    pub fn transport(mut self, only: Transport) -> Self {
        self.transport = Some(only);
        self
    }

    /// How often WebSocket is tried while HTTP carries the link: each minute by default, each second at most.
    pub fn websocket_retry(mut self, every: Duration) -> Self {
        self.websocket_retry = every.max(Duration::from_secs(1));
        self
    }

    /// Records every attached source in `store`, before it is sent: nothing that was captured is lost when the program
    /// dies, memory is spared, and [`LinkBuilder::recover`] finishes it after a restart.
    pub fn journal(mut self, store: &JournalStore) -> Self {
        self.journal = Some(store.clone());
        self
    }

    /// Does not ask the system for interfaces that come up: the program tells what it knows by
    /// [`Link::network_changed`].
    pub fn no_network_watch(mut self) -> Self {
        self.changes = Watched::Nobody;
        self
    }

    /// Is told of the network by a test.
    #[cfg(test)]
    pub(crate) fn watching(mut self, changes: crate::awareness::Changes) -> Self {
        self.changes = Watched::Test(changes);
        self
    }

    /// Decides every random choice of the link, so that a test can repeat them.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts the link and returns at once: whether the relay is there or not, audio may be pushed from now on.
    ///
    /// The events are those from the very beginning; dropping them costs nothing.
    pub fn connect(mut self) -> Result<(Link, Events), ConnectError> {
        let store = self.journal.take();
        self.start(None, |info| match store {
            Some(store) => Ok(Some(store.create(info, now())?)),
            None => Ok(None),
        })
    }

    /// Goes on with a recording that an earlier process left: the link has its session, its streams and what was said,
    /// uploads what the relay does not have, and records new streams beside the old ones.
    pub fn resume(self, recording: Recording) -> Result<(Link, Events), ResumeError> {
        let restored = Restored::read(recording)?;
        let link = self.start(Some(restored), |_| Ok(None))?;
        Telemetry::recovered();
        Ok(link)
    }

    fn start(
        self,
        restored: Option<Restored>,
        journal: impl FnOnce(&SessionInfo) -> Result<Option<Journal>, ConnectError>,
    ) -> Result<(Link, Events), ConnectError> {
        let address = self.url.parse::<RelayAddress>()?;
        let mut credentials = self.credentials?;
        let proxies = self.proxies?;
        let mut roots = Roots::default();
        for pem in &self.extra_roots {
            roots.add(pem)?;
        }
        let roots = Arc::new(roots);
        let certificate = self.pairing.as_ref().and_then(Pairing::certificate);
        let pinned =
            certificate.map(|certificate| Arc::new(Roots::pinned(Arc::new(Pin::exactly(certificate)))));
        let key = self.pairing.as_ref().map(|pairing| Token::new(pairing.key())).transpose()?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let mut config = self.config;
        if let Some(name) = self.client_name {
            config.client = name;
        } else if config.client.is_empty() {
            config.client = concat!("glasslink ", env!("CARGO_PKG_VERSION")).into();
        }
        let session = match restored.as_ref().map(|restored| restored.session).or(self.session) {
            Some(session) => session,
            None => SessionId(u128::from_ne_bytes(random()?)),
        };
        let seed = match self.seed {
            Some(seed) => seed,
            None => u64::from_ne_bytes(random()?),
        };
        let ping_interval = config.ping_interval;
        let info = SessionInfo { session, continues: config.continues, program: config.client.clone() };
        let mut shared = Shared::new(ClientSession::new(config, session, seed), Trace::new(random()?));
        let journal = match restored {
            Some(restored) => {
                shared.restore(restored.timeline(), restored.ends());
                Some(shared.drive(|session, now| restored.into_session(session, now)))
            }
            None => journal(&info)?,
        };
        if let Some(journal) = &journal {
            shared.record_in(journal.clone());
        }
        let shared = Arc::new(shared);
        if let (Some(keeper), Some(journal)) = (&shared.keeper, journal) {
            keeper.start(Arc::clone(&shared), journal).map_err(JournalError::Thread)?;
        }
        let events = shared.subscribers.subscribe();
        shared.with(ClientSession::connect);
        let connector = |credentials| Connector {
            address: address.clone(),
            credentials,
            held: Held::default(),
            roots: Arc::clone(&roots),
            pinned: pinned.clone(),
            through: self.through,
            proxies: proxies.clone(),
            only: self.transport,
        };
        if let Some(key) = key {
            credentials = Some(Arc::new(DeviceCredentials::new(connector(None), key)));
        }
        let connector = connector(credentials);
        let chooser = Chooser::new(self.transport, self.websocket_retry);
        let awareness = match self.changes {
            Watched::System => Awareness::of_system(),
            Watched::Nobody => Awareness::of_clocks(),
            #[cfg(test)]
            Watched::Test(changes) => Awareness::of(changes),
        };
        let span = info_span!("link", trace = shared.trace.as_str());
        let driver = Driver::new(Arc::clone(&shared), connector, chooser, awareness);
        let task = runtime.spawn(driver.run().instrument(span));
        Ok((Link::new(shared, address, ping_interval, runtime, task.abort_handle()), events))
    }
}

fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], ConnectError> {
    let mut bytes = [0; BYTES];
    ring::default_provider().secure_random.fill(&mut bytes).map_err(|_| ConnectError::NoRandomness)?;
    Ok(bytes)
}
