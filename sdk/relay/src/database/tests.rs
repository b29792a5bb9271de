//! Databases that are down, locked, full, damaged or gone. The clock is the real one: `SQLite` knows no other.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::timeout;

use super::queue::MOST_JOBS;
use super::{Database, DatabaseError, Health};

/// Longer than anything here takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("damaged")).unwrap();
    folder
}

async fn open(folder: &TempDir) -> Database {
    let database = Database::open(Some(folder.path())).await;
    is(&database, Health::is_up).await;
    database
}

async fn is(database: &Database, wanted: impl Fn(&Health) -> bool) {
    let mut health = database.health.clone();
    timeout(PATIENCE, health.wait_for(wanted)).await.expect("the health changes").unwrap();
}

async fn is_down_for(database: &Database, reason: &str) {
    is(database, |health| matches!(health, Health::Down { reason: said, .. } if said.contains(reason))).await;
}

fn note(database: &Database, version: i64) {
    database.write(100, move |connection| {
        let sql = "INSERT INTO changes VALUES (x'00', 1, ?1, 0, 'noted', '')";
        connection.execute(sql, [version]).map(drop)
    });
}

/// The notes there are, once everything before is written.
async fn notes(database: &Database) -> Vec<i64> {
    let read = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT version FROM changes ORDER BY version")?;
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()
    };
    database.call(|_| Ok(())).await.unwrap();
    database.read(read).await.unwrap()
}

fn other(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("relay.db")).unwrap()
}

fn set_aside(folder: &Path) -> usize {
    let names = fs::read_dir(folder.join("damaged")).unwrap();
    names.filter(|name| name.as_ref().unwrap().file_name().to_str().unwrap().ends_with("-relay.db")).count()
}

#[tokio::test]
async fn what_is_written_is_read_in_order_and_by_the_next_relay() {
    let folder = folder();
    let database = open(&folder).await;
    (1..=3_000).for_each(|version| note(&database, version));
    assert_eq!(notes(&database).await, (1..=3_000).collect::<Vec<_>>());
    note(&database, 3_001);
    database.close().await;
    assert_eq!(notes(&open(&folder).await).await.len(), 3_001, "what waits is written before the end");
}

#[tokio::test]
async fn a_database_in_memory_is_read_and_written_alike() {
    let database = Database::open(None).await;
    note(&database, 1);
    assert_eq!(notes(&database).await, [1]);
}

#[tokio::test]
async fn while_another_program_holds_the_database_writes_wait_and_nothing_is_lost() {
    let folder = folder();
    let database = open(&folder).await;
    let other = other(&folder);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    note(&database, 1);
    is_down_for(&database, "another program").await;
    note(&database, 2);
    let refused = database.call(|_| Ok(())).await;
    assert!(matches!(refused, Err(DatabaseError::Unavailable(_))), "{refused:?}");
    other.execute_batch("ROLLBACK").unwrap();
    is(&database, Health::is_up).await;
    assert_eq!(notes(&database).await, [1, 2]);
    assert_eq!(database.news().borrow().healed, 1);
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_half_written_and_heals() {
    let folder = folder();
    let database = open(&folder).await;
    note(&database, 1);
    assert_eq!(notes(&database).await, [1]);
    // As the disk: no page more than there are. A database that is opened again has room again.
    let full = |connection: &Connection| {
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
    };
    database.call(full).await.unwrap();
    let mut news = database.news();
    news.mark_unchanged();
    database.write(100, |connection| {
        let sql = "INSERT INTO changes VALUES (x'00', 1, ?1, 0, 'noted', hex(zeroblob(2000)))";
        (2..=60).try_for_each(|version: i64| connection.execute(sql, [version]).map(drop))
    });
    timeout(PATIENCE, news.wait_for(|news| news.healed == 1)).await.unwrap().unwrap();
    assert_eq!(notes(&database).await, (1..=60).collect::<Vec<_>>(), "all of it, once, after it healed");
    let words = super::file::in_words(&super::file::OpenError::Database(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
        None,
    )));
    assert!(words.0.contains("disk is full") && words.1.contains("make room"), "{words:?}");
}

