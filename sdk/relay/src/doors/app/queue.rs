use std::collections::{BTreeMap, VecDeque};

use glasslink_protocol::{
    AppAudio, AppEvent, ClosedReason, EventNumber, FrameIndex, Gap, GapCause, Partial, StreamFormat,
    StreamId, SubscriptionId, TranscriptEvent,
};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::{Dialect, limits};

/// What waits for one app: control before transcript before audio, each in order, each bounded.
#[derive(Default)]
pub(crate) struct Queue {
    control: VecDeque<Message>,
    transcript: VecDeque<String>,
    /// Bytes of `transcript` and of the text in `control`.
    text_bytes: usize,
    /// The last of each stream: a partial replaces the one before it.
    partials: VecDeque<(Key, String)>,
    audio: VecDeque<Entry>,
    audio_bytes: usize,
    stream_events: usize,
    /// What was dropped and not told yet.
    missed: BTreeMap<Key, Missed>,
    overrun: bool,
    /// What the app speaks, where that is not our own protocol.
    dialect: Option<Box<dyn Dialect>>,
}

type Key = (SubscriptionId, StreamId);

/// Frames for an app.
#[derive(Clone, Copy)]
pub(crate) struct Audio<'a> {
    pub(crate) message: AppAudio<'a>,
    pub(crate) format: &'a StreamFormat,
}

struct Entry {
    key: Key,
    at: Instant,
    content: Content,
}

enum Content {
    /// Frames or their gap. It may be dropped.
    Frames {
        from: FrameIndex,
        to: FrameIndex,
        format: StreamFormat,
        message: Message,
    },
    Start(Option<String>),
    End(Option<String>),
}

#[derive(Clone, Copy)]
struct Missed {
    from: FrameIndex,
    to: FrameIndex,
    format: StreamFormat,
}

impl Missed {
    fn event(self, (subscription, stream): Key) -> AppEvent {
        let Gap { from, to, ms, .. } = Gap::new(stream, self.from, self.to, GapCause::Overflow, &self.format);
        AppEvent::Missed { subscription, stream, from, to, ms }
    }
}

impl Queue {
    pub(super) fn new(dialect: Option<Box<dyn Dialect>>) -> Self {
        Self { dialect, ..Self::default() }
    }

    /// An answer, or a word about a subscription.
    pub(crate) fn control(&mut self, event: &AppEvent) {
        match &mut self.dialect {
            None => self.say(event.encode()),
            Some(dialect) => dialect.event(event).into_iter().for_each(|text| self.say(text)),
        }
    }

    /// Something in the app's own words.
    pub(crate) fn say(&mut self, text: String) {
        self.text(text.len());
        self.control.push_back(Message::text(text));
    }

    /// A stream whose transcript may follow.
    pub(crate) fn stream_known(&mut self, stream: StreamId, format: StreamFormat) {
        if let Some(dialect) = &mut self.dialect {
            dialect.stream(stream, format);
        }
    }

    pub(super) fn ping(&mut self) {
        self.control.push_back(Message::Ping(bytes::Bytes::new()));
    }

    /// An event of long ago, encoded. Only our own protocol has words for such.
    pub(crate) fn replayed(&mut self, text: String) {
        if self.dialect.is_none() {
            self.transcript(text);
        }
    }

    pub(crate) fn event(
        &mut self,
        subscription: SubscriptionId,
        number: EventNumber,
        event: &TranscriptEvent,
    ) {
        let event = AppEvent::Transcript { subscription, number, event: event.clone() };
        match &mut self.dialect {
            None => self.transcript(event.encode()),
            Some(dialect) => dialect.event(&event).into_iter().for_each(|text| self.transcript(text)),
        }
    }

    fn transcript(&mut self, text: String) {
        self.text(text.len());
        self.transcript.push_back(text);
    }

