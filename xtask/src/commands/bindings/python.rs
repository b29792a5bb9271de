use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::library::{Library, Rig, made};
use super::matrix::Matrix;
use super::notices;
use crate::steps::Steps;
use crate::{model, system, workspace};

const MATURIN: &str = "maturin==1.16.0";

pub(super) fn steps(steps: &mut Steps, library: &Library, matrix: &mut Matrix) {
    let Some(environment) = package(steps, library) else { return };
    let mut scenarios = environment.python();
    Rig::test(&mut scenarios);
    matrix.run(steps, "python", scenarios.args(["-m", "tests.scenarios"]));
    let mut tests = environment.python();
    Rig::test(&mut tests);
    steps.listed("bindings, Python tests", tests.args(["-m", "tests"]), |_, _| {});
    guide(steps, &environment);
}

/// What listens and pushes; it is told where.
pub(super) fn bench(steps: &mut Steps, library: &Library) -> Option<Command> {
    let mut bench = package(steps, library)?.python();
    bench.args(["-m", "tests.bench"]);
    Some(bench)
}

/// The package in an environment of its own.
fn package(steps: &mut Steps, library: &Library) -> Option<Environment> {
    let tools = made().join("python-tools");
    let made = made().join(library.profile().name());
    let (wheels, environment) = (made.join("wheels"), Environment(made.join("python")));
    let ready = steps.check("bindings, maturin", || install(&[MATURIN], &tools))
        && steps.check("bindings, wheel", || wheel(library, &tools, &wheels))
        && steps.check("bindings, wheel in an empty environment", || environment.make(&wheels));
    ready.then_some(environment)
}

/// A virtual environment with the package, and nothing else: not even pip.
struct Environment(PathBuf);

impl Environment {
    fn make(&self, wheels: &Path) -> Result<bool> {
        let mut venv = Command::new(program());
        venv.args(["-m", "venv", "--clear", "--without-pip"]).arg(&self.0);
        if !system::passes(&mut venv)? {
            return Ok(false);
        }
        let wheel = fs::read_dir(wheels)?.flatten().next().context("maturin made no wheel")?.path();
        let mut pip = Command::new(program());
        pip.args(["-m", "pip", "--disable-pip-version-check", "--python"]).arg(self.program());
        if !system::passes(pip.args(["install", "--quiet", "--no-index"]).arg(wheel))? {
            return Ok(false);
        }
        let list = "import importlib.metadata as m; print(*(d.name for d in m.distributions()))";
        let there = system::output(Command::new(self.program()).args(["-I", "-c", list]));
        let there = there.context("the environment has no Python")?;
        ensure!(there.trim() == "glasslink", "the environment has {there}");
        Ok(true)
    }

    fn program(&self) -> PathBuf {
        if cfg!(windows) { self.0.join("Scripts/python.exe") } else { self.0.join("bin/python") }
    }

    /// Its Python, in the folder of the package's tests.
    fn python(&self) -> Command {
        let mut python = Command::new(self.program());
        python.current_dir(workspace::root().join("bindings/python"));
        python.env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }
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

/// Builds the wheel into `wheels`, which is emptied first.
fn wheel(library: &Library, tools: &Path, wheels: &Path) -> Result<bool> {
    // What maturin calls is looked for by this name.
    let named = made().join("bindgen");
    fs::create_dir_all(&named)?;
    fs::copy(library.bindgen(), named.join(format!("uniffi-bindgen{}", env::consts::EXE_SUFFIX)))?;
    if wheels.exists() {
        fs::remove_dir_all(wheels)?;
    }
    let package = workspace::root().join("bindings/python");
    for notice in ["LICENSE-APACHE", "LICENSE-MIT", notices::FILE] {
        let from = workspace::root().join(notice);
        fs::copy(&from, package.join(from.file_name().context("a file has a name")?))?;
    }
    let mut maturin = Command::new(tools.join("bin").join(format!("maturin{}", env::consts::EXE_SUFFIX)));
    workspace::forget_package(&mut maturin);
    maturin.current_dir(package);
    maturin.args(["build", "--quiet", "--locked", "--profile", library.profile().name(), "--out"]);
    maturin.arg(wheels);
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = [named].into_iter().chain(env::split_paths(&path));
    maturin.env("PATH", env::join_paths(paths)?).env("CARGO_TARGET_DIR", workspace::target());
    system::passes(&mut maturin)
}

/// The ten lines of the README, word for word, with a relay that has a speech engine.
fn guide(steps: &mut Steps, environment: &Environment) {
    let relay = workspace::program("debug", "glasslink-relay");
    let speech = model::folder(&relay).map(|folder| folder.join("beckett.wav"));
    match speech {
        Ok(speech) if speech.is_file() => {
            let mut guide = environment.python();
            guide.args(["-m", "tests.guide"]).arg(speech).env("GLASSLINK_RELAY", &relay);
            steps.listed("bindings, the guide of Python", &mut guide, |_, _| {});
        }
        _ => steps
            .skip("bindings, the guide of Python", "there is no speech model: glasslink-relay model install"),
    }
}

fn program() -> PathBuf {
    let names: [&str; 2] = if cfg!(windows) { ["python", "py"] } else { ["python3", "python"] };
    names.iter().find_map(|name| system::which(name)).unwrap_or_else(|| names[0].into())
}
