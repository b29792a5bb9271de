use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use glasslink_protocol::SessionId;
use serde::{Deserialize, Serialize};

use crate::error::LibraryError;
use crate::library::Library;
use crate::summary::{RecordingState, Summary};

/// How long recordings are kept. What is protected, in use or cannot be read stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub keep: Keep,
    /// Days in the trash, after which there is no way back; `None`: for ever.
    pub trash_days: Option<u32>,
}

/// Which recordings are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    #[default]
    All,
    /// Those that were begun within so many days.
    Days(u32),
    /// So many, those that were begun last.
    Newest(u32),
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Default for Retention {
    /// Everything, and 30 days in the trash.
    fn default() -> Self {
        Self { keep: Keep::All, trash_days: Some(30) }
    }
}

impl Retention {
    /// Which of `recordings`, the last begun first, go into the trash.
    pub(crate) fn due(&self, recordings: &[Summary], now_ms: i64) -> Vec<SessionId> {
        let may_go = |summary: &&Summary| {
            let whole = matches!(summary.state, RecordingState::Ended | RecordingState::Interrupted);
            whole && !summary.protected
        };
        let old = |summary: &&Summary, days: u32| {
            let age = now_ms.saturating_sub(summary.begun_ms.unwrap_or(now_ms));
            age > i64::from(days) * DAY_MS
        };
        let due: Vec<&Summary> = match self.keep {
            Keep::All => Vec::new(),
            Keep::Days(days) => recordings.iter().filter(|summary| old(summary, days)).collect(),
            Keep::Newest(most) => recordings.iter().skip(most as usize).collect(),
        };
        due.into_iter().filter(may_go).map(|summary| summary.id).collect()
    }

    pub(crate) fn is_due_for_good(&self, summary: &Summary, now_ms: i64) -> bool {
        let (Some(days), Some(trashed)) = (self.trash_days, summary.trashed_ms) else { return false };
        now_ms.saturating_sub(trashed) > i64::from(days) * DAY_MS
    }
}

impl Library {
    /// The library's rules; the default ones until others are set.
    pub fn retention(&self) -> Result<Retention, LibraryError> {
        let path = self.retention_path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Retention::default()),
            Err(error) => return Err(LibraryError::io(path)(error)),
        };
        serde_json::from_slice(&text).map_err(|error| LibraryError::io(path)(error.into()))
    }

    pub fn set_retention(&self, rules: &Retention) -> Result<(), LibraryError> {
        let path = self.retention_path();
        let new = path.with_extension("new");
        let written = serde_json::to_vec_pretty(rules).map_err(io::Error::from).and_then(|text| {
            let mut file = fs::File::create(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &path)
        });
        written.map_err(LibraryError::io(path))
    }

    fn retention_path(&self) -> PathBuf {
        self.root().join("retention.json")
    }
}
