use std::time::Duration;

use glasslink_protocol::{Cause, SessionId};
use glasslink_session::{ClientConfig, ClientSession, LinkState, Timestamp};

use crate::Fault;
use crate::fault::{Planned, below};
use crate::journal::UNSYNCED;
use crate::network::Network;
use crate::world::World;

/// After the last fault a link may still be told that its credentials had expired, that another client had taken the
/// session, and that one's `hello` may still have been under way.
const MOST_HELP: u32 = 3;

/// Bringing faults about, and ending them.
impl World {
    pub(crate) fn inject(&mut self, planned: Planned) -> Result<(), String> {
        let Planned { fault, lasting, .. } = planned;
        let until = self.now + lasting;
        self.trace.note(self.now, format_args!("fault {fault:?} for {lasting:?}"));
        *self.coverage.faults.entry(fault).or_default() += 1;
        self.waited_for = None;
        match fault {
            Fault::Refuse | Fault::LongOutage => self.outage(|network| network.refuse(until)),
            Fault::AcceptAndClose => self.outage(|network| network.close_until = until),
            Fault::Unauthorized => {
                self.refresh_at = Some(until);
                self.outage(|network| network.unauthorized_until = until);
            }
            Fault::RetryAfter => self.outage(|network| network.overloaded_until = until),
            Fault::NetworkChange => {
                self.network_change_at = Some(until);
                self.outage(|network| network.refuse(until));
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
                self.network.refuse(self.now + lasting.min(Duration::from_secs(5)));
            }
            Fault::RestartAnnounced => {
                let pause = lasting.min(Duration::from_secs(5));
                if let Some(session) = self.relay.session.as_mut() {
                    session.restart(self.now, pause, Duration::from_secs(2));
                }
                self.relay.drain(self.now, &mut self.network, &mut self.random)?;
                self.network.refuse(self.now + pause);
            }
            Fault::ClientKilled => self.kill_client(Duration::ZERO)?,
            Fault::ClientPowerCut => self.kill_client(UNSYNCED)?,
            Fault::TakeOver => self.start_other(until),
            Fault::Starve => self.starved_until = self.now + lasting.min(Duration::from_secs(40)),
            Fault::Suspend => self.suspended_until = until,
            Fault::Reject => self.relay.rejections = 1 + below(&mut self.random, 5) as u32,
            Fault::Repeat => self.relay.repeat_until = until,
            Fault::RadioLoss => self.radio_loss_until = until,
        }
        Ok(())
    }

    /// Present connections die, and new ones are treated as `set` says.
    pub(crate) fn outage(&mut self, set: impl FnOnce(&mut Network)) {
        set(&mut self.network);
        self.kill_all(0);
    }

    pub(crate) fn kill_all(&mut self, keep: usize) {
        for key in self.network.keys() {
            self.network.kill(self.now, key, keep);
        }
    }

    pub(crate) fn start_other(&mut self, until: Timestamp) {
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

    pub(crate) fn timed_changes(&mut self) -> Result<(), String> {
        let now = self.now;
        if self.network_change_at.take_if(|at| now >= *at).is_some() {
            self.retries.asked_to_hurry();
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

    pub(crate) fn stop_faults(&mut self) -> Result<(), String> {
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
            &mut self.relay.repeat_until,
            &mut self.other_until,
        ] {
            *until = (*until).min(now);
        }
        self.relay.rejections = 0;
        self.starved_until = now;
        self.suspended_until = now;
        (self.take_over_at, self.refresh_at) = (None, None);
        self.trace.note(now, format_args!("faults end"));
        self.other_turn()?;
        match self.client.state() {
            LinkState::Refused { cause: Cause::Superseded, .. } => self.client.take_over(now),
            LinkState::Refused { .. } => self.client.credentials_changed(now),
            _ => {}
        }
        self.drain()
    }

    /// The link was refused. While there are faults their end brings help; after them a person reads the remedy and
    /// acts on it, however late that attempt was.
    pub(crate) fn ask_for_help(&mut self, cause: Cause) -> Result<(), String> {
        if !self.ending {
            return Ok(());
        }
        self.asked_for_help += 1;
        if self.asked_for_help > MOST_HELP {
            return Err(format!("refused again, with {cause:?}, whatever is done about it"));
        }
        let help = if cause == Cause::Superseded { &mut self.take_over_at } else { &mut self.refresh_at };
        *help = Some(self.now + Duration::from_secs(1));
        Ok(())
    }
}
