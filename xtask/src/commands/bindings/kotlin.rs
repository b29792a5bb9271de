use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::library::{Library, Rig, made, sources};
use super::matrix::Matrix;
use crate::steps::Steps;
use crate::{system, workspace};

/// The compiler, as npm has it: Gradle and Maven fetch it from elsewhere.
const COMPILER: &str = "kotlin-compiler@2.4.20";

/// Where Debian has JNA.
const JNA: &str = "/usr/share/java/jna.jar";

pub(super) fn steps(steps: &mut Steps, library: &Library, matrix: &mut Matrix) {
    let Some(jar) = package(steps, library) else { return };
    let mut scenarios = java(library, &jar);
    Rig::test(&mut scenarios);
    matrix.run(steps, "kotlin", scenarios.arg("dev.glasslink.ScenariosKt"));
    let mut tests = java(library, &jar);
    Rig::test(&mut tests);
    steps.listed("bindings, Kotlin tests", tests.arg("dev.glasslink.TestsKt"), |_, _| {});
}

/// What listens and pushes; it is told where.
pub(super) fn bench(steps: &mut Steps, library: &Library) -> Option<Command> {
    let jar = package(steps, library)?;
    let mut bench = java(library, &jar);
    bench.arg("dev.glasslink.Bench");
    Some(bench)
}

/// The package with its tests and examples.
fn package(steps: &mut Steps, library: &Library) -> Option<PathBuf> {
    let (generated, jar) = (made().join("kotlin"), made().join("glasslink.jar"));
    let ready = steps.check("bindings, Kotlin compiler", install)
        && steps.check("bindings, Kotlin written", || library.generate("kotlin", &generated))
        && steps.check("bindings, Kotlin compiled", || compile(&generated, &jar));
    ready.then_some(jar)
}

fn compiler() -> PathBuf {
    made().join("npm/node_modules/kotlin-compiler")
}

fn install() -> Result<bool> {
    let stamp = made().join("npm/installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == COMPILER) {
        return Ok(true);
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut install = Command::new(npm);
    install.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
    fs::create_dir_all(made().join("npm"))?;
    if !system::passes(install.arg(made().join("npm")).arg(COMPILER))? {
        return Ok(false);
    }
    fs::write(stamp, COMPILER)?;
    Ok(true)
}

/// Compiles package, tests and examples.
fn compile(generated: &Path, jar: &Path) -> Result<bool> {
    let package = workspace::root().join("bindings/kotlin");
    let mut kotlinc = Command::new("java");
    // The compiler's own script wants a run bit that npm takes away.
    kotlinc.arg("-Xmx2g").arg("-cp").arg(compiler().join("lib/kotlin-compiler.jar"));
    kotlinc.arg("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler").arg("-kotlin-home").arg(compiler());
    kotlinc.args(["-nowarn", "-no-reflect", "-cp"]).arg(classes(&[])?).arg("-d").arg(jar);
    kotlinc.args(sources(generated, "kt")?);
    for folder in ["src", "examples"] {
        kotlinc.args(sources(&package.join(folder), "kt")?);
    }
    system::passes(&mut kotlinc)
}

fn java(library: &Library, jar: &Path) -> Command {
    let mut java = Command::new("java");
    let mut library_path = OsString::from("-Djna.library.path=");
    library_path.push(library.folder());
    // All of the heap is there from the start: what grows is not Java's.
    java.args(["-Xms128m", "-Xmx128m", "-XX:+AlwaysPreTouch"]).arg(library_path).arg("-cp");
    java.arg(classes(&[jar.to_owned(), compiler().join("lib/kotlin-stdlib.jar")]).unwrap_or_default());
    java
}

fn classes(more: &[PathBuf]) -> Result<OsString> {
    let known = [compiler().join("lib/kotlinx-coroutines-core-jvm.jar"), JNA.into()];
    Ok(env::join_paths(more.iter().cloned().chain(known))?)
}
