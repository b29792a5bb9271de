use std::sync::Arc;

use anyhow::{Context, Result};
use glasslink_asr::Moonshine;
use glasslink_relay::{Relay, RelayHandle};

/// A relay within this program, with the embedded speech engine if its model is installed.
pub(crate) async fn start() -> Result<RelayHandle> {
    let relay = Relay::builder().engine(Arc::new(Moonshine::default()));
    relay.start().await.context("the relay does not start")
}
