//! The machine's clock jumps under a relay. Debian's package `faketime` moves it.
#![cfg(target_os = "linux")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use glasslink_protocol::{ClientMessage, RelayMessage};
use support::program::{Served, program};
use support::{Client, HelloFields, hello, stream};
use tempfile::TempDir;

/// Set where it has to be there.
const REQUIRED: &str = "GLASSLINK_REQUIRE_FAKETIME";

fn library() -> Option<PathBuf> {
    let folder = format!("/usr/lib/{}-linux-gnu/faketime", std::env::consts::ARCH);
    let library = Path::new(&folder).join("libfaketimeMT.so.1");
    if library.exists() {
        return Some(library);
    }
    assert!(std::env::var_os(REQUIRED).is_none(), "{} is not there", library.display());
    println!("skipped: libfaketime is not here (Debian: apt install faketime)");
    None
}

/// The clock of the relays that are started with it.
struct Clock {
    library: PathBuf,
    folder: TempDir,
}

impl Clock {
    fn new(library: PathBuf) -> Self {
        let clock = Self { library, folder: tempfile::tempdir().unwrap() };
        clock.jump("+0");
        clock
    }

    /// To so far from the true time: `-1y`.
    fn jump(&self, offset: &str) {
        let (file, next) = (self.file(), self.folder.path().join("next"));
        std::fs::write(&next, offset).unwrap();
        std::fs::rename(next, file).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    fn relay(&self, data: &Path) -> Served {
        let mut relay: Command = program();
        relay
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", self.file())
            .env("FAKETIME_NO_CACHE", "1")
            // Only the wall clock jumps, as when a person or NTP sets it.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Served::start_as(relay, &["--engine", "none", "--data", data.to_str().unwrap()])
    }
}

fn is_kept(to: u64) -> impl Fn(&RelayMessage) -> bool {
    move |message| matches!(message, RelayMessage::Kept { next, .. } if next.0 >= to)
}

#[tokio::test]
async fn a_clock_that_jumps_a_year_either_way_ends_no_connection_and_no_session() {
    let Some(library) = library() else { return };
    let (clock, data) = (Clock::new(library), tempfile::tempdir().unwrap());
    let relay = clock.relay(data.path());
    let mut client = Client::plain(&relay.url).await;
    let RelayMessage::Welcome { epoch, .. } = client.greet(hello(1)).await else { unreachable!() };
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    for (at, offset) in ["+1y", "-1y", "+0", "-1y"].into_iter().enumerate() {
        clock.jump(offset);
        let first = at as u64 * 50;
        client.audio(1, first, 50).await;
        client.until(is_kept(first + 50)).await;
    }
    drop(relay);

    // It starts a year before it wrote the session, and then two years after that.
    for (attach, offset) in [(2, "-1y"), (3, "+1y")] {
        clock.jump(offset);
        let relay = clock.relay(data.path());
        let mut client = Client::plain(&relay.url).await;
        let fields = HelloFields { attach, epoch: Some(epoch), streams: vec![stream(1, 0)], ..hello(1) };
        let RelayMessage::Welcome { epoch: found, streams, .. } = client.greet(fields).await else {
            unreachable!()
        };
        assert_eq!((found, streams[0].kept.0), (epoch, 200), "{offset}");
    }
}
