use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use glasslink_protocol::{ClosedReason, FrameIndex, StreamId, SubscriptionId};

use super::pool::{DecodePool, Job, Notes, Seat};
use super::told::{Opened, Subscriber, Told};
use crate::doors::app::Outbox;

/// What waits to be decoded for a session: some 12 s of a live stream. A machine that is further behind leaves audio out,
/// and says so, rather than be late with all of it.
const WAITING: usize = 256;

/// A session's way to the pool, as long as an app wants samples.
pub(super) struct Tap {
    pool: Arc<DecodePool>,
    seat: Seat,
    notes: Arc<Notes>,
    listeners: Vec<Subscriber>,
    /// Up to where each stream was left out, and not told yet.
    left_out: BTreeMap<StreamId, FrameIndex>,
}

impl Tap {
    pub(super) fn new(pool: &Arc<DecodePool>) -> Self {
        let (pool, seat) = (Arc::clone(pool), pool.seat());
        Self { pool, seat, notes: Arc::default(), listeners: Vec::new(), left_out: BTreeMap::new() }
    }

    /// `streams`: those that are open, from where on their frames will be told.
    pub(super) fn join(&mut self, listener: Subscriber, streams: Vec<Opened>) {
        self.listeners.push(listener.clone());
        let seat = self.seat;
        self.pool.give(seat, Job::Join { seat, listener, streams });
    }

    /// Whether that was the last one.
    pub(super) fn leave(&mut self, outbox: &Arc<Outbox>, subscription: SubscriptionId) -> bool {
        let before = self.listeners.len();
        self.listeners.retain(|listener| !listener.is(outbox, subscription));
        if self.listeners.len() < before {
            let (seat, outbox) = (self.seat, Arc::clone(outbox));
            self.pool.give(seat, Job::Leave { seat, outbox, subscription });
        }
        self.listeners.is_empty()
    }

    /// Takes what is told to the worker, without waiting; what is too much for it is left out.
    pub(super) fn tell(&mut self, told: &mut Vec<Told>) {
        if self.notes.waiting.load(Ordering::Relaxed) >= WAITING {
            told.retain(|one| match one {
                Told::Frames { stream, first, count, .. } => {
                    self.left_out.insert(*stream, *first + u64::from(*count));
                    false
                }
                Told::Gap(gap) => {
                    self.left_out.insert(gap.stream, gap.to);
                    false
                }
                Told::Opened(_) | Told::Ended { .. } | Told::Missed { .. } => true,
            });
            if told.is_empty() {
                return;
            }
        }
        let left_out = std::mem::take(&mut self.left_out).into_iter();
        let missed = left_out.map(|(stream, to)| Told::Missed { stream, from: to, to });
        let told: Vec<Told> = missed.chain(told.drain(..)).collect();
        self.notes.waiting.fetch_add(1, Ordering::Relaxed);
        let (seat, notes) = (self.seat, Arc::clone(&self.notes));
        self.pool.give(seat, Job::Told { seat, told, notes });
    }

    pub(super) fn undecodable(&mut self) -> Vec<StreamId> {
        self.notes.take_undecodable()
    }

    pub(super) fn close(self, reason: ClosedReason) {
        let seat = self.seat;
        self.pool.give(seat, Job::Close { seat, reason: Some(reason) });
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let seat = self.seat;
        self.pool.give(seat, Job::Close { seat, reason: None });
    }
}
