//! A few seeds of the simulation as ordinary tests; `cargo xtask simulate` runs thousands.

use std::time::Duration;

use glasslink_simulation::run;

const MINUTE: Duration = Duration::from_mins(1);

// SPEC P1.1 P2.1 P3.1 P11.1 P12.1 P14.1
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
