use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::file::{self, Open, OpenError, Place};
use super::health::{Health, News};
use super::queue::{Job, Queue};

/// Pause before a database that failed is tried again, doubled each time ...
const RETRY: Duration = Duration::from_millis(100);

/// ... up to this.
const RETRY_MOST: Duration = Duration::from_secs(2);

/// How often a database that has nothing to do is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long a scrub waits for readers.
const SCRUB: Duration = Duration::from_secs(5);

/// Attempts to write what waits when the relay ends.
const LAST_ATTEMPTS: u32 = 5;

/// The only one that writes.
pub(super) struct Writer {
    pub(super) place: Place,
    pub(super) queue: Arc<Queue>,
    pub(super) health: watch::Sender<Health>,
    pub(super) news: watch::Sender<News>,
}

/// Why a batch was not written.
enum Trouble {
    Database(rusqlite::Error),
    /// The file is not there any more.
    Gone,
}

impl Writer {
    /// Until the queue is closed and empty.
    pub(super) fn run(self) {
        let (mut pause, mut attempts) = (RETRY, 0);
        loop {
            match self.open() {
                Ok(open) => {
                    (pause, attempts) = (RETRY, 0);
                    if self.serve(open) {
                        return;
                    }
                }
                Err(cause) => self.down(&cause),
            }
            attempts += 1;
            if !self.queue.pause(pause) && attempts > LAST_ATTEMPTS {
                let lost = self.queue.len();
                if lost > 0 {
                    warn!(lost, "the relay ends with writes that its database did not take");
                }
                return;
            }
            pause = (pause * 2).min(RETRY_MOST);
        }
    }

    /// Opens the database; one that is damaged is set aside for a new one.
    fn open(&self) -> Result<Open, OpenError> {
        file::remove_leftovers(&self.place);
        match file::open(&self.place) {
            Err(OpenError::Database(cause)) if file::is_damage(&cause) => {
                self.set_aside(&cause)?;
                file::open(&self.place)
            }
            result => result,
        }
    }

    fn set_aside(&self, cause: &rusqlite::Error) -> Result<(), OpenError> {
        error!(%cause, "relay.db is damaged; it is set aside, and made again from the sessions' files");
        counter!("glasslink_relay_database_set_aside_total").increment(1);
        file::set_aside(&self.place)?;
        Ok(())
    }

    /// Writes what comes; `false` when the database has to be opened again.
    fn serve(&self, mut open: Open) -> bool {
        self.up(open.is_new);
        loop {
            let Some(mut jobs) = self.queue.take(LOOK) else {
                // Nobody writes any more: what is in the log beside the file goes into it.
                let _ = open.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
                return true;
            };
            match self.write(&mut open, &mut jobs) {
                Ok(()) => gauge!("glasslink_relay_database_queue").set(self.queue.len() as f64),
                Err(trouble) => {
                    self.dropped(self.queue.put_back(jobs));
                    drop(open);
                    match trouble {
                        Trouble::Gone => warn!("relay.db is gone; it is made again from the sessions' files"),
                        Trouble::Database(cause) if file::is_damage(&cause) => {
                            if let Err(error) = self.set_aside(&cause) {
                                self.down(&error);
                            }
                        }
                        Trouble::Database(cause) => self.down(&OpenError::Database(cause)),
                    }
                    return false;
                }
            }
        }
    }

