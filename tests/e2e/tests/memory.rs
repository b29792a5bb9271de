//! What client and relay hold, on systems that tell (Linux).

use glasslink_e2e::RelayProcess;

const MEGABYTE: u64 = 1_000_000;

/// The promise is the optimised program's. The code of one that is not is nearly twice as large, and counts.
const MOST: u64 = if cfg!(debug_assertions) { 30 * MEGABYTE } else { 20 * MEGABYTE };

#[test]
fn a_relay_without_an_engine_rests_in_less_than_twenty_megabytes() {
    let no_model = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(None, Some(no_model.path()));
    let Some(memory) = relay.memory() else { return println!("skipped: this system does not tell") };
    println!("{:.1} MB", memory as f64 / MEGABYTE as f64);
    assert!(memory < MOST, "{memory} bytes");
}
