use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glasslink_session::Event;
use tokio::sync::Notify;

use crate::telemetry::Telemetry;

/// Events a consumer may be behind. An hour of fast speech has about 1,500 finals.
const MAX_BEHIND: usize = 4_096;

/// What happens on a link, in order, from the subscription on.
///
/// Each consumer has a queue of its own, so that a slow one slows nobody. A partial that a newer one replaces is left
/// out; one that is more than 4,096 events behind loses the oldest and is told how many.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

/// This consumer was too slow and missed events, finals or gaps among them.
/// [`Link::transcript`](crate::Link::transcript) still has what they said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{missed} events came faster than they were taken, and were missed")]
pub struct Lagged {
    pub missed: u64,
}

/// The consumers of a link's events.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    queues: Mutex<Option<Vec<Arc<Queue>>>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    missed: u64,
    ended: bool,
}

impl Events {
    /// The next event; `None` once the link is closed or dropped and everything was taken. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Event, Lagged>> {
        loop {
            if let Some(next) = self.try_next() {
                return Some(next);
            }
            if self.queue.lock().is_over() {
                return None;
            }
            // A change since the look above left its mark: this returns at once then.
            self.queue.changed.notified().await;
        }
    }

    /// The next event, if it is there already.
    pub fn try_next(&mut self) -> Option<Result<Event, Lagged>> {
        let mut waiting = self.queue.lock();
        match std::mem::take(&mut waiting.missed) {
            0 => waiting.events.pop_front().map(Ok),
            missed => {
                Telemetry::missed(missed);
                Some(Err(Lagged { missed }))
            }
        }
    }
}

impl Subscribers {
    pub(crate) fn new() -> Self {
        Self { queues: Mutex::new(Some(Vec::new())) }
    }

    /// A queue for what happens from now on.
    pub(crate) fn subscribe(&self) -> Events {
        let queue = Arc::new(Queue::default());
        match self.lock().as_mut() {
            Some(queues) => queues.push(Arc::clone(&queue)),
            None => queue.lock().ended = true,
        }
        Events { queue }
    }

    pub(crate) fn tell(&self, event: &Event) {
        if let Some(queues) = self.lock().as_mut() {
            // A queue nobody else holds has no consumer any more.
            queues.retain(|queue| Arc::strong_count(queue) > 1);
            for queue in queues {
                queue.push(event.clone());
            }
        }
    }

    pub(crate) fn end(&self) {
        for queue in self.lock().take().into_iter().flatten() {
            queue.lock().ended = true;
            queue.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Arc<Queue>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_over(&self) -> bool {
        self.ended && self.events.is_empty() && self.missed == 0
    }
}

impl Queue {
    fn push(&self, event: Event) {
        let mut waiting = self.lock();
        if let Event::Partial(newer) = &event {
            waiting.events.retain(|old| {
                !matches!(old, Event::Partial(old) if (old.stream, old.from) == (newer.stream, newer.from))
            });
        }
        waiting.events.push_back(event);
        if waiting.events.len() > MAX_BEHIND {
            waiting.events.pop_front();
            waiting.missed += 1;
        }
        drop(waiting);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::{Epoch, FrameIndex, Partial, StreamId};

    use super::*;

    fn partial(from: u64, revision: u32) -> Event {
        let text = format!("revision {revision}");
        Event::Partial(Partial { stream: StreamId(1), from: FrameIndex(from), revision, text })
    }

    // SPEC P16.1
    #[test]
    fn a_slow_consumer_is_told_what_it_missed_and_slows_nobody() {
        let subscribers = Subscribers::new();
        let (mut slow, mut quick) = (subscribers.subscribe(), subscribers.subscribe());
        for number in 0..MAX_BEHIND as u64 + 10 {
            subscribers.tell(&Event::Epoch(Epoch(number)));
            assert_eq!(quick.try_next(), Some(Ok(Event::Epoch(Epoch(number)))));
        }
        assert_eq!(slow.try_next(), Some(Err(Lagged { missed: 10 })));
        assert_eq!(slow.try_next(), Some(Ok(Event::Epoch(Epoch(10)))));
    }

    #[test]
    fn partials_replace_each_other_and_push_nothing_else_out() {
        let subscribers = Subscribers::new();
        let mut events = subscribers.subscribe();
        subscribers.tell(&Event::Epoch(Epoch(1)));
        for revision in 0..MAX_BEHIND as u32 * 2 {
            subscribers.tell(&partial(5, revision));
        }
        subscribers.tell(&partial(9, 1));
        assert_eq!(events.try_next(), Some(Ok(Event::Epoch(Epoch(1)))));
        assert_eq!(events.try_next(), Some(Ok(partial(5, MAX_BEHIND as u32 * 2 - 1))));
        assert_eq!(events.try_next(), Some(Ok(partial(9, 1))));
        assert_eq!(events.try_next(), None);
    }

    #[tokio::test]
    async fn the_end_comes_behind_what_is_waiting() {
        let subscribers = Subscribers::new();
        let mut events = subscribers.subscribe();
        subscribers.tell(&Event::Epoch(Epoch(1)));
        subscribers.end();
        assert!(events.next().await.is_some());
        assert_eq!(events.next().await, None);
        assert_eq!(subscribers.subscribe().next().await, None);
    }
}
