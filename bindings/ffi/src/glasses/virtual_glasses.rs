use std::sync::Arc;
use std::time::Duration;

use glasslink_glasses::Registry;
use glasslink_glasses::virtual_glasses as core;

use super::event::Arm;
use super::lifecycle::GlassesError;
use super::transport::{BluetoothTransport, Ours};
use crate::error::error;
use crate::runtime;

/// Glasses without hardware, for tests and for developing without any: they behave as the device's firmware does, and can
/// fail as it does.
#[derive(uniffi::Object)]
pub struct VirtualGlasses {
    glasses: core::VirtualGlasses,
}

/// What one lens shows.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct VirtualLens {
    pub arm: Arm,
    pub lines: Vec<String>,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, uniffi::Enum)]
pub enum VirtualFault {
    /// The link to an arm breaks; it advertises again after `back`.
    LoseArm {
        arm: Arm,
        back: Duration,
    },
    /// The arm is connected to another phone until `Release`.
    HoldElsewhere {
        arm: Arm,
    },
    Release {
        arm: Arm,
    },
    /// The battery runs out.
    BatteryDead {
        arm: Arm,
    },
    /// The Bluetooth of this machine is off for so long.
    AdapterOff {
        lasting: Duration,
    },
    /// Share of audio packets that are lost from now on.
    PacketLoss {
        share: f64,
    },
}

#[uniffi::export]
impl VirtualGlasses {
    /// Puts a pair of this model on: `even-g1`.
    #[uniffi::constructor]
    pub fn new(model: &str) -> Result<Arc<Self>, GlassesError> {
        let _in_runtime = runtime::handle().enter();
        let device = Registry::standard().get(model).ok_or_else(|| {
            error!(
                GlassesError::UnknownModel,
                "unknown_model",
                format!("there is no driver for {model}"),
                "Choose one of known_models()."
            )
        })?;
        let (options, faults) = (core::FirmwareOptions::default(), core::Faults::default());
        Ok(Arc::new(Self { glasses: core::VirtualGlasses::new(&*device, &options, faults) }))
    }

    /// A Bluetooth stack in whose reach these glasses are, and nothing else.
    pub fn transport(&self) -> Arc<dyn BluetoothTransport> {
        Arc::new(Ours(Arc::new(self.glasses.clone())))
    }

    /// The wearer says these samples (16 kHz) from now on.
    pub fn speak(&self, samples: Vec<i16>) {
        self.glasses.speak(samples);
    }

    /// Whether the wearer is done speaking.
    pub fn is_silent(&self) -> bool {
        self.glasses.is_silent()
    }

    /// Something goes wrong now.
    pub fn fault(&self, fault: VirtualFault) {
        let fault = match fault {
            VirtualFault::LoseArm { arm, back } => core::Fault::LoseArm { arm: arm.into(), back },
            VirtualFault::HoldElsewhere { arm } => core::Fault::HoldElsewhere(arm.into()),
            VirtualFault::Release { arm } => core::Fault::Release(arm.into()),
            VirtualFault::BatteryDead { arm } => core::Fault::BatteryDead(arm.into()),
            VirtualFault::AdapterOff { lasting } => core::Fault::AdapterOff(lasting),
            VirtualFault::PacketLoss { share } => return self.glasses.set_packet_loss(share),
        };
        self.glasses.fault(fault);
    }

    /// What the displays show.
    pub fn lenses(&self) -> Vec<VirtualLens> {
        let lenses = self.glasses.lenses().into_iter();
        lenses.map(|lens| VirtualLens { arm: lens.arm.into(), lines: lens.lines }).collect()
    }
}
