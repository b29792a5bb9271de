use std::sync::Arc;

use glasslink_protocol::{
    AppEvent, Capabilities, ClosedReason, Epoch, EventNumber, FrameIndex, Partial, StreamFormat, StreamId,
    StreamStart, SubscriptionId, TranscriptEvent, Wanted,
};
use glasslink_session::{RelayEvent, RelaySession};
use tokio::time::Instant;

use super::audience::Audience;
use super::device::Device;
use super::pool::DecodePool;
use super::tap::Tap;
use super::told::{Opened, Subscriber, Told};
use crate::doors::app::{Outbox, Queue};

/// An app wants something of a session that it may see.
pub(crate) struct Subscribe {
    pub(crate) subscription: SubscriptionId,
    pub(crate) want: Wanted,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) since: EventNumber,
    pub(crate) outbox: Arc<Outbox>,
}

/// It wants it no more, or is gone.
pub(crate) struct Unsubscribe {
    pub(crate) subscription: SubscriptionId,
    pub(crate) outbox: Arc<Outbox>,
}

impl Subscribe {
    /// The session is over.
    pub(crate) fn refuse(&self) {
        let (subscription, reason) = (self.subscription, ClosedReason::NotFound);
        self.outbox.deliver(|queue| queue.control(&AppEvent::Closed { subscription, reason }));
    }
}

/// What a session tells apps. It has a part in nothing else: a session with apps is a session without.
///
/// What happens between two calls of [`Hub::flush`] reaches each app in one write.
pub(crate) struct Hub {
    raw: Audience,
    pcm: Option<Tap>,
    transcript: Vec<Subscriber>,
    device: Device,
    told: Vec<Told>,
    texts: Vec<Text>,
    pool: Arc<DecodePool>,
}

enum Text {
    Opened(StreamId, StreamFormat),
    Event(EventNumber, TranscriptEvent),
    Partial(Partial),
}

impl Hub {
    pub(crate) fn new(pool: Arc<DecodePool>) -> Self {
        let (told, texts, transcript) = (Vec::new(), Vec::new(), Vec::new());
        Self { raw: Audience::default(), pcm: None, transcript, device: Device::default(), told, texts, pool }
    }

    /// A stream that was found in the files.
    pub(crate) fn resume(&mut self, start: &StreamStart) {
        self.raw.opened(Opened::from(start));
    }

    /// Something happened to the session.
    pub(crate) fn event(&mut self, event: &RelayEvent) {
        let told = match event {
            RelayEvent::Opened(start) => {
                if !self.transcript.is_empty() {
                    self.texts.push(Text::Opened(start.stream, start.format));
                }
                let opened = Opened::from(start);
                if !self.has_listeners() {
                    return self.raw.opened(opened);
                }
                Told::Opened(Box::new(opened))
            }
            RelayEvent::Ended { stream, at } => {
                if !self.has_listeners() {
                    return self.raw.ended(*stream);
                }
                Told::Ended { stream: *stream, at: *at }
            }
            RelayEvent::Frames { stream, first, count, body } if self.has_listeners() => {
                Told::Frames { stream: *stream, first: *first, count: *count, body: body.clone() }
            }
            RelayEvent::Device(event) => return self.device.event(event),
            RelayEvent::Capabilities(capabilities) => return self.device.capable(capabilities),
            RelayEvent::Attached => return self.device.client(true),
            RelayEvent::Detached => return self.device.client(false),
            RelayEvent::Gap(gap) if self.has_listeners() => Told::Gap(*gap),
            RelayEvent::Appended { number, event } if !self.transcript.is_empty() => {
                return self.texts.push(Text::Event(*number, event.clone()));
            }
            _ => return,
        };
        self.told.push(told);
    }

    pub(crate) fn partial(&mut self, partial: &Partial) {
        if !self.transcript.is_empty() {
            self.texts.push(Text::Partial(partial.clone()));
        }
    }

    /// Tells the apps what happened.
    pub(crate) fn flush(&mut self) {
        if !self.told.is_empty() {
            self.raw.tell(&self.told);
            match &mut self.pcm {
                Some(tap) => tap.tell(&mut self.told),
                None => self.told.clear(),
            }
        }
        if !self.texts.is_empty() {
            let texts = std::mem::take(&mut self.texts);
            self.transcript.retain(|Subscriber { outbox, subscription }| {
                outbox.deliver(|queue| texts.iter().for_each(|text| tell(queue, *subscription, text)))
            });
        }
    }

