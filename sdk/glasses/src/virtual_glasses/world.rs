use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::faults::Dice;
use super::ledger::Account;
use super::{Emission, EmissionKind, Fault, Faults, Firmware, Peripheral, Voice};
use crate::{Advert, Arm, Event, LinkEvent, LinkListener, LossReason, PeripheralId, ScanListener};

/// What listeners are to be told, once the world's lock is let go of.
pub(super) type Told = Vec<(Arc<dyn LinkListener>, LinkEvent)>;

/// Everything about one pair and the air around it.
pub(super) struct World {
    pub(super) firmware: Box<dyn Firmware>,
    pub(super) peripherals: Vec<Peripheral>,
    pub(super) voice: Voice,
    pub(super) started: Instant,
    pub(super) arms: BTreeMap<Arm, ArmAir>,
    pub(super) faults: Faults,
    pub(super) script: VecDeque<(Duration, Fault)>,
    pub(super) dice: Dice,
    pub(super) account: Account,
    pub(super) swapped: Option<Emission>,
    pub(super) in_flight: Vec<(Duration, u64, Emission)>,
    pub(super) sequence: u64,
    pub(super) scanner: Option<Arc<dyn ScanListener>>,
    pub(super) adapter_off_until: Duration,
    pub(super) bonded_first: bool,
}

/// What an arm's radio does.
#[derive(Default)]
pub(super) struct ArmAir {
    pub(super) link: Option<ArmLink>,
    pub(super) links: u64,
    pub(super) bonded: bool,
    pub(super) held: bool,
    pub(super) refuses_pairing: bool,
    pub(super) away_until: Duration,
    pub(super) dead: bool,
    pub(super) lose: u32,
    pub(super) delay: (u32, Duration),
    pub(super) duplicate: u32,
    pub(super) break_after: Option<u32>,
}

pub(super) struct ArmLink {
    pub(super) id: u64,
    pub(super) listener: Arc<dyn LinkListener>,
    pub(super) mtu: u16,
    pub(super) subscribed: Vec<Uuid>,
}

impl World {
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn tick_firmware(&mut self, now: Duration) {
        let mut out = Vec::new();
        self.firmware.tick(now, &self.voice, &mut out);
        self.emit(out);
    }

    pub(super) fn advertises(&self, arm: Arm) -> bool {
        let now = self.now();
        now >= self.adapter_off_until
            && self
                .arms
                .get(&arm)
                .is_some_and(|air| air.link.is_none() && !air.held && !air.dead && now >= air.away_until)
    }

    pub(super) fn adverts(&self) -> Option<(Arc<dyn ScanListener>, Vec<Advert>)> {
        let scanner = Arc::clone(self.scanner.as_ref()?);
        let seen = self.peripherals.iter().filter(|peripheral| self.advertises(peripheral.arm));
        Some((scanner, seen.map(|peripheral| peripheral.advert.clone()).collect()))
    }

    /// Sends what the firmware hands out, as far as the air lets it.
    pub(super) fn emit(&mut self, out: Vec<Emission>) {
        let now = self.now();
        for emission in out {
            let audio = matches!(emission.kind, EmissionKind::Audio { .. });
            let Some(air) = self.arms.get_mut(&emission.arm) else { continue };
            let fits = air.link.as_ref().is_some_and(|link| {
                link.subscribed.contains(&emission.characteristic)
                    && emission.value.len() + 3 <= usize::from(link.mtu)
            });
            if !fits {
                self.account.sent(emission.kind, false);
                continue;
            }
            let mut at = now + emission.after;
            if audio {
                let lost = self.dice.roll(self.faults.packet_loss);
                self.account.sent(emission.kind, !lost);
                if lost {
                    continue;
                }
                if let Some(held) = self.swapped.take() {
                    self.send(at, emission);
                    self.send(at, held);
                    continue;
                }
                if self.dice.roll(self.faults.reorder) {
                    self.swapped = Some(emission);
                    continue;
                }
            } else {
                if emission.kind == EmissionKind::Reply {
                    if air.lose > 0 {
                        air.lose -= 1;
                        continue;
                    }
                    if air.delay.0 > 0 {
                        air.delay.0 -= 1;
                        at += air.delay.1;
                    }
                }
                if air.duplicate > 0 {
                    air.duplicate -= 1;
                    self.send(at, emission.clone());
                }
            }
            self.send(at, emission);
        }
    }

    pub(super) fn send(&mut self, at: Duration, emission: Emission) {
        self.sequence += 1;
        self.in_flight.push((at, self.sequence, emission));
    }

