//! Of sessions that are over nothing is left: no task, no descriptor, no file, no memory.
//!
//! 10,000 of them with `GLASSLINK_NIGHTLY=1`; some hundreds else.

mod support;

use std::alloc::System;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{env, fs};

use glasslink_protocol::{ClientMessage, FrameIndex, RelayMessage, StreamId, Wanted};
use glasslink_relay::{Relay, RelayHandle};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use support::app::{App, is_ended};
use support::{Client, PATIENCE, eventually, hello, stream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{sleep, timeout};

/// Counts what every thread has: the database's frees what a session allocated.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Sessions at once.
const AT_ONCE: u128 = 20;

/// What tables, pools and the like may grow by, however many sessions there were.
const SLACK_BYTES: i64 = 64 << 10;

fn rounds() -> u128 {
    let sessions = if env::var_os("GLASSLINK_NIGHTLY").is_some() { 10_000 } else { 300 };
    sessions / AT_ONCE
}

/// What a process holds is counted: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A session that streams to an app, and is over: by a word, or by being left alone.
async fn session(relay: &RelayHandle, id: u128, want: Wanted) {
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(id)).await;
    let mut app = App::plain(&relay.url()).await;
    app.subscribe(1, id, want).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    for first in (0..50).step_by(5) {
        client.audio(1, first, 5).await;
    }
    client.say(&ClientMessage::End { stream: StreamId(1), at: FrameIndex(50) }).await;
    app.until(is_ended).await;
    client.until(|message| matches!(message, RelayMessage::Ended { .. })).await;
    if id.is_multiple_of(2) {
        client.say(&ClientMessage::Bye).await;
        client.until_closed().await;
        assert!(matches!(app.event().await, glasslink_protocol::AppEvent::Closed { .. }));
    }
}

/// Rounds of sessions, until nothing of them is alive.
async fn sessions(relay: &RelayHandle, rounds: u128, want: Wanted) {
    for round in 0..rounds {
        let ids = (0..AT_ONCE).map(|number| round * AT_ONCE + number + 1);
        futures_util::future::join_all(ids.map(|id| session(relay, id, want))).await;
        eventually("sessions end", async || (relay.sessions() == 0).then_some(())).await;
    }
}

/// Waits until the runtime has no more tasks than `before`.
async fn no_more_tasks_than(before: usize) {
    let alive = || Handle::current().metrics().num_alive_tasks();
    eventually("no more tasks than before", async || (alive() <= before).then_some(())).await;
}

/// Descriptors and threads of this process, where the system tells.
fn held() -> Option<(usize, usize)> {
    let count = |folder: &str| Some(fs::read_dir(folder).ok()?.count());
    Some((count("/proc/self/fd")?, count("/proc/self/task")?))
}

/// Bytes of this process that are allocated.
fn allocated() -> i64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}

/// Waits until `held` is no more than `most`: threads of the relay's end what they do. What it is then.
async fn settled<T: PartialOrd>(held: impl Fn() -> T, most: &T) -> T {
    let settles = async {
        while held() > *most {
            sleep(Duration::from_millis(20)).await;
        }
    };
    // What is held then says more than that it took too long.
    let _ = timeout(PATIENCE, settles).await;
    held()
}

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

// SPEC P14.8
#[test]
fn sessions_that_are_over_leave_no_memory_and_no_task() {
    let _alone = alone();
    let runtime = runtime();
    let relay = Relay::builder().session_keep(Duration::from_millis(20));
    let relay = runtime.block_on(relay.start()).unwrap();
    let before = runtime.metrics().num_alive_tasks();
    let run = |rounds| {
        runtime.block_on(async {
            sessions(&relay, rounds, Wanted::Raw).await;
            no_more_tasks_than(before).await;
        });
    };
    // What the first ones cost is the program's.
    run(3);
    let before = allocated();
    run(rounds());
    let left = runtime.block_on(settled(|| allocated() - before, &SLACK_BYTES));
    assert!(left <= SLACK_BYTES, "{left} bytes are left");
}

// SPEC P14.8
#[test]
fn sessions_that_are_over_leave_no_file_descriptor_thread_or_task() {
    let _alone = alone();
    let runtime = runtime();
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::builder().data(data.path()).archive_keep(Duration::ZERO);
    let relay = runtime.block_on(relay.session_keep(Duration::from_millis(20)).start()).unwrap();
    let before = (runtime.metrics().num_alive_tasks(), files(data.path()));
    let run = |rounds| {
        runtime.block_on(async {
            sessions(&relay, rounds, Wanted::Pcm).await;
            no_more_tasks_than(before.0).await;
        });
    };
    run(3);
    let held_before = held();
    run(rounds());
    let files_after = runtime.block_on(settled(|| files(data.path()), &before.1));
    assert_eq!(files_after, before.1);
    // Sockets of this process's own clients are closed, too.
    let held_after = runtime.block_on(settled(held, &held_before));
    assert!(held_after <= held_before, "{held_after:?} of {held_before:?} are left");
}
