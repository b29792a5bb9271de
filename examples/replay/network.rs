use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use glasslink::{Link, LinkState, LinkTimeline, Network, RelayAddress, Trouble};
use glasslink_faults::{Fault, How, Proxy, Rule, RuleId};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep_until, timeout};

/// What a relay takes to acknowledge is in every round trip that was recorded, this one's too.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(100);

/// The network of a link's timeline, played between client and relay.
pub(crate) struct Replayed {
    proxy: Proxy,
    steps: Vec<Step>,
    /// From the link's beginning to the end of the record.
    pub(crate) length: Duration,
    /// The longest time without a connection.
    pub(crate) longest_outage: Duration,
}

#[derive(Clone, Copy)]
struct Step {
    at: Duration,
    act: Act,
}

/// In this order, where it is the same moment: what was before is over, what comes stands before connections end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    /// The rule made for this trouble goes.
    End(usize),
    Begin(usize, Wrong),
    Reset,
    NetworkUp,
    Retry,
}

/// A fault that orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    Refuse,
    Close,
    BlackHole,
    Answer(u16),
    TlsGarbage,
    TlsCertificate,
    StripUpgrade,
    Delay(Duration),
}

/// Reads the record. Errors are the person's to correct.
pub(crate) fn read(path: &Path) -> Result<LinkTimeline> {
    let json =
        std::fs::read(path).with_context(|| format!("{} cannot be read: check its name", path.display()))?;
    LinkTimeline::from_json(&json).with_context(|| path.display().to_string())
}

impl Replayed {
    /// A way to the relay at `address`, which has to be there. Also returns what of the record cannot be played.
    pub(crate) async fn new(
        timeline: &LinkTimeline,
        address: &RelayAddress,
        patience: Option<Duration>,
    ) -> Result<(Self, Vec<String>)> {
        let resolved = lookup_host((address.host(), address.port())).await;
        let relay = resolved.ok().and_then(|mut addresses| addresses.next());
        let relay = relay.with_context(|| {
            format!("the relay's name {} does not resolve: check the name server", address.host())
        })?;
        let patience = patience.unwrap_or(Duration::from_hours(24));
        if !matches!(timeout(patience, TcpStream::connect(relay)).await, Ok(Ok(_))) {
            bail!("no relay at {address}: start it, or leave --relay out");
        }
        let proxy = Proxy::builder(relay).start()?;
        let troubles = timeline.troubles();
        let (steps, left_out) = steps(&troubles, address.is_encrypted());
        let outages = troubles.iter().filter(|trouble| is_outage(trouble.what));
        let longest_outage = outages.map(|trouble| trouble.lasting).max().unwrap_or_default();
        Ok((Self { proxy, steps, length: timeline.length(), longest_outage }, left_out))
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.proxy.address()
    }

    /// How many troubles of the record begin after `elapsed`.
    pub(crate) fn left_at(&self, elapsed: Duration) -> usize {
        let begins = |step: &&Step| matches!(step.act, Act::Begin(..) | Act::Reset);
        self.steps.iter().filter(begins).filter(|step| step.at > elapsed).count()
    }

    /// Plays the record, which began at `began` with `link`. Afterwards the network is whole.
    pub(crate) fn run(&self, began: Instant, link: Link) -> impl Future<Output = ()> + Send + 'static {
        play(self.proxy.clone(), self.steps.clone(), began, link)
    }
}

async fn play(proxy: Proxy, steps: Vec<Step>, began: Instant, link: Link) {
    let mut standing: Vec<(usize, RuleId)> = Vec::new();
    for Step { at, act } in steps {
        sleep_until(began + at).await;
        match act {
            Act::Begin(number, wrong) => {
                // A rule that makes no sense was not made: see the test.
                if let Ok(id) = proxy.try_add(Rule::new(wrong.fault())) {
                    standing.push((number, id));
                }
            }
            Act::End(number) => {
                for (_, id) in standing.extract_if(.., |(of, _)| *of == number) {
                    proxy.remove(id);
                }
            }
            Act::Reset => {
                proxy.close_all(How::Reset);
            }
            Act::NetworkUp => link.network_changed(),
            Act::Retry => link.retry(),
        }
    }
    proxy.remove_all();
    if matches!(link.state(), LinkState::Refused { .. }) {
        link.retry();
    }
}

/// What is done when, and what is left out and why.
fn steps(troubles: &[Trouble], encrypted: bool) -> (Vec<Step>, Vec<String>) {
    let (mut steps, mut left_out) = (Vec::new(), Vec::new());
    for (number, trouble) in troubles.iter().enumerate() {
        let at = trouble.at;
        let wrong = match trouble.what {
            Network::Reset => None,
            Network::Forgotten => {
                left_out.push(format!("{:.1} s: the relay forgets; it is cut off", at.as_secs_f32()));
                None
            }
            Network::NetworkUp | Network::Retried => {
                let act = if trouble.what == Network::Retried { Act::Retry } else { Act::NetworkUp };
                steps.push(Step { at, act });
                continue;
            }
            Network::TakenOver | Network::Asleep | Network::RadioLoss => {
                left_out.push(format!("{:.1} s: {}", at.as_secs_f32(), words(trouble.what)));
                continue;
            }
            Network::NoWebSocket if encrypted => {
                left_out.push(format!("{:.1} s: {}", at.as_secs_f32(), words(trouble.what)));
                continue;
            }
            what => match wrong(what, encrypted) {
                Some(wrong) => Some(wrong),
                None => continue,
            },
        };
        match wrong {
            Some(wrong) => {
                steps.push(Step { at, act: Act::Begin(number, wrong) });
                steps.push(Step { at: trouble.end(), act: Act::End(number) });
            }
            None => steps.push(Step { at, act: Act::Reset }),
        }
    }
    steps.sort_by_key(|step| (step.at, step.act));
    (steps, left_out)
}

