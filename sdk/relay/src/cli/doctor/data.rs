use std::fs;
use std::io;
use std::path::Path;

use crate::cli::config::Config;
use crate::cli::doctor::finding::Finding;

const CHECK: &str = "data";

/// A day of one stream of LC3 at 16 kbit/s, with what is written beside it, is 200 MB.
const LITTLE: u64 = 1 << 30;
const TOO_LITTLE: u64 = 64 << 20;

/// Whether sessions can be kept.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let Some(folder) = &config.data else {
        return vec![Finding::warning(
            CHECK,
            "sessions are in memory only: what was not transcribed is lost with the process",
            "set data to a folder",
        )];
    };
    let mut findings = vec![write(folder)];
    findings.extend(room(folder));
    findings
}

/// Writes as the relay does, to the disk and not only into memory.
fn write(folder: &Path) -> Finding {
    let shown = folder.display();
    match try_write(folder) {
        Ok(()) => Finding::good(CHECK, format!("sessions can be kept in {shown}")),
        Err(error) => Finding::problem(
            CHECK,
            format!("nothing can be kept in {shown}: {error}"),
            remedy(&error, folder),
        ),
    }
}

fn try_write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let file = folder.join(format!("doctor-{}", std::process::id()));
    let written = fs::write(&file, [0; 4096]).and_then(|()| fs::File::open(&file)?.sync_all());
    // It may not be there; what went wrong first is what counts.
    let _ = fs::remove_file(&file);
    written
}

fn remedy(error: &io::Error, folder: &Path) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("give the user that the relay runs as the folder: `chown USER {}`", folder.display())
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on its disk, or lower archive-days".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "its disk is read-only: look at `dmesg`, and at `mount`".to_owned()
        }
        _ => "choose another folder with data, or look whether its disk is there".to_owned(),
    }
}

#[cfg(unix)]
fn room(folder: &Path) -> Option<Finding> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let message = format!("{} MB of disk are free", free / 1_000_000);
    let remedy = "make room on its disk, or lower archive-days";
    Some(if free < TOO_LITTLE {
        Finding::problem("disk", message, remedy)
    } else if free < LITTLE {
        Finding::warning("disk", message, remedy)
    } else {
        Finding::good("disk", message)
    })
}

#[cfg(not(unix))]
fn room(_folder: &Path) -> Option<Finding> {
    None
}
