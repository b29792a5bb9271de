//! Field reports: what a link saw plays again between real processes.

use std::path::{Path, PathBuf};

use glasslink::{Cause, Happening, LinkTimeline};
use glasslink_e2e::replay;
use tempfile::TempDir;

/// Longer than any timeline there is.
const SECONDS: usize = 32;

/// A hum. What is said does not matter here.
fn hum(folder: &Path) -> PathBuf {
    let path = folder.join("hum.wav");
    let rate = 16_000_u32;
    let bytes = rate as usize * SECONDS * 2;
    let mut wav = Vec::with_capacity(bytes + 44);
    wav.extend(b"RIFF");
    wav.extend((bytes as u32 + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(rate.to_le_bytes());
    wav.extend((rate * 2).to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend((bytes as u32).to_le_bytes());
    let samples = (0..rate as usize * SECONDS).map(|n| ((n % 160) as i16 - 80) * 40);
    wav.extend(samples.flat_map(i16::to_le_bytes));
    std::fs::write(&path, wav).unwrap();
    path
}

/// Plays a timeline. What the run's own link saw.
fn play(name: &str) -> LinkTimeline {
    let folder = TempDir::new().unwrap();
    let timelines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulation/timelines");
    let out = folder.path().join("seen.json");
    let report = replay([
        hum(folder.path()).as_os_str(),
        "--live".as_ref(),
        "--timeline".as_ref(),
        timelines.join(name).as_os_str(),
        "--timeline-out".as_ref(),
        out.as_os_str(),
    ]);
    assert_eq!(report.finished.code, Some(0), "{}", report.finished.stderr);
    assert!(report.balances(), "{}", report.json);
    assert_eq!((report.number("lost"), report.number("buffered")), (0, 0), "{}", report.json);
    assert!(!report.finished.stderr.contains("not met"), "{}", report.finished.stderr);
    let seen = LinkTimeline::from_json(&std::fs::read(out).unwrap()).unwrap();
    println!("{name} played again: {}", report.json);
    seen
}

fn losses(timeline: &LinkTimeline) -> Vec<Cause> {
    let lost = timeline.entries.iter().filter_map(|entry| match entry.what {
        Happening::Lost { cause, .. } => Some(cause),
        _ => None,
    });
    lost.collect()
}

fn failures(timeline: &LinkTimeline) -> Vec<Cause> {
    let failed = timeline.entries.iter().filter_map(|entry| match entry.what {
        Happening::Failed { cause, .. } => Some(cause),
        _ => None,
    });
    failed.collect()
}

// SPEC P1.1 P3.1
#[test]
fn a_field_report_plays_again_between_real_processes() {
    let seen = play("outages.json");
    assert!(failures(&seen).contains(&Cause::ConnectionRefused), "{}", seen.to_json());
    let losses = losses(&seen);
    // A machine that is busy may still be waiting when the next trouble comes, or notice a silence when it is over.
    assert!(losses.contains(&Cause::Reset), "{}", seen.to_json());
    if std::env::var_os("GLASSLINK_NIGHTLY").is_some() {
        assert_eq!(losses, [Cause::Reset, Cause::Stalled, Cause::Reset], "{}", seen.to_json());
    }
}

// SPEC P17.1
#[test]
#[ignore = "40 s: an overloaded relay is left alone for long"]
fn a_field_report_of_an_overloaded_relay_plays_again() {
    let seen = play("overloaded-then-http.json");
    assert!(failures(&seen).contains(&Cause::ConnectionRefused), "{}", seen.to_json());
}