#[tokio::test]
async fn a_database_that_is_damaged_at_the_start_is_set_aside_and_made_again() {
    let folder = folder();
    fs::write(folder.path().join("relay.db"), "this is no database".repeat(1000)).unwrap();
    let database = open(&folder).await;
    note(&database, 1);
    assert_eq!(notes(&database).await, [1]);
    assert_eq!((set_aside(folder.path()), database.news().borrow().made), (1, 1));
}

#[tokio::test]
async fn a_database_that_is_damaged_at_runtime_is_set_aside_and_made_again() {
    let folder = folder();
    let database = open(&folder).await;
    note(&database, 1);
    database.call(|_| Ok(())).await.unwrap();
    // Everything but the name of the file is wrong.
    for suffix in ["", "-wal"] {
        let path = folder.path().join(format!("relay.db{suffix}"));
        let size = fs::metadata(&path).unwrap().len() as usize;
        fs::write(&path, vec![0xaa; size]).unwrap();
    }
    let mut news = database.news();
    let read = |connection: &Connection| connection.query_row("SELECT count(*) FROM changes", [], |_| Ok(()));
    let refused = database.read(read).await;
    assert!(matches!(refused, Err(DatabaseError::Damaged)), "{refused:?}");
    timeout(PATIENCE, news.wait_for(|news| news.made == 2)).await.unwrap().unwrap();
    note(&database, 2);
    assert_eq!(notes(&database).await, [2]);
    assert_eq!(set_aside(folder.path()), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_database_that_is_deleted_at_runtime_is_made_again() {
    let folder = folder();
    let database = open(&folder).await;
    note(&database, 1);
    assert_eq!(notes(&database).await, [1]);
    fs::remove_file(folder.path().join("relay.db")).unwrap();
    let mut news = database.news();
    note(&database, 2);
    timeout(PATIENCE, news.wait_for(|news| news.made == 2)).await.unwrap().unwrap();
    assert_eq!(notes(&database).await, [2], "who has tables fills them from what is true");
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_at_the_start_is_told_and_heals() {
    let folder = folder();
    let path = folder.path().join("relay.db");
    fs::create_dir(&path).unwrap();
    let database = Database::open(Some(folder.path())).await;
    is(&database, |health| matches!(health, Health::Down { .. })).await;
    note(&database, 1);
    fs::remove_dir(&path).unwrap();
    is(&database, Health::is_up).await;
    assert_eq!(notes(&database).await, [1]);
}

#[tokio::test]
async fn a_database_of_a_newer_relay_is_left_alone() {
    let folder = folder();
    let other = other(&folder);
    other.pragma_update(None, "user_version", 1_000).unwrap();
    let database = Database::open(Some(folder.path())).await;
    is_down_for(&database, "version 1000").await;
    assert_eq!(set_aside(folder.path()), 0);
}

#[tokio::test]
async fn when_too_much_waits_the_oldest_goes_first_and_is_counted() {
    let folder = folder();
    let database = open(&folder).await;
    let other = other(&folder);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let most = i64::try_from(MOST_JOBS).unwrap();
    (1..=most + 10).for_each(|version| note(&database, version));
    is_down_for(&database, "another program").await;
    assert!(database.waiting() <= MOST_JOBS);
    // What is being tried may be out of the queue; it comes back.
    let mut news = database.news();
    timeout(PATIENCE, news.wait_for(|news| news.dropped == 10)).await.unwrap().unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    is(&database, Health::is_up).await;
    let mut health = Err(DatabaseError::Unavailable(String::new()));
    // It takes its time to write all of them.
    while health.is_err() {
        health = database.call(|_| Ok(())).await;
    }
    let notes = notes(&database).await;
    assert_eq!(notes.last(), Some(&(most + 10)));
    assert!(notes.len() as i64 >= most, "{}", notes.len());
}

#[tokio::test]
async fn a_write_that_is_refused_or_panics_takes_no_other_with_it() {
    let folder = folder();
    let database = open(&folder).await;
    note(&database, 1);
    note(&database, 1);
    database.write(0, |_| panic!("a bug"));
    let half = |connection: &Connection| {
        connection.execute("INSERT INTO changes VALUES (x'00', 1, 7, 0, '', '')", [])?;
        connection.execute("INSERT INTO nothing VALUES (1)", []).map(drop)
    };
    assert!(matches!(database.call(half).await, Err(DatabaseError::Refused(_))));
    note(&database, 2);
    assert_eq!(notes(&database).await, [1, 2]);
}
