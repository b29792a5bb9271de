use glasslink_audio::journal::{Found, JournalError, JournalStore};
use glasslink_protocol::SessionId;
use glasslink_session::LinkStats;
use glasslink_transcript::Transcript;

use super::ResumeError;
use crate::builder::LinkBuilder;
use crate::wait::FinishError;

/// What became of a recording that an earlier process left unfinished.
#[derive(Debug)]
pub struct Recovered {
    pub session: SessionId,
    /// The whole transcript, and the ledger of what was still to be sent.
    pub result: Result<(Transcript, LinkStats), RecoverError>,
}

/// Why a recording could not be finished. What there is of it stays on the disk.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It cannot be read; the cause says why.
    #[error("the recording cannot be read: {0}")]
    Unreadable(String),
    /// It could not be taken up.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// It is uploaded as far as it could be; the next start goes on.
    #[error(transparent)]
    Finish(#[from] FinishError),
}

impl LinkBuilder {
    /// Finishes every recording in `store` that an earlier process left, however old, one after the other: resumes its
    /// session, uploads what the relay does not have, and waits for the transcript. Those that a program is writing are
    /// left alone.
    ///
    /// Waits for the relay without end; drop the future to give up. What was done stays done.
    pub async fn recover(&self, store: &JournalStore) -> Result<Vec<Recovered>, JournalError> {
        let mut recovered = Vec::new();
        for found in store.recordings()? {
            let (session, result) = match found {
                Found::InUse(_) => continue,
                Found::Unreadable { session, error } => {
                    (session, Err(RecoverError::Unreadable(error.to_string())))
                }
                Found::Recording(recording) => {
                    let session = recording.session();
                    match recording.is_finished() {
                        Ok(true) => continue,
                        Ok(false) => (session, self.finish_recording(recording).await),
                        Err(error) => (session, Err(ResumeError::from(error).into())),
                    }
                }
            };
            recovered.push(Recovered { session, result });
        }
        Ok(recovered)
    }

    async fn finish_recording(
        &self,
        recording: glasslink_audio::journal::Recording,
    ) -> Result<(Transcript, LinkStats), RecoverError> {
        let (link, events) = self.clone().resume(recording)?;
        drop(events);
        link.finish().await?;
        let finished = (link.transcript(), link.stats());
        link.close().await;
        Ok(finished)
    }
}