    pub(crate) fn partial(&mut self, subscription: SubscriptionId, partial: Partial) {
        let stream = partial.stream;
        let event = AppEvent::Partial { subscription, partial };
        match &mut self.dialect {
            None => self.latest((subscription, stream), event.encode()),
            Some(dialect) => {
                // It may be told in several ways at once.
                for (way, text) in (0..).zip(dialect.event(&event)) {
                    self.latest((SubscriptionId(way), stream), text);
                }
            }
        }
    }

    fn latest(&mut self, key: Key, text: String) {
        match self.partials.iter_mut().find(|(known, _)| *known == key) {
            Some((_, last)) => *last = text,
            None => self.partials.push_back((key, text)),
        }
    }

    /// A stream whose frames follow.
    pub(crate) fn start(&mut self, now: Instant, key: Key, event: &AppEvent) {
        let text = self.alone(event);
        self.stream_event(Entry { key, at: now, content: Content::Start(text) });
    }

    /// A stream whose frames were all pushed.
    pub(crate) fn end(&mut self, now: Instant, key: Key, event: &AppEvent) {
        let text = self.alone(event);
        self.stream_event(Entry { key, at: now, content: Content::End(text) });
    }

    /// The text of an event that is no more than one; none where the app's protocol has no word for it.
    fn alone(&mut self, event: &AppEvent) -> Option<String> {
        match &mut self.dialect {
            None => Some(event.encode()),
            Some(dialect) => dialect.event(event).into_iter().next(),
        }
    }

    fn stream_event(&mut self, entry: Entry) {
        self.stream_events += 1;
        self.overrun |= self.stream_events > limits::STREAM_EVENTS;
        self.audio.push_back(entry);
    }

    pub(crate) fn gap(&mut self, now: Instant, subscription: SubscriptionId, gap: Gap, format: StreamFormat) {
        let Some(text) = self.alone(&AppEvent::Gap { subscription, gap }) else { return };
        let message = Message::text(text);
        self.frames(now, (subscription, gap.stream), (gap.from, gap.to), format, message);
    }

    pub(crate) fn audio(&mut self, now: Instant, Audio { message, format }: Audio<'_>) {
        let wire = match &mut self.dialect {
            None => {
                let mut wire = Vec::with_capacity(glasslink_protocol::APP_HEADER_BYTES + message.body.len());
                message.encode(&mut wire);
                wire
            }
            Some(dialect) => match dialect.audio(&message) {
                Some(wire) => wire,
                None => return,
            },
        };
        let range = (message.first, message.first + u64::from(message.count));
        let key = (message.subscription, message.stream);
        self.frames(now, key, range, *format, Message::binary(wire));
    }

    /// Frames that somebody before this queue had to leave out.
    pub(crate) fn missed(
        &mut self,
        now: Instant,
        key: Key,
        (from, to): (FrameIndex, FrameIndex),
        format: StreamFormat,
    ) {
        let Some(text) = self.alone(&Missed { from, to, format }.event(key)) else { return };
        let message = Message::text(text);
        self.frames(now, key, (from, to), format, message);
    }

    /// The last word about a subscription, behind all others.
    pub(crate) fn close(&mut self, now: Instant, subscription: SubscriptionId, reason: ClosedReason) {
        let missed: Vec<_> = self.missed.extract_if(.., |key, _| key.0 == subscription).collect();
        for (key, missed) in missed {
            self.end(now, key, &missed.event(key));
        }
        let event = AppEvent::Closed { subscription, reason };
        self.end(now, (subscription, StreamId(u32::MAX)), &event);
    }

    /// Nothing of the subscription is wanted any more.
    pub(crate) fn forget(&mut self, subscription: SubscriptionId) {
        let of_others = |key: &Key| key.0 != subscription;
        self.partials.retain(|(key, _)| of_others(key));
        self.missed.retain(|key, _| of_others(key));
        let (mut bytes, mut events) = (self.audio_bytes, self.stream_events);
        self.audio.retain(|entry| {
            let keep = of_others(&entry.key);
            if !keep {
                bytes -= entry.bytes();
                events -= usize::from(!matches!(entry.content, Content::Frames { .. }));
            }
            keep
        });
        (self.audio_bytes, self.stream_events) = (bytes, events);
    }

