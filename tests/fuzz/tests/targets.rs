//! Every corpus as an ordinary test, and a while of changed inputs: `FUZZ_SECONDS`, README.md.

use glasslink_fuzz::{TARGETS, check};

// SPEC P14.4
#[test]
fn text() {
    assert!(check("text") > 0);
}

// SPEC P14.4
#[test]
fn audio() {
    assert!(check("audio") > 0);
}

#[test]
fn relay_session() {
    assert!(check("relay_session") > 0);
}

// SPEC P1.1
#[test]
fn client_session() {
    assert!(check("client_session") > 0);
}

#[test]
fn lc3() {
    assert!(check("lc3") > 0);
}

#[test]
fn timeline() {
    assert!(check("timeline") > 0);
}

#[test]
fn journal() {
    assert!(check("journal") > 0);
}

#[test]
fn unpack() {
    assert!(check("unpack") > 0);
}

#[test]
fn deepgram() {
    assert!(check("deepgram") > 0);
}

#[test]
fn omi() {
    assert!(check("omi") > 0);
}

#[test]
fn every_target_is_a_test() {
    let source = include_str!("targets.rs");
    for target in &TARGETS {
        assert!(source.contains(&format!("check(\"{}\")", target.name)), "{}", target.name);
    }
}
