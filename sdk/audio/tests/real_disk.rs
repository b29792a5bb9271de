//! A real small disk that runs full, and a real `kill -9`. Each in a process of its own.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use glasslink_audio::journal::disk::OsDisk;
use glasslink_audio::journal::log::{LogLimits, Syncer};
use glasslink_audio::journal::{
    DiskCause, Found, Journal, JournalState, JournalStore, Piece, Recording, SessionInfo, Stored, StreamInfo,
};
use glasslink_protocol::{FrameIndex, GapCause, SessionId, StreamFormat, StreamId};
use tempfile::TempDir;

const SESSION: SessionId = SessionId(5);
const STREAM: StreamId = StreamId(1);
/// Names the folder to a process that a test started.
const FOLDER: &str = "GLASSLINK_TEST_FOLDER";

fn store(root: &Path) -> JournalStore {
    let syncer = Arc::new(Syncer::start().unwrap());
    JournalStore::on(Arc::new(OsDisk), root, syncer, LogLimits::default())
}

fn journal(root: &Path, now: Instant) -> Journal {
    let info = SessionInfo { session: SESSION, continues: None, program: "test".into() };
    let journal = store(root).create(&info, now).unwrap();
    let format = StreamFormat::lc3(16_000, 20).unwrap();
    let stream = StreamInfo { format, continues: None, label: String::new() };
    let _ = journal.open_stream(STREAM, &stream, now).unwrap();
    journal
}

fn frame(n: u64) -> [u8; 20] {
    std::array::from_fn(|at| (n as usize * 31 + at) as u8)
}

/// The frames and the gaps of what was found; that the frames are right is checked.
fn read(recording: &Recording) -> (Vec<u64>, Vec<(u64, u64, GapCause)>) {
    let (mut frames, mut gaps) = (Vec::new(), Vec::new());
    let take = |piece: Piece<'_>| match piece {
        Piece::Frame { index, frame: bytes } => {
            assert_eq!(bytes, frame(index.0));
            frames.push(index.0);
        }
        Piece::Gap(gap) => gaps.push((gap.from.0, gap.to.0, gap.cause)),
    };
    recording.frames(STREAM, FrameIndex(0)..FrameIndex(u64::MAX), take).unwrap();
    (frames, gaps)
}

fn found(root: &Path) -> Recording {
    match store(root).recordings().unwrap().pop() {
        Some(Found::Recording(recording)) => recording,
        other => panic!("{other:?}"),
    }
}

/// This program again, to run one of its ignored tests in `folder`.
fn again(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--ignored", "--nocapture"]).env(FOLDER, folder);
    command
}

#[test]
fn a_killed_program_loses_no_frame_that_it_had_written() {
    for kill_after in [1, 7, 50, 333, 2_000] {
        let folder = TempDir::new().unwrap();
        let mut child = again("child_that_records", folder.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let numbers = lines.by_ref().filter_map(|line| line.parse::<u64>().ok());
        let mut said = numbers.take(kill_after).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still said before it died.
        said = lines.filter_map(|line| line.parse().ok()).fold(said, u64::max);
        let (frames, gaps) = read(&found(folder.path()));
        assert!(gaps.is_empty());
        assert!(frames.iter().copied().eq(0..frames.len() as u64));
        assert!(frames.len() as u64 > said, "frame {said} was written and is not there");
    }
}

#[test]
#[ignore = "the process that is killed"]
fn child_that_records() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let journal = journal(&folder, Instant::now());
    for n in 0..1_000_000 {
        assert_eq!(journal.append(STREAM, FrameIndex(n), &[&frame(n)], Instant::now()), Ok(Stored::OnDisk));
        println!("\n{n}");
    }
}

#[test]
fn a_disk_that_runs_full_and_is_freed_has_one_hole_and_no_damage() {
    let folder = TempDir::new().unwrap();
    let script = "mount -t tmpfs -o size=64k none \"$GLASSLINK_TEST_FOLDER\" && exec \"$0\" \"$@\"";
    let again = again("child_on_a_small_disk", folder.path());
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(again.get_program());
    unshare.args(again.get_args()).env(FOLDER, folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let probe = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: this system lets nobody but root mount a small disk");
        return;
    }
    let mut child = unshare.spawn().unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(child.wait().unwrap().success(), "{out}{err}");
    assert!(out.contains("the small disk was full and freed"), "{out}{err}");
}

#[test]
#[ignore = "the process that has a small disk"]
fn child_on_a_small_disk() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 32 * 1024]).unwrap();
    let root = folder.join("recordings");
    let start = Instant::now();
    let journal = journal(&root, start);
    let at = |n: u64| start + Duration::from_millis(10) * n as u32;
    let append = |n: u64| journal.append(STREAM, FrameIndex(n), &[&frame(n)], at(n)).unwrap();

    let full = (0..10_000).find(|n| append(*n) == Stored::NotStored).expect("the disk is small");
    assert!(matches!(journal.state(), JournalState::Failing { cause: DiskCause::Full, .. }));
    let freed = full + 500;
    assert!((full + 1..freed).all(|n| append(n) == Stored::NotStored));
    std::fs::remove_file(ballast).unwrap();
    let back = (freed..freed + 1_000).find(|n| append(*n) == Stored::OnDisk).expect("it is on disk again");
    assert!(back - freed <= 200, "{} ms after the disk was freed", (back - freed) * 10);
    assert!((back + 1..back + 100).all(|n| append(n) == Stored::OnDisk));
    drop(journal);

    let recording = found(&root);
    assert!(recording.damage().is_empty(), "{:?}", recording.damage());
    let (frames, gaps) = read(&recording);
    assert_eq!(frames, (0..full).chain(back..back + 100).collect::<Vec<_>>());
    assert_eq!(gaps, [(full, back, GapCause::Disk)]);
    println!("the small disk was full and freed");
}
