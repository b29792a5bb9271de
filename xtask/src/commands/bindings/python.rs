use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::library::{Library, made};
use super::matrix::Matrix;
use crate::steps::Steps;
use crate::{model, system, workspace};

const MATURIN: &str = "maturin==1.16.0";

pub(super) fn steps(steps: &mut Steps, library: &Library, matrix: &mut Matrix) {
    let Some(site) = package(steps, library) else { return };
    let mut scenarios = python(&site);
    library.test(&mut scenarios);
    matrix.run(steps, "python", scenarios.args(["-m", "tests.scenarios"]));
    let mut tests = python(&site);
    library.test(&mut tests);
    tests.args(["-m", "unittest", "discover", "--start-directory", "tests", "--top-level-directory", "."]);
    steps.run("bindings, Python tests", &mut tests);
    guide(steps, &site);
}

pub(super) fn bench(steps: &mut Steps, library: &Library) {
    let Some(site) = package(steps, library) else { return };
    let mut bench = python(&site);
    library.test(&mut bench);
    steps.run("bindings, cost in Python", bench.args(["-m", "tests.bench"]));
}

/// The folder in which the package is, and nothing else.
fn package(steps: &mut Steps, library: &Library) -> Option<PathBuf> {
    let tools = made().join("python-tools");
    let site = made().join("python-site");
    let ready = steps.check("bindings, maturin", || install(&[MATURIN], &tools))
        && steps.check("bindings, wheel", || wheel(library, &tools, &site));
    ready.then_some(site)
}

/// Puts packages into a folder of their own, once.
fn install(packages: &[&str], folder: &Path) -> Result<bool> {
    let stamp = folder.join("installed");
    let wanted = packages.join(" ");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(true);
    }
    let mut pip = Command::new(program());
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target"]);
    if !system::passes(pip.arg(folder).args(packages))? {
        return Ok(false);
    }
    fs::write(stamp, wanted)?;
    Ok(true)
}

/// Builds the wheel and puts it, and nothing else, into `site`.
fn wheel(library: &Library, tools: &Path, site: &Path) -> Result<bool> {
    // What maturin calls is looked for by this name.
    let named = made().join("bindgen");
    fs::create_dir_all(&named)?;
    fs::copy(library.bindgen(), named.join(format!("uniffi-bindgen{}", env::consts::EXE_SUFFIX)))?;
    let wheels = made().join("wheels");
    for folder in [&wheels, &site.to_path_buf()] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    let mut maturin = Command::new(tools.join("bin").join(format!("maturin{}", env::consts::EXE_SUFFIX)));
    workspace::forget_package(&mut maturin);
    maturin.current_dir(workspace::root().join("bindings/python"));
    maturin.args(["build", "--quiet", "--locked", "--profile", "dev", "--out"]).arg(&wheels);
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = [named].into_iter().chain(env::split_paths(&path));
    maturin.env("PATH", env::join_paths(paths)?).env("CARGO_TARGET_DIR", workspace::target());
    if !system::passes(&mut maturin)? {
        return Ok(false);
    }
    let wheel = fs::read_dir(&wheels)?.flatten().next().context("maturin made no wheel")?.path();
    let mut pip = Command::new(program());
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--target"]);
    system::passes(pip.arg(site).arg(wheel))
}

/// The ten lines of the README, word for word, with a relay that has a speech engine.
fn guide(steps: &mut Steps, site: &Path) {
    let relay = workspace::program("debug", "glasslink-relay");
    let speech = model::folder(&relay).map(|folder| folder.join("beckett.wav"));
    match speech {
        Ok(speech) if speech.is_file() => {
            let mut guide = python(site);
            guide.args(["-m", "tests.guide"]).arg(speech).env("GLASSLINK_RELAY", &relay);
            steps.run("bindings, the guide of Python", &mut guide);
        }
        _ => steps
            .skip("bindings, the guide of Python", "there is no speech model: glasslink-relay model install"),
    }
}

/// Python with the package, and no other.
fn python(site: &Path) -> Command {
    let mut python = Command::new(program());
    python.current_dir(workspace::root().join("bindings/python"));
    python.env("PYTHONPATH", site).env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

fn program() -> PathBuf {
    let names: [&str; 2] = if cfg!(windows) { ["python", "py"] } else { ["python3", "python"] };
    names.iter().find_map(|name| system::which(name)).unwrap_or_else(|| names[0].into())
}
