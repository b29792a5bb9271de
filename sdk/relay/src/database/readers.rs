use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::error::DatabaseError;
use super::file;

/// Reads at once. Each has a thread and a connection while it lasts.
const MOST: usize = 4;

/// Connections that only read, kept for the next.
pub(super) struct Readers {
    path: PathBuf,
    places: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<(u64, Connection)>>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, places: Arc::new(Semaphore::new(MOST)), idle: Arc::default() }
    }

    /// Runs `work` on a connection to database number `made`.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        made: u64,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let reading = spawn_blocking(move || {
            let _place = place;
            let sound_at = path.clone();
            let read = || {
                let kept = {
                    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
                    idle.retain(|(of, _)| *of == made);
                    idle.pop()
                };
                let connection = match kept {
                    Some((_, connection)) => connection,
                    None => file::open_reader(&path)?,
                };
                // A view that does not change while it is looked at.
                let transaction = connection.unchecked_transaction()?;
                let result = work(&transaction);
                drop(transaction);
                if result.is_ok() {
                    idle.lock().unwrap_or_else(PoisonError::into_inner).push((made, connection));
                }
                result
            };
            match read() {
                // One that was just replaced is no damage.
                Err(cause) if file::is_damage(&cause) && !file::is_sound(&sound_at) => {
                    Err(DatabaseError::Damaged)
                }
                Err(cause) if file::is_trouble(&cause) => {
                    Err(DatabaseError::Unavailable(file::in_words(&file::OpenError::Database(cause)).0))
                }
                result => Ok(result?),
            }
        });
        reading.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
    }
}
