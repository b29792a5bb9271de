//! Client and relay are killed, with `kill -9`, as processes: what was heard is transcribed all the same.

mod killed_clients;

use std::thread;
use std::time::Duration;

use glasslink_e2e::{Clip, RelayProcess, replay, speech};
use killed_clients::{Killed, rounds};

/// Ten in the minute that the clips take.
const RELAY_KILLS: u32 = 10;
const BETWEEN_RELAY_KILLS: Duration = Duration::from_secs(5);

// SPEC P8.7
#[test]
fn a_relay_killed_ten_times_in_a_minute_loses_nothing_and_changes_no_word() {
    let Some(clips) = speech() else { return };
    let data = tempfile::tempdir().unwrap();
    let mut relay = RelayProcess::keeping(data.path());
    let play = |speed: &str, address: &str| {
        let clips = clips.iter().map(|Clip { path, .. }| path.to_str().unwrap());
        replay(clips.chain(["--speed", speed, "--relay", address]))
    };
    let address = relay.address().to_owned();
    let untouched = play("8", &address);
    let report = thread::scope(|scope| {
        let playing = scope.spawn(|| play("1", &address));
        for _ in 0..RELAY_KILLS {
            thread::sleep(BETWEEN_RELAY_KILLS);
            assert!(!playing.is_finished(), "the relay is killed in mid-stream");
            relay.kill_and_restart(Duration::ZERO);
        }
        playing.join().unwrap()
    });
    assert_eq!(report.finished.code, Some(0), "{}", report.finished.stderr);
    assert!(report.balances(), "{}", report.json);
    assert_eq!((report.number("lost"), report.number("buffered")), (0, 0), "{}", report.json);
    assert_eq!(report.number("captured"), untouched.number("captured"));
    // Some kills come while the client waits before its next attempt.
    assert!(report.number("reconnects") >= u64::from(RELAY_KILLS) / 2, "{}", report.json);
    assert_eq!(report.transcript(), untouched.transcript());
    println!("relay killed {RELAY_KILLS} times: {}", report.json);
}

// SPEC P10.1 P10.3
#[test]
fn a_client_killed_at_any_instant_loses_less_than_a_second_and_is_finished_by_the_next() {
    rounds("client killed", 6, 200, Killed { power_cut: false, relay: false });
}

// SPEC P10.1 P10.3
#[test]
fn a_power_cut_takes_what_was_not_synced_and_no_more() {
    rounds("client's power cut", 6, 200, Killed { power_cut: true, relay: false });
}

// SPEC P1.1 P10.3
#[test]
fn with_both_ends_killed_the_ledger_balances() {
    rounds("both killed", 6, 100, Killed { power_cut: false, relay: true });
}
