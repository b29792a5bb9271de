//! The logs of the relays that tests start.

use std::fs::{File, create_dir_all};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder for the logs of all relays: whoever runs all tests searches them for what no log may hold.
const FOLDER: &str = "GLASSLINK_TEST_LOGS";

/// Where a relay that `command` starts writes its log, if somebody collects them: all that happens, then.
pub fn log(command: &mut Command) -> Option<Stdio> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let folder = PathBuf::from(std::env::var_os(FOLDER)?);
    create_dir_all(&folder).expect("there is room for logs");
    let name = format!("relay-{}-{}.log", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    command.env("GLASSLINK_LOG", "debug");
    Some(File::create(folder.join(name)).expect("the folder is ours").into())
}
