use std::time::Duration;

use glasslink_protocol::CloseCode;
use glasslink_session::{Action, Timestamp, defaults};

use crate::capture::Source;
use crate::world::{OURS, World};

/// What has to hold after every step, and at the end.
impl World {
    /// The link was, until `next`, in the state it is in now.
    pub(crate) fn note_impairment(&mut self, next: Timestamp) {
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

    pub(crate) fn check(&mut self) -> Result<(), String> {
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
        if let Some((stream, since)) = self.waited_for
            && self.now.since(since) > Duration::from_secs(3)
        {
            return Err(format!("what is said now, as stream {stream}, waited for longer than 3 s"));
        }
        self.check_done()?;
        self.check_liveness()
    }

    /// P8.5: a stream that the client lets go of has its whole transcript.
    fn check_done(&mut self) -> Result<(), String> {
        for Source { stream, .. } in &self.sources {
            if self.client.is_done(*stream) && self.done.insert(*stream) {
                self.ledger
                    .transcript_is_whole(*stream)
                    .map_err(|missing| format!("called done, and {missing}"))?;
            }
        }
        Ok(())
    }

    /// Whether something besides an outage is wrong.
    pub(crate) fn is_disturbed(&self) -> bool {
        let network = &self.network;
        let until = [
            self.starved_until,
            self.suspended_until,
            network.stalled_until,
            network.black_hole_until,
            network.slow_until,
        ];
        self.relay.rejections > 0 || until.into_iter().any(|until| self.now < until)
    }

    /// P7: a link that answers nothing is not called live for more than 2 s while streaming, or three round trips where
    /// those are longer.
    pub(crate) fn check_liveness(&mut self) -> Result<(), String> {
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
        let round_trips = self.client.stats().rtt.unwrap_or_default() * 3;
        if self.now.since(since) > Duration::from_secs(2).max(round_trips + defaults::MESSAGE_INTERVAL) {
            return Err(format!("live over a dead link for {:?}", self.now.since(since)));
        }
        Ok(())
    }

    pub(crate) fn settle(&mut self) -> Result<(), String> {
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
