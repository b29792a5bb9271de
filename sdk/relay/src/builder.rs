use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use glasslink_asr::Engine;
use glasslink_session::defaults::SESSION_KEEP;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalog::{Feed, Housekeeper, SessionKey, SqliteCatalog};
use crate::clock::Clock;
use crate::dashboard::Logins;
use crate::database::Database;
use crate::doors::link::http::Exchanges;
use crate::doors::mentra::Mentra;
use crate::doors::pairing;
use crate::figures;
use crate::handle::{RelayHandle, reached_at};
use crate::identity::{
    Audit, AuditEvent, AuditNote, Credentials, Grant, Identity, Keys, KeysError, Quotas, SESSIONS_EACH,
    Secret,
};
use crate::jobs::{self, Jobs};
use crate::limits;
use crate::memory::Memory;
use crate::registry::Registry;
use crate::server::{
    self, Certificate, Guard, Guessing, Listener, Network, Proxies, TlsError, TlsFiles, own,
};
use crate::shared::{Exposition, Shared};
use crate::speech::Speech;
use crate::store::{DataDir, DataError, Restored};

/// A relay to be. [`Relay::builder`] makes one.
pub struct Relay;

/// What a relay is to be like. [`RelayBuilder::start`] starts it.
#[derive(Clone)]
pub struct RelayBuilder {
    listen: SocketAddr,
    tokens: Vec<OfferedToken>,
    tls: Option<TlsChoice>,
    public_url: Option<String>,
    engines: Vec<Arc<dyn Engine>>,
    remote_speech: bool,
    data: Option<PathBuf>,
    archive_keep: Duration,
    keep: Duration,
    sessions: usize,
    metrics: Option<Exposition>,
    metrics_open: bool,
    sessions_each: u32,
    memory: Option<u64>,
    proxies: Vec<Network>,
    message_bytes: usize,
}

#[derive(Clone)]
struct OfferedToken {
    /// Whose it is; the owner's without one.
    name: Option<String>,
    secret: Secret,
    /// Good for so long from the start of the relay.
    lasting: Option<Duration>,
}

/// Where the certificate comes from.
#[derive(Clone)]
enum TlsChoice {
    Files(TlsFiles),
    Own,
}

/// Why a relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program has the port, perhaps another relay. Stop it, or choose another port.
    #[error("{0} is in use by another program: stop it, or choose another port")]
    PortInUse(SocketAddr),
    /// The address is not this machine's, or the port needs privileges.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's word.
        error: io::Error,
    },
    /// An address that others reach needs a token, so that they do not have the relay to themselves.
    #[error(
        "{0} can be reached from outside: set a token, or a data folder for the keys of paired devices, or listen on 127.0.0.1"
    )]
    TokenNeeded(SocketAddr),
    /// The system has no room for another thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A token is empty.
    #[error("a token must not be empty")]
    EmptyToken,
    /// The folder's record of who is let in cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The folder of the sessions cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl Relay {
    /// A relay on a free port of 127.0.0.1, without tokens, TLS or speech engine.
    pub fn builder() -> RelayBuilder {
        RelayBuilder {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tokens: Vec::new(),
            tls: None,
            public_url: None,
            engines: Vec::new(),
            remote_speech: true,
            data: None,
            archive_keep: limits::ARCHIVE_KEEP,
            keep: SESSION_KEEP,
            sessions: limits::SESSIONS,
            metrics: None,
            metrics_open: false,
            sessions_each: SESSIONS_EACH,
            memory: None,
            proxies: Vec::new(),
            message_bytes: limits::MESSAGE_BYTES,
        }
    }
}

