use std::collections::BTreeMap;

use glasslink_protocol::{
    AppAudio, AppEvent, ClosedReason, FrameIndex, StreamFormat, StreamId, SubscriptionId,
};
use tokio::time::Instant;

use super::told::{Opened, Subscriber, Told};
use crate::doors::app::{Audio, Queue};

/// Those who listen to a session's streams in one form, and the streams there are.
#[derive(Default)]
pub(super) struct Audience {
    listeners: Vec<Subscriber>,
    /// Boxed: a map has room for eleven at once, and most sessions have one.
    streams: BTreeMap<StreamId, Box<Opened>>,
}

impl Audience {
    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// The streams that are open, as they were when they began.
    pub(super) fn streams(&self) -> impl Iterator<Item = &Opened> {
        self.streams.values().map(|opened| &**opened)
    }

    pub(super) fn opened(&mut self, opened: Opened) {
        self.streams.insert(opened.stream, Box::new(opened));
    }

    pub(super) fn ended(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
    }

    /// `next`: from where on a stream's frames will be told.
    pub(super) fn join(&mut self, listener: Subscriber, next: impl Fn(StreamId) -> Option<FrameIndex>) {
        let now = Instant::now();
        listener.outbox.deliver(|queue| {
            for opened in self.streams.values() {
                let from = next(opened.stream).unwrap_or(opened.from);
                start(queue, now, listener.subscription, opened, from);
            }
        });
        self.listeners.push(listener);
    }

    pub(super) fn leave(&mut self, leaves: impl Fn(&Subscriber) -> bool) {
        self.listeners.retain(|listener| !leaves(listener));
        if self.listeners.is_empty() {
            self.listeners.shrink_to_fit();
        }
    }

    /// Tells everybody, each in one write. Those who are gone are forgotten.
    pub(super) fn tell(&mut self, told: &[Told]) {
        let now = Instant::now();
        for one in told {
            if let Told::Opened(opened) = one {
                self.streams.insert(opened.stream, opened.clone());
            }
        }
        let streams = &self.streams;
        self.listeners.retain(|Subscriber { outbox, subscription }| {
            outbox.deliver(|queue| {
                for one in told {
                    tell(queue, now, *subscription, streams, one);
                }
            })
        });
        for one in told {
            if let Told::Ended { stream, .. } = one {
                self.streams.remove(stream);
            }
        }
    }

    /// Nothing follows.
    pub(super) fn close(&mut self, reason: ClosedReason) {
        for Subscriber { outbox, subscription } in self.listeners.drain(..) {
            outbox.deliver(|queue| queue.close(Instant::now(), subscription, reason));
        }
    }
}

fn start(queue: &mut Queue, now: Instant, subscription: SubscriptionId, opened: &Opened, from: FrameIndex) {
    let Opened { stream, format, continues, label, .. } = opened.clone();
    let event = AppEvent::Stream { subscription, stream, format, from, continues, label };
    queue.start(now, (subscription, stream), &event);
}

fn tell(
    queue: &mut Queue,
    now: Instant,
    subscription: SubscriptionId,
    streams: &BTreeMap<StreamId, Box<Opened>>,
    told: &Told,
) {
    let format = |stream| streams.get(&stream).map(|opened| &opened.format);
    match told {
        Told::Opened(opened) => start(queue, now, subscription, opened, opened.from),
        Told::Frames { stream, first, count, body } => {
            let Some(format) = format(*stream) else { return };
            let message = AppAudio { subscription, stream: *stream, first: *first, count: *count, body };
            queue.audio(now, Audio { message, format });
        }
        Told::Gap(gap) => {
            let format: Option<&StreamFormat> = format(gap.stream);
            if let Some(format) = format {
                queue.gap(now, subscription, *gap, *format);
            }
        }
        Told::Missed { stream, from, to } => {
            if let Some(format) = format(*stream) {
                queue.missed(now, (subscription, *stream), (*from, *to), *format);
            }
        }
        Told::Ended { stream, at } => {
            let event = AppEvent::Ended { subscription, stream: *stream, at: *at };
            queue.end(now, (subscription, *stream), &event);
        }
    }
}