    /// Whether the app fell so far behind that it has to come back.
    pub(super) fn is_overrun(&self) -> bool {
        self.overrun
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.control.is_empty()
            && self.transcript.is_empty()
            && self.partials.is_empty()
            && self.audio.is_empty()
            && self.missed.is_empty()
    }

    /// What the app gets next.
    pub(super) fn pop(&mut self) -> Option<Message> {
        if let Some(message) = self.control.pop_front() {
            if let Message::Text(text) = &message {
                self.text_bytes -= text.len();
            }
            return Some(message);
        }
        if let Some(text) = self.transcript.pop_front() {
            self.text_bytes -= text.len();
            return Some(Message::text(text));
        }
        if let Some((_, text)) = self.partials.pop_front() {
            return Some(Message::text(text));
        }
        while !(self.audio.is_empty() && self.missed.is_empty()) {
            if let Some(message) = self.pop_audio() {
                return Some(message);
            }
        }
        None
    }

    /// The next of what is audio or its place; none where the app's protocol has no word for it.
    fn pop_audio(&mut self) -> Option<Message> {
        // What was dropped of a stream is older than what waits of it, but for its start.
        let key = match self.audio.front() {
            Some(Entry { content: Content::Start(_), .. }) => None,
            Some(entry) => Some(entry.key).filter(|key| self.missed.contains_key(key)),
            None => self.missed.keys().next().copied(),
        };
        if let Some((key, missed)) = key.and_then(|key| self.missed.remove_entry(&key)) {
            return self.alone(&missed.event(key)).map(Message::text);
        }
        let entry = self.audio.pop_front()?;
        if self.audio.is_empty() {
            // What a slow hour needed is given back.
            self.audio.shrink_to(4);
        }
        self.audio_bytes -= entry.bytes();
        match entry.content {
            Content::Frames { message, .. } => Some(message),
            Content::Start(text) | Content::End(text) => {
                self.stream_events -= 1;
                text.map(Message::text)
            }
        }
    }

    fn text(&mut self, bytes: usize) {
        self.text_bytes += bytes;
        self.overrun |= self.text_bytes > limits::TEXT_BYTES;
    }

    fn frames(
        &mut self,
        now: Instant,
        key: Key,
        (from, to): (FrameIndex, FrameIndex),
        format: StreamFormat,
        message: Message,
    ) {
        let entry = Entry { key, at: now, content: Content::Frames { from, to, format, message } };
        self.audio_bytes += entry.bytes();
        self.audio.push_back(entry);
        self.bound(now);
    }

