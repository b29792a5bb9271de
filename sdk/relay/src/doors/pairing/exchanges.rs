use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use glasslink_protocol::pairing::{Exchange, ExchangeId};
use tokio::time::Instant;

use crate::identity::OFFER;

/// Open exchanges of a typed code. Each is one of its tries.
const MOST: usize = 16;

/// Exchanges of a typed code that wait for the device's confirmation.
#[derive(Default)]
pub(crate) struct Exchanges(Mutex<HashMap<ExchangeId, Pending>>);

pub(super) struct Pending {
    /// The offer whose code it is.
    pub(super) offer: i64,
    pub(super) exchange: Exchange,
    begun: Instant,
}

impl Exchanges {
    /// Keeps an exchange for as long as its offer may last.
    pub(super) fn keep(&self, id: ExchangeId, offer: i64, exchange: Exchange) {
        let (mut pending, begun) = (self.lock(), Instant::now());
        pending.retain(|_, pending| pending.begun.elapsed() < OFFER);
        if pending.len() >= MOST
            && let Some(oldest) = pending.iter().min_by_key(|(_, pending)| pending.begun).map(|(id, _)| *id)
        {
            pending.remove(&oldest);
        }
        pending.insert(id, Pending { offer, exchange, begun });
    }

    /// For the one confirmation it has.
    pub(super) fn take(&self, id: ExchangeId) -> Option<Pending> {
        self.lock().remove(&id).filter(|pending| pending.begun.elapsed() < OFFER)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ExchangeId, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
