use std::time::Duration;

use glasslink_protocol::{Cause, FrameIndex, Gap, GapCause, TranscriptEvent};
use glasslink_session::{Action, ConnectionId, Event, LinkState};

use crate::fault::below;
use crate::journal::Record;
use crate::network::{Payload, Peer};
use crate::world::{OURS, World, frame};

/// The client's process: what owns the client half.
impl World {
    pub(crate) fn client_turn(&mut self) -> Result<(), String> {
        while let Some((connection, payload)) = self.next_down(OURS) {
            match payload {
                Payload::Opened => self.client.opened(self.now, connection),
                Payload::Text(text) => {
                    self.trace.note(self.now, format_args!("< {text}"));
                    let again = self.now < self.relay.repeat_until && text.contains("\"transcript\"");
                    for _ in 0..=u8::from(again) {
                        self.client.text(self.now, connection, &text).map_err(|error| error.to_string())?;
                    }
                }
                Payload::Audio(_) => {}
                Payload::Closed(cause, retry_after) => {
                    *self.coverage.causes.entry(cause.code()).or_default() += 1;
                    let ours = self.connection == Some(connection);
                    if ours {
                        self.connection = None;
                    }
                    if let Some(pause) = retry_after.filter(|_| ours) {
                        self.retries.asked_to_wait(self.now + pause);
                    }
                    let state = self.client.state();
                    self.client.closed(self.now, connection, cause, retry_after);
                    if !ours && self.client.state() != state {
                        return Err(format!("{connection:?}, which was closed already, ended another"));
                    }
                }
            }
            self.drain()?;
        }
        while let Some((_, stream, from, to)) = self.fetches.pop_front_if(|(due, ..)| *due <= self.now) {
            let frames: Vec<_> = (from.0..to.0).map(|index| frame(stream, FrameIndex(index))).collect();
            let fetched = self.client.fetched(self.now, stream, from, frames.iter().map(|bytes| &bytes[..]));
            // An answer to what another connection asked for is not wanted any more.
            let _ = fetched;
            self.drain()?;
        }
        if self.client.poll_timeout().is_some_and(|at| at <= self.now) {
            self.client.handle_timeout(self.now);
            self.drain()?;
        }
        Ok(())
    }

    pub(crate) fn next_down(&mut self, peer: Peer) -> Option<(ConnectionId, Payload)> {
        let now = self.now;
        self.network.wires.iter_mut().filter(|((owner, _), _)| *owner == peer).find_map(
            |((_, connection), wire)| {
                let (_, payload) = wire.down.pop_front_if(|(at, _)| *at <= now)?;
                Some((*connection, payload))
            },
        )
    }

