use std::collections::BTreeMap;
use std::time::Duration;

use glasslink_faults::{Direction, Fault, How, Proxy, Rule};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Happening {
    Reset,
    Close,
    Refuse,
    Unanswered,
    BlackHole,
    OneWay,
    Delay,
    Throttle,
    Cut,
    Unavailable,
    RateLimited,
    TlsGarbage,
    ClientKilled,
    RelayKilled,
}

impl Happening {
    const ALL: [Self; 14] = [
        Self::Reset,
        Self::Close,
        Self::Refuse,
        Self::Unanswered,
        Self::BlackHole,
        Self::OneWay,
        Self::Delay,
        Self::Throttle,
        Self::Cut,
        Self::Unavailable,
        Self::RateLimited,
        Self::TlsGarbage,
        Self::ClientKilled,
        Self::RelayKilled,
    ];
}

/// Draws faults, and counts them.
pub(crate) struct Faults {
    random: Pcg64Mcg,
    pub(crate) counts: BTreeMap<Happening, u32>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Pcg64Mcg::seed_from_u64(seed), counts: BTreeMap::new() }
    }

    /// Until the next one.
    pub(crate) fn pause(&mut self) -> Duration {
        Duration::from_millis(self.between(1_000, 5_000))
    }

    pub(crate) fn next(&mut self) -> Happening {
        let happening = Happening::ALL[self.between(0, Happening::ALL.len() as u64) as usize];
        *self.counts.entry(happening).or_default() += 1;
        happening
    }

    /// Between 0 and 2 s.
    pub(crate) fn downtime(&mut self) -> Duration {
        Duration::from_millis(self.between(0, 2_000))
    }

    /// Those that are the proxy's.
    pub(crate) fn apply(&mut self, happening: Happening, proxy: &Proxy) {
        let lasting = Duration::from_millis(self.between(100, 8_000));
        let rule = |fault| Rule::new(fault).lasting(lasting);
        let once = |fault| Rule::new(fault).times(1);
        match happening {
            Happening::Reset => {
                proxy.close_all(How::Reset);
            }
            Happening::Close => {
                proxy.close_all(How::Close);
            }
            Happening::Refuse | Happening::Unanswered => {
                let fault = if happening == Happening::Refuse { Fault::Refuse } else { Fault::Unanswered };
                proxy.add(rule(fault));
                proxy.close_all(How::Reset);
            }
            Happening::BlackHole => {
                proxy.add(rule(Fault::BlackHole));
            }
            Happening::OneWay => {
                let direction = if self.between(0, 2) == 0 { Direction::Up } else { Direction::Down };
                proxy.add(rule(Fault::BlackHole).after_bytes(direction, 0));
            }
            Happening::Delay => {
                let latency = Duration::from_millis(self.between(1, 300));
                proxy.add(rule(Fault::Delay { latency, jitter: latency / 2 }));
            }
            Happening::Throttle => {
                let bytes_per_second = self.between(2_000, 20_000) as u32;
                proxy.add(rule(Fault::Throttle { bytes_per_second }));
            }
            Happening::Cut => {
                let bytes = self.between(1, 10_000);
                proxy.add(once(Fault::Reset).after_bytes(Direction::Up, bytes));
                proxy.close_all(How::Reset);
            }
            Happening::Unavailable | Happening::RateLimited => {
                let status = if happening == Happening::Unavailable { 503 } else { 429 };
                proxy.add(once(Fault::Answer { status, retry_after_s: Some(1) }).on_upgrade());
                proxy.close_all(How::Reset);
            }
            Happening::TlsGarbage => {
                proxy.add(once(Fault::TlsGarbage));
                proxy.close_all(How::Reset);
            }
            Happening::ClientKilled | Happening::RelayKilled => {}
        }
        // Rules that were spent are in nobody's way, but in the list.
        for spent in proxy.rules().iter().filter(|standing| standing.left == Some(0)).rev().skip(8) {
            proxy.remove(spent.id);
        }
    }

    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.random.next_u64() % (to - from)
    }
}
