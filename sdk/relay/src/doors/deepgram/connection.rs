use std::pin::pin;

use glasslink_protocol::{CloseCode, Final};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info};

use super::audio::Audio;
use super::limits;
use super::query::Query;
use super::request::Request;
use super::response::{Metadata, RequestId, Response, seconds};
use super::utterances::{Passage, Utterances};
use crate::doors::fed::{At, Feed, PROGRESS, Said};
use crate::doors::link::{Incoming, WebSocket};

/// A connection and the session it feeds.
pub(super) struct Listener {
    request: RequestId,
    feed: Feed,
    audio: Audio,
    channels: Vec<Utterances>,
    created: jiff::Timestamp,
    digest: Sha256,
    stage: Stage,
    /// When the client last sent something that counts.
    heard_at: Instant,
    /// When the engine last settled something, or was given something to settle.
    settled_at: Instant,
    /// Bytes that wait for the client.
    queued: usize,
    out: Vec<Response>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Listening,
    /// The client sends nothing more, and waits for the rest.
    Closing,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All is said.
    Finished,
    Close(u16, &'static str),
    /// The client is gone, or as good as.
    Gone,
}

const SILENT: End = End::Close(
    1011,
    "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001",
);
const STUCK: End = End::Close(
    1011,
    "Deepgram did not provide a response message within the timeout window. See https://dpgr.am/net0000",
);

const NOT_AUDIO: End = End::Close(
    1008,
    "DATA-0000: the payload cannot be decoded as audio: it is no audio, or of a codec that is not supported",
);

const SPENT: End =
    End::Close(1008, "too many Finalize messages for one connection, or changes of the packets' length");

impl Listener {
    pub(super) fn new(request: RequestId, feed: Feed, audio: Audio, query: &Query) -> Self {
        let count = audio.channels();
        let now = Instant::now();
        Self {
            request,
            feed,
            audio,
            channels: (0..count).map(|number| Utterances::new([number, count], query)).collect(),
            created: jiff::Timestamp::now(),
            digest: Sha256::new(),
            stage: Stage::Listening,
            heard_at: now,
            settled_at: now,
            queued: 0,
            out: Vec::new(),
        }
    }

    pub(super) async fn serve(mut self, mut socket: WebSocket) {
        let end = self.listen(&mut socket).await;
        debug!(request = %self.request, ?end, "connection over");
        match end {
            End::Finished => {
                tell(&mut socket, &self.metadata());
                let _ = timeout(crate::limits::CLOSING, socket.close_with(1000, "")).await;
            }
            End::Close(code, reason) => {
                let _ = timeout(crate::limits::CLOSING, socket.close_with(code, reason)).await;
            }
            End::Gone => {}
        }
        drop(socket);
        self.audio.flush(&mut self.feed);
        self.audio.tracks.settle(self.feed).await;
    }