    pub(crate) fn drain(&mut self) -> Result<(), String> {
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::Connect { connection } => {
                    if let Some(open) = self.connection {
                        return Err(format!("{connection:?} was opened while {open:?} was open"));
                    }
                    self.trace.note(self.now, format_args!("connect {}", connection.0));
                    self.retries.attempt(self.now)?;
                    self.connection = Some(connection);
                    self.network.connect(self.now, OURS, connection, &mut self.random);
                }
                Action::Close { connection, .. } => {
                    self.trace.note(self.now, format_args!("close {}", connection.0));
                    if self.connection == Some(connection) {
                        self.connection = None;
                        let closed = Payload::Closed(Cause::Reset, None);
                        self.network.send_up(self.now, (OURS, connection), closed, &mut self.random);
                        self.network.closed_late(self.now, (OURS, connection), &mut self.random);
                    }
                }
                Action::SendText { connection, text } => {
                    self.trace.note(self.now, format_args!("> {text}"));
                    self.send(connection, Payload::Text(text))?;
                }
                Action::SendAudio { connection, message } => {
                    self.trace.note(self.now, format_args!("> audio {} bytes", message.len()));
                    self.send(connection, Payload::Audio(message))?;
                }
                Action::Fetch { stream, from, to } => {
                    if self.journal.is_none() {
                        return Err("asked for frames although there is no journal".into());
                    }
                    let due = self.now + Duration::from_micros(below(&mut self.random, 20_000));
                    self.fetches.push_back((due, stream, from, to));
                }
                Action::Event(event) => self.event(event)?,
            }
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), String> {
        if self.connection != Some(connection) {
            return Err(format!("sent over {connection:?}, which is closed"));
        }
        self.network.send_up(self.now, (OURS, connection), payload, &mut self.random);
        Ok(())
    }

    pub(crate) fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::State(state) => self.state_changed(state)?,
            Event::Gap(gap) => {
                self.trace.note(self.now, format_args!("gap {}..{} {:?}", gap.from, gap.to, gap.cause));
                if gap.cause == GapCause::Rejected {
                    self.write(Record::GivenUp(gap));
                }
                self.gap(&gap)?;
            }
            Event::Transcript { epoch, number, event } => {
                self.trace.note(self.now, format_args!("event {}.{} {event:?}", epoch.0, number.0));
                self.write(Record::Event(number, event.clone()));
                match event {
                    TranscriptEvent::Final(settled) => {
                        self.coverage.count("finals", 1);
                        if self.waited_for.take_if(|(stream, _)| *stream == settled.stream).is_some() {
                            self.coverage.count("live_again", 1);
                        }
                        self.ledger.heard(settled.stream, settled.from, settled.to)?;
                    }
                    TranscriptEvent::Gap(gap) => {
                        if gap.cause == GapCause::RelayLostHistory {
                            self.coverage.count("lost_history_gaps", 1);
                        }
                        self.ledger.transcript_gap(&gap);
                    }
                }
            }
            Event::Epoch(epoch) => self.write(Record::Epoch(epoch)),
            Event::Transcribed { stream, to } => self.write(Record::Transcribed(stream, to)),
            Event::Kept { stream, next } => {
                self.write(Record::Kept(stream, next));
                self.trace.note(self.now, format_args!("kept {stream} {next}"));
            }
            Event::Continued { stream, at, by } => {
                self.trace.note(self.now, format_args!("stream {stream} goes on at {at} as {by}"));
                self.coverage.count("continued_streams", 1);
                if !self.is_disturbed() {
                    self.waited_for = Some((by, self.now));
                }
            }
            Event::AudioStalled { stream, .. }
            | Event::AudioRecovered { stream, .. }
            | Event::AudioLost { stream } => {
                return Err(format!("stream {stream} was called stalled and was not"));
            }
            Event::SendPcm { stream } => {
                return Err(format!("nobody decodes stream {stream}, and it was called undecodable"));
            }
            Event::HistoryTruncated { .. } => return Err("events of the transcript were lost".into()),
            Event::Display(_)
            | Event::App(_)
            | Event::StreamKept(_)
            | Event::Partial(_)
            | Event::Engine { .. }
            | Event::RelayError(_) => {}
        }
        Ok(())
    }

    pub(crate) fn state_changed(&mut self, state: LinkState) -> Result<(), String> {
        self.trace.note(self.now, format_args!("state {state:?}"));
        if state == self.state {
            return Err(format!("the same state twice: {state:?}"));
        }
        *self.coverage.transitions.entry((self.state.name(), state.name())).or_default() += 1;
        if let LinkState::Waiting { cause, .. } = state {
            *self.coverage.causes.entry(cause.code()).or_default() += 1;
        }
        self.retries.state_changed(self.now, state)?;
        if let LinkState::Refused { cause, .. } = state {
            self.ask_for_help(cause)?;
        }
        if !state.is_live() {
            self.waited_for = None;
        }
        self.state = state;
        Ok(())
    }

    pub(crate) fn gap(&mut self, gap: &Gap) -> Result<(), String> {
        self.ledger.gap(gap)?;
        let count = match gap.cause {
            GapCause::Overflow => "overflow_frames",
            GapCause::Radio => "radio_frames",
            GapCause::Rejected => "rejected_frames",
            GapCause::Absent => "absent_frames",
            cause => return Err(format!("a gap of cause {cause:?}")),
        };
        self.coverage.count(count, gap.frames());
        if gap.cause.is_loss() {
            self.lost += gap.frames();
        }
        if gap.cause == GapCause::Overflow && self.journal.is_some() {
            return Err(format!("{gap:?} although there is a journal"));
        }
        if gap.cause == GapCause::Overflow {
            // SPEC P3.1: one outage of up to 60 s within the buffer's time loses nothing.
            let down: Duration = self.impaired.iter().map(|(_, lasting)| *lasting).sum();
            if down <= Duration::from_mins(1) {
                return Err(format!("{gap:?} although the link was down for {down:?} of the last 90 s"));
            }
        }
        Ok(())
    }
}