/// The rule that shows it. `None`: there is nothing to do.
fn wrong(what: Network, encrypted: bool) -> Option<Wrong> {
    Some(match what {
        Network::Refused => Wrong::Refuse,
        Network::Silent => Wrong::BlackHole,
        Network::Answered(status) if !encrypted => {
            Wrong::Answer(if (200..600).contains(&status) { status } else { 502 })
        }
        Network::NoTls if encrypted => Wrong::TlsGarbage,
        Network::WrongCertificate if encrypted => Wrong::TlsCertificate,
        Network::Closed | Network::Answered(_) | Network::NoTls | Network::WrongCertificate => Wrong::Close,
        Network::NoWebSocket => Wrong::StripUpgrade,
        Network::RoundTrip(rtt) => {
            let each_way = rtt.saturating_sub(ACKNOWLEDGED_WITHIN) / 2;
            return (!each_way.is_zero()).then_some(Wrong::Delay(each_way));
        }
        _ => return None,
    })
}

fn words(what: Network) -> &'static str {
    match what {
        Network::TakenOver => "another holder takes the session; not played",
        Network::Asleep => "the device sleeps; not played",
        Network::RadioLoss => "the device's radio loses frames; not played",
        _ => "upgrades are stripped; not played, as TLS hides them",
    }
}

fn is_outage(what: Network) -> bool {
    !matches!(what, Network::RoundTrip(_) | Network::NoWebSocket | Network::Asleep | Network::RadioLoss)
}

impl Wrong {
    fn fault(self) -> Fault {
        match self {
            Self::Refuse => Fault::Refuse,
            Self::Close => Fault::Close,
            Self::BlackHole => Fault::BlackHole,
            Self::Answer(status) => Fault::Answer { status, retry_after_s: None },
            Self::TlsGarbage => Fault::TlsGarbage,
            Self::TlsCertificate => Fault::TlsCertificate,
            Self::StripUpgrade => Fault::StripUpgrade,
            Self::Delay(latency) => Fault::Delay { latency, jitter: Duration::ZERO },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn all() -> Vec<Trouble> {
        [
            Network::Reset,
            Network::Silent,
            Network::Refused,
            Network::Closed,
            Network::Answered(0),
            Network::Answered(401),
            Network::NoTls,
            Network::WrongCertificate,
            Network::NoWebSocket,
            Network::RoundTrip(ms(300)),
            Network::RoundTrip(ms(30)),
            Network::NetworkUp,
            Network::Retried,
            Network::TakenOver,
            Network::Forgotten,
            Network::Asleep,
            Network::RadioLoss,
        ]
        .map(|what| Trouble { at: ms(1_000), lasting: ms(500), what })
        .to_vec()
    }

    #[tokio::test]
    async fn every_trouble_is_a_rule_the_proxy_takes_or_is_said_to_be_left_out() {
        let proxy = Proxy::builder(([127, 0, 0, 1], 9).into()).start().unwrap();
        for (encrypted, begun, left) in [(false, 9, 4), (true, 8, 5)] {
            let (steps, left_out) = steps(&all(), encrypted);
            let rules = steps.iter().filter_map(|step| match step.act {
                Act::Begin(_, wrong) => Some(wrong),
                _ => None,
            });
            let rules: Vec<_> = rules.collect();
            for rule in &rules {
                proxy.try_add(Rule::new(rule.fault())).unwrap();
            }
            assert_eq!((rules.len(), left_out.len()), (begun, left), "{rules:?} {left_out:?}");
        }
    }

    #[test]
    fn at_one_moment_what_was_is_over_before_what_comes_and_before_anybody_is_told() {
        let trouble = |at, lasting, what| Trouble { at: ms(at), lasting: ms(lasting), what };
        let troubles = [
            trouble(500, 500, Network::Silent),
            trouble(1_000, 0, Network::NetworkUp),
            trouble(1_000, 0, Network::Reset),
            trouble(1_000, 900, Network::Refused),
        ];
        let acts: Vec<_> = steps(&troubles, false).0.iter().map(|step| (step.at, step.act)).collect();
        assert_eq!(
            acts,
            [
                (ms(500), Act::Begin(0, Wrong::BlackHole)),
                (ms(1_000), Act::End(0)),
                (ms(1_000), Act::Begin(3, Wrong::Refuse)),
                (ms(1_000), Act::Reset),
                (ms(1_000), Act::NetworkUp),
                (ms(1_900), Act::End(3)),
            ]
        );
    }
}
