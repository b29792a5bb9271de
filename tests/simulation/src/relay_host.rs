use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use glasslink_protocol::{
    ClientMessage, CloseCode, Durability, Epoch, EventNumber, Final, FrameIndex, GapCause, SessionId,
    StreamId, StreamStart, TranscriptEvent,
};
use glasslink_session::{
    Attachment, ConnectionId, Hello, RelayAction, RelayConfig, RelayEvent, RelaySession, RestoredSession,
    RestoredStream, Timestamp,
};
use rand_pcg::Pcg64Mcg;

use crate::fault::below;
use crate::ledger::Ledger;
use crate::network::{Network, Payload, Peer};
use crate::world::{FRAME_BYTES, frame};

/// Frames one final covers, and the time the engine takes for it.
const FINAL_FRAMES: u64 = 150;
const ENGINE_TIME: Duration = Duration::from_millis(300);

/// The relay's process: what owns the relay half.
#[derive(Debug)]
pub(crate) struct RelayHost {
    pub(crate) session: Option<RelaySession>,
    epochs: u64,
    streams: BTreeMap<StreamId, Stream>,
    /// The transcript, which is synced before it is told, ...
    events: Vec<TranscriptEvent>,
    /// ... and with it whatever was written before: it is one log.
    synced_at: Timestamp,
    keep_due: Option<Timestamp>,
    engine_due: Option<Timestamp>,
    /// How often the next audio message is refused.
    pub(crate) rejections: u32,
    /// Until then, audio that is not refused and transcript events arrive twice.
    pub(crate) repeat_until: Timestamp,
    /// Frames that came again and were dropped, in all epochs.
    duplicates: u64,
}

#[derive(Debug)]
struct Stream {
    start: StreamStart,
    received: Counts,
    kept: FrameIndex,
    /// What was on the disk when.
    kept_log: Vec<(Timestamp, Counts)>,
    transcribed: FrameIndex,
    ended: Option<FrameIndex>,
}

/// Everything before `next`, by what it is.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    next: FrameIndex,
    frames: u64,
    lost: u64,
    absent: u64,
}

impl RelayHost {
    pub(crate) fn new() -> Self {
        Self {
            session: None,
            epochs: 0,
            streams: BTreeMap::new(),
            events: Vec::new(),
            synced_at: Timestamp::ZERO,
            keep_due: None,
            engine_due: None,
            rejections: 0,
            repeat_until: Timestamp::ZERO,
            duplicates: 0,
        }
    }

    /// Its process died, and another goes on with what the disk has. `unsynced` is what a power cut takes.
    pub(crate) fn restart(&mut self, now: Timestamp, unsynced: Duration) {
        let Some(old) = self.session.take() else { return };
        let synced = self.synced_at.max(now - unsynced);
        let mut restored = RestoredSession {
            holder: old.holder(),
            first_event: EventNumber(1),
            events: self.events.clone(),
            ..RestoredSession::default()
        };
        self.streams.retain(|_, stream| stream.cut(synced));
        for stream in self.streams.values() {
            let (_, kept) = stream.kept_log.last().copied().unwrap_or_default();
            restored.streams.push(RestoredStream {
                start: stream.start.clone(),
                kept: kept.next,
                transcribed: stream.transcribed,
                ended: stream.ended,
                frames: kept.frames,
                lost: kept.lost,
                absent: kept.absent,
            });
        }
        self.duplicates += old.sums().map(|sums| sums.duplicates).sum::<u64>();
        self.keep_due = None;
        self.engine_due = Some(now + ENGINE_TIME);
        let config = RelayConfig::new(old.epoch(), Durability::Disk);
        self.session = Some(RelaySession::restore(config, SessionId(1), now, restored));
    }

    /// Its process died, and another knows nothing.
    pub(crate) fn restart_empty(&mut self) {
        self.forget();
    }

    fn forget(&mut self) {
        let duplicates = self.duplicates();
        *self = Self { epochs: self.epochs, duplicates, ..Self::new() };
    }

    pub(crate) fn duplicates(&self) -> u64 {
        let present = self.session.iter().flat_map(RelaySession::sums).map(|sums| sums.duplicates);
        self.duplicates + present.sum::<u64>()
    }

