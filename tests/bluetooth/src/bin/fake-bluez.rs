//! Plays `org.bluez` on the bus that `DBUS_SYSTEM_BUS_ADDRESS` names: `fake-bluez MODEL`.
//!
//! Takes the commands of `glasslink_bluetooth::control` on its standard input, and ends with it.

use anyhow::Context;
use glasslink_bluetooth::bluez::FakeBluez;
use glasslink_bluetooth::control;
use glasslink_glasses::Registry;
use glasslink_glasses::virtual_glasses::{Faults, FirmwareOptions, VirtualGlasses};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = std::env::args().nth(1).context("usage: fake-bluez MODEL")?;
    let device = Registry::standard().get(&model).with_context(|| format!("no device {model}"))?;
    let glasses = VirtualGlasses::new(&*device, &FirmwareOptions::default(), Faults::default());
    let _fake = FakeBluez::start(glasses.clone()).await?;
    println!("ready");
    control::run(&glasses).await
}
