//! A few seeds of the simulation as ordinary tests; `cargo xtask simulate` runs thousands.

use std::time::Duration;

use glasslink_session::LinkTimeline;
use glasslink_simulation::{Fault, Planned, play, run, script};

const MINUTE: Duration = Duration::from_mins(1);

// SPEC P1.1 P2.1 P3.1 P8.5 P11.1 P12.1 P14.1
#[test]
fn every_promise_holds_in_forty_bad_minutes() {
    for seed in 0..40 {
        assert_eq!(run(seed, MINUTE).violation, None, "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_byte_for_byte() {
    assert_eq!(run(3, MINUTE).trace, run(3, MINUTE).trace);
    assert_ne!(run(3, MINUTE).trace, run(4, MINUTE).trace);
}

/// One outage, and nothing else, in a run with a journal.
fn long_outage(minutes: u64) -> glasslink_simulation::Outcome {
    let outage = Planned { at: MINUTE, lasting: MINUTE * minutes as u32, fault: Fault::LongOutage };
    let outcome = play(1, MINUTE * (minutes as u32 + 6), &[outage]);
    assert_eq!(outcome.violation, None);
    let counts = &outcome.coverage.counts;
    assert_eq!((counts["continued_streams"], counts["live_again"]), (1, 1));
    assert!(!counts.contains_key("overflow_frames"), "nothing is lost");
    outcome
}

// SPEC P3.5
#[test]
fn after_an_outage_of_nine_minutes_captions_are_back_within_three_seconds() {
    assert!(!long_outage(9).trace.contains(r#""epoch":2"#), "the session was still there");
}

// SPEC P3.5 P8.3
#[test]
fn after_an_outage_of_twelve_minutes_they_are_in_another_epoch() {
    assert!(long_outage(12).trace.contains(r#""epoch":2"#), "the session was gone");
}

// SPEC P1.1 P2.1 P3.1
#[test]
fn field_reports_play_again_and_every_promise_holds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("timelines");
    let mut played = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let timeline = LinkTimeline::from_json(&std::fs::read(&path).unwrap()).unwrap();
        let script = script(&timeline);
        assert!(script.len() >= 3, "{}: {script:?}", path.display());
        for seed in 0..10 {
            let outcome = play(seed, timeline.length() + MINUTE, &script);
            assert_eq!(outcome.violation, None, "{}, seed {seed}", path.display());
            let met: u64 = outcome.coverage.faults.values().sum();
            assert_eq!(met, script.len() as u64, "every fault was met");
            assert!(outcome.coverage.transitions.contains_key(&("live", "waiting")));
        }
        played += 1;
    }
    assert!(played >= 2);
}
