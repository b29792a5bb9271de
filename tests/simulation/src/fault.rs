use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// New connections are refused.
    Refuse,
    /// New connections are accepted and closed at once.
    AcceptAndClose,
    /// The connection is reset; what is under way is lost.
    Reset,
    /// The connection is cut after some of what is under way.
    Cut,
    /// Nothing arrives any more, in either direction, and nobody says so.
    BlackHole,
    /// The relay does not read.
    StalledReader,
    /// Latency and jitter rise.
    Slow,
    /// The relay is killed and restarts with what it had written.
    RelayKilled,
    /// The relay's machine loses power: what it had not synced, at most a second, is gone.
    RelayPowerCut,
    /// The client is killed; a new process finds the journal, where there is one.
    ClientKilled,
    /// The client's machine loses power: what its journal had not synced is gone.
    ClientPowerCut,
    /// The relay restarts, and has forgotten everything.
    RestartForgetting,
    /// The relay says that it restarts, and closes.
    RestartAnnounced,
    /// Another client takes the session; ours takes it back later.
    TakeOver,
    /// The credentials expire and are refreshed later.
    Unauthorized,
    /// The relay is overloaded and says when to come back.
    RetryAfter,
    /// The client gets no CPU: what arrives waits and timers run late.
    Starve,
    /// The client's device sleeps: no time passes for it, no audio is captured.
    Suspend,
    /// The relay refuses the next audio message, a number of times.
    Reject,
    /// Audio and transcript events arrive twice, as through something between that tries again.
    Repeat,
    /// The device's radio loses frames.
    RadioLoss,
    /// The network is gone, then comes back, and the system says so.
    NetworkChange,
    /// The relay is out of reach for longer than anybody waits for a backlog.
    LongOutage,
}

impl Fault {
    pub const ALL: [Self; 23] = [
        Self::Refuse,
        Self::AcceptAndClose,
        Self::Reset,
        Self::Cut,
        Self::BlackHole,
        Self::StalledReader,
        Self::Slow,
        Self::RelayKilled,
        Self::RelayPowerCut,
        Self::ClientKilled,
        Self::ClientPowerCut,
        Self::RestartForgetting,
        Self::RestartAnnounced,
        Self::TakeOver,
        Self::Unauthorized,
        Self::RetryAfter,
        Self::Starve,
        Self::Suspend,
        Self::Reject,
        Self::Repeat,
        Self::RadioLoss,
        Self::NetworkChange,
        Self::LongOutage,
    ];
}

/// A fault, when it begins and how long it lasts.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    pub at: Duration,
    pub lasting: Duration,
    pub fault: Fault,
}

/// The faults of one run, in order: at least four a minute, and a long outage in every fourth run.
pub(crate) fn plan(random: &mut Pcg64Mcg, length: Duration) -> Vec<Planned> {
    let minutes = length.as_secs().div_ceil(60);
    let count = minutes * 4 + below(random, minutes * 4 + 1);
    let mut plan: Vec<Planned> = (0..count)
        .map(|_| {
            let at = Duration::from_millis(below(random, length.as_millis() as u64));
            let fault = SHORT[below(random, SHORT.len() as u64) as usize];
            Planned { at, lasting: lasting(random), fault }
        })
        .collect();
    if below(random, 4) == 0 {
        let at = Duration::from_millis(below(random, length.as_millis() as u64 / 2));
        let lasting = Duration::from_millis(61_000 + below(random, 90_000));
        plan.push(Planned { at, lasting, fault: Fault::LongOutage });
    }
    plan.sort_by_key(|planned| planned.at);
    plan
}

/// All but the last.
const SHORT: &[Fault] = Fault::ALL.split_at(Fault::ALL.len() - 1).0;

/// Uniform in `0..limit`.
pub(crate) fn below(random: &mut Pcg64Mcg, limit: u64) -> u64 {
    random.next_u64() % limit.max(1)
}

/// Mostly short, some as long as the buffer holds, a few longer.
fn lasting(random: &mut Pcg64Mcg) -> Duration {
    let longest = match below(random, 20) {
        0..12 => 3_000,
        12..17 => 20_000,
        17..19 => 60_000,
        _ => 150_000,
    };
    Duration::from_millis(50 + below(random, longest))
}
