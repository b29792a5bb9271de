//! Set-up and chores: `cargo xtask --help`.

mod clauses;
mod commands;
mod failures;
mod figures;
mod logs;
mod model;
mod mutants;
mod packages;
mod sources;
mod steps;
mod system;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Set-up and chores of the Glasslink workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, arg_required_else_help = true)]
enum Xtask {
    Demo(commands::demo::Demo),
    Test(commands::test::Test),
    Ci(commands::ci::Ci),
    Nightly(commands::nightly::Nightly),
    Bench(commands::bench::Bench),
    Bindings(commands::bindings::Bindings),
    BluetoothVm(commands::bluetooth_vm::BluetoothVm),
    Package(commands::package::Package),
    Simulate(commands::simulate::Simulate),
    Soak(commands::soak::Soak),
    Load(commands::load::Load),
    Report(commands::report::Report),
    Spec(commands::spec::Spec),
}

fn main() -> ExitCode {
    let outcome = match Xtask::parse() {
        Xtask::Demo(command) => command.run(),
        Xtask::Test(command) => Ok(command.run()),
        Xtask::Ci(command) => Ok(command.run()),
        Xtask::Nightly(commands::nightly::Nightly {}) => Ok(commands::nightly::run()),
        Xtask::Bench(command) => Ok(command.run()),
        Xtask::Bindings(command) => Ok(command.run()),
        Xtask::BluetoothVm(command) => Ok(command.run()),
        Xtask::Package(commands::package::Package {}) => Ok(commands::package::run()),
        Xtask::Simulate(command) => command.run(),
        Xtask::Soak(command) => command.run(),
        Xtask::Load(command) => command.run(),
        Xtask::Report(command) => command.run(),
        Xtask::Spec(commands::spec::Spec {}) => commands::spec::run(),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
