use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use glasslink_e2e::{Certificate, Line, Probe, RelayProcess, probe_program};
use glasslink_faults::Proxy;
use tempfile::TempDir;

use crate::account;
use crate::curve::Curve;
use crate::faults::{Faults, Happening};

/// How long the end may take: the cap, a connect timeout, and the backlog.
const END: Duration = Duration::from_mins(3);

/// What is younger than this is never lost: outages of a minute lose nothing (P3.1). The network here is gone more
/// often than not, so what is older may be.
const COVERED: Duration = Duration::from_mins(1);

/// The client that is recorded and killed, one life after the other.
struct Mortal {
    folders: TempDir,
    life: u32,
    /// Folders that are not known to be finished.
    pending: Vec<PathBuf>,
    all: Vec<PathBuf>,
    probe: Probe,
}

/// Every client goes through the proxy.
struct Way {
    relay: String,
    certificate: Certificate,
    proxy: Proxy,
}

impl Way {
    fn probe(&self, arguments: Vec<String>) -> Probe {
        let through = [format!("--through={}", self.proxy.address())];
        let arguments: Vec<String> = through.into_iter().chain(arguments).collect();
        Probe::start(&probe_program(), &self.relay, &self.certificate.certificate(), &arguments)
    }
}

impl Mortal {
    fn new(way: &Way) -> Self {
        let folders = TempDir::new().expect("there is room for recordings");
        let first = folders.path().join("1");
        let probe = way.probe(vec![format!("--journal={}", first.display())]);
        Self { folders, life: 1, pending: vec![first.clone()], all: vec![first], probe }
    }

    fn die_and_live_again(&mut self, way: &Way, wrong: &mut Vec<String>) {
        self.probe.signal("-KILL");
        self.look(wrong);
        self.life += 1;
        let next = self.folders.path().join(self.life.to_string());
        let mut arguments = vec![format!("--journal={}", next.display())];
        arguments.extend(self.pending.iter().map(|folder| format!("--recover={}", folder.display())));
        self.pending.push(next.clone());
        self.all.push(next);
        self.probe = way.probe(arguments);
    }

    /// What became of earlier lives.
    fn look(&mut self, wrong: &mut Vec<String>) {
        for line in self.probe.lines(0) {
            if let Some(folder) = line.json["finished_folder"].as_str() {
                self.pending.retain(|pending| pending != Path::new(folder));
            }
            if let Some(result) = line.json["recovered"].as_str().filter(|result| *result != "kept") {
                wrong.push(format!("a recording was not finished: {result}"));
            }
        }
    }
}