    /// Drops the oldest of what waits too long, or is too much.
    fn bound(&mut self, now: Instant) {
        let mut passed_over = VecDeque::new();
        while let Some(oldest) = self.audio.front() {
            let is_old = now.saturating_duration_since(oldest.at) > limits::AUDIO_AGE;
            if !is_old && self.audio_bytes <= limits::AUDIO_BYTES {
                break;
            }
            let Some(entry) = self.audio.pop_front() else { break };
            let bytes = entry.bytes();
            match entry.content {
                Content::Frames { from, to, format, .. } => {
                    self.audio_bytes -= bytes;
                    let missed = self.missed.entry(entry.key).or_insert(Missed { from, to, format });
                    missed.to = missed.to.max(to);
                }
                Content::Start(_) | Content::End(_) => passed_over.push_back(entry),
            }
        }
        while let Some(entry) = passed_over.pop_back() {
            self.audio.push_front(entry);
        }
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        match &self.content {
            Content::Frames { message, .. } => message.len() + limits::ENTRY,
            Content::Start(_) | Content::End(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SUBSCRIPTION: SubscriptionId = SubscriptionId(3);
    const STREAM: StreamId = StreamId(1);

    fn frames(queue: &mut Queue, now: Instant, first: u64, bytes: usize) {
        let body = vec![0; bytes];
        let message = AppAudio {
            subscription: SUBSCRIPTION,
            stream: STREAM,
            first: FrameIndex(first),
            count: 5,
            body: &body,
        };
        queue.audio(now, Audio { message, format: &StreamFormat::lc3(16_000, 20).unwrap() });
    }

    /// What comes out, in a word each.
    fn drained(queue: &mut Queue) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(message) = queue.pop() {
            told.push(match message {
                Message::Binary(bytes) => {
                    let audio = AppAudio::decode(&bytes).unwrap();
                    format!("audio {}", audio.first)
                }
                Message::Text(text) => match AppEvent::decode(&text).unwrap() {
                    AppEvent::Missed { from, to, .. } => format!("missed {from}..{to}"),
                    AppEvent::Ended { at, .. } => format!("ended {at}"),
                    AppEvent::Partial { partial, .. } => partial.text,
                    AppEvent::Pong { id } => format!("pong {id}"),
                    other => format!("{other:?}"),
                },
                other => format!("{other:?}"),
            });
        }
        assert!(
            queue.is_empty() && queue.audio_bytes == 0 && queue.text_bytes == 0 && queue.stream_events == 0
        );
        told
    }

    // SPEC P16.3
    #[test]
    fn control_overtakes_transcripts_and_both_overtake_audio() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        frames(&mut queue, now, 0, 100);
        for (revision, text) in [(1, "it"), (2, "it was")] {
            let from = FrameIndex(0);
            queue.partial(SUBSCRIPTION, Partial { stream: STREAM, from, revision, text: text.into() });
        }
        queue.transcript(AppEvent::Pong { id: 2 }.encode());
        queue.control(&AppEvent::Pong { id: 1 });
        assert_eq!(drained(&mut queue), ["pong 1", "pong 2", "it was", "audio 0"]);
    }

    // SPEC P16.2
    #[test]
    fn the_oldest_audio_makes_room_and_what_is_missed_is_told_once_in_its_place() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let size = limits::AUDIO_BYTES / 4;
        for first in [0, 5, 10, 15, 20] {
            frames(&mut queue, now, first, size);
        }
        let (subscription, stream, at) = (SUBSCRIPTION, STREAM, FrameIndex(25));
        queue.end(now, (subscription, stream), &AppEvent::Ended { subscription, stream, at });
        assert_eq!(drained(&mut queue), ["missed 0..10", "audio 10", "audio 15", "audio 20", "ended 25"]);
    }

    // SPEC P16.2
    #[test]
    fn audio_that_is_too_old_to_be_of_use_is_not_kept() {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        frames(&mut queue, now, 0, 10);
        let (subscription, stream, at) = (SUBSCRIPTION, STREAM, FrameIndex(9));
        queue.end(now, (subscription, stream), &AppEvent::Ended { subscription, stream, at });
        now += limits::AUDIO_AGE + Duration::from_millis(1);
        frames(&mut queue, now, 100, 10);
        assert_eq!(drained(&mut queue), ["missed 0..5", "ended 9", "audio 100"]);
    }

    #[test]
    fn nothing_of_a_subscription_that_ended_is_left() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for first in [0, 5, 10, 15, 20] {
            frames(&mut queue, now, first, limits::AUDIO_BYTES / 4);
        }
        queue.forget(SUBSCRIPTION);
        assert_eq!(drained(&mut queue), [""; 0]);
    }

    #[test]
    fn streams_and_text_without_end_overrun_it() {
        let mut queue = Queue::default();
        let text = "x".repeat(limits::TEXT_BYTES / 2);
        queue.transcript(text.clone());
        assert!(!queue.is_overrun());
        queue.transcript(text);
        queue.transcript("x".into());
        assert!(queue.is_overrun());
        let (mut queue, now) = (Queue::default(), Instant::now());
        let (subscription, stream, at) = (SUBSCRIPTION, STREAM, FrameIndex(9));
        for _ in 0..=limits::STREAM_EVENTS {
            queue.end(now, (subscription, stream), &AppEvent::Ended { subscription, stream, at });
        }
        assert!(queue.is_overrun());
    }
}
