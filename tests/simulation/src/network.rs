use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use glasslink_protocol::Cause;
use glasslink_session::{Attachment, ConnectionId, Timestamp};
use rand_pcg::Pcg64Mcg;

use crate::fault::below;

/// Which client a connection belongs to: ours, or the one that takes the session.
pub(crate) type Peer = usize;

/// One direction's message.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    Text(String),
    Audio(Bytes),
    /// The connection was opened (down only).
    Opened,
    /// The connection ended.
    Closed(Cause, Option<Duration>),
}

/// A connection as the network sees it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) up: VecDeque<(Timestamp, Payload)>,
    pub(crate) down: VecDeque<(Timestamp, Payload)>,
    pub(crate) black_hole: bool,
    pub(crate) attachment: Option<Attachment>,
    /// Whether the relay still has its end.
    pub(crate) relay_open: bool,
}

/// How the network treats new connections, and how slow it is.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) wires: BTreeMap<(Peer, ConnectionId), Wire>,
    pub(crate) refuse_until: Timestamp,
    pub(crate) close_until: Timestamp,
    pub(crate) black_hole_until: Timestamp,
    pub(crate) stalled_until: Timestamp,
    pub(crate) slow_until: Timestamp,
    pub(crate) unauthorized_until: Timestamp,
    pub(crate) overloaded_until: Timestamp,
}

impl Network {
    /// Refuses new connections until then, whatever else makes it do so.
    pub(crate) fn refuse(&mut self, until: Timestamp) {
        self.refuse_until = self.refuse_until.max(until);
    }

    pub(crate) fn new() -> Self {
        Self {
            wires: BTreeMap::new(),
            refuse_until: Timestamp::ZERO,
            close_until: Timestamp::ZERO,
            black_hole_until: Timestamp::ZERO,
            stalled_until: Timestamp::ZERO,
            slow_until: Timestamp::ZERO,
            unauthorized_until: Timestamp::ZERO,
            overloaded_until: Timestamp::ZERO,
        }
    }

    /// A client opens a connection.
    pub(crate) fn connect(
        &mut self,
        now: Timestamp,
        peer: Peer,
        connection: ConnectionId,
        random: &mut Pcg64Mcg,
    ) {
        let latency = self.latency(now, random);
        let answer = now + latency * 2;
        let mut down = VecDeque::new();
        let mut relay_open = true;
        let black_hole = now < self.black_hole_until;
        let refused = |cause, retry| VecDeque::from([(answer, Payload::Closed(cause, retry))]);
        if black_hole {
            relay_open = false;
        } else if now < self.refuse_until {
            (down, relay_open) = (refused(Cause::ConnectionRefused, None), false);
        } else if now < self.unauthorized_until {
            (down, relay_open) = (refused(Cause::Unauthorized, None), false);
        } else if now < self.overloaded_until {
            let wait = self.overloaded_until.since(now).min(Duration::from_secs(10));
            (down, relay_open) = (refused(Cause::Overloaded, Some(wait)), false);
        } else {
            down.push_back((answer, Payload::Opened));
            if now < self.close_until {
                down.push_back((answer + latency, Payload::Closed(Cause::Reset, None)));
                relay_open = false;
            }
        }
        let wire = Wire { up: VecDeque::new(), down, black_hole, attachment: None, relay_open };
        self.wires.insert((peer, connection), wire);
    }

    pub(crate) fn send_up(
        &mut self,
        now: Timestamp,
        key: (Peer, ConnectionId),
        payload: Payload,
        random: &mut Pcg64Mcg,
    ) {
        let at = now + self.latency(now, random);
        if let Some(wire) = self.wires.get_mut(&key).filter(|wire| !wire.black_hole) {
            let at = wire.up.back().map_or(at, |(last, _)| at.max(*last));
            wire.up.push_back((at, payload));
        }
    }

    pub(crate) fn send_down(
        &mut self,
        now: Timestamp,
        key: (Peer, ConnectionId),
        payload: Payload,
        random: &mut Pcg64Mcg,
    ) {
        let at = now + self.latency(now, random);
        if let Some(wire) = self.wires.get_mut(&key).filter(|wire| !wire.black_hole) {
            let at = wire.down.back().map_or(at, |(last, _)| at.max(*last));
            wire.down.push_back((at, payload));
        }
    }

    /// The connection dies; `keep` of what is under way to the relay still arrives.
    pub(crate) fn kill(&mut self, now: Timestamp, key: (Peer, ConnectionId), keep: usize) {
        if let Some(wire) = self.wires.get_mut(&key).filter(|wire| !wire.black_hole) {
            wire.up.truncate(keep);
            let at = wire.up.back().map_or(now, |(last, _)| *last);
            wire.up.push_back((at, Payload::Closed(Cause::Reset, None)));
            wire.down.clear();
            wire.down.push_back((now, Payload::Closed(Cause::Reset, None)));
        }
    }

    /// Tells the client that the connection it closed has ended, when it may have another already.
    pub(crate) fn closed_late(&mut self, now: Timestamp, key: (Peer, ConnectionId), random: &mut Pcg64Mcg) {
        let at = now + Duration::from_micros(below(random, 100_000));
        if let Some(wire) = self.wires.get_mut(&key) {
            let at = wire.down.back().map_or(at, |(last, _)| at.max(*last));
            wire.down.push_back((at, Payload::Closed(Cause::Reset, None)));
        }
    }

    pub(crate) fn keys(&self) -> Vec<(Peer, ConnectionId)> {
        self.wires.keys().copied().collect()
    }

    /// When the relay gets its next message; a stalled reader gets none before it reads again.
    pub(crate) fn next_up(&self) -> Option<Timestamp> {
        let fronts = self.wires.values().filter_map(|wire| wire.up.front());
        fronts.map(|(at, _)| (*at).max(self.stalled_until)).min()
    }

    pub(crate) fn next_down(&self, peer: Peer) -> Option<Timestamp> {
        let wires = self.wires.iter().filter(|((owner, _), _)| *owner == peer);
        wires.filter_map(|(_, wire)| wire.down.front()).map(|(at, _)| *at).min()
    }

    fn latency(&self, now: Timestamp, random: &mut Pcg64Mcg) -> Duration {
        let (base, jitter) = if now < self.slow_until { (150, 100) } else { (5, 20) };
        Duration::from_micros(base * 1_000 + below(random, jitter * 1_000))
    }
}