/// Returns what is wrong.
pub(crate) fn run(seed: u64, length: Duration, csv: Option<&Path>) -> Vec<String> {
    let mut wrong = Vec::new();
    let (data, no_model) = (TempDir::new().expect("there is room"), TempDir::new().expect("there is room"));
    let certificate = Certificate::new();
    let mut relay = RelayProcess::keeping_with_tls(&certificate, data.path(), no_model.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("the system gives threads");
    let pem = |path: PathBuf| std::fs::read(path).expect("it was written");
    let (own, key) = (pem(certificate.certificate()), pem(certificate.key()));
    let upstream = relay.address().trim_start_matches("https://").parse().expect("an address");
    let builder = Proxy::builder(upstream).tls(own.clone(), key).upstream_tls(own, "127.0.0.1");
    let proxy = runtime.block_on(async { builder.start() }).expect("there are ports");
    let way = Way { relay: relay.address().to_owned(), certificate, proxy };
    let mut mortal = Mortal::new(&way);
    let mut constant = way.probe(Vec::new());

    let mut faults = Faults::new(seed);
    let mut curve = Curve::new(["relay", "recorded client", "lasting client", "proxy and log"]);
    let began = Instant::now();
    let mut next = faults.pause();
    for second in 0..length.as_secs() {
        while began.elapsed() < Duration::from_secs(second) {
            let until = next.min(Duration::from_secs(second));
            thread::sleep(until.saturating_sub(began.elapsed()));
            if began.elapsed() < next {
                continue;
            }
            let happening = faults.next();
            match happening {
                Happening::ClientKilled => mortal.die_and_live_again(&way, &mut wrong),
                Happening::RelayKilled => relay.kill_and_restart(faults.downtime()),
                _ => faults.apply(happening, &way.proxy),
            }
            next = began.elapsed() + faults.pause();
        }
        let processes = [relay.id(), mortal.probe.id(), constant.id(), std::process::id()];
        curve.sample(second, processes.map(Some), faults.counts.values().sum());
        if second % 60 == 59 {
            println!(
                "{} min: {} faults, {} lives",
                second / 60 + 1,
                faults.counts.values().sum::<u32>(),
                mortal.life
            );
        }
    }
    way.proxy.remove_all();
    println!("faults: {:?}", faults.counts);
    let recorded = finish(&mut mortal.probe, "recorded client", &mut wrong);
    mortal.look(&mut wrong);
    let memory = finish(&mut constant, "lasting client", &mut wrong);
    drop((mortal.probe, relay));
    let mut frames = 0;
    for folder in &mortal.all {
        match account::recordings(folder, data.path()) {
            Ok(count) => frames += count,
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    println!("recorded client: {} lives, {frames} frames recorded, each kept once by the relay", mortal.life);
    if let (Some(ledger), Some(session)) = (&memory, session(&constant)) {
        println!("lasting client: {}", ledger.json);
        match account::kept(data.path(), &session) {
            Ok(kept) if kept == ledger.number("acknowledged") => {}
            Ok(kept) => wrong.push(format!("the relay has {kept} frames of {}", ledger.json)),
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    if recorded.is_none() || memory.is_none() {
        wrong.push("a client did not finish".into());
    }
    curve.print();
    if let Some(error) = csv.and_then(|path| curve.write(path).err()) {
        wrong.push(format!("the CSV file: {error}"));
    }
    wrong.extend(curve.grown());
    if !wrong.is_empty() {
        println!("the relay's files: {}", data.keep().display());
        println!("the recordings: {}", mortal.folders.keep().display());
    }
    wrong
}

/// The ledger, with nothing left, and nothing lost that was not told.
fn finish(probe: &mut Probe, name: &str, wrong: &mut Vec<String>) -> Option<Line> {
    // A client that is still busy with earlier lives has nothing of its own yet.
    probe.wait(0, END, |line| line.json["kept"].as_u64().is_some_and(|kept| kept > 0))?;
    probe.tell("finish", None);
    let line = probe.wait(0, END, |line| line.json["finished"].is_string())?;
    let (captured, kept, lost) = (line.number("captured"), line.number("acknowledged"), line.number("lost"));
    let said = probe.lines(0);
    let told: u64 =
        said.iter().filter(|line| line.json["gap"].is_string()).map(|line| line.number("ms") / 10).sum();
    let youngest = said.iter().filter_map(|line| line.json["youngest_ms"].as_u64()).min();
    let youngest = youngest.map(Duration::from_millis);
    match youngest {
        Some(youngest) => println!(
            "{name}: {lost} of {captured} frames lost and told as gaps, none younger than {youngest:?}"
        ),
        None => println!("{name}: {captured} frames, none lost"),
    }
    if captured != kept + lost || told != lost + line.number("absent") || captured == 0 {
        wrong.push(format!("{name}: {told} frames told in gaps, {}", line.json));
    }
    if lost > 0 && youngest.is_none_or(|youngest| youngest < COVERED) {
        wrong.push(format!("{name}: {lost} frames lost, some after {youngest:?}"));
    }
    if said.iter().any(|line| line.json["lagged"].is_u64()) {
        wrong.push(format!("{name}: it could not follow its own events"));
    }
    Some(line)
}

fn session(probe: &Probe) -> Option<String> {
    probe.lines(0).iter().find_map(|line| line.json["session"].as_str().map(Into::into))
}