    /// All of it, or nothing: what is refused for what it is, is told and left out.
    fn write(&self, open: &mut Open, jobs: &mut Vec<Job>) -> Result<(), Trouble> {
        if self.place.path.as_ref().is_some_and(|path| !open.is_at(path)) {
            return Err(Trouble::Gone);
        }
        if jobs.is_empty() {
            return if self.place.path.is_some() { touch(&open.connection) } else { Ok(()) };
        }
        let all = jobs.len();
        jobs.retain(|job| !matches!(job, Job::Suspect));
        if jobs.len() < all && self.place.path.as_ref().is_some_and(|path| !file::is_sound(path)) {
            return Err(Trouble::Database(file::damage()));
        }
        let started = Instant::now();
        let transaction = open
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Trouble::Database)?;
        let mut refused = Vec::new();
        for (index, job) in jobs.iter_mut().enumerate() {
            let Job::Work { work, .. } = job else { continue };
            if let Err(cause) = attempt(&transaction, work).map_err(Trouble::Database)? {
                counter!("glasslink_relay_database_refused_total").increment(1);
                warn!(%cause, "the database refused a write");
                refused.push((index, cause));
            }
        }
        transaction.commit().map_err(Trouble::Database)?;
        let mut refused = refused.into_iter().peekable();
        let mut scrubs = Vec::new();
        for (index, job) in jobs.drain(..).enumerate() {
            let result = refused.next_if(|(at, _)| *at == index).map_or(Ok(()), |(_, cause)| Err(cause));
            match job {
                Job::Work { done: Some(done), .. } => drop(done.send(result)),
                Job::Scrub(done) => scrubs.push(done),
                Job::Work { done: None, .. } | Job::Suspect => {}
            }
        }
        histogram!("glasslink_relay_database_write_seconds").record(started.elapsed());
        if !scrubs.is_empty() {
            let scrubbed = scrub(&open.connection);
            for done in scrubs {
                let busy = || failure(rusqlite::ffi::SQLITE_BUSY, "somebody reads what was deleted");
                let _ = done.send(if scrubbed { Ok(()) } else { Err(busy()) });
            }
        }
        Ok(())
    }

    fn up(&self, is_new: bool) {
        let was = self.health.send_replace(Health::Up);
        gauge!("glasslink_relay_database_up").set(1.0);
        let healed = matches!(was, Health::Down { .. });
        if healed {
            info!("the database takes writes again");
        }
        self.news.send_modify(|news| {
            news.made += u64::from(is_new);
            news.healed += u64::from(healed);
        });
    }

    fn down(&self, cause: &OpenError) {
        gauge!("glasslink_relay_database_up").set(0.0);
        let (reason, remedy) = file::in_words(cause);
        let down = Health::Down { reason, remedy: remedy.to_owned() };
        self.health.send_if_modified(|health| {
            let changed = *health != down;
            if changed {
                warn!(%cause, remedy, "the database takes nothing; writes wait");
                *health = down;
            }
            changed
        });
    }

    fn dropped(&self, nothing: bool) {
        if !nothing {
            let dropped = self.queue.dropped();
            self.news.send_modify(|news| news.dropped = dropped);
        }
    }
}

/// Runs one job by itself: `Ok(Err(_))` if it is refused for what it is, and all it did is undone.
fn attempt(
    connection: &Connection,
    work: &mut super::queue::Work,
) -> rusqlite::Result<Result<(), rusqlite::Error>> {
    connection.execute_batch("SAVEPOINT job")?;
    let worked = catch_unwind(AssertUnwindSafe(|| work(connection)));
    let cause = match worked {
        Ok(Ok(())) => {
            connection.execute_batch("RELEASE job")?;
            return Ok(Ok(()));
        }
        Ok(Err(cause)) if file::is_trouble(&cause) => return Err(cause),
        Ok(Err(cause)) => cause,
        Err(_) => failure(rusqlite::ffi::SQLITE_MISUSE, "the write panicked"),
    };
    connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
    Ok(Err(cause))
}

/// Whether the database still answers.
fn touch(connection: &Connection) -> Result<(), Trouble> {
    connection.query_row("PRAGMA user_version", [], |_| Ok(())).map_err(Trouble::Database)
}

/// What is deleted is overwritten in the database; the log beside it goes back to nothing.
fn scrub(connection: &Connection) -> bool {
    let until = Instant::now() + SCRUB;
    loop {
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if busy.is_ok_and(|busy| busy == 0) {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn failure(code: i32, message: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(message.to_owned()))
}
