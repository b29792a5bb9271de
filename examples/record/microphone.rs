//! The microphone, where this build has one.

use anyhow::Result;
use glasslink::audio::Source;
use tokio::sync::watch;

use crate::args::NewOptions;

#[cfg(not(feature = "microphone"))]
mod absent;
#[cfg(feature = "microphone")]
mod present;

#[cfg(not(feature = "microphone"))]
use absent as platform;
#[cfg(feature = "microphone")]
use present as platform;

/// A microphone that is open.
pub(crate) struct Opened {
    pub(crate) source: Box<dyn Source>,
    /// What a person calls it.
    pub(crate) label: String,
    pub(crate) health: Health,
}

/// How a device is, as it changes: words for a person, and whether all is well.
#[derive(Clone)]
pub(crate) struct Health(pub(crate) watch::Receiver<(String, bool)>);

/// A device that can be recorded from.
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) name: String,
    /// What the computer plays, rather than what is said before it.
    pub(crate) is_system_audio: bool,
    pub(crate) is_default: bool,
}

impl Health {
    /// Of what needs no watching.
    pub(crate) fn good() -> Self {
        Self(watch::channel((String::new(), true)).1)
    }
}

/// Opens what was chosen, at `rate` hertz.
pub(crate) async fn open(options: &NewOptions, rate: u32) -> Result<Opened> {
    platform::open(options, rate).await
}

/// What there is to record from.
pub(crate) async fn devices() -> Result<Vec<Device>> {
    platform::devices().await
}
