use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

/// How long a link is good.
const GOOD: Duration = Duration::from_mins(5);

/// Why there is no link to the dashboard.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// The data folder is not that of a relay, or may not be written by this user.
    #[error("cannot write to {}: {error}; is it the data folder of the relay, and this user its owner?", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// A secret that opens the dashboard of the relay with this data folder, once, within five minutes: who may write there
/// is its owner. The folder keeps a digest of it only.
pub fn ticket(data: &Path) -> Result<String, TicketError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|_| TicketError::Random)?;
    let secret = hex(&secret);
    let folder = data.join("tickets");
    let write = || {
        // A folder that is not there is a typing error, not a relay.
        fs::metadata(data.join("sessions"))?;
        if !folder.exists() {
            private().create(&folder)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(folder.join(digest(&secret))).map(drop)
    };
    write().map_err(|error| TicketError::Io { path: data.to_owned(), error })?;
    Ok(secret)
}

/// Whether this is a ticket that is still good. It is not, from now on.
pub(super) fn redeem(data: &Path, secret: &str) -> bool {
    let folder = data.join("tickets");
    let is_old = |path: &Path| {
        let written = fs::metadata(path).and_then(|metadata| metadata.modified());
        // One from the future was written before a clock jumped.
        written.ok().and_then(|at| SystemTime::now().duration_since(at).ok()).is_none_or(|age| age > GOOD)
    };
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        if is_old(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
    // Of two who come with the same, one removes it.
    fs::remove_file(folder.join(digest(secret))).is_ok()
}

fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn private() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_once_and_not_for_long() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ticket(folder.path()).is_err(), "not the folder of a relay");
        fs::create_dir(folder.path().join("sessions")).unwrap();
        let secret = ticket(folder.path()).unwrap();
        assert!(!redeem(folder.path(), "../sessions"));
        assert!(redeem(folder.path(), &secret));
        assert!(!redeem(folder.path(), &secret));
        let old = ticket(folder.path()).unwrap();
        let file = fs::File::open(folder.path().join("tickets").join(digest(&old))).unwrap();
        file.set_modified(SystemTime::now() - GOOD - Duration::from_secs(1)).unwrap();
        assert!(!redeem(folder.path(), &old));
    }
}
