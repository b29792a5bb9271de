//! A relay is killed (`kill -9`) in the middle of many sessions: all resume, nothing is lost, every transcript is whole.
//!
//! 200 sessions with `GLASSLINK_NIGHTLY=1`; 20 else.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use glasslink::{Event, Link, LinkStats, StreamFormat, StreamOptions, TranscriptEvent};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

/// Audio of a session, in messages of 50 ms.
const MESSAGES: u64 = 160;
const FRAMES: u64 = 5;
const SECOND: u64 = 100;

/// When the relay dies, by the messages of the session that is furthest.
const KILLED_AT: u64 = MESSAGES / 2;

/// What the issue gives transcripts to be complete.
const COMPLETE: Duration = Duration::from_mins(10);

fn sessions() -> u64 {
    if env::var_os("GLASSLINK_NIGHTLY").is_some() { 200 } else { 20 }
}

/// Ends with this value.
struct Relay {
    process: Child,
    url: String,
}

impl Relay {
    fn start(address: &str, data: &Path) -> Self {
        let mut relay = Command::new(env!("CARGO_BIN_EXE_hearing_relay"));
        let mut process = relay.arg(address).arg(data).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { process, url: url.trim().to_owned() }
    }

    /// `kill -9`, and another one in its place.
    fn kill_and_restart(&mut self, data: &Path) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        *self = Self::start(self.url.strip_prefix("http://").unwrap(), data);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a session came to: its ledger, and the frames of its finals.
struct Finished {
    stats: LinkStats,
    finals: Vec<(u64, u64)>,
    gaps: usize,
}

async fn session(url: String, number: u64, said: mpsc::UnboundedSender<u64>) -> Finished {
    let (link, mut events) = Link::builder(url).seed(number).no_network_watch().connect().unwrap();
    link.wait_live(None).await.unwrap();
    let stream = link.open(StreamFormat::lc3(16_000, 20).unwrap(), StreamOptions::default()).unwrap();
    let mut beat = interval(Duration::from_millis(50));
    for message in 0..MESSAGES {
        beat.tick().await;
        for _ in 0..FRAMES {
            stream.push(&[0; 20]).unwrap();
        }
        let _ = said.send(message);
    }
    stream.end();
    timeout(COMPLETE, link.finish()).await.expect("its transcript is complete in time").unwrap();
    let stats = link.stats();
    link.close().await;
    let (mut finals, mut gaps) = (Vec::new(), 0);
    while let Some(event) = events.next().await {
        match event.expect("its events are read in time") {
            Event::Transcript { event: TranscriptEvent::Final(settled), .. } => {
                finals.push((settled.from.0, settled.to.0));
            }
            Event::Transcript { event: TranscriptEvent::Gap(_), .. } | Event::Gap(_) => gaps += 1,
            _ => {}
        }
    }
    Finished { stats, finals, gaps }
}

// SPEC P8.2 P2.1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_killed_in_the_middle_of_many_sessions_loses_no_frame_and_no_word() {
    let data = tempfile::tempdir().unwrap();
    let mut relay = Relay::start("127.0.0.1:0", data.path());
    let (said, mut heard) = mpsc::unbounded_channel();
    let mut running = JoinSet::new();
    for number in 0..sessions() {
        running.spawn(session(relay.url.clone(), number, said.clone()));
    }
    while heard.recv().await.unwrap() < KILLED_AT {}
    relay.kill_and_restart(data.path());
    let killed = Instant::now();
    let whole: Vec<(u64, u64)> =
        (0..MESSAGES * FRAMES).step_by(SECOND as usize).map(|from| (from, from + SECOND)).collect();
    let mut reconnects = 0;
    while let Some(finished) = running.join_next().await {
        let Finished { stats, finals, gaps } = finished.unwrap();
        assert_eq!((stats.captured, stats.acknowledged), (MESSAGES * FRAMES, MESSAGES * FRAMES), "{stats:?}");
        assert_eq!((stats.buffered, stats.lost, gaps), (0, 0, 0), "{stats:?}");
        assert_eq!(finals, whole);
        reconnects += stats.reconnects;
    }
    assert!(reconnects >= sessions(), "all were cut");
    println!("{} sessions are whole {:?} after the relay was back", sessions(), killed.elapsed());
}
