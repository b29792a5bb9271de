use anyhow::{Result, bail};

use super::{Device, Opened};
use crate::args::NewOptions;

const REMEDY: &str = "build with `--features microphone`";

#[expect(clippy::unused_async, reason = "the other one waits for a device")]
pub(super) async fn open(_: &NewOptions, _: u32) -> Result<Opened> {
    bail!("this build has no microphone: record a file with --from FILE, or {REMEDY}")
}

#[expect(clippy::unused_async, reason = "the other one waits for a device")]
pub(super) async fn devices() -> Result<Vec<Device>> {
    bail!("this build has no microphone: {REMEDY}")
}
