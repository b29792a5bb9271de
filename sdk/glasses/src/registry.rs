use std::sync::Arc;

use crate::virtual_glasses::{Firmware, FirmwareOptions};
use crate::{Advert, Arm, Driver, Model, devices};

/// A kind of device: how to know one, how to talk to it, and a virtual one.
pub trait Device: Send + Sync {
    fn model(&self) -> &Model;

    /// Whether an advert is one of this device's peripherals, and which.
    fn recognise(&self, advert: &Advert) -> Option<Sighting>;

    /// A driver for one pair of glasses.
    fn driver(&self) -> Box<dyn Driver>;

    /// Firmware for one pair of virtual glasses.
    fn firmware(&self, options: &FirmwareOptions) -> Box<dyn Firmware>;
}

/// A peripheral that was recognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sighting {
    pub arm: Arm,
    /// The same for the arms of one pair, and for no other pair in sight.
    pub pair: String,
}

/// A device that is known and has no driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    pub id: &'static str,
    pub name: &'static str,
    /// Why, in a sentence.
    pub reason: &'static str,
}

/// The devices a program works with.
#[derive(Clone)]
pub struct Registry {
    devices: Vec<Arc<dyn Device>>,
}

impl Registry {
    /// Known devices without a driver.
    pub const UNSUPPORTED: &'static [Unsupported] = &[Unsupported {
        id: "vuzix-z100",
        name: "Vuzix Z100 / Mentra Mach1",
        reason: "its wire protocol is not public: it is reached only through Vuzix's closed Ultralite SDK and the \
                 Vuzix Connect app",
    }];

    pub fn empty() -> Self {
        Self { devices: Vec::new() }
    }

    /// Every device of this crate.
    pub fn standard() -> Self {
        devices::ALL.iter().fold(Self::empty(), |registry, device| registry.with(device()))
    }

    /// Adds a device; it is asked before those that are there.
    #[must_use]
    pub fn with(mut self, device: Arc<dyn Device>) -> Self {
        self.devices.insert(0, device);
        self
    }

    pub fn devices(&self) -> impl Iterator<Item = &Arc<dyn Device>> {
        self.devices.iter()
    }

    /// The device of that model id.
    pub fn get(&self, id: &str) -> Option<Arc<dyn Device>> {
        self.devices.iter().find(|device| device.model().id == id).cloned()
    }

    /// Whose peripheral an advert is.
    pub fn recognise(&self, advert: &Advert) -> Option<(Arc<dyn Device>, Sighting)> {
        self.devices.iter().find_map(|device| Some((Arc::clone(device), device.recognise(advert)?)))
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::standard()
    }
}
