use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::identity::{Identity, limits};

/// What each identity has at once, so that none can take the relay from the others. Admins have no limits: they are who
/// would set them.
#[derive(Clone)]
pub(crate) struct Quotas(Arc<Inner>);

struct Inner {
    sessions: u32,
    used: Mutex<HashMap<Identity, Used>>,
}

#[derive(Default)]
struct Used {
    sessions: u32,
    connections: u32,
    rate: Arc<Rate>,
}

/// What is limited in number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Session,
    /// To the link's door.
    Connection,
}

/// One of what an identity may have. Dropped, another may be had.
pub(crate) struct Share {
    quotas: Quotas,
    identity: Identity,
    of: Of,
}

/// What an identity sends over all its connections: bytes that are free, which fill up with time.
pub(crate) struct Rate(Mutex<(f64, Instant)>);

impl Quotas {
    /// With at most so many sessions for each identity.
    pub(crate) fn new(sessions: u32) -> Self {
        Self(Arc::new(Inner { sessions, used: Mutex::default() }))
    }

    /// One more, or `None` where the identity has all it may have.
    pub(crate) fn take(&self, of: Of, identity: &Identity) -> Option<Share> {
        let mut used = self.lock();
        let mine = used.entry(identity.clone()).or_default();
        let (count, most) = match of {
            Of::Session => (&mut mine.sessions, self.0.sessions),
            // One a session, those that take its place, and those that were not given up yet.
            Of::Connection => (&mut mine.connections, self.0.sessions.saturating_mul(2).saturating_add(8)),
        };
        if *count >= most && !identity.is_admin() {
            return None;
        }
        *count += 1;
        drop(used);
        Some(Share { quotas: self.clone(), identity: identity.clone(), of })
    }

    /// What limits the bytes of this identity, while it has a share.
    pub(crate) fn rate(&self, identity: &Identity) -> Option<Arc<Rate>> {
        let is_limited = !identity.is_admin();
        is_limited.then(|| Arc::clone(&self.lock().entry(identity.clone()).or_default().rate))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, Used>> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut used = self.quotas.lock();
        let Entry::Occupied(mut mine) = used.entry(self.identity.clone()) else { return };
        let used = mine.get_mut();
        match self.of {
            Of::Session => used.sessions -= 1,
            Of::Connection => used.connections -= 1,
        }
        if used.sessions == 0 && used.connections == 0 {
            mine.remove();
        }
    }
}

impl Rate {
    /// Takes `bytes`, which came; when more may, if that is not at once.
    pub(crate) fn came(&self, bytes: usize) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (free, at) = *state;
        let filled = free + (now - at).as_secs_f64() * limits::BYTES_PER_SECOND;
        let left = filled.min(limits::BYTES_AT_ONCE) - bytes as f64;
        *state = (left, now);
        (left < 0.0).then(|| now + Duration::from_secs_f64(-left / limits::BYTES_PER_SECOND))
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self(Mutex::new((limits::BYTES_AT_ONCE, Instant::now())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::PeerId;

    #[test]
    fn each_has_its_own_and_gives_it_back() {
        let quotas = Quotas::new(2);
        let (one, other) = (Identity::Device(PeerId(1)), Identity::Device(PeerId(2)));
        let shares = [quotas.take(Of::Session, &one).unwrap(), quotas.take(Of::Session, &one).unwrap()];
        assert!(quotas.take(Of::Session, &one).is_none());
        assert!(quotas.take(Of::Session, &other).is_some());
        assert!(quotas.take(Of::Connection, &one).is_some(), "that is something else");
        drop(shares);
        assert!(quotas.lock().is_empty(), "nothing is remembered of who has nothing");
        let of_owner: Vec<_> = (0..100).filter_map(|_| quotas.take(Of::Session, &Identity::Owner)).collect();
        assert_eq!(of_owner.len(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_read_as_fast_as_it_may_come_and_speech_at_once() {
        let rate = Rate::default();
        let begun = Instant::now();
        // An hour of speech in PCM, at four times real time.
        for _ in 0..3_600 {
            assert_eq!(rate.came(4 * 96_000), None);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let mut sent = 0.0;
        let until = Instant::now() + Duration::from_mins(1);
        while Instant::now() < until {
            sent += 65_536.0;
            if let Some(at) = rate.came(65_536) {
                tokio::time::advance(at - Instant::now()).await;
            }
        }
        let most = limits::BYTES_AT_ONCE + 61.0 * limits::BYTES_PER_SECOND;
        assert!(sent <= most, "{sent} of {most} in {:?}", begun.elapsed());
    }
}
