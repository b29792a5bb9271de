use std::process::{Command, ExitCode};

use clap::Args;

use crate::steps::Steps;
use crate::workspace;

/// Put the glasses drivers to a real bluetoothd in a small virtual machine
///
/// Virtual glasses are shown to it by an emulated controller. Linux on x86-64 and root; says why where it cannot run.
/// Kernel and bluetoothd are taken from Debian's packages, and kept in the user's cache.
#[derive(Args)]
pub(crate) struct BluetoothVm {
    /// Which glasses
    #[arg(default_values = MODELS)]
    models: Vec<String>,
    /// How long each pair speaks, seconds
    #[arg(long, default_value = "10")]
    seconds: u32,
}

/// A pair with two arms that bond, and one that needs neither.
const MODELS: [&str; 2] = ["even-g1", "mentra-nex"];

impl BluetoothVm {
    pub(crate) fn run(&self) -> ExitCode {
        let mut steps = Steps::new();
        for model in &self.models {
            steps.run(&format!("Bluetooth, {model}"), &mut command(model, self.seconds));
        }
        steps.finish_untested()
    }
}

pub(crate) fn run_all(steps: &mut Steps) {
    for model in MODELS {
        steps.run(&format!("Bluetooth, {model}"), &mut command(model, 10));
    }
}

fn command(model: &str, seconds: u32) -> Command {
    let mut command = Command::new(workspace::root().join("tests/bluetooth/vm/run"));
    command.arg(model).arg(seconds.to_string()).env("CARGO_TARGET_DIR", workspace::target());
    command
}
