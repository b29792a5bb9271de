use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glasslink_protocol::HttpConnectionId;
use tokio::sync::watch;

use super::connection::HttpConnection;
use super::exchange::{Batch, Exchange};
use crate::identity::Identity;

/// The connections over HTTP there are.
pub(crate) struct Exchanges {
    known: Arc<Known>,
    most: usize,
}

#[derive(Default)]
pub(super) struct Known {
    exchanges: Mutex<HashMap<HttpConnectionId, Arc<Exchange>>>,
    count: watch::Sender<usize>,
}

/// What a first POST finds.
pub(super) enum Opened {
    /// It made the connection.
    New(HttpConnection),
    /// Another copy of it did.
    Known,
    Crowded,
}

impl Exchanges {
    /// With at most `most` connections.
    pub(crate) fn new(most: usize) -> Self {
        Self { known: Arc::default(), most }
    }

    /// The connection `id`, if it is `identity`'s: nobody learns of anybody else's.
    pub(super) fn find(&self, id: HttpConnectionId, identity: &Identity) -> Option<Arc<Exchange>> {
        self.known.lock().get(&id).filter(|exchange| exchange.identity == *identity).cloned()
    }

    /// Waits until there are none.
    pub(crate) async fn over(&self) {
        let _ = self.known.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// `batch`: what follows `hello` in the first POST.
    pub(super) fn open(&self, id: HttpConnectionId, identity: &Identity, batch: Batch) -> Opened {
        let mut exchanges = self.known.lock();
        let crowded = exchanges.len() >= self.most;
        match exchanges.entry(id) {
            Entry::Occupied(known) if known.get().identity == *identity => Opened::Known,
            Entry::Occupied(_) => Opened::Crowded,
            Entry::Vacant(_) if crowded => Opened::Crowded,
            Entry::Vacant(vacant) => {
                let (exchange, batches) = Exchange::new(identity.clone());
                let exchange = Arc::new(exchange);
                vacant.insert(Arc::clone(&exchange));
                self.known.count.send_replace(exchanges.len());
                Opened::New(HttpConnection::new(id, exchange, batch, batches, Arc::clone(&self.known)))
            }
        }
    }
}

impl Known {
    pub(super) fn forget(&self, id: HttpConnectionId) {
        let mut exchanges = self.lock();
        exchanges.remove(&id);
        self.count.send_replace(exchanges.len());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HttpConnectionId, Arc<Exchange>>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
