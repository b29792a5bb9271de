use std::time::Duration;

use glasslink_protocol::StreamId;

use crate::Timestamp;
use crate::client::ClientSession;
use crate::client::session::Phase;
use crate::client::stream::SendStream;
use crate::defaults::{CATCH_UP_TIME, EVICTION_STEP, JOURNALED_AGE};

/// Keeping what is buffered within its bounds of age and bytes.
impl ClientSession {
    pub(crate) fn memory_bytes(&self) -> usize {
        self.streams.values().map(|stream| stream.buffer.memory_bytes()).sum()
    }

    /// Frees the oldest frame of all streams, preferably one the journal holds. Says whether it could.
    pub(crate) fn make_room(&mut self) -> bool {
        let journaled = self.oldest(SendStream::oldest_journaled);
        if let Some(stream) = journaled.and_then(|id| self.streams.get_mut(&id)) {
            return stream.leave_to_journal(Timestamp::ZERO);
        }
        let Some(id) = self.oldest(SendStream::oldest_droppable) else { return false };
        let gap = self.streams.get_mut(&id).and_then(|stream| stream.drop_oldest(Timestamp::ZERO));
        self.tell_gap(gap);
        gap.is_some()
    }

    fn oldest(&self, age: impl Fn(&SendStream) -> Option<Timestamp>) -> Option<StreamId> {
        let ages = self.streams.values().filter_map(|stream| Some((age(stream)?, stream.id)));
        ages.min().map(|(_, id)| id)
    }

    pub(crate) fn next_eviction(&self) -> Option<Timestamp> {
        let dropped = self.streams.values().filter_map(SendStream::oldest_droppable).min();
        let journaled = self.streams.values().filter_map(SendStream::oldest_journaled).min();
        let dropped = dropped.map(|pushed_at| pushed_at + self.longest_age());
        dropped.into_iter().chain(journaled.map(|pushed_at| pushed_at + JOURNALED_AGE)).min()
    }

    /// What was in the buffer when the link came back has the time it takes to go out.
    fn longest_age(&self) -> Duration {
        let grace = if matches!(self.phase, Phase::Live { .. }) { CATCH_UP_TIME } else { Duration::ZERO };
        self.config.buffer_age + grace
    }

    pub(crate) fn evict(&mut self, now: Timestamp) {
        // The deadline itself is reached at equality, so frames pushed at that very moment go too.
        let tick = Duration::from_nanos(1);
        let before = |age: Duration| now - age + tick;
        let longest = self.longest_age();
        let shortest = longest.saturating_sub(EVICTION_STEP.min(longest / 8));
        let mut gaps = Vec::new();
        for stream in self.streams.values_mut() {
            while stream.oldest_journaled().is_some_and(|at| now.since(at) >= JOURNALED_AGE)
                && stream.leave_to_journal(before(JOURNALED_AGE))
            {}
            if stream.oldest_droppable().is_none_or(|at| now.since(at) < longest) {
                continue;
            }
            while stream.oldest_droppable().is_some_and(|at| now.since(at) >= shortest) {
                match stream.drop_oldest(before(shortest)) {
                    Some(gap) => gaps.push(gap),
                    None => break,
                }
            }
        }
        for gap in gaps {
            self.tell_gap(Some(gap));
        }
    }
}
