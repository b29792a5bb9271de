use std::collections::VecDeque;
use std::time::Duration;

use glasslink_protocol::{
    Cause, CloseCode, FrameIndex, Gap, GapCause, SessionId, StreamFormat, StreamId, TranscriptEvent,
};
use glasslink_session::{
    Action, ClientConfig, ClientSession, ConnectionId, Event, LinkState, StreamOptions, Timestamp, defaults,
};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;

use crate::fault::{Planned, below, plan};
use crate::journal::{Journal, Record, UNSYNCED};
use crate::ledger::Ledger;
use crate::network::{Network, Payload, Peer};
use crate::relay_host::RelayHost;
use crate::trace::Trace;
use crate::{Coverage, Fault};

pub(crate) const FRAME_BYTES: usize = 20;
const FRAME: Duration = Duration::from_millis(10);
const OURS: Peer = 0;
const OTHER: Peer = 1;

/// After the last fault everything has to be settled within this: the longest back-off, an attempt, and a backlog
/// of 90 s at the catch-up rate.
const SETTLE: Duration = Duration::from_secs(90);

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The first broken promise.
    pub violation: Option<String>,
    pub trace: String,
    pub coverage: Coverage,
}

/// Runs `seed` for `length` of simulated time, and on until everything is settled.
pub fn run(seed: u64, length: Duration) -> Outcome {
    let mut world = World::new(seed, length);
    let violation =
        world.run().err().map(|violation| format!("at {:?}: {violation}", world.now.since_origin()));
    if let Some(violation) = &violation {
        world.trace.note(world.now, format_args!("VIOLATION {violation}"));
    }
    world.coverage.count("duplicates", world.relay.duplicates());
    Outcome { violation, trace: world.trace.into_lines(), coverage: world.coverage }
}