    async fn listen(&mut self, socket: &mut WebSocket) -> End {
        let mut timer = pin!(sleep_until(Instant::now()));
        loop {
            if self.stage == Stage::Closing && self.audio.tracks.is_settled() {
                return End::Finished;
            }
            let due = self.due(socket);
            if due != timer.deadline() {
                timer.as_mut().reset(due);
            }
            if self.audio.has_more() && !self.feed.is_full() && self.audio.take(&mut self.feed, &[]).is_err()
            {
                return NOT_AUDIO;
            }
            let is_full = self.is_full();
            let end = tokio::select! {
                said = self.feed.next() => self.said(said),
                incoming = next(socket, is_full) => self.incoming(&incoming),
                () = &mut timer => self.look(socket),
            };
            for mut response in std::mem::take(&mut self.out) {
                if let Response::Results(results) = &mut response {
                    results.metadata = Some(Metadata::new(self.request));
                }
                tell(socket, &response);
            }
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
        self.feed.is_full() || self.audio.has_more() || self.audio.tracks.are_behind()
    }

    /// When something is to be done although nothing comes.
    fn due(&self, socket: &WebSocket) -> Instant {
        let stalled = socket.waiting_since().map(|since| since + crate::limits::OUTGOING_STALL);
        let patience = match self.stage {
            Stage::Listening => self.heard_at + limits::SILENCE,
            Stage::Closing => self.settled_at + PROGRESS,
        };
        stalled.map_or(patience, |stalled| stalled.min(patience))
    }

    fn look(&mut self, socket: &WebSocket) -> Option<End> {
        let now = Instant::now();
        if socket.waiting_since().is_some_and(|since| now >= since + crate::limits::OUTGOING_STALL) {
            info!(request = %self.request, "the client takes nothing; connection dropped");
            return Some(End::Gone);
        }
        match self.stage {
            Stage::Listening if self.is_full() => {
                // It is not listened to.
                self.heard_at = now;
                None
            }
            Stage::Listening => (now >= self.heard_at + limits::SILENCE).then_some(SILENT),
            Stage::Closing => (now >= self.settled_at + PROGRESS).then_some(STUCK),
        }
    }

    fn incoming(&mut self, incoming: &Incoming) -> Option<End> {
        match incoming {
            // Clients of old said so that they have no more.
            Incoming::Audio(bytes) if bytes.is_empty() => self.request(&Request::CloseStream),
            Incoming::Audio(bytes) if self.stage == Stage::Listening => {
                self.heard_at = Instant::now();
                self.digest.update(bytes);
                if self.audio.take(&mut self.feed, bytes).is_err() {
                    return Some(NOT_AUDIO);
                }
                self.feed.is_spent().then_some(SPENT)
            }
            Incoming::Text(text) => {
                self.heard_at = Instant::now();
                let request = serde_json::from_str(text).unwrap_or(Request::Unknown);
                self.request(&request)
            }
            Incoming::Audio(_) | Incoming::Traffic => None,
            Incoming::TooLarge => Some(End::Close(1009, "the message is too large")),
            Incoming::Closed => Some(End::Close(1000, "")),
            Incoming::Gone => Some(End::Gone),
        }
    }

    fn request(&mut self, request: &Request) -> Option<End> {
        match request {
            Request::KeepAlive => {}
            _ if self.stage == Stage::Closing => {}
            Request::Finalize => {
                let splits = self.audio.split(&mut self.feed);
                let at = self.audio.tracks.lasts();
                for (channel, split) in self.channels.iter_mut().zip(splits) {
                    channel.finalize(split, at, &mut self.out);
                }
            }
            Request::CloseStream => {
                self.audio.split(&mut self.feed);
                self.stage = Stage::Closing;
                self.settled_at = Instant::now();
            }
            Request::Configure => self.out.push(Response::ConfigureFailure {
                request_id: self.request.to_string(),
                code: "NOT_SUPPORTED",
                description: "settings are given when the connection is opened",
            }),
            Request::Unknown => self.out.push(Response::Error {
                variant: "UnparsableClientMessage",
                description: "the text message is none of this protocol, and was passed over",
                message: "unparsable client message",
            }),
        }
        None
    }

    fn said(&mut self, said: Said) -> Option<End> {
        match said {
            Said::Room | Said::Engine(..) => {}
            Said::Partial(partial) => {
                let to = self.audio.tracks.lasts();
                let At { channel, time } = self.audio.tracks.at(partial.stream, partial.from)?;
                self.channels.get_mut(channel)?.partial(time, to.max(time), partial.text, &mut self.out);
            }
            Said::Final(settled) => {
                self.settled_at = Instant::now();
                let (channel, text) = self.text(&settled)?;
                self.channels.get_mut(channel)?.settled(settled.stream, text, &mut self.out);
            }
            Said::Transcribed { stream, to } => {
                self.settled_at = Instant::now();
                let At { channel, time } = self.audio.tracks.at(stream, to)?;
                let is_done = self.audio.tracks.transcribed(stream, to);
                self.channels.get_mut(channel)?.transcribed(stream, time, is_done, &mut self.out);
            }
            Said::Closed(code, report) => {
                debug!(request = %self.request, ?code, ?report, "the session is over");
                return Some(match code {
                    CloseCode::Restarting => End::Close(1012, "the relay restarts"),
                    CloseCode::Unauthorized | CloseCode::Forbidden => {
                        End::Close(1008, "the credentials are no longer valid, or the session was deleted")
                    }
                    _ => End::Close(1011, "the session is over"),
                });
            }
        }
        None
    }

    fn text(&self, settled: &Final) -> Option<(usize, Passage)> {
        let stream = settled.stream;
        let At { channel, time: from } = self.audio.tracks.at(stream, settled.from)?;
        let time = |frame| self.audio.tracks.at(stream, frame).map_or(from, |at| at.time);
        let words = settled.words.iter().map(|word| (word.text.clone(), time(word.from), time(word.to)));
        Some((
            channel,
            Passage { from, to: time(settled.to), text: settled.text.clone(), words: words.collect() },
        ))
    }

    fn metadata(&mut self) -> Response {
        let digest = std::mem::take(&mut self.digest).finalize();
        let hexadecimal = digest.iter().map(|byte| format!("{byte:02x}"));
        Response::Metadata {
            transaction_key: "deprecated",
            request_id: self.request.to_string(),
            sha256: hexadecimal.collect(),
            created: format!("{:.3}", self.created),
            duration: seconds(self.audio.tracks.lasts()),
            channels: self.channels.len(),
        }
    }
}

/// What the client sends, unless there is no room for it: then it is written to only.
async fn next(socket: &mut WebSocket, is_full: bool) -> Incoming {
    if is_full { socket.write().await } else { socket.next().await }
}

fn tell(socket: &mut WebSocket, response: &Response) {
    // Text and numbers: that cannot fail.
    socket.send(serde_json::to_string(response).unwrap_or_default());
}
