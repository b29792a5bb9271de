use std::pin::pin;

use glasslink_protocol::{CloseCode, EngineState};
use serde::Serialize;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info};

use super::audio::Audio;
use super::limits;
use super::response::{Event, PING, Segment, Status};
use super::segments::{Segments, Told};
use crate::doors::fed::{At, Feed, Said};
use crate::doors::link::{Incoming, WebSocket};

/// A connection and the session it feeds.
pub(super) struct Listener {
    feed: Feed,
    audio: Audio,
    channels: Vec<Segments>,
    /// When the client's credentials expire.
    until: Option<Instant>,
    /// When the client last sent anything.
    heard_at: Instant,
    ping_at: Instant,
    is_ready: bool,
    /// Messages that were no audio.
    passed_over: u64,
    /// Bytes that wait for the client.
    queued: usize,
    out: Vec<Told>,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Close(u16, &'static str),
    /// The client is gone, or as good as.
    Gone,
}

impl Listener {
    pub(super) fn new(feed: Feed, audio: Audio, until: Option<Instant>) -> Self {
        let (now, session) = (Instant::now(), feed.session().to_string());
        let channels = (0..audio.tracks.len()).map(|channel| Segments::new(channel, &session)).collect();
        Self {
            feed,
            audio,
            channels,
            until,
            heard_at: now,
            ping_at: now,
            is_ready: false,
            passed_over: 0,
            queued: 0,
            out: Vec::new(),
        }
    }

    pub(super) async fn serve(mut self, mut socket: WebSocket) {
        let steps = [Status::Initiating, Status::InProgressConversationsProcessing, Status::SttInitiating];
        for status in steps {
            tell(&mut socket, &Event::ServiceStatus { status, status_text: None });
        }
        let end = self.listen(&mut socket).await;
        debug!(?end, passed_over = self.passed_over, "connection over");
        if let End::Close(code, reason) = end {
            let _ = timeout(crate::limits::CLOSING, socket.close_with(code, reason)).await;
        }
        drop(socket);
        self.audio.tracks.settle(self.feed).await;
    }

    async fn listen(&mut self, socket: &mut WebSocket) -> End {
        let mut timer = pin!(sleep_until(Instant::now()));
        loop {
            let stalled = socket.waiting_since().map(|since| since + crate::limits::OUTGOING_STALL);
            let due = (self.heard_at + limits::INACTIVE).min(self.ping_at);
            let due = stalled.map_or(due, |stalled| stalled.min(due));
            if due != timer.deadline() {
                timer.as_mut().reset(due);
            }
            let is_full = self.is_full();
            let end = tokio::select! {
                said = self.feed.next() => self.said(said),
                incoming = next(socket, is_full) => self.incoming(&incoming),
                () = &mut timer => self.look(socket),
            };
            self.flush(socket);
            self.feed.waits(&mut self.queued, socket.queued());
            if let Some(end) = end {
                return end;
            }
            if socket.queued() > crate::limits::OUTGOING_BYTES {
                return End::Gone;
            }
        }
    }

    /// Whether there is enough for now: nothing more is read.
    fn is_full(&self) -> bool {
        self.feed.is_full() || self.audio.tracks.are_behind()
    }

    /// Segments that come together are one array.
    fn flush(&mut self, socket: &mut WebSocket) {
        let mut segments: Vec<Segment> = Vec::new();
        let mut events = Vec::new();
        for told in self.out.drain(..) {
            match told {
                Told::Segment(segment) => segments.push(segment),
                Told::Event(event) => events.push(event),
            }
        }
        if !segments.is_empty() {
            tell(socket, &segments);
        }
        for event in &events {
            tell(socket, event);
        }
    }

    fn look(&mut self, socket: &mut WebSocket) -> Option<End> {
        let now = Instant::now();
        if socket.waiting_since().is_some_and(|since| now >= since + crate::limits::OUTGOING_STALL) {
            info!("the client takes nothing; connection dropped");
            return Some(End::Gone);
        }
        if self.is_full() {
            // It is not listened to.
            self.heard_at = now;
        }
        if now >= self.heard_at + limits::INACTIVE {
            return Some(End::Close(1001, "nothing came for 90 s"));
        }
        if now >= self.ping_at {
            socket.send(PING.to_owned());
            self.ping_at = now + limits::PING;
        }
        None
    }

    fn incoming(&mut self, incoming: &Incoming) -> Option<End> {
        self.heard_at = Instant::now();
        match incoming {
            Incoming::Audio(bytes) => {
                self.passed_over += u64::from(!self.audio.take(&mut self.feed, bytes));
                let is_spent = self.feed.is_spent();
                is_spent.then_some(End::Close(1008, "too many changes of the packets' length"))
            }
            // Pictures, names and answers: there is nothing here to do with them.
            Incoming::Text(_) | Incoming::Traffic => None,
            Incoming::TooLarge => Some(End::Close(1009, "the message is too large")),
            Incoming::Closed => Some(End::Close(1000, "")),
            Incoming::Gone => Some(End::Gone),
        }
    }

    fn said(&mut self, said: Said) -> Option<End> {
        match said {
            Said::Engine(EngineState::Ready, _) => {
                if !std::mem::replace(&mut self.is_ready, true) {
                    self.status(Status::Ready, None);
                }
            }
            Said::Engine(EngineState::Disabled | EngineState::NotInstalled, message) => {
                self.status(Status::SttFailed, Some(message));
                return Some(End::Close(1011, "there is no speech engine"));
            }
            Said::Room | Said::Engine(..) => {}
            Said::Partial(partial) => {
                let to = self.audio.tracks.lasts();
                let At { channel, time } = self.audio.tracks.at(partial.stream, partial.from)?;
                let told = self.channels.get_mut(channel)?.partial(time, to, partial.text);
                self.out.push(told);
            }
            Said::Final(settled) => {
                let At { channel, time: from } = self.audio.tracks.at(settled.stream, settled.from)?;
                let to = self.audio.tracks.at(settled.stream, settled.to)?.time;
                self.out.extend(self.channels.get_mut(channel)?.settled(from, to, settled.text));
            }
            Said::Transcribed { stream, to } => {
                let At { channel, time } = self.audio.tracks.at(stream, to)?;
                self.audio.tracks.transcribed(stream, to);
                self.out.extend(self.channels.get_mut(channel)?.transcribed(time));
            }
            Said::Closed(code, report) => {
                debug!(?code, ?report, "the session is over");
                return Some(match code {
                    CloseCode::Unauthorized if self.until.is_none_or(|until| Instant::now() < until) => {
                        End::Close(4004, "the device was revoked")
                    }
                    CloseCode::Unauthorized => End::Close(4001, "the token expired"),
                    CloseCode::Forbidden => End::Close(1008, "the session was deleted"),
                    _ => End::Close(1001, "the relay goes away"),
                });
            }
        }
        None
    }

    fn status(&mut self, status: Status, status_text: Option<String>) {
        self.out.push(Told::Event(Event::ServiceStatus { status, status_text }));
    }
}

/// What the client sends, unless there is no room for it: then it is written to only.
async fn next(socket: &mut WebSocket, is_full: bool) -> Incoming {
    if is_full { socket.write().await } else { socket.next().await }
}

fn tell(socket: &mut WebSocket, what: &impl Serialize) {
    // Text and numbers: that cannot fail.
    socket.send(serde_json::to_string(what).unwrap_or_default());
}
