use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use glasslink_protocol::{FrameIndex, SessionId, StreamFormat, StreamId};
use glasslink_session::{ClientConfig, ClientSession, ConnectionId, LinkState, Timestamp, defaults};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;

use crate::Coverage;
use crate::capture::Source;
use crate::fault::{Planned, plan};
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::network::{Network, Payload, Peer};
use crate::relay_host::RelayHost;
use crate::retries::Retries;
use crate::trace::Trace;

pub(crate) const FRAME_BYTES: usize = 20;
pub(crate) const FRAME: Duration = Duration::from_millis(10);
pub(crate) const OURS: Peer = 0;
pub(crate) const OTHER: Peer = 1;

/// After the last fault everything has to be settled within this, the longest back-off and an attempt, and a backlog
/// of the whole run at the catch-up rate.
const SETTLE: Duration = Duration::from_secs(30);

/// More steps than this without any time passing go on for ever.
const MOST_STEPS_AT_ONCE: u32 = 10_000;

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
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let plan = plan(&mut random, length);
    World::new(seed, random, length, plan).outcome()
}

/// As [`run`], with the faults of `script`, in order. Odd seeds have a journal, even ones have none.
pub fn play(seed: u64, length: Duration, script: &[Planned]) -> Outcome {
    World::new(seed, Pcg64Mcg::seed_from_u64(seed), length, script.to_vec()).outcome()
}

/// The bytes of a frame, so that a frame out of place is noticed.
pub(crate) fn frame(stream: StreamId, index: FrameIndex) -> [u8; FRAME_BYTES] {
    let mut bytes = [0; FRAME_BYTES];
    bytes[..8].copy_from_slice(&index.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    bytes[8..12].copy_from_slice(&stream.0.to_le_bytes());
    bytes
}

pub(crate) fn format() -> Result<StreamFormat, String> {
    StreamFormat::lc3(16_000, FRAME_BYTES as u32).map_err(|error| error.to_string())
}

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) random: Pcg64Mcg,
    pub(crate) length: Duration,
    pub(crate) plan: Vec<Planned>,
    pub(crate) client: ClientSession,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) other: Option<ClientSession>,
    pub(crate) other_connection: Option<ConnectionId>,
    pub(crate) other_until: Timestamp,
    pub(crate) network: Network,
    pub(crate) relay: RelayHost,
    pub(crate) sources: Vec<Source>,
    pub(crate) starved_until: Timestamp,
    pub(crate) suspended_until: Timestamp,
    pub(crate) radio_loss_until: Timestamp,
    pub(crate) network_change_at: Option<Timestamp>,
    pub(crate) refresh_at: Option<Timestamp>,
    pub(crate) take_over_at: Option<Timestamp>,
    pub(crate) ending: bool,
    /// How often, since the faults ended, the link was refused.
    pub(crate) asked_for_help: u32,
    /// Half of all runs have one.
    pub(crate) journal: Option<Journal>,
    pub(crate) fetches: VecDeque<(Timestamp, StreamId, FrameIndex, FrameIndex)>,
    pub(crate) processes: u64,
    pub(crate) ledger: Ledger,
    /// Streams that the client called done.
    pub(crate) done: BTreeSet<StreamId>,
    pub(crate) lost: u64,
    pub(crate) state: LinkState,
    pub(crate) retries: Retries,
    /// When, in the last 90 s, nothing could be sent, and how long each time.
    pub(crate) impaired: VecDeque<(Timestamp, Duration)>,
    pub(crate) hole_since: Option<Timestamp>,
    /// A stream that goes on after a long outage, and since when it is waited for.
    pub(crate) waited_for: Option<(StreamId, Timestamp)>,
    pub(crate) trace: Trace,
    pub(crate) coverage: Coverage,
}

impl World {
    fn new(seed: u64, random: Pcg64Mcg, length: Duration, plan: Vec<Planned>) -> Self {
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
            asked_for_help: 0,
            journal: (seed % 2 == 1).then(Journal::default),
            fetches: VecDeque::new(),
            processes: 1,
            ledger: Ledger::default(),
            done: BTreeSet::new(),
            lost: 0,
            state: LinkState::Idle,
            retries: Retries::default(),
            impaired: VecDeque::new(),
            hole_since: None,
            waited_for: None,
            trace: Trace::default(),
            coverage: Coverage::default(),
        }
    }

    fn outcome(mut self) -> Outcome {
        let violation =
            self.run().err().map(|violation| format!("at {:?}: {violation}", self.now.since_origin()));
        if let Some(violation) = &violation {
            self.trace.note(self.now, format_args!("VIOLATION {violation}"));
        }
        self.coverage.count("duplicates", self.relay.duplicates());
        Outcome { violation, trace: self.trace.into_lines(), coverage: self.coverage }
    }

    fn run(&mut self) -> Result<(), String> {
        let settle = SETTLE + self.length / defaults::CATCH_UP_RATE;
        let end = Timestamp::from_origin(self.length);
        self.open_source(end)?;
        let second = Timestamp::from_origin(self.length / 4);
        self.client.connect(self.now);
        self.drain()?;
        let mut second_open = false;
        let mut standing = 0;
        while let Some(next) = self.next_event(end, (!second_open).then_some(second)) {
            if next > end + settle {
                return Err(format!(
                    "not settled {settle:?} after the last fault: {:?}",
                    self.client.stats()
                ));
            }
            self.note_impairment(next);
            standing = if next > self.now { 0 } else { standing + 1 };
            if standing > MOST_STEPS_AT_ONCE {
                return Err("a timer is due again and again, and the clock stands still".into());
            }
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

    pub(crate) fn next_event(&self, end: Timestamp, second: Option<Timestamp>) -> Option<Timestamp> {
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

    pub(crate) fn step(&mut self, end: Timestamp) -> Result<(), String> {
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

    pub(crate) fn relay_turn(&mut self) -> Result<(), String> {
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
}
