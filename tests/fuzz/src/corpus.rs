use std::fs;
use std::path::{Path, PathBuf};

use crate::Target;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file of the target's folders, with its name; in an order that is always the same.
pub(crate) fn of(target: &Target) -> Vec<(String, Vec<u8>)> {
    let own = format!("tests/fuzz/corpus/{}", target.name);
    let mut files = Vec::new();
    for folder in target.corpora.iter().copied().chain([own.as_str()]) {
        read(&root().join(folder), &mut files);
    }
    files.sort();
    files
}

fn read(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, files);
        } else if let Ok(bytes) = fs::read(&path) {
            files.push((path.display().to_string(), bytes));
        }
    }
}

/// Keeps what broke a target. Where.
pub(crate) fn keep(target: &Target, input: &[u8]) -> String {
    let folder = root().join("target/fuzz");
    let number = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = folder.join(format!("{}-{number:016x}", target.name));
    let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input));
    match kept {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("nowhere ({error})"),
    }
}
