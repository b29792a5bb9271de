use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use crate::changes::size_on_disk;

/// What the files of a recording look like: another stamp means that something changed.
///
/// Segments are only added, and only the last one grows, so that one look at the folder and one at a file tell.
pub(super) fn stamp(dir: &Path) -> io::Result<String> {
    let frames = folder(dir)?;
    let samples = folder(&dir.join("pcm")).unwrap_or_default();
    Ok(format!("1 {frames} {samples} {}", size_on_disk(dir)))
}

/// Bytes of all files of a recording.
pub(super) fn bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let sizes = entries.flatten().filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        Some(if metadata.is_dir() { bytes(&entry.path()) } else { metadata.len() })
    });
    sizes.sum()
}

/// Milliseconds since the Unix epoch at which the first segment was made or last written.
pub(super) fn first_written_ms(dir: &Path) -> Option<i64> {
    let metadata = fs::metadata(dir.join("00000000.glj")).or_else(|_| fs::metadata(dir)).ok()?;
    let time = metadata.created().or_else(|_| metadata.modified()).ok()?;
    i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()).ok()
}

fn folder(dir: &Path) -> io::Result<String> {
    let (mut count, mut last) = (0, OsString::new());
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "glj") {
            count += 1;
            last = last.max(name);
        }
    }
    let size = if count == 0 { 0 } else { fs::metadata(dir.join(&last))?.len() };
    Ok(format!("{count}/{}/{size}", last.to_string_lossy()))
}