    pub(super) fn deliver(&mut self, now: Duration) -> Told {
        let mut due: Vec<_> = Vec::new();
        self.in_flight.retain(|entry| {
            let is_due = entry.0 <= now;
            if is_due {
                due.push(entry.clone());
            }
            !is_due
        });
        due.sort_by_key(|(at, sequence, _)| (*at, *sequence));
        due.into_iter()
            .filter_map(|(.., emission)| {
                let link = self.arms.get(&emission.arm)?.link.as_ref()?;
                let event =
                    LinkEvent::Notified { characteristic: emission.characteristic, value: emission.value };
                Some((Arc::clone(&link.listener), event))
            })
            .collect()
    }

    pub(super) fn cut(&mut self, arm: Arm, reason: LossReason) -> Told {
        let Some(air) = self.arms.get_mut(&arm) else { return Vec::new() };
        let Some(link) = air.link.take() else { return Vec::new() };
        // What was on its way is gone with the link. The audio in it was told of as delivered.
        let audio = self
            .in_flight
            .iter()
            .any(|(.., emission)| emission.arm == arm && matches!(emission.kind, EmissionKind::Audio { .. }));
        let mut told = Vec::new();
        if audio {
            told = self.deliver_to(arm, &link);
        }
        self.in_flight.retain(|(.., emission)| emission.arm != arm);
        self.swapped = self.swapped.take().filter(|emission| emission.arm != arm);
        self.account.stretch_over();
        self.firmware.disconnected(arm);
        told.push((link.listener, LinkEvent::Lost(reason)));
        told
    }

    pub(super) fn deliver_to(&mut self, arm: Arm, link: &ArmLink) -> Told {
        let mine = self.in_flight.iter().filter(|(.., emission)| {
            emission.arm == arm && matches!(emission.kind, EmissionKind::Audio { .. })
        });
        mine.map(|(.., emission)| {
            let event = LinkEvent::Notified {
                characteristic: emission.characteristic,
                value: emission.value.clone(),
            };
            (Arc::clone(&link.listener), event)
        })
        .collect()
    }

    pub(super) fn fault(&mut self, fault: Fault) -> Told {
        let now = self.now();
        let mut told = Vec::new();
        let air = |world: &mut Self, arm: Arm, change: &dyn Fn(&mut ArmAir)| {
            if let Some(air) = world.arms.get_mut(&arm) {
                change(air);
            }
        };
        match fault {
            Fault::LoseArm { arm, back } => {
                air(self, arm, &|air| air.away_until = now + back);
                told = self.cut(arm, LossReason::Remote);
            }
            Fault::HoldElsewhere(arm) => {
                air(self, arm, &|air| air.held = true);
                told = self.cut(arm, LossReason::Remote);
            }
            Fault::Release(arm) => air(self, arm, &|air| (air.held, air.refuses_pairing) = (false, false)),
            Fault::LoseReplies { arm, count } => air(self, arm, &|air| air.lose = count),
            Fault::DelayReplies { arm, count, by } => air(self, arm, &|air| air.delay = (count, by)),
            Fault::Duplicate { arm, count } => air(self, arm, &|air| air.duplicate = count),
            Fault::BreakAfterWrites { arm, writes } => air(self, arm, &|air| air.break_after = Some(writes)),
            Fault::BatteryDead(arm) => {
                let mut out = Vec::new();
                self.firmware.act(Event::Battery { arm, percent: 1 }, &mut out);
                let link = self.arms.get(&arm).and_then(|air| air.link.as_ref());
                told.extend(link.into_iter().flat_map(|link| {
                    out.iter().map(|emission| {
                        let event = LinkEvent::Notified {
                            characteristic: emission.characteristic,
                            value: emission.value.clone(),
                        };
                        (Arc::clone(&link.listener), event)
                    })
                }));
                air(self, arm, &|air| air.dead = true);
                told.extend(self.cut(arm, LossReason::Remote));
            }
            Fault::RefusePairing(arm) => {
                air(self, arm, &|air| (air.refuses_pairing, air.bonded) = (true, false));
                told = self.cut(arm, LossReason::Remote);
            }
            Fault::AdapterOff(time) => {
                self.adapter_off_until = now + time;
                let arms: Vec<Arm> = self.arms.keys().copied().collect();
                for arm in arms {
                    told.extend(self.cut(arm, LossReason::Adapter));
                }
            }
        }
        told
    }

    pub(super) fn arm_of(&self, id: &PeripheralId) -> Option<Arm> {
        self.peripherals
            .iter()
            .find(|peripheral| peripheral.advert.id == *id)
            .map(|peripheral| peripheral.arm)
    }
}