    /// A message arrived over `key`.
    pub(crate) fn receive(
        &mut self,
        now: Timestamp,
        network: &mut Network,
        key: (Peer, ConnectionId),
        payload: Payload,
        random: &mut Pcg64Mcg,
    ) {
        let Some(wire) = network.wires.get(&key) else { return };
        let attachment = wire.attachment;
        match (payload, attachment) {
            (Payload::Text(text), None) => self.hello(now, network, key, &text, random),
            (Payload::Text(text), Some(attachment)) => {
                if let Some(session) = &mut self.session {
                    session.text(now, attachment, &text);
                }
            }
            (Payload::Audio(message), Some(attachment)) => self.audio(now, attachment, &message),
            (Payload::Closed(..), Some(attachment)) => {
                if let Some(session) = &mut self.session {
                    session.detach(now, attachment);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        let session = self.session.as_ref().and_then(RelaySession::poll_timeout);
        [session, self.keep_due, self.engine_due].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Timestamp, ledger: &mut Ledger) {
        let Some(session) = &mut self.session else { return };
        session.handle_timeout(now);
        if self.keep_due.take_if(|due| now >= *due).is_some() {
            for (id, stream) in &mut self.streams {
                ledger.kept(*id, stream.kept, stream.received.next);
                stream.kept = stream.received.next;
                stream.kept_log.push((now, stream.received));
                session.kept(now, *id, stream.kept);
            }
            self.engine_due.get_or_insert(now + ENGINE_TIME);
        }
        if self.engine_due.take_if(|due| now >= *due).is_some() {
            for (id, stream) in &mut self.streams {
                stream.transcribe(now, *id, session);
            }
        }
    }

    /// Carries out what the relay half wants done.
    pub(crate) fn drain(
        &mut self,
        now: Timestamp,
        network: &mut Network,
        random: &mut Pcg64Mcg,
    ) -> Result<(), String> {
        while let Some(action) = self.session.as_mut().and_then(RelaySession::poll_action) {
            match action {
                RelayAction::SendText { attachment, text } => {
                    let key =
                        wire_of(network, attachment).ok_or("a message for a connection that is gone")?;
                    network.send_down(now, key, Payload::Text(text), random);
                }
                RelayAction::Close { attachment, code } => {
                    if let Some(key) = wire_of(network, attachment) {
                        let cause = CloseCode::cause(code.code());
                        network.send_down(now, key, Payload::Closed(cause, None), random);
                        if let Some(wire) = network.wires.get_mut(&key) {
                            wire.attachment = None;
                            wire.relay_open = false;
                        }
                    }
                }
                RelayAction::Event(event) => self.event(now, event, random)?,
            }
        }
        self.check()
    }

    fn hello(
        &mut self,
        now: Timestamp,
        network: &mut Network,
        key: (Peer, ConnectionId),
        text: &str,
        random: &mut Pcg64Mcg,
    ) {
        let Ok(Ok(hello)) = ClientMessage::decode(text).map(Hello::try_from) else { return };
        let session = self.session.get_or_insert_with(|| {
            self.epochs += 1;
            let config = RelayConfig::new(Epoch(self.epochs), Durability::Memory);
            RelaySession::new(config, SessionId(1), now)
        });
        match session.attach(now, &hello) {
            Ok(attachment) => {
                if let Some(wire) = network.wires.get_mut(&key) {
                    wire.attachment = Some(attachment);
                }
            }
            Err(error) => {
                network.send_down(now, key, Payload::Closed(error.cause(), None), random);
                if let Some(wire) = network.wires.get_mut(&key) {
                    wire.relay_open = false;
                }
            }
        }
    }

    fn audio(&mut self, now: Timestamp, attachment: Attachment, message: &Bytes) {
        let Some(session) = &mut self.session else { return };
        if self.rejections > 0
            && let Ok(audio) = glasslink_protocol::AudioMessage::decode(message)
            && self.streams.get(&audio.stream).is_some_and(|stream| {
                audio.first <= stream.received.next && stream.received.next < audio.end()
            })
        {
            self.rejections -= 1;
            session.traffic(now, attachment);
            let first = self.streams[&audio.stream].received.next;
            session.reject(audio.stream, first, audio.end(), "refused by the simulation");
            return;
        }
        session.audio(now, attachment, message);
        if now < self.repeat_until {
            session.audio(now, attachment, message);
        }
    }

    fn event(&mut self, now: Timestamp, event: RelayEvent, random: &mut Pcg64Mcg) -> Result<(), String> {
        match event {
            RelayEvent::Opened(start) => {
                let received = Counts { next: start.from, ..Counts::default() };
                let stream = Stream {
                    received,
                    kept: start.from,
                    kept_log: vec![(now, received)],
                    transcribed: start.transcribed.max(start.from),
                    ended: None,
                    start,
                };
                self.streams.insert(stream.start.stream, stream);
            }
            RelayEvent::Frames { stream: id, first, count, body } => {
                let stream = self.streams.get_mut(&id).ok_or("frames of an unknown stream")?;
                stream.check_order(first)?;
                if body.len() != usize::from(count) * FRAME_BYTES {
                    return Err(format!("{count} frames in {} bytes", body.len()));
                }
                for (offset, bytes) in body.chunks(FRAME_BYTES).enumerate() {
                    if bytes != frame(id, first + offset as u64) {
                        return Err(format!(
                            "frame {} of stream {id} changed on its way",
                            first + offset as u64
                        ));
                    }
                }
                stream.received.next = first + u64::from(count);
                stream.received.frames += u64::from(count);
                self.keep_due.get_or_insert(now + Duration::from_millis(below(random, 400)));
            }
            RelayEvent::Gap(gap) => {
                let stream = self.streams.get_mut(&gap.stream).ok_or("a gap in an unknown stream")?;
                stream.check_order(gap.from)?;
                if gap.cause == GapCause::Unknown {
                    return Err(format!("the client skipped frames without a word: {gap:?}"));
                }
                stream.received.next = gap.to;
                if gap.cause.is_loss() {
                    stream.received.lost += gap.frames();
                } else {
                    stream.received.absent += gap.frames();
                }
                self.keep_due.get_or_insert(now + Duration::from_millis(below(random, 400)));
            }
            RelayEvent::Appended { event, .. } => {
                self.events.push(event);
                self.synced_at = now;
            }
            RelayEvent::Ended { stream: id, at } => {
                let stream = self.streams.get_mut(&id).ok_or("the end of an unknown stream")?;
                stream.ended = Some(at);
                self.engine_due.get_or_insert(now + ENGINE_TIME);
            }
            RelayEvent::LedgerMismatch(sums) => return Err(format!("the client reported {sums:?}")),
            RelayEvent::Expired => {
                // What nobody came back for within ten minutes is gone.
                self.forget();
            }
            RelayEvent::AudioStalled { stream, .. } => {
                return Err(format!("the relay was told that stream {stream} stalled"));
            }
            RelayEvent::Clock(_)
            | RelayEvent::Device(_)
            | RelayEvent::Capabilities(_)
            | RelayEvent::RunApp { .. }
            | RelayEvent::Attached
            | RelayEvent::Detached
            | RelayEvent::Bye => {}
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        for sums in self.session.iter().flat_map(RelaySession::sums) {
            if sums.received - sums.from != sums.frames + sums.lost + sums.absent {
                return Err(format!("the relay's ledger does not balance: {sums:?}"));
            }
            if sums.kept > sums.received {
                return Err(format!("the relay's marks are out of order: {sums:?}"));
            }
        }
        Ok(())
    }
}

impl Stream {
    fn check_order(&self, first: FrameIndex) -> Result<(), String> {
        if self.received.next == first {
            return Ok(());
        }
        Err(format!(
            "stream {} has frames up to {} and was given {first}",
            self.start.stream, self.received.next
        ))
    }

    /// Loses what was written after `synced`. Says whether anything is left.
    fn cut(&mut self, synced: Timestamp) -> bool {
        self.kept_log.retain(|(at, _)| *at <= synced);
        let Some((_, kept)) = self.kept_log.last().copied() else { return false };
        self.received = kept;
        self.kept = kept.next;
        self.ended = self.ended.filter(|end| *end <= kept.next);
        true
    }

    /// Tells the finals of what is kept: whole blocks, and the rest at the end.
    fn transcribe(&mut self, now: Timestamp, id: StreamId, session: &mut RelaySession) {
        loop {
            let block = FrameIndex((self.transcribed.0 / FINAL_FRAMES + 1) * FINAL_FRAMES);
            let to = self.ended.map_or(block, |end| block.min(end));
            if to > self.kept || to <= self.transcribed {
                break;
            }
            let settled =
                Final { stream: id, from: self.transcribed, to, text: "word".into(), words: Vec::new() };
            session.append(TranscriptEvent::Final(settled));
            self.transcribed = to;
        }
        session.transcribed(now, id, self.transcribed);
    }
}

fn wire_of(network: &Network, attachment: Attachment) -> Option<(Peer, ConnectionId)> {
    network.wires.iter().find(|(_, wire)| wire.attachment == Some(attachment)).map(|(key, _)| *key)
}
