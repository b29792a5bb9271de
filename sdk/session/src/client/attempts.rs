use std::time::Duration;

use glasslink_protocol::{Cause, ClientMessage, CloseCode};

use crate::Timestamp;
use crate::client::backoff::jitter;
use crate::client::session::Phase;
use crate::client::stream::SendStream;
use crate::client::{Action, ClientSession, ConnectionId, LinkState};
use crate::defaults::HEALTHY_AFTER;

/// Attempts asked for by network events or a wake-up are at least this far apart (P13).
const NUDGE_COOL_DOWN: Duration = Duration::from_secs(1);

/// Connections: when one is tried, and what comes of it.
impl ClientSession {
    /// Starts connecting. Also tries again after a refusal, without taking the session from another holder.
    pub fn connect(&mut self, now: Timestamp) {
        if matches!(self.phase, Phase::Idle | Phase::Refused { .. }) {
            self.backoff.reset();
            self.start_attempt(now);
        }
    }

    /// Takes the session back from the holder that superseded this one.
    pub fn take_over(&mut self, now: Timestamp) {
        self.take = true;
        self.connect(now);
    }

    /// New credentials are there: a link that was refused for the old ones goes on.
    pub fn credentials_changed(&mut self, now: Timestamp) {
        if matches!(self.phase, Phase::Refused { cause: Cause::Unauthorized | Cause::Forbidden }) {
            self.connect(now);
        }
    }

    /// The network came up, or the device woke: waits end, attempts start over, and a live link is checked.
    pub fn network_changed(&mut self, now: Timestamp) {
        if self.last_nudge.is_some_and(|last| now.since(last) < NUDGE_COOL_DOWN) {
            return;
        }
        match self.phase {
            Phase::Waiting { .. } => {
                self.last_nudge = Some(now);
                self.start_attempt(now);
            }
            Phase::Connecting { connection, since } if now.since(since) >= NUDGE_COOL_DOWN => {
                self.last_nudge = Some(now);
                self.act(Action::Close { connection, code: CloseCode::Normal });
                self.start_attempt(now);
            }
            Phase::Connecting { .. } | Phase::Resuming { .. } => {
                self.last_nudge = Some(now);
                // It may have met the network as it was.
                self.retry_at_once = true;
            }
            Phase::Live { connection } => {
                self.last_nudge = Some(now);
                let id = self.liveness.ping_now(now);
                self.send(connection, &ClientMessage::Ping { id });
            }
            _ => {}
        }
    }

    /// The connection is open.
    pub fn opened(&mut self, now: Timestamp, connection: ConnectionId) {
        let Phase::Connecting { connection: current, since } = self.phase else { return };
        if connection != current {
            return;
        }
        self.phase = Phase::Resuming { connection, since, opened_at: now };
        self.tell_state(LinkState::Resuming { attempt: self.attempt() });
        let hello = ClientMessage::Hello {
            session: self.session,
            holder: self.holder,
            attach: connection.0,
            take: self.take,
            epoch: self.epoch,
            events_after: self.last_event,
            ping_ms: self.config.ping_ms(),
            streams: self.streams.values().map(SendStream::start).collect(),
            continues: self.config.continues,
            client: self.config.client.clone(),
            remote_speech: self.config.remote_speech,
        };
        self.send(connection, &hello);
    }

    /// The attempt failed or the connection ended. `retry_after` is how long the relay asked to be left alone.
    pub fn closed(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        cause: Cause,
        retry_after: Option<Duration>,
    ) {
        if self.connection() == Some(connection) {
            if let Some(delay) = retry_after {
                self.delay_until(now + delay);
            }
            self.fail(now, cause);
        }
    }

    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        match self.phase {
            Phase::Connecting { connection, .. }
            | Phase::Resuming { connection, .. }
            | Phase::Live { connection } => Some(connection),
            _ => None,
        }
    }

    /// The link became live over `connection`.
    pub(crate) fn go_live(&mut self, now: Timestamp, connection: ConnectionId) {
        self.phase = Phase::Live { connection };
        self.take = false;
        self.not_before = None;
        self.retry_at_once = false;
        self.live_since = now;
        self.moved = false;
        self.healthy = self.backoff.retries() == 0;
        self.sums_sent_at = now;
        self.tell_state(LinkState::Live);
    }

    pub(crate) fn delay_until(&mut self, earliest: Timestamp) {
        self.not_before = Some(self.not_before.map_or(earliest, |already| already.max(earliest)));
    }

    /// The relay restarts: it wants nobody before `pause`, and everybody spread over `spread`.
    pub(crate) fn stay_away(&mut self, now: Timestamp, pause: Duration, spread: Duration) {
        let offset = jitter(spread, &mut self.random);
        self.delay_until(now + pause + offset);
    }

    /// Gives up the present connection and decides what comes next.
    pub(crate) fn fail(&mut self, now: Timestamp, cause: Cause) {
        let Some(connection) = self.connection() else { return };
        self.act(Action::Close { connection, code: CloseCode::Normal });
        let was_live = matches!(self.phase, Phase::Live { .. });
        if was_live {
            self.check_health(now);
            self.reconnects += 1;
        }
        for stream in self.streams.values_mut() {
            stream.fetching = None;
        }
        // Credentials that were good have expired: the next attempt has others.
        let expired = was_live && cause == Cause::Unauthorized;
        if cause.is_terminal() && !expired {
            self.phase = Phase::Refused { cause };
            self.tell_state(LinkState::Refused { cause, remedy: cause.remedy() });
            return;
        }
        let delay = self.backoff.next(&mut self.random);
        let delay = if std::mem::take(&mut self.retry_at_once) { Duration::ZERO } else { delay };
        let wanted = now + delay;
        let until = self.not_before.take().map_or(wanted, |earliest| earliest.max(wanted));
        self.phase = Phase::Waiting { until };
        self.tell_state(LinkState::Waiting { attempt: self.attempt(), retry_in: until.since(now), cause });
        if until <= now {
            self.start_attempt(now);
        }
    }

    pub(crate) fn start_attempt(&mut self, now: Timestamp) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.phase = Phase::Connecting { connection, since: now };
        self.tell_state(LinkState::Connecting { attempt: self.attempt() });
        self.act(Action::Connect { connection });
    }

    /// Number of the present or coming attempt since the link was last healthy.
    fn attempt(&self) -> u32 {
        self.backoff.retries() + 1
    }

    pub(crate) fn check_health(&mut self, now: Timestamp) {
        if !self.healthy && self.moved && now.since(self.live_since) >= HEALTHY_AFTER {
            self.healthy = true;
            self.backoff.reset();
        }
    }
}
