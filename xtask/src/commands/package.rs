use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::steps::Steps;
use crate::tools::Tool;
use crate::{system, workspace};

const CARGO_DEB: Tool = Tool { name: "cargo-deb", version: "3.8.0" };

/// What `systemd-analyze security` may say at most, of 10: 2 is what it calls good, and more than most services reach.
const EXPOSURE: f64 = 2.0;

/// Build the relay's Debian package, and look at what is in it
///
/// The package is in target/debian. Needs dpkg; the unit is checked where systemd-analyze is, and started in a virtual
/// machine where there is one to be had.
#[derive(Args)]
pub(crate) struct Package {}

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    self::steps(&mut steps);
    steps.finish_untested()
}

pub(crate) fn steps(steps: &mut Steps) {
    if system::which("dpkg-deb").is_none() {
        return steps.skip("package", "there is no dpkg here");
    }
    let Some(tool) = CARGO_DEB.provide(steps) else { return };
    let output = workspace::target().join("debian");
    let mut deb = Command::new(tool);
    deb.current_dir(workspace::root()).args([
        "--locked",
        "--strip",
        "--package",
        "glasslink-relay",
        "--output",
    ]);
    if !steps.run("package", deb.arg(&output)) {
        return;
    }
    let mut folder = None;
    steps.check("package, contents", || {
        let unpacked = folder.insert(unpack(&newest(&output)?)?);
        contents(unpacked)
    });
    if let Some(unpacked) = folder {
        let mut service = Command::new(workspace::root().join("tests/service/run"));
        steps.run("package, its service under systemd", service.arg(unpacked));
    }
}

fn newest(folder: &Path) -> Result<PathBuf> {
    let packages = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let packages = packages.filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
    packages
        .max_by_key(|path| fs::metadata(path).and_then(|file| file.modified()).ok())
        .with_context(|| format!("there is no package in {}", folder.display()))
}

fn unpack(package: &Path) -> Result<PathBuf> {
    let folder = package.with_extension("");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    system::run(Command::new("dpkg-deb").arg("--raw-extract").args([package, &folder]))?;
    println!("{}", package.display());
    Ok(folder)
}

/// The program starts, its settings are good ones, its scripts are scripts, and its service is shut in.
fn contents(root: &Path) -> Result<bool> {
    let relay = root.join("usr/bin/glasslink-relay");
    system::run(Command::new(&relay).arg("--version"))?;
    let settings = root.join("etc/glasslink/relay.toml");
    let mut print = Command::new(&relay);
    // The token is made when the package is installed.
    print.args(["serve", "--print-config", "--token", "x", "--config"]).arg(settings);
    system::run(&mut print)?;
    for script in ["postinst", "postrm", "prerm"] {
        let script = root.join("DEBIAN").join(script);
        system::run(Command::new("sh").arg("-n").arg(&script))?;
        if fs::read_to_string(&script)?.contains("#DEBHELPER#") {
            bail!("{} does not start the service", script.display());
        }
    }
    if system::which("systemd-analyze").is_none() {
        println!("systemd-analyze is not here: the unit is not checked");
        return Ok(true);
    }
    let unit = root.join("lib/systemd/system/glasslink-relay.service");
    let unit = if unit.exists() { unit } else { root.join("usr/lib/systemd/system/glasslink-relay.service") };
    let mut security = Command::new("systemd-analyze");
    let said = system::output(security.args(["security", "--offline=true", "--no-pager"]).arg(unit))
        .context("systemd-analyze does not take the unit")?;
    let overall = said.lines().last().unwrap_or_default();
    println!("{overall}");
    let exposure = overall.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    Ok(exposure.context("systemd-analyze says no number")? <= EXPOSURE)
}
