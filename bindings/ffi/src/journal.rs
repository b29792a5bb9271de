use std::sync::Arc;

#[cfg(feature = "encryption")]
use glasslink::audio::journal::log::RecordingKey;
use glasslink::audio::journal::{JournalState, JournalStore};

use crate::builder::LinkOptions;
use crate::credentials::TokenProvider;
use crate::error::{ConnectError, error};
use crate::runtime;
use crate::state::LinkStats;
use crate::transcript::TranscriptEntry;

/// Whether what is captured gets to the disk.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct JournalStatus {
    pub is_writing: bool,
    /// One sentence for a person.
    pub words: String,
    /// What to do about it; nothing when all is well.
    pub remedy: Option<String>,
}

/// What became of a recording that an earlier process left unfinished.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Recovered {
    pub session: String,
    /// What was said; of a recording that could not be finished, nothing.
    pub transcript: Vec<TranscriptEntry>,
    /// The ledger of what was still to be sent; nothing where it could not be finished.
    pub stats: Option<LinkStats>,
    /// Why it could not be finished. What there is of it stays on the disk.
    pub trouble: Option<String>,
}

impl From<JournalState> for JournalStatus {
    fn from(state: JournalState) -> Self {
        Self {
            is_writing: matches!(state, JournalState::Writing),
            words: state.words().into(),
            remedy: state.remedy().map(Into::into),
        }
    }
}

impl LinkOptions {
    /// The store of the recordings that it names.
    pub(crate) fn journal(&self) -> Result<Option<JournalStore>, ConnectError> {
        let Some(folder) = &self.journal_folder else { return Ok(None) };
        let store = JournalStore::open(folder)?;
        match &self.journal_key {
            Some(key) => sealed(store, key).map(Some),
            None => Ok(Some(store)),
        }
    }
}

#[cfg(feature = "encryption")]
fn sealed(store: JournalStore, key: &[u8]) -> Result<JournalStore, ConnectError> {
    let key = key.try_into().ok().and_then(RecordingKey::from_bytes);
    let wrong = || {
        let (reason, remedy) = ("this is no key of recordings", "Give what new_journal_key made.");
        error!(ConnectError::Journal, "journal_key", reason, remedy)
    };
    Ok(store.sealed_with(key.ok_or_else(wrong)?))
}

#[cfg(not(feature = "encryption"))]
fn sealed(_: JournalStore, _: &[u8]) -> Result<JournalStore, ConnectError> {
    let (reason, remedy) =
        ("this library was built without encryption", "Build it with the feature encryption.");
    Err(error!(ConnectError::Journal, "journal_key", reason, remedy))
}

/// A new key for `journal_key`. Who loses it loses what it has sealed.
#[cfg(feature = "encryption")]
#[uniffi::export]
pub fn new_journal_key() -> Vec<u8> {
    RecordingKey::generate().to_bytes().into()
}

/// Finishes every recording in the options' `journal_folder` that an earlier process left, however old: uploads what the
/// relay does not have, and waits for the transcript. Waits for the relay without end; cancel it to give up.
#[uniffi::export(default(tokens = None))]
pub async fn recover(
    options: LinkOptions,
    tokens: Option<Arc<dyn TokenProvider>>,
) -> Result<Vec<Recovered>, ConnectError> {
    runtime::run(async move {
        let Some(store) = options.journal()? else { return Ok(Vec::new()) };
        let options = LinkOptions { journal_folder: None, ..options };
        let recovered = options.builder(tokens)?.recover(&store).await?;
        Ok(recovered.into_iter().map(Recovered::from).collect())
    })
    .await
}

impl From<glasslink::Recovered> for Recovered {
    fn from(recovered: glasslink::Recovered) -> Self {
        let session = recovered.session.to_string();
        match recovered.result {
            Ok((transcript, stats)) => Self {
                session,
                transcript: transcript.entries().iter().map(Into::into).collect(),
                stats: Some(stats.into()),
                trouble: None,
            },
            Err(error) => {
                Self { session, transcript: Vec::new(), stats: None, trouble: Some(error.to_string()) }
            }
        }
    }
}
