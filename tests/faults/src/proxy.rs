use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::backend::Backend;
use crate::connection::{Ways, serve};
use crate::hub::{Hub, Open, Standing};
use crate::listener::{Port, Wanted};
use crate::log::{ConnectionId, Event, RuleId, What};
use crate::rule::{How, Rule, RuleError};
use crate::tls;
use crate::wire::Wire;

/// When the system lends no socket, mostly because there are too many.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A proxy between clients and one upstream. Clones are the same one; with the last one its port is closed, and with
/// it every connection.
#[derive(Clone)]
pub struct Proxy {
    inner: Arc<Inner>,
}

struct Inner {
    hub: Arc<Hub>,
    address: SocketAddr,
    runtime: Handle,
    task: AbortHandle,
}

/// What a proxy is to be. See [`Proxy::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    upstream: SocketAddr,
    listen: SocketAddr,
    own: Option<(Vec<u8>, Vec<u8>)>,
    upstream_tls: Option<(Vec<u8>, String)>,
}

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not this machine's: listen on another one.
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    /// A certificate, key or authority is not PEM, or they do not belong together.
    #[error("{0}")]
    Tls(std::io::Error),
    /// It is a task: start it from within a tokio runtime that has time and I/O enabled.
    #[error("a proxy needs a tokio runtime: start it from within one")]
    NoRuntime,
}

impl Builder {
    /// Where to listen; without it, on a free port of the loopback interface.
    #[must_use]
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// Ends the clients' TLS with this certificate chain and key, both PEM, so that rules can look inside. Without it
    /// TLS passes as it is.
    #[must_use]
    pub fn tls(self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { own: Some((certificate.into(), key.into())), ..self }
    }

    /// Speaks TLS to upstream, whose certificate has to be for `name` and signed by one of `roots`, PEM.
    #[must_use]
    pub fn upstream_tls(self, roots: impl Into<Vec<u8>>, name: &str) -> Self {
        Self { upstream_tls: Some((roots.into(), name.into())), ..self }
    }

    /// Listens from here on.
    pub fn start(self) -> Result<Proxy, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let address = self.listen;
        let port = Port::open(address).map_err(|error| StartError::Listen { address, error })?;
        let own = self.own.map(|(certificate, key)| tls::acceptor(&certificate, &key));
        let upstream_tls = self.upstream_tls.map(|(roots, name)| tls::connector(&roots, &name));
        let hub = Arc::new(Hub::new());
        let ways = Ways {
            hub: Arc::clone(&hub),
            backend: Backend {
                address: self.upstream,
                tls: upstream_tls.transpose().map_err(StartError::Tls)?,
            },
            tls: own.transpose().map_err(StartError::Tls)?,
            wrong_tls: tls::wrong_acceptor().map_err(StartError::Tls)?,
        };
        let address = port.address();
        hub.log.tell(What::Listening { on: true });
        let task = runtime.spawn(accept(port, Arc::new(ways))).abort_handle();
        Ok(Proxy { inner: Arc::new(Inner { hub, address, runtime, task }) })
    }
}

impl Proxy {
    /// A proxy to `upstream`.
    pub fn builder(upstream: SocketAddr) -> Builder {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Builder { upstream, listen, own: None, upstream_tls: None }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// A rule that stands from here on. One that makes no sense is a mistake in a test, and panics; see
    /// [`Proxy::try_add`].
    #[track_caller]
    pub fn add(&self, rule: Rule) -> RuleId {
        match self.try_add(rule) {
            Ok(id) => id,
            Err(error) => panic!("{error}"),
        }
    }

    /// The same for rules that come from elsewhere.
    pub fn try_add(&self, rule: Rule) -> Result<RuleId, RuleError> {
        let lasting = rule.lasting;
        let hub = &self.inner.hub;
        let id = hub.add(rule)?;
        if let Some(lasting) = lasting {
            let hub = Arc::downgrade(hub);
            self.inner.runtime.spawn(async move {
                tokio::time::sleep(lasting).await;
                if let Some(hub) = hub.upgrade() {
                    hub.remove(id);
                }
            });
        }
        Ok(id)
    }

    /// Whether there was such a rule.
    pub fn remove(&self, rule: RuleId) -> bool {
        self.inner.hub.remove(rule)
    }

    /// Removes every rule; connections stay.
    pub fn remove_all(&self) {
        for Standing { id, .. } in self.rules() {
            self.remove(id);
        }
    }

    /// The rules that stand.
    pub fn rules(&self) -> Vec<Standing> {
        self.inner.hub.rules()
    }

    /// The connections that are open.
    pub fn open(&self) -> Vec<Open> {
        self.inner.hub.open()
    }

    /// Ends a connection by hand. Whether there was one.
    pub fn close(&self, connection: ConnectionId, how: How) -> bool {
        self.inner.hub.close(how, |id| id == connection) > 0
    }

    /// Ends every connection by hand. Returns how many there were.
    pub fn close_all(&self, how: How) -> usize {
        self.inner.hub.close(how, |_| true)
    }

    /// The number of the newest event, 0 before the first.
    pub fn last(&self) -> u64 {
        self.inner.hub.log.last()
    }

    /// Events numbered above `after`.
    pub fn events(&self, after: u64) -> Vec<Event> {
        self.inner.hub.log.after(after, |_| true)
    }

    /// The first event numbered above `after` that is `wanted`, waiting for it. `None` when `within` is over.
    pub async fn wait(&self, after: u64, within: Duration, wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        self.wait_for(after, 1, within, wanted).await.into_iter().next()
    }

    /// Those numbered above `after` that are `wanted`, waiting until there are `count` or `within` is over.
    pub async fn wait_for(
        &self,
        after: u64,
        count: usize,
        within: Duration,
        wanted: impl Fn(&Event) -> bool,
    ) -> Vec<Event> {
        self.inner.hub.log.wait(after, count, within, wanted).await
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts until the proxy is dropped, with the port as the rules want it.
async fn accept(mut port: Port, ways: Arc<Ways>) {
    let mut connections = tokio::task::JoinSet::new();
    let mut changes = ways.hub.changes();
    let mut is = Wanted::Open;
    loop {
        let wanted = ways.hub.port();
        if wanted != is {
            match port.turn(wanted) {
                Ok(()) => {
                    is = wanted;
                    ways.hub.log.tell(What::Listening { on: wanted == Wanted::Open });
                }
                Err(error) => {
                    eprintln!("faults: the port {} does not turn {wanted:?}: {error}", port.address());
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            }
        }
        tokio::select! {
            // A rule made before a connection came applies to it.
            biased;
            _ = changes.changed() => {}
            accepted = port.accept() => match accepted.and_then(Wire::new) {
                Ok(client) => {
                    connections.spawn(serve(Arc::clone(&ways), client));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