/// The bytes of a frame, so that a frame out of place is noticed.
pub(crate) fn frame(stream: StreamId, index: FrameIndex) -> [u8; FRAME_BYTES] {
    let mut bytes = [0; FRAME_BYTES];
    bytes[..8].copy_from_slice(&index.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    bytes[8..12].copy_from_slice(&stream.0.to_le_bytes());
    bytes
}

fn format() -> Result<StreamFormat, String> {
    StreamFormat::lc3(16_000, FRAME_BYTES as u32).map_err(|error| error.to_string())
}

struct World {
    now: Timestamp,
    random: Pcg64Mcg,
    length: Duration,
    plan: Vec<Planned>,
    client: ClientSession,
    connection: Option<ConnectionId>,
    other: Option<ClientSession>,
    other_connection: Option<ConnectionId>,
    other_until: Timestamp,
    network: Network,
    relay: RelayHost,
    sources: Vec<Source>,
    starved_until: Timestamp,
    suspended_until: Timestamp,
    radio_loss_until: Timestamp,
    network_change_at: Option<Timestamp>,
    refresh_at: Option<Timestamp>,
    take_over_at: Option<Timestamp>,
    ending: bool,
    /// Half of all runs have one.
    journal: Option<Journal>,
    fetches: VecDeque<(Timestamp, StreamId, FrameIndex, FrameIndex)>,
    processes: u64,
    ledger: Ledger,
    lost: u64,
    state: LinkState,
    /// When, in the last 90 s, nothing could be sent, and how long each time.
    impaired: VecDeque<(Timestamp, Duration)>,
    hole_since: Option<Timestamp>,
    trace: Trace,
    coverage: Coverage,
}

struct Source {
    stream: StreamId,
    next: FrameIndex,
    due: Timestamp,
    end: Timestamp,
    ended: bool,
}

impl World {
    fn new(seed: u64, length: Duration) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let plan = plan(&mut random, length);
        Self {
            now: Timestamp::ZERO,
            length,
            plan,
            client: ClientSession::new(ClientConfig::default(), SessionId(1), seed ^ 0xA5A5),
            random,
            connection: None,
            other: None,
            other_connection: None,
            other_until: Timestamp::ZERO,
            network: Network::new(),
            relay: RelayHost::new(),
            sources: Vec::new(),
            starved_until: Timestamp::ZERO,
            suspended_until: Timestamp::ZERO,
            radio_loss_until: Timestamp::ZERO,
            network_change_at: None,
            refresh_at: None,
            take_over_at: None,
            ending: false,
            journal: (seed % 2 == 1).then(Journal::default),
            fetches: VecDeque::new(),
            processes: 1,
            ledger: Ledger::default(),
            lost: 0,
            state: LinkState::Idle,
            impaired: VecDeque::new(),
            hole_since: None,
            trace: Trace::default(),
            coverage: Coverage::default(),
        }
    }

    fn run(&mut self) -> Result<(), String> {
        let end = Timestamp::from_origin(self.length);
        self.open_source(end)?;
        let second = Timestamp::from_origin(self.length / 4);
        self.client.connect(self.now);
        self.drain()?;
        let mut second_open = false;
        while let Some(next) = self.next_event(end, (!second_open).then_some(second)) {
            if next > end + SETTLE {
                return Err(format!(
                    "not settled {SETTLE:?} after the last fault: {:?}",
                    self.client.stats()
                ));
            }
            self.note_impairment(next);
            self.now = self.now.max(next);
            if !second_open && self.now >= second {
                second_open = true;
                self.open_source(Timestamp::from_origin(self.length / 2))?;
            }
            self.step(end)?;
            if self.ending && self.client.is_transcribed() {
                break;
            }
        }
        self.settle()
    }

    fn next_event(&self, end: Timestamp, second: Option<Timestamp>) -> Option<Timestamp> {
        let awake = self.starved_until.max(self.suspended_until);
        let fetch = self.fetches.front().map(|(due, ..)| *due);
        let client =
            self.client.poll_timeout().into_iter().chain(self.network.next_down(OURS)).chain(fetch).min();
        let sources = self.sources.iter().filter(|source| !source.ended).map(|source| source.due).min();
        let other = self.other.as_ref().map(|other| {
            let other = other.poll_timeout().into_iter().chain(self.network.next_down(OTHER)).min();
            other.map_or(self.other_until, |next| next.min(self.other_until))
        });
        [
            client.map(|at| at.max(awake)),
            sources.map(|at| at.max(self.suspended_until)),
            other,
            self.network.next_up(),
            self.relay.poll_timeout(),
            self.plan.first().map(|planned| Timestamp::from_origin(planned.at)),
            self.network_change_at,
            self.refresh_at,
            self.take_over_at,
            second,
            (!self.ending).then_some(end),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The link was, until `next`, in the state it is in now.
    fn note_impairment(&mut self, next: Timestamp) {
        let network = &self.network;
        let until =
            [self.starved_until, self.suspended_until, network.stalled_until, network.black_hole_until];
        if !self.state.is_live() || until.into_iter().any(|until| self.now < until) {
            self.impaired.push_back((next, next.since(self.now)));
        }
        while self.impaired.front().is_some_and(|(at, _)| next.since(*at) > defaults::BUFFER_AGE) {
            self.impaired.pop_front();
        }
    }

    fn step(&mut self, end: Timestamp) -> Result<(), String> {
        while self.plan.first().is_some_and(|planned| self.now >= Timestamp::from_origin(planned.at)) {
            let planned = self.plan.remove(0);
            self.inject(planned)?;
        }
        self.timed_changes()?;
        if self.now >= end && !self.ending {
            self.stop_faults()?;
        }
        self.relay_turn()?;
        self.other_turn()?;
        if self.now >= self.starved_until.max(self.suspended_until) {
            self.client_turn()?;
        }
        if self.now >= self.suspended_until {
            self.capture()?;
        }
        self.check()
    }

    fn inject(&mut self, planned: Planned) -> Result<(), String> {
        let Planned { fault, lasting, .. } = planned;
        let until = self.now + lasting;
        self.trace.note(self.now, format_args!("fault {fault:?} for {lasting:?}"));
        *self.coverage.faults.entry(fault).or_default() += 1;
        match fault {
            Fault::Refuse => self.outage(|network| network.refuse_until = until),
            Fault::AcceptAndClose => self.outage(|network| network.close_until = until),
            Fault::Unauthorized => {
                self.refresh_at = Some(until);
                self.outage(|network| network.unauthorized_until = until);
            }
            Fault::RetryAfter => self.outage(|network| network.overloaded_until = until),
            Fault::NetworkChange => {
                self.network_change_at = Some(until);
                self.outage(|network| network.refuse_until = until);
            }
            Fault::Reset => self.kill_all(0),
            Fault::Cut => {
                let keep = below(&mut self.random, 4) as usize;
                self.kill_all(keep);
            }
            Fault::BlackHole => {
                self.network.black_hole_until = until;
                for wire in self.network.wires.values_mut() {
                    wire.black_hole = true;
                    wire.up.clear();
                    wire.down.clear();
                }
            }
            Fault::StalledReader => self.network.stalled_until = until,
            Fault::Slow => self.network.slow_until = until,
            Fault::RelayKilled | Fault::RelayPowerCut | Fault::RestartForgetting => {
                self.kill_all(0);
                match fault {
                    Fault::RelayKilled => self.relay.restart(self.now, Duration::ZERO),
                    Fault::RelayPowerCut => self.relay.restart(self.now, UNSYNCED),
                    _ => self.relay.restart_empty(),
                }
                self.network.refuse_until = self.now + lasting.min(Duration::from_secs(5));
            }
            Fault::RestartAnnounced => {
                let pause = lasting.min(Duration::from_secs(5));
                if let Some(session) = self.relay.session.as_mut() {
                    session.restart(self.now, pause, Duration::from_secs(2));
                }
                self.relay.drain(self.now, &mut self.network, &mut self.random)?;
                self.network.refuse_until = self.now + pause;
            }
            Fault::ClientKilled => self.kill_client(Duration::ZERO)?,
            Fault::ClientPowerCut => self.kill_client(UNSYNCED)?,
            Fault::TakeOver => self.start_other(until),
            Fault::Starve => self.starved_until = self.now + lasting.min(Duration::from_secs(40)),
            Fault::Suspend => self.suspended_until = until,
            Fault::Reject => self.relay.rejections = 1 + below(&mut self.random, 5) as u32,
            Fault::RadioLoss => self.radio_loss_until = until,
        }
        Ok(())
    }

    /// Present connections die, and new ones are treated as `set` says.
    fn outage(&mut self, set: impl FnOnce(&mut Network)) {
        set(&mut self.network);
        self.kill_all(0);
    }

    fn kill_all(&mut self, keep: usize) {
        for key in self.network.keys() {
            self.network.kill(self.now, key, keep);
        }
    }

    fn start_other(&mut self, until: Timestamp) {
        if self.other.is_some() {
            return;
        }
        let seed = below(&mut self.random, u64::MAX);
        let mut other = ClientSession::new(ClientConfig::default(), SessionId(1), seed);
        other.connect(self.now);
        self.other = Some(other);
        self.other_until = until;
        self.take_over_at = Some(until + Duration::from_millis(10));
    }

    fn timed_changes(&mut self) -> Result<(), String> {
        let now = self.now;
        if self.network_change_at.take_if(|at| now >= *at).is_some() {
            self.client.network_changed(now);
        }
        if self.refresh_at.take_if(|at| now >= *at).is_some() {
            self.client.credentials_changed(now);
        }
        if self.take_over_at.take_if(|at| now >= *at).is_some()
            && matches!(self.client.state(), LinkState::Refused { cause: Cause::Superseded, .. })
        {
            self.client.take_over(now);
        }
        self.drain()
    }

    fn stop_faults(&mut self) -> Result<(), String> {
        self.ending = true;
        self.plan.clear();
        let now = self.now;
        let network = &mut self.network;
        for until in [
            &mut network.refuse_until,
            &mut network.close_until,
            &mut network.black_hole_until,
            &mut network.stalled_until,
            &mut network.slow_until,
            &mut network.unauthorized_until,
            &mut network.overloaded_until,
            &mut self.other_until,
        ] {
            *until = (*until).min(now);
        }
        self.relay.rejections = 0;
        self.starved_until = now;
        self.suspended_until = now;
        self.trace.note(now, format_args!("faults end"));
        self.other_turn()?;
        match self.client.state() {
            LinkState::Refused { cause: Cause::Superseded, .. } => self.client.take_over(now),
            LinkState::Refused { .. } => self.client.credentials_changed(now),
            _ => {}
        }
        // A client that is told later that it was superseded takes the session back, too.
        self.take_over_at = Some(now + Duration::from_secs(5));
        self.refresh_at = Some(now + Duration::from_secs(5));
        self.drain()
    }

    fn relay_turn(&mut self) -> Result<(), String> {
        if self.now >= self.network.stalled_until {
            for key in self.network.keys() {
                while let Some(wire) = self.network.wires.get_mut(&key) {
                    let Some((_, payload)) = wire.up.pop_front_if(|(at, _)| *at <= self.now) else { break };
                    let closed = matches!(payload, Payload::Closed(..));
                    if wire.relay_open {
                        let (network, random) = (&mut self.network, &mut self.random);
                        self.relay.receive(self.now, network, key, payload, random);
                        self.relay.drain(self.now, network, random)?;
                    }
                    if closed && let Some(wire) = self.network.wires.get_mut(&key) {
                        wire.relay_open = false;
                        wire.attachment = None;
                    }
                }
            }
        }
        if self.relay.poll_timeout().is_some_and(|at| at <= self.now) {
            self.relay.handle_timeout(self.now, &mut self.ledger);
            self.relay.drain(self.now, &mut self.network, &mut self.random)?;
        }
        self.network.wires.retain(|(peer, connection), wire| {
            let client_open = if *peer == OURS { self.connection } else { self.other_connection };
            wire.relay_open || !wire.down.is_empty() || client_open == Some(*connection)
        });
        Ok(())
    }

    fn client_turn(&mut self) -> Result<(), String> {
        while let Some((connection, payload)) = self.next_down(OURS) {
            match payload {
                Payload::Opened => self.client.opened(self.now, connection),
                Payload::Text(text) => {
                    self.client.text(self.now, connection, &text).map_err(|error| error.to_string())?;
                }
                Payload::Audio(_) => {}
                Payload::Closed(cause, retry_after) => {
                    *self.coverage.causes.entry(cause.code()).or_default() += 1;
                    if self.connection == Some(connection) {
                        self.connection = None;
                    }
                    self.client.closed(self.now, connection, cause, retry_after);
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

    fn next_down(&mut self, peer: Peer) -> Option<(ConnectionId, Payload)> {
        let now = self.now;
        self.network.wires.iter_mut().filter(|((owner, _), _)| *owner == peer).find_map(
            |((_, connection), wire)| {
                let (_, payload) = wire.down.pop_front_if(|(at, _)| *at <= now)?;
                Some((*connection, payload))
            },
        )
    }

    fn drain(&mut self) -> Result<(), String> {
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::Connect { connection } => {
                    if let Some(open) = self.connection {
                        return Err(format!("{connection:?} was opened while {open:?} was open"));
                    }
                    self.trace.note(self.now, format_args!("connect {}", connection.0));
                    self.connection = Some(connection);
                    self.network.connect(self.now, OURS, connection, &mut self.random);
                }
                Action::Close { connection, .. } => {
                    self.trace.note(self.now, format_args!("close {}", connection.0));
                    if self.connection == Some(connection) {
                        self.connection = None;
                        let closed = Payload::Closed(Cause::Reset, None);
                        self.network.send_up(self.now, (OURS, connection), closed, &mut self.random);
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

    fn send(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), String> {
        if self.connection != Some(connection) {
            return Err(format!("sent over {connection:?}, which is closed"));
        }
        self.network.send_up(self.now, (OURS, connection), payload, &mut self.random);
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::State(state) => self.state_changed(state)?,
            Event::Gap(gap) => {
                self.trace.note(self.now, format_args!("gap {}..{} {:?}", gap.from, gap.to, gap.cause));
                self.gap(&gap)?;
            }
            Event::Transcript { epoch, number, event } => {
                self.trace.note(self.now, format_args!("event {}.{} {event:?}", epoch.0, number.0));
                self.write(Record::Event(number, event.clone()));
                match event {
                    TranscriptEvent::Final(settled) => {
                        self.coverage.count("finals", 1);
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
            Event::HistoryTruncated { .. } => return Err("events of the transcript were lost".into()),
            Event::StreamKept(_) | Event::Partial(_) | Event::Engine { .. } | Event::RelayError(_) => {}
        }
        Ok(())
    }

    fn state_changed(&mut self, state: LinkState) -> Result<(), String> {
        self.trace.note(self.now, format_args!("state {state:?}"));
        if state == self.state {
            return Err(format!("the same state twice: {state:?}"));
        }
        *self.coverage.transitions.entry((self.state.name(), state.name())).or_default() += 1;
        if let LinkState::Waiting { retry_in, cause, .. } = state {
            *self.coverage.causes.entry(cause.code()).or_default() += 1;
            let longest = defaults::BACKOFF_CAP;
            if retry_in > longest {
                return Err(format!("{retry_in:?} is longer than the cap"));
            }
        }
        self.state = state;
        Ok(())
    }

    fn gap(&mut self, gap: &Gap) -> Result<(), String> {
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

    fn write(&mut self, record: Record) {
        if let Some(journal) = &mut self.journal {
            journal.write(self.now, record);
        }
    }

    /// The client's process dies and a new one starts, at once. Without a journal there is nothing to go on with.
    fn kill_client(&mut self, unsynced: Duration) -> Result<(), String> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.cut(self.now - unsynced, &mut self.ledger);
        let found = journal.recover(format()?, &self.ledger);
        let mut died = 0;
        for source in &self.sources {
            let end = found.ends.get(&source.stream).copied().unwrap_or_default();
            died += self.ledger.cut(source.stream, end);
        }
        let most = unsynced.as_millis() / FRAME.as_millis() + 1;
        if u128::from(died) > most * self.sources.len() as u128 {
            return Err(format!("{died} frames died with the process"));
        }
        self.coverage.count("frames_died", died);
        for key in self.network.keys().into_iter().filter(|(peer, _)| *peer == OURS) {
            let closed = Payload::Closed(Cause::Reset, None);
            self.relay.receive(self.now, &mut self.network, key, closed, &mut self.random);
            self.network.wires.remove(&key);
        }
        self.relay.drain(self.now, &mut self.network, &mut self.random)?;
        self.connection = None;
        self.processes += 1;
        self.fetches.clear();
        self.client = ClientSession::new(ClientConfig::default(), SessionId(1), self.processes << 32);
        if let Some((epoch, last)) = found.resume_at {
            self.client.resume_events(epoch, last);
        }
        for stream in found.streams {
            self.client.restore_stream(self.now, stream);
        }
        self.state = LinkState::Idle;
        self.client.connect(self.now);
        // What it was capturing it goes on capturing, as new streams.
        let ends: Vec<Timestamp> = self
            .sources
            .iter_mut()
            .filter(|source| !source.ended)
            .map(|source| {
                source.ended = true;
                source.end
            })
            .collect();
        for end in ends {
            self.open_source(end)?;
        }
        let stats = self.client.stats();
        self.lost = stats.lost;
        self.drain()
    }

    fn open_source(&mut self, end: Timestamp) -> Result<(), String> {
        let opened = self.client.open_stream(self.now, format()?, StreamOptions::default());
        let stream = opened.map_err(|error| error.to_string())?;
        self.write(Record::Open(stream));
        self.sources.push(Source { stream, next: FrameIndex(0), due: self.now, end, ended: false });
        self.drain()
    }

    fn capture(&mut self) -> Result<(), String> {
        let radio_lossy = self.now < self.radio_loss_until;
        for at in 0..self.sources.len() {
            loop {
                let source = &mut self.sources[at];
                if source.ended || source.due > self.now {
                    break;
                }
                let stream = source.stream;
                if source.due >= source.end {
                    source.ended = true;
                    self.client.end_stream(self.now, stream);
                    break;
                }
                let asleep = self.suspended_until.since(source.due);
                let missed = (asleep.as_millis() / FRAME.as_millis()) as u64;
                let from = source.next;
                let pushed = if missed > 0 {
                    source.next += missed;
                    source.due = source.due + FRAME * missed as u32;
                    self.write(Record::Gap(stream, missed, GapCause::Absent));
                    self.client.skip(self.now, stream, missed, GapCause::Absent)
                } else {
                    source.next += 1;
                    source.due = source.due + FRAME;
                    self.ledger.captured(stream, from, 1);
                    if radio_lossy && below(&mut self.random, 10) == 0 {
                        self.write(Record::Gap(stream, 1, GapCause::Radio));
                        self.client.skip(self.now, stream, 1, GapCause::Radio)
                    } else {
                        self.write(Record::Frame(stream));
                        let pushed = self.client.push(self.now, stream, &frame(stream, from)).map(|_| ());
                        if self.journal.is_some() {
                            self.client.journaled(stream, from + 1);
                        }
                        pushed
                    }
                };
                pushed.map_err(|error| error.to_string())?;
            }
        }
        self.drain()
    }

    fn other_turn(&mut self) -> Result<(), String> {
        let now = self.now;
        while let Some((connection, payload)) = self.next_down(OTHER) {
            let Some(other) = &mut self.other else { continue };
            match payload {
                Payload::Opened => other.opened(now, connection),
                Payload::Text(text) => {
                    other.text(now, connection, &text).map_err(|error| error.to_string())?;
                }
                Payload::Audio(_) => {}
                Payload::Closed(cause, retry) => other.closed(now, connection, cause, retry),
            }
        }
        if let Some(other) = &mut self.other {
            if now >= self.other_until {
                self.other = None;
                if let Some(connection) = self.other_connection.take() {
                    self.network.kill(now, (OTHER, connection), 0);
                }
                return Ok(());
            }
            if other.poll_timeout().is_some_and(|at| at <= now) {
                other.handle_timeout(now);
            }
        }
        while let Some(action) = self.other.as_mut().and_then(ClientSession::poll_action) {
            match action {
                Action::Connect { connection } => {
                    self.other_connection = Some(connection);
                    self.network.connect(now, OTHER, connection, &mut self.random);
                }
                Action::SendText { connection, text } => {
                    self.network.send_up(now, (OTHER, connection), Payload::Text(text), &mut self.random);
                }
                Action::Close { connection, .. } => {
                    let closed = Payload::Closed(Cause::Reset, None);
                    self.network.send_up(now, (OTHER, connection), closed, &mut self.random);
                }
                Action::SendAudio { .. } | Action::Fetch { .. } | Action::Event(_) => {}
            }
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), String> {
        let stats = self.client.stats();
        if !stats.balances() {
            return Err(format!("the ledger does not balance: {stats:?}"));
        }
        if stats.lost != self.lost {
            return Err(format!("{} frames are counted lost, {} were told", stats.lost, self.lost));
        }
        if stats.buffered_bytes > defaults::BUFFER_BYTES {
            return Err(format!("{} bytes are buffered", stats.buffered_bytes));
        }
        self.check_liveness()
    }

    /// P7: a link that answers nothing is not called live for more than 2 s while streaming.
    fn check_liveness(&mut self) -> Result<(), String> {
        let awake = self.now >= self.starved_until + Duration::from_secs(3)
            && self.now >= self.suspended_until + Duration::from_secs(3);
        let streaming = self.sources.iter().any(|source| !source.ended);
        let dead = self.connection.is_some_and(|connection| {
            self.network.wires.get(&(OURS, connection)).is_some_and(|wire| wire.black_hole)
        });
        if !(awake && streaming && dead && self.state.is_live()) {
            self.hole_since = None;
            return Ok(());
        }
        let since = *self.hole_since.get_or_insert(self.now);
        if self.now.since(since) > Duration::from_secs(2) {
            return Err(format!("live over a dead link for {:?}", self.now.since(since)));
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), String> {
        let (acknowledged, lost) = self.ledger.settle()?;
        let stats = self.client.stats();
        if (stats.acknowledged, stats.lost, stats.buffered) != (acknowledged, lost, 0) {
            return Err(format!(
                "{acknowledged} frames were kept and {lost} lost, the client says {stats:?}"
            ));
        }
        self.client.close(self.now);
        while let Some(action) = self.client.poll_action() {
            if let Action::Close { code, .. } = action
                && code != CloseCode::Normal
            {
                return Err(format!("closed with {code:?}"));
            }
        }
        match self.client.poll_timeout() {
            Some(_) => Err("a timer is left behind".into()),
            None => Ok(()),
        }
    }
}
