//! System packages that `test --all` wants. Nothing else does.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::system;

/// Something the tests use that cargo does not bring.
struct Need {
    /// What it is, and what for.
    what: &'static str,
    is_there: fn() -> bool,
    /// The packages that have it on Debian and Ubuntu.
    apt: &'static [&'static str],
}

const NEEDS: [Need; 10] = [
    Need {
        what: "elc3 and dlc3 of liblc3, which the LC3 tests compare files with",
        is_there: || system::which("elc3").is_some() && system::which("dlc3").is_some(),
        apt: &["liblc3-tools"],
    },
    Need {
        what: "the library liblc3, which the LC3 tests compare frames with",
        is_there: has_liblc3,
        apt: &["liblc3-dev"],
    },
    Need {
        what: "libdbus, pkg-config and dbus-daemon, with which the Bluetooth tests show virtual glasses to btleplug",
        is_there: || {
            system::which("dbus-daemon").is_some()
                && system::succeeds(Command::new("pkg-config").args(["--exists", "dbus-1"]))
        },
        apt: &["libdbus-1-dev", "pkg-config", "dbus-daemon"],
    },
    Need {
        what: "ip, with which tests make hosts of their own and take their network away",
        is_there: || system::which("ip").is_some(),
        apt: &["iproute2"],
    },
    Need {
        what: "libfaketime, with which tests set the clock of a relay",
        is_there: || system::which("faketime").is_some(),
        apt: &["faketime"],
    },
    Need {
        what: "chromium and chromedriver, in which the relay's dashboard is looked at",
        is_there: || system::which("chromium").is_some() && system::which("chromedriver").is_some(),
        apt: &["chromium", "chromium-driver"],
    },
    Need {
        what: "libasound and pkg-config, which the microphone is built with",
        is_there: || system::succeeds(Command::new("pkg-config").args(["--exists", "alsa"])),
        apt: &["libasound2-dev", "pkg-config"],
    },
    Need {
        what: "PulseAudio, on which the microphone is tested",
        is_there: || {
            ["pulseaudio", "pactl", "pacat"].iter().all(|name| system::which(name).is_some())
                && has_pulse_plugin()
        },
        apt: &["pulseaudio", "pulseaudio-utils", "libasound2-plugins"],
    },
    Need {
        what: "java and JNA, on which the Kotlin package is tested",
        is_there: || system::which("java").is_some() && Path::new("/usr/share/java/jna.jar").exists(),
        apt: &["default-jre-headless", "libjna-java"],
    },
    Need {
        what: "npm, which has the Kotlin compiler",
        is_there: || system::which("npm").is_some(),
        apt: &["npm"],
    },
];

/// Sees to it that everything is there. `yes`: installs without asking.
pub(crate) fn provide(yes: bool) -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("not on this machine:");
    for need in &missing {
        println!("  {} (Debian and Ubuntu: {})", need.what, need.apt.join(" "));
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.apt).copied().collect();
    if system::which("apt-get").is_none() {
        bail!("install what is named above, then run this again");
    }
    let install = apt_get(&["install", "--yes", "--no-install-recommends"], &packages);
    if !yes && !system::ask(&format!("Run `{}`?", system::command_line(&install)))? {
        bail!("run `{}`, or this again with --yes", system::command_line(&install));
    }
    system::run(&mut apt_get(&["update"], &[]))?;
    system::run(&mut apt_get(&["install", "--yes", "--no-install-recommends"], &packages))?;
    match missing.iter().find(|need| !(need.is_there)()) {
        None => Ok(()),
        Some(need) => bail!("{} was installed, and {} is not found", need.apt.join(" "), need.what),
    }
}

fn apt_get(words: &[&str], packages: &[&str]) -> Command {
    let is_root = system::output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
    if !is_root {
        command.arg("apt-get");
    }
    command.args(words).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn has_liblc3() -> bool {
    std::env::var_os("LIBLC3").is_some()
        || system::succeeds(Command::new("pkg-config").args(["--exists", "lc3"]))
        || system::output(Command::new("/sbin/ldconfig").arg("-p"))
            .is_some_and(|known| known.contains("liblc3.so"))
}

/// Through which programs of ALSA reach a sound server, and fail when there is none.
fn has_pulse_plugin() -> bool {
    let plugin = "alsa-lib/libasound_module_pcm_pulse.so";
    // One folder for each architecture.
    let folders = std::fs::read_dir("/usr/lib");
    folders.is_ok_and(|folders| folders.flatten().any(|folder| folder.path().join(plugin).exists()))
}
