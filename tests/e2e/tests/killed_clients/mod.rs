//! Recordings whose program is killed at a random instant, and what the next program makes of them.

mod disk;
mod expected;

use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use glasslink_e2e::{Clip, RelayProcess, Report, replay, replay_program, speech};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use disk::{FileSizes, recorded, relay_has_each_frame_once};
use expected::Expected;

/// As many rounds as a night has time for.
const NIGHTLY: &str = "GLASSLINK_NIGHTLY";
/// Prints the same instants again.
const SEED: &str = "GLASSLINK_SEED";

/// Rounds at once: a round mostly waits for speech to be said.
const LANES: usize = 6;

/// When a program is killed, after it began to record. The clip lasts 10 s.
const KILLED_AFTER: Range<u64> = 300..9_000;
/// The first sync and a little more: before it, a power cut leaves no recording.
const CUT_AFTER: Range<u64> = 1_500..9_000;

/// A journal syncs every 500 ms; what is older is on the disk when the power goes.
const SYNCED: Duration = Duration::from_millis(600);

const MOST_LOST: Duration = Duration::from_secs(1);

/// Who dies beside the client's process.
#[derive(Clone, Copy)]
pub(crate) struct Killed {
    /// What the client wrote and did not sync goes too.
    pub(crate) power_cut: bool,
    pub(crate) relay: bool,
}

/// Runs `few` rounds, or at night `many`.
pub(crate) fn rounds(name: &str, few: u32, many: u32, killed: Killed) {
    let Some([_, clip]) = speech() else { return };
    let rounds = if std::env::var_os(NIGHTLY).is_some() { many } else { few };
    let seed = std::env::var(SEED).map_or_else(|_| now().as_nanos() as u64, |seed| seed.parse().unwrap());
    println!("{name}: {SEED}={seed}");
    let expected = Expected::of(&clip);
    let next = AtomicU32::new(0);
    let worst = Mutex::new(Duration::ZERO);
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                let data = tempfile::tempdir().unwrap();
                let mut relay = RelayProcess::keeping(data.path());
                loop {
                    let round = next.fetch_add(1, Ordering::Relaxed);
                    if round >= rounds {
                        return;
                    }
                    let random = Pcg64Mcg::seed_from_u64(seed.wrapping_add(u64::from(round)));
                    let one = Round { clip: &clip, data: data.path(), killed, random };
                    let lost = one.run(&mut relay, &expected);
                    let mut worst = worst.lock().unwrap();
                    *worst = lost.max(*worst);
                }
            });
        }
    });
    println!("{name}: {rounds} times, at most {:?} of audio lost", worst.lock().unwrap());
}

struct Round<'a> {
    clip: &'a Clip,
    data: &'a Path,
    killed: Killed,
    random: Pcg64Mcg,
}

impl Round<'_> {
    /// How much was captured before the kill, and is not in the recording.
    fn run(mut self, relay: &mut RelayProcess, expected: &Expected) -> Duration {
        let folder = tempfile::tempdir().unwrap();
        let mut client = self.record(relay, folder.path());
        let mut sizes = FileSizes::of(folder.path());
        sizes.until_there_is_a_frame();
        let after = self.instant();
        let relay_after = self.killed.relay.then(|| after.mul_f64(self.fraction()));
        let began = Instant::now();
        if let Some(relay_after) = relay_after {
            sizes.watch(relay_after);
            relay.kill_and_restart(Duration::ZERO);
        }
        sizes.watch(after.saturating_sub(began.elapsed()));
        client.kill().unwrap();
        let killed_at = now();
        client.wait().unwrap();
        if self.killed.relay && self.random.next_u32().is_multiple_of(2) {
            relay.kill_and_restart(Duration::ZERO);
        }
        if self.killed.power_cut {
            sizes.cut_after(SYNCED, &mut self.random);
        }

        let found = recorded(folder.path());
        let lost = killed_at.saturating_sub(found.captured_until);
        assert!(lost < MOST_LOST, "{lost:?} lost of {found:?}");

        let report = finish(relay, folder.path());
        assert_eq!(report.finished.code, Some(0), "{}", report.finished.stderr);
        assert!(report.balances(), "{}", report.json);
        assert_eq!((report.number("lost"), report.number("buffered")), (0, 0), "{}", report.json);
        expected.is_in(report.transcript(), found.frames);
        relay_has_each_frame_once(self.data, found.session, found.frames, self.killed.power_cut);
        assert!(finish(relay, folder.path()).transcript().is_empty(), "nothing is left to do");
        lost
    }

    fn record(&self, relay: &RelayProcess, folder: &Path) -> Child {
        Command::new(replay_program())
            .arg(&self.clip.path)
            .arg("--journal")
            .arg(folder)
            .args(["--relay", relay.address(), "--json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn instant(&mut self) -> Duration {
        let Range { start, end } = if self.killed.power_cut { CUT_AFTER } else { KILLED_AFTER };
        Duration::from_millis(start + self.random.next_u64() % (end - start))
    }

    fn fraction(&mut self) -> f64 {
        f64::from(self.random.next_u32()) / f64::from(u32::MAX)
    }
}

fn finish(relay: &RelayProcess, folder: &Path) -> Report {
    replay(["--resume".as_ref(), folder.as_os_str(), "--relay".as_ref(), relay.address().as_ref()])
}

/// Since the Unix epoch.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}
