//! What a phone gets.

use std::process::Command;

const TARGETS: [&str; 4] =
    ["aarch64-linux-android", "aarch64-apple-ios", "aarch64-pc-windows-msvc", "x86_64-unknown-linux-gnu"];

/// What needs a desktop, its sound server, its Bluetooth service or its keyring.
const HOST_ONLY: [&str; 8] =
    ["alsa", "btleplug", "cpal", "dbus", "glasslink-relay", "keyring", "libdbus-sys", "ort"];

/// What the library has on `target`.
fn dependencies(target: &str) -> Vec<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "-p", "glasslink-ffi", "--edges", "normal", "--prefix", "none"]);
    let output = tree.args(["--format", "{p}", "--target", target]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn nothing_that_only_a_desktop_has_reaches_the_library() {
    for target in TARGETS {
        let found = dependencies(target);
        assert!(found.iter().any(|name| name == "glasslink"), "{target}: {found:?}");
        for name in HOST_ONLY {
            assert!(!found.iter().any(|found| found == name), "{target}: {name}");
        }
    }
}

#[test]
fn a_phone_has_nobody_who_watches_interfaces() {
    for target in ["aarch64-linux-android", "aarch64-apple-ios"] {
        assert!(!dependencies(target).iter().any(|name| name == "netwatcher"), "{target}");
    }
}
