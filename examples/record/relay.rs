use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result};
use glasslink::{ClientConfig, Link, LinkBuilder};
use glasslink_asr::Moonshine;
use glasslink_asr::model::{File, ModelDir};
use glasslink_relay::{Relay, RelayHandle};

use crate::args::RelayOptions;

/// What makes words of audio.
pub(crate) struct Captioner {
    pub(crate) builder: LinkBuilder,
    /// What a person calls it.
    pub(crate) name: String,
    local: Option<RelayHandle>,
}

impl Captioner {
    /// The relay that was named, or one within this program. `Err` in the result: there is no speech model for that;
    /// the sentence says what to do. `faster`: how many times faster than speech audio comes.
    pub(crate) async fn start(options: &RelayOptions, faster: f64) -> Result<Result<Self, String>> {
        let catch_up_rate = Some((faster * 4.0).ceil().clamp(4.0, 1_000.0) as u32);
        let config = ClientConfig { catch_up_rate, ..ClientConfig::default() };
        let builder = |url: String| {
            Link::builder(url)
                .client_name(concat!("record ", env!("CARGO_PKG_VERSION")))
                .config(config.clone())
        };
        let Some(address) = &options.relay else {
            if let Err(error) = installed() {
                return Ok(Err(error));
            }
            let relay = Relay::builder().engine(Arc::new(Moonshine::default()));
            let relay = relay.start().await.context("the relay within this program does not start")?;
            let builder = builder(relay.url());
            return Ok(Ok(Self { builder, name: "embedded".into(), local: Some(relay) }));
        };
        let mut builder = builder(address.to_string());
        if let Some(token) = &options.token {
            builder = builder.token(token);
        }
        if let Some(path) = &options.ca {
            let pem = fs::read(path).with_context(|| {
                format!("{} cannot be read: check the name of the --ca file", path.display())
            })?;
            builder = builder.extra_root(pem);
        }
        Ok(Ok(Self { builder, name: address.to_string(), local: None }))
    }

    /// Whether it is within this program, and knows nothing of what earlier programs sent.
    pub(crate) fn is_local(&self) -> bool {
        self.local.is_some()
    }

    pub(crate) async fn stop(self) {
        if let Some(relay) = self.local {
            relay.shutdown().await;
        }
    }
}

/// Whether the embedded engine has its model; what to do otherwise.
pub(crate) fn installed() -> Result<(), String> {
    let found = ModelDir::locate().and_then(|model| model.check(&File::ENGINE));
    found.map_err(|error| error.to_string())
}
