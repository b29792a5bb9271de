use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::kinds::{Change, ChangeRecord};
use super::state::Changes;

/// The changes of one recording, on disk.
#[derive(Debug)]
pub(crate) struct ChangesFile {
    path: PathBuf,
}

/// Why the changes of a recording cannot be read or added to. The recording itself is untouched.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// The cause says why; the folder must be there and be writable.
    #[error("{} cannot be read or written: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    /// Written by a newer version of Glasslink; update to read it.
    #[error("{} has version {version}, and this program knows up to {VERSION}: update it", path.display())]
    Newer { path: PathBuf, version: u32 },
    /// The file is something else. Move it away: the recording is whole without it.
    #[error("{} is not a file of changes: move it away", path.display())]
    Foreign { path: PathBuf },
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// How the file ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// There is nothing, or a piece of the first line.
    NoHead,
    /// The last line has no end.
    Torn,
    Whole,
}

const NAME: &str = "changes.jsonl";
const FORMAT: &str = "glasslink changes";
const VERSION: u32 = 1;

/// Bytes of the changes in `dir`, which tell whether there are new ones.
pub(crate) fn size_on_disk(dir: &Path) -> u64 {
    std::fs::metadata(dir.join(NAME)).map_or(0, |metadata| metadata.len())
}

impl ChangesFile {
    /// Of the recording in `dir`.
    pub(crate) fn of(dir: &Path) -> Self {
        Self { path: dir.join(NAME) }
    }

    pub(crate) fn read(&self) -> Result<Changes, ChangesError> {
        match File::open(&self.path) {
            Ok(mut file) => self.parse(&mut file).map(|(records, _)| Changes::new(records)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Changes::new(Vec::new())),
            Err(error) => Err(self.io(error)),
        }
    }

    /// Adds what `decide` makes of the changes so far; durable on return. Programs that change the same recording wait
    /// for each other.
    pub(crate) fn append(
        &self,
        made_ms: i64,
        decide: impl FnOnce(&Changes) -> Option<Change>,
    ) -> Result<Option<ChangeRecord>, ChangesError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path).map_err(|error| self.io(error))?;
        file.lock().map_err(|error| self.io(error))?;
        let (records, end) = self.parse(&mut file)?;
        let changes = Changes::new(records);
        let Some(change) = decide(&changes) else { return Ok(None) };
        let record = ChangeRecord { number: changes.next_number(), made_ms, change };
        let mut text = String::new();
        match end {
            End::NoHead => {
                file.set_len(0).map_err(|error| self.io(error))?;
                text = head();
            }
            End::Torn => text.push('\n'),
            End::Whole => {}
        }
        text += &json(&record);
        text.push('\n');
        file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(|error| self.io(error))?;
        Ok(Some(record))
    }

    /// The changes, and how the file ends. A line that is not whole was being written when the power went, and is passed
    /// over.
    fn parse(&self, file: &mut File) -> Result<(Vec<ChangeRecord>, End), ChangesError> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(|error| self.io(error))?;
        let end = if bytes.ends_with(b"\n") { End::Whole } else { End::Torn };
        if head().as_bytes().starts_with(&bytes) && end == End::Torn {
            return Ok((Vec::new(), End::NoHead));
        }
        let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        match lines.next().map(serde_json::from_slice::<Head>) {
            Some(Ok(head)) if head.format == FORMAT && head.version <= VERSION => {}
            Some(Ok(head)) if head.format == FORMAT => {
                return Err(ChangesError::Newer { path: self.path.clone(), version: head.version });
            }
            _ => return Err(ChangesError::Foreign { path: self.path.clone() }),
        }
        Ok((lines.filter_map(|line| serde_json::from_slice(line).ok()).collect(), end))
    }

    fn io(&self, cause: io::Error) -> ChangesError {
        ChangesError::Io { path: self.path.clone(), cause }
    }
}

/// The first line.
fn head() -> String {
    json(&Head { format: FORMAT.into(), version: VERSION }) + "\n"
}

/// Our records are maps of numbers and texts, which JSON always has a form for.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(title: &str) -> Change {
        Change::Title { title: title.into() }
    }

    #[test]
    fn changes_are_read_as_they_were_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = ChangesFile::of(dir.path());
        assert_eq!(file.read().unwrap().title(), None);
        let first = file.append(5, |_| Some(title("One"))).unwrap().unwrap();
        let second = file.append(6, |_| Some(title("Two"))).unwrap().unwrap();
        assert_eq!((first.number, second.number, second.made_ms), (1, 2, 6));
        assert_eq!(file.append(7, |_| None).unwrap(), None);
        assert_eq!(file.read().unwrap().title(), Some("Two"));
    }

    #[test]
    fn a_torn_line_costs_that_change_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let file = ChangesFile::of(dir.path());
        file.append(5, |_| Some(title("One"))).unwrap();
        file.append(6, |_| Some(title("Two"))).unwrap();
        let path = dir.path().join(NAME);
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let read = file.read().unwrap().title().map(str::to_owned);
            assert!([None, Some("One"), Some("Two")].contains(&read.as_deref()), "{cut}: {read:?}");
            file.append(7, |_| Some(title("Three"))).unwrap();
            assert_eq!(file.read().unwrap().title(), Some("Three"), "{cut}");
        }
    }

    #[test]
    fn what_a_newer_version_wrote_is_refused_with_a_sentence_and_its_changes_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        std::fs::write(&path, "{\"format\":\"glasslink changes\",\"version\":2}\n").unwrap();
        let error = ChangesFile::of(dir.path()).read().unwrap_err();
        assert!(error.to_string().ends_with("update it"), "{error}");
        let unknown = "{\"format\":\"glasslink changes\",\"version\":1}\n\
            {\"number\":1,\"made_ms\":0,\"change\":\"title\",\"title\":\"One\"}\n\
            {\"number\":2,\"made_ms\":0,\"change\":\"colour\",\"colour\":7}\n";
        std::fs::write(&path, unknown).unwrap();
        let changes = ChangesFile::of(dir.path()).read().unwrap();
        assert_eq!((changes.title(), changes.next_number()), (Some("One"), 3));
        std::fs::write(&path, "something else\n").unwrap();
        assert!(matches!(ChangesFile::of(dir.path()).read(), Err(ChangesError::Foreign { .. })));
    }
}
