use std::sync::Arc;
use std::time::Duration;

use glasslink_glasses::{PeripheralId, Registry, Remembered, discover};

use super::event::Arm;
use super::transport::{BluetoothError, BluetoothTransport, Foreign};
use crate::runtime;

/// Glasses in sight.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FoundGlasses {
    /// The kind of device: `even-g1`.
    pub model: String,
    /// What to call them.
    pub name: String,
    /// An arm that is not in sight: asleep, without power, or held by another phone.
    pub missing: Option<Arm>,
    /// What to keep in order to connect again; nothing while an arm is missing.
    pub remembered: Option<RememberedGlasses>,
}

/// Glasses that were paired once: enough to connect to them again without a scan.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct RememberedGlasses {
    pub model: String,
    pub name: String,
    pub arms: Vec<PeripheralArm>,
}

/// Which peripheral an arm is.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PeripheralArm {
    pub arm: Arm,
    pub peripheral: String,
}

/// Scans for `time` and returns the glasses in sight, complete pairs first.
#[uniffi::export]
pub async fn discover_glasses(
    transport: Arc<dyn BluetoothTransport>,
    time: Duration,
) -> Result<Vec<FoundGlasses>, BluetoothError> {
    runtime::run(async move {
        let found = discover(&Foreign(transport), &Registry::standard(), time).await?;
        let found = found.into_iter().map(|found| FoundGlasses {
            model: found.device.model().id.to_owned(),
            missing: found.missing().map(Into::into),
            remembered: found.remember().ok().map(Into::into),
            name: found.name,
        });
        Ok(found.collect())
    })
    .await
}

/// The kinds of device there are drivers for: `even-g1`.
#[uniffi::export]
pub fn known_models() -> Vec<String> {
    Registry::standard().devices().map(|device| device.model().id.to_owned()).collect()
}

impl From<Remembered> for RememberedGlasses {
    fn from(remembered: Remembered) -> Self {
        let arms = remembered.arms.into_iter();
        Self {
            model: remembered.model,
            name: remembered.name,
            arms: arms.map(|(arm, id)| PeripheralArm { arm: arm.into(), peripheral: id.0 }).collect(),
        }
    }
}

impl From<RememberedGlasses> for Remembered {
    fn from(remembered: RememberedGlasses) -> Self {
        let arms = remembered.arms.into_iter();
        Self {
            model: remembered.model,
            name: remembered.name,
            arms: arms.map(|arm| (arm.arm.into(), PeripheralId(arm.peripheral))).collect(),
        }
    }
}
