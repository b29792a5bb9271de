use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use etcetera::BaseStrategy;
use glasslink_glasses::virtual_glasses::{Faults, FirmwareOptions, VirtualGlasses};
use glasslink_glasses::{
    Device, Found, Glasses, GlassesState, Registry, Remembered, RememberedDevices, Status, Transport,
    discover,
};
use tokio::time::timeout;

/// How long a scan lasts: a peripheral advertises several times a second.
const SCAN: Duration = Duration::from_secs(5);
const VIRTUAL_SCAN: Duration = Duration::from_millis(500);
/// How long glasses may take to get ready the first time, the person's answer to a pairing request included.
const READY: Duration = Duration::from_mins(1);

#[derive(Args)]
pub(crate) struct DeviceOptions {
    /// Use virtual glasses of this model, such as even-g1 (`scan` lists all).
    #[arg(long = "virtual", value_name = "DEVICE", global = true)]
    pub(crate) simulated: Option<String>,
    /// Where remembered glasses are kept.
    #[arg(long, value_name = "FILE", global = true)]
    store: Option<PathBuf>,
}

/// A way to glasses, real or virtual.
pub(crate) struct Air {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) registry: Registry,
    pub(crate) simulated: Option<VirtualGlasses>,
}

impl DeviceOptions {
    pub(crate) fn store(&self) -> anyhow::Result<PathBuf> {
        match &self.store {
            Some(path) => Ok(path.clone()),
            None => Ok(etcetera::choose_base_strategy()
                .context("there is no home folder; name a file with --store")?
                .config_dir()
                .join("glasslink/glasses.json")),
        }
    }

    pub(crate) async fn air(&self, faults: Faults) -> anyhow::Result<Air> {
        let registry = Registry::standard();
        let Some(model) = &self.simulated else {
            return Ok(Air { transport: system().await?, registry, simulated: None });
        };
        let device = device(&registry, model)?;
        let glasses = VirtualGlasses::new(&*device, &FirmwareOptions::default(), faults);
        Ok(Air { transport: Arc::new(glasses.clone()), registry, simulated: Some(glasses) })
    }
}

/// The device of that name, or why there is none.
fn device(registry: &Registry, model: &str) -> anyhow::Result<Arc<dyn Device>> {
    if let Some(device) = registry.get(model) {
        return Ok(device);
    }
    if let Some(known) = Registry::UNSUPPORTED.iter().find(|known| known.id == model) {
        bail!("{} is not supported: {}", known.name, known.reason);
    }
    let known: Vec<&str> = registry.devices().map(|device| device.model().id).collect();
    bail!("no device {model}; there are {}", known.join(", "))
}

#[cfg(feature = "bluetooth")]
async fn system() -> anyhow::Result<Arc<dyn Transport>> {
    Ok(Arc::new(glasslink_glasses::BtleplugTransport::new().await?))
}

#[cfg(not(feature = "bluetooth"))]
#[allow(clippy::unused_async, reason = "as with Bluetooth")]
async fn system() -> anyhow::Result<Arc<dyn Transport>> {
    bail!(
        "built without Bluetooth: add --features bluetooth (on Linux it needs libdbus), or use --virtual DEVICE"
    )
}

impl Air {
    pub(crate) async fn scan(&self) -> anyhow::Result<Vec<Found>> {
        let time = if self.simulated.is_some() { VIRTUAL_SCAN } else { SCAN };
        Ok(discover(&*self.transport, &self.registry, time).await?)
    }

    /// The glasses to use: virtual ones, the first remembered, or the first complete pair in sight.
    pub(crate) async fn choose(&self, options: &DeviceOptions) -> anyhow::Result<Remembered> {
        if self.simulated.is_none() {
            let remembered = RememberedDevices::load(&options.store()?)?;
            if let Some(first) = remembered.devices.into_iter().next() {
                return Ok(first);
            }
        }
        let found = self.scan().await?;
        let found = found.first().context(
            "no glasses in sight: bring them near, charge them, open and close the case, or disconnect them from \
             other phones",
        )?;
        Ok(found.remember()?)
    }

    pub(crate) fn open(&self, remembered: &Remembered) -> anyhow::Result<Glasses> {
        let device = device(&self.registry, &remembered.model)?;
        Ok(Glasses::open(Arc::clone(&self.transport), device, remembered))
    }

    /// Chooses glasses and waits until an arm is up.
    pub(crate) async fn ready(&self, options: &DeviceOptions) -> anyhow::Result<Glasses> {
        let glasses = self.open(&self.choose(options).await?)?;
        wait_ready(&glasses, |status| matches!(status.state(), GlassesState::Ready | GlassesState::Degraded))
            .await?;
        Ok(glasses)
    }
}

/// Waits for a status, and says what is in the way when it does not come.
pub(crate) async fn wait_ready(glasses: &Glasses, reached: impl Fn(&Status) -> bool) -> anyhow::Result<()> {
    let mut status = glasses.status();
    let wait = status.wait_for(|status| reached(status) || status.state() == GlassesState::Blocked);
    let ended = match timeout(READY, wait).await {
        Ok(status) => status?.clone(),
        Err(_) => glasses.status().borrow().clone(),
    };
    if reached(&ended) {
        return Ok(());
    }
    match ended.troubles.first() {
        Some(trouble) => bail!("{} {}", trouble.words(), trouble.remedy()),
        None => bail!("the glasses did not get ready within {} s", READY.as_secs()),
    }
}
