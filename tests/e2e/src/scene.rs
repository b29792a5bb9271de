use std::path::Path;
use std::time::{Duration, Instant};

use glasslink_faults::{Event, Fault, How, Proxy, Rule, RuleId, What};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::probe::{Line, Probe};
use crate::{Certificate, RelayProcess};

/// A machine that is busy needs longer than the promise; what is measured is compared with the promise itself.
const PATIENCE: Duration = Duration::from_mins(1);

/// A relay with TLS, one client process with one link or more, and a proxy before each link.
pub struct Scene {
    pub probe: Probe,
    pub proxies: Vec<Proxy>,
    pub relay: RelayProcess,
    runtime: Runtime,
    _certificate: Certificate,
    _no_model: TempDir,
}

impl Scene {
    /// All links are live. `arguments` are the probe's; `latency` is added each way.
    pub fn new(program: &Path, links: usize, latency: Duration, arguments: &[&str]) -> Self {
        let (certificate, no_model) =
            (Certificate::new(), TempDir::new().expect("there is room for a folder"));
        let relay = RelayProcess::start(Some(&certificate), Some(no_model.path()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("the system gives threads");
        let upstream = relay.address().trim_start_matches("https://").parse().expect("an address");
        let proxies: Vec<Proxy> = runtime.block_on(async {
            (0..links).map(|_| Proxy::builder(upstream).start().expect("there are ports")).collect()
        });
        if !latency.is_zero() {
            for proxy in &proxies {
                proxy.add(Rule::delay(latency));
            }
        }
        let ways = proxies.iter().map(|proxy| format!("--through={}", proxy.address()));
        let arguments: Vec<String> = ways.chain(arguments.iter().map(|text| (*text).to_owned())).collect();
        let probe = Probe::start(program, relay.address(), &certificate.certificate(), &arguments);
        let scene = Self { probe, proxies, relay, runtime, _certificate: certificate, _no_model: no_model };
        for link in 0..links {
            scene.live(link, 0, PATIENCE);
        }
        scene
    }

    /// When the link said that it is live, in a line from `from` on.
    #[track_caller]
    pub fn live(&self, link: usize, from: usize, within: Duration) -> Line {
        self.state(link, "live", from, within)
    }

    #[track_caller]
    pub fn state(&self, link: usize, state: &str, from: usize, within: Duration) -> Line {
        let told = self.probe.wait(from, within, |line| line.is_state(link, state));
        told.unwrap_or_else(|| {
            panic!("link {link} is not {state} within {within:?}: {:?}", self.probe.lines(from))
        })
    }

    /// Nobody can connect, and whoever was connected is reset. When it took effect.
    pub fn cut(&self, link: usize) -> (RuleId, Instant) {
        let proxy = &self.proxies[link];
        let before = proxy.last();
        let rule = proxy.add(Rule::new(Fault::Refuse));
        proxy.close_all(How::Reset);
        let shut = |event: &Event| event.what == What::Listening { on: false };
        (rule, self.event(proxy, before, shut).at)
    }

    /// The link's way is whole again: rules that closed the port are gone, and others with them. When it took effect.
    pub fn mend(&self, link: usize, rules: &[RuleId]) -> Instant {
        let proxy = &self.proxies[link];
        let before = proxy.last();
        for rule in rules {
            proxy.remove(*rule);
        }
        self.event(proxy, before, |event| event.what == What::Listening { on: true }).at
    }

    pub fn event(&self, proxy: &Proxy, after: u64, wanted: impl Fn(&Event) -> bool) -> Event {
        let event = self.runtime.block_on(proxy.wait(after, PATIENCE, wanted));
        event.unwrap_or_else(|| panic!("it does not happen at the proxy: {:?}", proxy.events(after)))
    }

    /// Ends the audio and waits until the relay keeps it: the ledger.
    pub fn finish(&mut self, link: usize) -> Line {
        let from = self.probe.said();
        self.probe.tell("finish", Some(link));
        let finished = |line: &Line| line.is_of(link) && line.json["finished"].is_string();
        let ledger = self.probe.wait(from, PATIENCE, finished).expect("it finishes");
        let sum = ledger.number("acknowledged") + ledger.number("buffered") + ledger.number("lost");
        assert_eq!(ledger.number("captured"), sum, "{}", ledger.json);
        assert_eq!(ledger.number("buffered"), 0, "{}", ledger.json);
        ledger
    }

    /// The frames that will never reach the relay, as the program was told of them.
    pub fn gaps(&self, link: usize) -> Vec<Line> {
        let lines = self.probe.lines(0).into_iter();
        lines.filter(|line| line.is_of(link) && line.json["gap"].is_string()).collect()
    }
}

/// How much longer than promised anything may take: nothing in `cargo xtask nightly`, which has the machine to itself.
pub fn leeway() -> Duration {
    let strict = std::env::var_os("GLASSLINK_NIGHTLY").is_some();
    if strict { Duration::ZERO } else { Duration::from_secs(3) }
}

/// What `percent` of the times stay within.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[(times.len() * percent).div_ceil(100).saturating_sub(1)]
}