    pub(crate) fn subscribe(&mut self, link: &RelaySession, subscribe: Subscribe) {
        // What happened before is not for the newcomer.
        self.flush();
        let Subscribe { subscription, want, epoch, since, outbox } = subscribe;
        let (session, now_epoch) = (link.session(), link.epoch());
        let answer =
            |events_from| AppEvent::Subscribed { subscription, session, want, epoch: now_epoch, events_from };
        let listener = Subscriber { outbox: Arc::clone(&outbox), subscription };
        match want {
            Wanted::Raw => {
                outbox.deliver(|queue| queue.control(&answer(None)));
                self.raw.join(listener, |stream| received(link, stream));
            }
            Wanted::Pcm => {
                outbox.deliver(|queue| queue.control(&answer(None)));
                let next = |opened: &Opened| {
                    let from = received(link, opened.stream).unwrap_or(opened.from);
                    Opened { from, ..opened.clone() }
                };
                let streams = self.raw.streams().map(next).collect();
                self.pcm.get_or_insert_with(|| Tap::new(&self.pool)).join(listener, streams);
            }
            Wanted::Device => {
                outbox.deliver(|queue| queue.control(&answer(None)));
                self.device.join(listener);
            }
            Wanted::Transcript => {
                let since = if epoch == Some(now_epoch) { since } else { EventNumber(0) };
                let (from, events) = link.events_after(since);
                outbox.deliver(|queue| {
                    queue.control(&answer(Some(from)));
                    for event in events {
                        queue.replayed(addressed(event, subscription));
                    }
                    for opened in self.raw.streams() {
                        queue.stream_known(opened.stream, opened.format);
                    }
                });
                self.transcript.push(listener);
            }
        }
    }

    pub(crate) fn unsubscribe(&mut self, Unsubscribe { subscription, outbox }: &Unsubscribe) {
        let leaves = |listener: &Subscriber| listener.is(outbox, *subscription);
        self.raw.leave(leaves);
        self.device.leave(leaves);
        self.transcript.retain(|listener| !leaves(listener));
        if let Some(tap) = &mut self.pcm
            && tap.leave(outbox, *subscription)
        {
            self.pcm = None;
        }
        outbox.deliver(|queue| {
            queue.forget(*subscription);
            let reason = ClosedReason::Unsubscribed;
            queue.close(Instant::now(), *subscription, reason);
        });
    }

    /// The session is over.
    pub(crate) fn over(&mut self) {
        self.flush();
        let reason = ClosedReason::SessionOver;
        self.raw.close(reason);
        self.device.close(reason);
        for Subscriber { outbox, subscription } in self.transcript.drain(..) {
            outbox.deliver(|queue| queue.close(Instant::now(), subscription, reason));
        }
        if let Some(tap) = self.pcm.take() {
            tap.close(reason);
        }
    }

    /// What the wearer's device can do, where its client said so.
    pub(crate) fn capabilities(&self) -> Option<&Capabilities> {
        self.device.capabilities.as_deref()
    }

    /// Streams that cannot be decoded as they come, since this was last asked.
    pub(crate) fn undecodable(&mut self) -> Vec<StreamId> {
        self.pcm.as_mut().map_or_else(Vec::new, Tap::undecodable)
    }

    fn has_listeners(&self) -> bool {
        self.pcm.is_some() || !self.raw.is_empty()
    }
}

fn received(link: &RelaySession, stream: StreamId) -> Option<FrameIndex> {
    link.sums().find(|sums| sums.stream == stream).map(|sums| sums.received)
}

fn tell(queue: &mut Queue, subscription: SubscriptionId, text: &Text) {
    match text {
        Text::Event(number, event) => queue.event(subscription, *number, event),
        Text::Opened(stream, format) => queue.stream_known(*stream, *format),
        Text::Partial(partial) => queue.partial(subscription, partial.clone()),
    }
}

/// A transcript event as a client gets it, for a subscription.
fn addressed(event: &str, subscription: SubscriptionId) -> String {
    const TYPE: &str = r#"{"type":"transcript","#;
    let rest = event.strip_prefix(TYPE).unwrap_or_default();
    format!(r#"{TYPE}"subscription":{},{rest}"#, subscription.0)
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::{Gap, GapCause, RelayMessage};

    use super::*;

    #[test]
    fn a_replayed_event_reads_as_one_that_is_told_live() {
        let format = StreamFormat::lc3(16_000, 20).unwrap();
        let gap = Gap::new(StreamId(1), FrameIndex(0), FrameIndex(5), GapCause::Radio, &format);
        let (number, event) = (EventNumber(9), TranscriptEvent::Gap(gap));
        let subscription = SubscriptionId(4);
        let replayed =
            addressed(&RelayMessage::Transcript { number, event: event.clone() }.encode(), subscription);
        assert_eq!(replayed, AppEvent::Transcript { subscription, number, event }.encode());
    }
}
