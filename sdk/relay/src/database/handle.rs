use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::error::DatabaseError;
use super::file::Place;
use super::health::{Health, News};
use super::queue::{Job, Queue};
use super::readers::Readers;
use super::writer::Writer;

/// How long whoever waits for an answer waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a start waits for the database, before it goes on without.
const START: Duration = Duration::from_secs(2);

/// The relay's database. Dropped, it writes what waits and ends.
pub(crate) struct Database {
    queue: Arc<Queue>,
    pub(super) health: watch::Receiver<Health>,
    news: watch::Sender<News>,
    /// In memory without: then the writer reads, too.
    readers: Option<Readers>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Database {
    /// The database of a data folder, or one in memory. Whether it can be opened, [`Database::health`] says.
    pub(crate) async fn open(data: Option<&Path>) -> Self {
        let path = data.map(|data| data.join("relay.db"));
        let place = Place { path: path.clone(), damaged: data.map(|data| data.join("damaged")) };
        let queue = Arc::new(Queue::default());
        let (health_told, mut health) = watch::channel(Health::Opening);
        let news = watch::Sender::new(News::default());
        let writer = Writer { place, queue: Arc::clone(&queue), health: health_told, news: news.clone() };
        let thread = std::thread::Builder::new().name("relay.db".to_owned()).spawn(move || writer.run());
        if let Err(error) = &thread {
            tracing::error!(%error, "the database has no thread; nothing is written to it");
            queue.close();
        }
        let _ = timeout(START, health.wait_for(|health| *health != Health::Opening)).await;
        let readers = path.map(Readers::new);
        Self { queue, health, news, readers, thread: Mutex::new(thread.ok()) }
    }

    /// Writes some time, in order, all of it or nothing; never blocks. `work` may be run again, when its transaction
    /// failed. `bytes`: what it holds in memory until then.
    pub(crate) fn write(
        &self,
        bytes: usize,
        work: impl FnMut(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) {
        self.push(Job::Work { bytes, work: Box::new(work), done: None });
    }

    /// Writes, behind everything that waits already, and gives what `work` gave once it is committed. Not for long:
    /// whoever gets [`DatabaseError::Unavailable`] does not know whether it is written later.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (done, committed) = oneshot::channel();
        let given = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&given);
        let work = move |connection: &Connection| {
            let value = work(connection)?;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            Ok(())
        };
        self.push(Job::Work { bytes: 0, work: Box::new(work), done: Some(done) });
        self.answered(committed).await?;
        let value = given.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| self.unavailable())
    }

    /// Reads, at once; what was written before may not be there yet.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let Some(readers) = &self.readers else {
            let mut work = Some(work);
            let value = self.call(move |connection| work.take().map(|work| work(connection)).transpose());
            return value.await?.ok_or_else(|| self.unavailable());
        };
        let made = self.news.borrow().made;
        let result = readers.read(made, work).await;
        if matches!(result, Err(DatabaseError::Damaged)) {
            // The writer has its own view, and sees it much later.
            self.push(Job::Suspect);
        }
        result
    }

    /// Leaves nothing of what was deleted in the files.
    pub(crate) async fn scrub(&self) -> Result<(), DatabaseError> {
        let (done, scrubbed) = oneshot::channel();
        self.push(Job::Scrub(done));
        self.answered(scrubbed).await
    }

    pub(crate) fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    /// Changes when tables may not have what they should.
    pub(crate) fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    /// Writes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Writes what waits, as far as it can, and ends.
    pub(crate) async fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = spawn_blocking(|| thread.join()).await;
        }
    }

    fn push(&self, job: Job) {
        if !self.queue.push(job) {
            let dropped = self.queue.dropped();
            self.news.send_modify(|news| news.dropped = dropped);
        }
    }

    async fn answered(&self, answer: oneshot::Receiver<rusqlite::Result<()>>) -> Result<(), DatabaseError> {
        // One that is down stays so for a while: nobody is kept waiting for it.
        let mut health = self.health.clone();
        let answer = tokio::select! {
            answer = timeout(PATIENCE, answer) => answer,
            _ = health.wait_for(|health| matches!(health, Health::Down { .. })) => return Err(self.unavailable()),
        };
        match answer {
            Ok(Ok(result)) => Ok(result?),
            _ => Err(self.unavailable()),
        }
    }

    fn unavailable(&self) -> DatabaseError {
        DatabaseError::Unavailable(match self.health() {
            Health::Down { reason, .. } => reason,
            Health::Opening => "it is being opened".to_owned(),
            Health::Up => "too much waits to be written".to_owned(),
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.queue.close();
    }
}