impl RelayBuilder {
    /// Where to listen. Port 0 is any free one. Other addresses than loopback need a token.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The owner's token: without it, or one of [`named_token`](Self::named_token), nobody connects.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.tokens.push(OfferedToken { name: None, secret: Secret::new(token), lasting: None });
        self
    }

    /// The token of somebody else, who has sessions of their own.
    #[must_use]
    pub fn named_token(mut self, name: impl Into<String>, token: impl Into<String>) -> Self {
        let name = Some(name.into());
        self.tokens.push(OfferedToken { name, secret: Secret::new(token), lasting: None });
        self
    }

    /// Like [`named_token`](Self::named_token), good for `lasting` from the start of the relay: then its connections are
    /// closed, unless they were renewed with another token of the same name.
    #[must_use]
    pub fn expiring_token(
        mut self,
        name: impl Into<String>,
        token: impl Into<String>,
        lasting: Duration,
    ) -> Self {
        let name = Some(name.into());
        self.tokens.push(OfferedToken { name, secret: Secret::new(token), lasting: Some(lasting) });
        self
    }

    /// Speaks TLS with this certificate chain and private key, both PEM files.
    #[must_use]
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some(TlsChoice::Files(TlsFiles { certificate: certificate.into(), key: key.into() }));
        self
    }

    /// Speaks TLS with a certificate that the relay makes for itself and keeps in its data folder. Devices that are
    /// paired know it by its SHA-256; nobody else trusts it.
    #[must_use]
    pub fn own_tls(mut self) -> Self {
        self.tls = Some(TlsChoice::Own);
        self
    }

    /// Where devices reach the relay, for pairing: `https://relay.example`. Else it is where the relay listens.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Transcribes with `engine`, or, after the first, with this one while those before it do not work. It is loaded at
    /// once if it can be, else as soon as it can. Without any, audio is taken and let go.
    ///
    /// An engine on another host gets only what its owner lets leave the relay.
    #[must_use]
    pub fn engine(mut self, engine: Arc<dyn Engine>) -> Self {
        self.engines.push(engine);
        self
    }

    /// Whether speech may leave this machine at all, where its owner allows it; it may by default.
    #[must_use]
    pub fn remote_speech(mut self, allowed: bool) -> Self {
        self.remote_speech = allowed;
        self
    }

    /// Keeps sessions in this folder, so that they survive the process; without one, in memory.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// How long the files of a session that is over are kept; 30 days by default, zero removes them at once.
    #[must_use]
    pub fn archive_keep(mut self, keep: Duration) -> Self {
        self.archive_keep = keep;
        self
    }

    /// How long a session is kept without a connection; 10 minutes by default.
    #[must_use]
    pub fn session_keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// Sessions at once, attached or not; 10,000 by default.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// While the process has more than so many bytes of memory, new sessions are asked to wait; none by default.
    #[must_use]
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Gives at `/metrics` what `exposition` says, in the text format of Prometheus: to the owner, and to who asks from
    /// this machine. The program's recorder knows it; METRICS.md lists what there is.
    #[must_use]
    pub fn metrics(mut self, exposition: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics = Some(Arc::new(exposition));
        self
    }

    /// Gives `/metrics` to everybody who reaches the relay.
    #[must_use]
    pub fn open_metrics(mut self) -> Self {
        self.metrics_open = true;
        self
    }

    /// Sessions of one device, app or named token at once; 256 by default. Owners have no such limit.
    #[must_use]
    pub fn max_sessions_each(mut self, sessions: u32) -> Self {
        self.sessions_each = sessions;
        self
    }

    /// Trusts the proxies of `network` to say in `X-Forwarded-For` where a request comes from, so that guesses, and rows of
    /// the audit log, are of clients and not of the proxy. Nobody is trusted by default.
    #[must_use]
    pub fn trusted_proxy(mut self, network: Network) -> Self {
        self.proxies.push(network);
        self
    }

    /// Bytes a client's message may have: from 16 KiB, which a `hello` of many streams needs, to 64 KiB, the protocol's
    /// limit and the default. Clients that send PCM need all of it after an outage.
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.message_bytes = bytes.clamp(limits::MESSAGE_BYTES_LEAST, limits::MESSAGE_BYTES);
        self
    }

    /// Listens and serves, in tasks of the current runtime, until the handle is told to stop or dropped.
    pub async fn start(self) -> Result<RelayHandle, StartError> {
        let is_local = self.listen.ip().is_loopback();
        if self.tokens.is_empty() && self.data.is_none() && !is_local {
            return Err(StartError::TokenNeeded(self.listen));
        }
        if self.tokens.iter().any(|token| token.secret.is_empty()) {
            return Err(StartError::EmptyToken);
        }
        let tcp = TcpListener::bind(self.listen).await.map_err(|error| self.cannot_listen(error))?;
        let address = tcp.local_addr().map_err(|error| self.cannot_listen(error))?;
        let (data, found) = match self.data.clone() {
            Some(folder) => open_data(folder, self.archive_keep).await?,
            None => (None, Vec::new()),
        };
        figures::describe();
        let database = Arc::new(Database::open(self.data.as_deref()).await);
        let credentials = self.open_keys(is_local).await?;
        let certificate = self.certificate().await?;
        let tls = certificate.as_ref().map(Certificate::server_config).transpose();
        let tls = tls.map_err(TlsError::Refused)?.map(TlsAcceptor::from);
        let stopping = CancellationToken::new();
        let audit = credentials.audit().clone();
        let shared = Arc::new(Shared {
            credentials,
            guard: Guard::new(address),
            quotas: Quotas::new(self.sessions_each),
            proxies: Proxies::new(self.proxies),
            message_bytes: self.message_bytes,
            guessing: Guessing::default(),
            certificate,
            pairing: pairing::Exchanges::default(),
            mentra: Mentra::default(),
            clock: Clock::start(),
            registry: Registry::new(self.sessions),
            exchanges: Exchanges::new(limits::connections(self.sessions)),
            data,
            logins: Logins::default(),
            encrypted: tls.is_some(),
            metrics: self.metrics,
            metrics_open: self.metrics_open,
            catalog: Arc::new(SqliteCatalog::new(Arc::clone(&database))),
            feed: Feed::new(),
            housekeeper: Housekeeper::default(),
            watchers: Arc::new(Semaphore::new(limits::WATCHERS)),
            downloads: Arc::new(Semaphore::new(limits::DOWNLOADS)),
            jobs: Jobs::new(Arc::clone(&database)),
            database,
            keep: self.keep,
            memory: Memory::watch(self.memory, stopping.clone()),
            draining: CancellationToken::new(),
            pool: Arc::default(),
            speech: Speech::start(self.engines, self.remote_speech, audit, &stopping),
            stopping,
            connections: TaskTracker::new(),
            sessions: TaskTracker::new(),
            last_epoch: AtomicU64::new(0),
        });
        for session in found {
            let key = SessionKey { id: session.session, epoch: session.epoch };
            let version = shared.known_version(key).await;
            shared.registry.resume(&shared, session, version);
        }
        Housekeeper::start(&shared);
        jobs::start(&shared);
        let encrypted = tls.is_some();
        let router = server::router(&shared);
        let room = Arc::clone(&shared.registry.room);
        let listener = Listener { tcp, tls, router, room };
        let accepting = tokio::spawn(server::accept(listener, Arc::clone(&shared)));
        let url = self.public_url.unwrap_or_else(|| reached_at(address, encrypted));
        Mentra::start(&shared, &url);
        let handle = RelayHandle::new(shared, address, encrypted, accepting);
        handle.announce(url).await?;
        handle.audit(AuditNote::new(AuditEvent::RelayStarted));
        Ok(handle)
    }

    /// From files, or the relay's own.
    async fn certificate(&self) -> Result<Option<Certificate>, TlsError> {
        let (choice, data) = (self.tls.clone(), self.data.clone());
        let open = move || match choice {
            Some(TlsChoice::Files(files)) => Certificate::from_files(files).map(Some),
            Some(TlsChoice::Own) => own(data.as_deref()).map(Some),
            None => Ok(None),
        };
        spawn_blocking(open).await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
    }

    /// Who is let in.
    async fn open_keys(&self, is_local: bool) -> Result<Credentials, StartError> {
        let (folder, tokens) = (self.data.clone(), self.tokens.clone());
        let open = move || {
            let keys = Keys::of_relay(folder.as_deref())?;
            keys.start_tokens(&tokens.iter().map(|token| token.secret.hash()).collect::<Vec<_>>())?;
            let audit = Audit::start(keys.clone(), folder.is_some()).map_err(StartError::Thread)?;
            let mut credentials = Credentials::new(keys, audit, is_local);
            let now = Instant::now();
            for OfferedToken { name, secret, lasting } in &tokens {
                let identity = name.as_deref().map_or(Identity::Owner, |name| Identity::Token(name.into()));
                credentials.add(Grant { identity, until: lasting.map(|lasting| now + lasting) }, secret);
            }
            Ok(credentials)
        };
        spawn_blocking(open).await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
    }

    fn cannot_listen(&self, error: io::Error) -> StartError {
        match error.kind() {
            io::ErrorKind::AddrInUse => StartError::PortInUse(self.listen),
            _ => StartError::Listen { address: self.listen, error },
        }
    }
}

/// Opens the folder, and finds the sessions in it.
async fn open_data(
    folder: PathBuf,
    archive_keep: Duration,
) -> Result<(Option<Arc<DataDir>>, Vec<Restored>), DataError> {
    let open = move || {
        let data = DataDir::open(&folder, archive_keep)?;
        let found = data.sessions()?;
        Ok((Some(data), found))
    };
    // It reads files; a panic there is one here.
    spawn_blocking(open).await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}
