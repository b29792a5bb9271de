use std::time::Duration;

use glasslink_session::{LinkTimeline, Network, Trouble};

use crate::{Fault, Planned};

/// A round trip of the simulated network is never longer, with what the relay takes to acknowledge.
const USUAL_ROUND_TRIP: Duration = Duration::from_millis(150);

/// What brings about, on the simulated network, what a link saw on a real one.
pub fn script(timeline: &LinkTimeline) -> Vec<Planned> {
    let troubles = timeline.troubles();
    let mut plan: Vec<Planned> = troubles.iter().filter_map(|trouble| planned(*trouble, &troubles)).collect();
    plan.sort_by_key(|planned| planned.at);
    plan
}

fn planned(trouble: Trouble, all: &[Trouble]) -> Option<Planned> {
    let Trouble { at, lasting, what } = trouble;
    let fault = match what {
        // It has no transports: where WebSocket was blocked, a connection ended.
        Network::Reset | Network::NoWebSocket => Fault::Reset,
        Network::Silent => Fault::BlackHole,
        Network::Refused if ends_with_network_up(trouble, all) => Fault::NetworkChange,
        Network::Closed => Fault::AcceptAndClose,
        Network::Answered(401 | 403 | 426) => Fault::Unauthorized,
        Network::Answered(429 | 503) => Fault::RetryAfter,
        Network::Refused | Network::NoTls | Network::WrongCertificate | Network::Answered(_) => Fault::Refuse,
        Network::RoundTrip(rtt) if rtt > USUAL_ROUND_TRIP => Fault::Slow,
        Network::TakenOver => Fault::TakeOver,
        Network::Forgotten => Fault::RestartForgetting,
        Network::Asleep => Fault::Suspend,
        Network::RadioLoss => Fault::RadioLoss,
        // Told on a link that was live; or at the end of a silence, which is then over for good.
        Network::NetworkUp if !all.iter().any(|other| covers(other, at, Network::Silent)) => return None,
        Network::NetworkUp => Fault::NetworkChange,
        // Whoever is refused in the simulation acts at the end of it.
        Network::RoundTrip(_) | Network::Retried => return None,
    };
    Some(Planned { at, lasting, fault })
}

fn ends_with_network_up(trouble: Trouble, all: &[Trouble]) -> bool {
    all.iter().any(|other| other.what == Network::NetworkUp && other.at == trouble.end())
}

fn covers(trouble: &Trouble, at: Duration, what: Network) -> bool {
    trouble.what == what && trouble.at <= at && at <= trouble.end()
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::{Cause, GapCause, StreamId};
    use glasslink_session::{Happening, TimelineEntry, Transport};

    use super::*;

    #[test]
    fn what_was_seen_becomes_the_faults_that_show_it() {
        let attempt = Happening::Attempt { attempt: 1, transport: Transport::WebSocket };
        let live = Happening::Live { outage_ms: 0 };
        let lost = |cause| Happening::Lost { cause, silent_ms: 1_600, retry_in_ms: 0 };
        let failed = |cause| Happening::Failed { cause, retry_in_ms: 0 };
        let gap = GapCause::Radio;
        let entries = [
            (0, attempt),
            (5, live),
            (1_000, Happening::RoundTrip { rtt_ms: 400 }),
            (2_000, lost(Cause::Reset)),
            (2_000, attempt),
            (2_001, failed(Cause::ConnectionRefused)),
            (4_000, Happening::NetworkUp),
            (4_000, attempt),
            (4_005, live),
            (9_000, lost(Cause::Stalled)),
            (9_000, attempt),
            (9_005, live),
            (9_010, Happening::Gap { stream: StreamId(1), cause: gap, frames: 5, lasting_ms: 50, gaps: 2 }),
            (50_000, Happening::Asleep { asleep_ms: 30_000 }),
            (50_001, Happening::Refused { cause: Cause::Superseded }),
        ];
        let entries = entries.map(|(ms, what)| TimelineEntry { ms, what }).to_vec();
        let plan = script(&LinkTimeline::new(0, "", 0, entries));
        let plan: Vec<_> = plan
            .iter()
            .map(|planned| (planned.at.as_millis(), planned.lasting.as_millis(), planned.fault))
            .collect();
        assert_eq!(
            plan,
            [
                (1_000, 49_001, Fault::Slow),
                (2_000, 0, Fault::Reset),
                (2_000, 2_000, Fault::NetworkChange),
                (7_400, 2_100, Fault::BlackHole),
                (9_010, 50, Fault::RadioLoss),
                (20_000, 30_000, Fault::Suspend),
                (50_001, 0, Fault::TakeOver),
            ]
        );
    }
}
