//! Leases, retries and poison, in the tables.

use rusqlite::Connection;

use super::limits::{ATTEMPTS, LEASE, RETRY};
use super::rows::{self, Job, Kind, NewJob, Outcome, Progress, State};
use super::*;

const NOW: i64 = 1_700_000_000_000;
/// Two lives of a relay.
const ONE: i64 = 1;
const TWO: i64 = 2;

fn tables() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for migration in [
        include_str!("../database/migrations/001_sessions.sql"),
        include_str!("../database/migrations/002_jobs.sql"),
    ] {
        connection.execute_batch(migration).unwrap();
    }
    connection
}

fn new(session: u128, kind: Kind) -> NewJob {
    NewJob {
        session: SessionId(session),
        epoch: Epoch(1),
        owner: "owner".into(),
        kind,
        engine: None,
        remote: false,
        from_ms: 0,
        to_ms: None,
        frames: 100,
    }
}

fn add(connection: &Connection, session: u128) -> i64 {
    rows::add(connection, &new(session, Kind::CatchUp), NOW).unwrap()
}

fn claim(connection: &Connection, holder: i64, now: i64) -> Option<Job> {
    rows::claim(connection, holder, now).unwrap().map(|(job, _)| job)
}

fn lease() -> i64 {
    LEASE.as_millis() as i64
}

fn failed() -> Outcome {
    Outcome::Failed("as the test wants".into())
}

#[test]
fn a_job_is_one_workers_at_a_time() {
    let tables = tables();
    let number = add(&tables, 1);
    assert_eq!(claim(&tables, ONE, NOW).unwrap().number, number);
    assert_eq!(claim(&tables, ONE, NOW + lease() - 1), None);
}

#[test]
fn a_worker_that_is_stuck_is_found_and_its_job_taken_up_where_it_was() {
    let tables = tables();
    let number = add(&tables, 1);
    claim(&tables, ONE, NOW).unwrap();
    let progress = Progress {
        settled: Some((glasslink_protocol::StreamId(1), glasslink_protocol::FrameIndex(40))),
        done_frames: 40,
        all_frames: 100,
        ..Progress::default()
    };
    assert!(rows::heard_of(&tables, number, ONE, &progress, NOW + 1_000).unwrap());
    assert_eq!(claim(&tables, ONE, NOW + lease()), None, "it was heard of");
    let (job, was_stuck) = rows::claim(&tables, ONE, NOW + 1_001 + lease()).unwrap().unwrap();
    assert!(was_stuck);
    assert_eq!((job.number, job.done_frames), (number, 40));
    let settled = rows::settled(&tables, number).unwrap();
    assert_eq!(settled, [(glasslink_protocol::StreamId(1), glasslink_protocol::FrameIndex(40))]);
}

#[test]
fn what_another_life_of_the_relay_had_is_taken_up_at_once_and_a_late_worker_changes_nothing() {
    let tables = tables();
    let number = add(&tables, 1);
    claim(&tables, ONE, NOW).unwrap();
    assert_eq!(claim(&tables, TWO, NOW + 1).unwrap().number, number);
    assert!(!rows::heard_of(&tables, number, ONE, &Progress::default(), NOW + 2).unwrap());
    assert_eq!(rows::ended(&tables, number, ONE, &Outcome::Done, NOW + 2).unwrap(), None);
    assert_eq!(rows::find(&tables, number).unwrap().unwrap().state, State::Leased);
}

#[test]
fn a_job_that_fails_is_tried_again_later_and_later() {
    let tables = tables();
    let number = add(&tables, 1);
    let pause = |attempt: i64| RETRY.as_millis() as i64 * attempt;
    claim(&tables, ONE, NOW).unwrap();
    assert_eq!(rows::ended(&tables, number, ONE, &failed(), NOW).unwrap(), Some(State::Waiting));
    assert_eq!(claim(&tables, ONE, NOW + pause(1) - 1), None);
    let later = NOW + 2 * pause(1);
    claim(&tables, ONE, later).unwrap();
    rows::ended(&tables, number, ONE, &failed(), later).unwrap();
    assert_eq!(claim(&tables, ONE, later + pause(2) - 1), None);
    assert!(claim(&tables, ONE, later + 2 * pause(2)).is_some());
}

#[test]
fn a_job_that_gets_nowhere_three_times_is_set_aside_and_says_why() {
    let tables = tables();
    let (number, mut now) = (add(&tables, 1), NOW);
    for attempt in 1..=ATTEMPTS {
        assert_eq!(claim(&tables, ONE, now).unwrap().attempts, attempt);
        rows::ended(&tables, number, ONE, &failed(), now).unwrap();
        now += 3_600_000;
    }
    let job = rows::find(&tables, number).unwrap().unwrap();
    assert_eq!((job.state, job.error.as_deref()), (State::Poisoned, Some("as the test wants")));
    assert_eq!(claim(&tables, ONE, now), None);
    assert_eq!(rows::counts(&tables).unwrap(), (0, 1));
    // Others are not held up.
    add(&tables, 2);
    assert!(claim(&tables, ONE, now).is_some());
}

#[test]
fn a_job_that_crashes_the_relay_three_times_is_not_begun_a_fourth_time_for_ever() {
    let tables = tables();
    let number = add(&tables, 1);
    for life in 1..=i64::from(ATTEMPTS) {
        claim(&tables, life, NOW + life).unwrap();
    }
    let job = claim(&tables, 9, NOW + 9).unwrap();
    assert!(job.attempts > ATTEMPTS);
    // Its worker looks at this first.
    assert_eq!(rows::ended(&tables, number, 9, &failed(), NOW + 9).unwrap(), Some(State::Poisoned));
}

#[test]
fn who_gets_somewhere_is_no_poison_and_neither_is_who_finds_no_engine() {
    let tables = tables();
    let (number, mut now) = (add(&tables, 1), NOW);
    for step in 1..=20 {
        claim(&tables, ONE, now).unwrap();
        let progress = Progress { done_frames: step, all_frames: 100, ..Progress::default() };
        assert!(rows::heard_of(&tables, number, ONE, &progress, now).unwrap());
        rows::ended(&tables, number, ONE, &failed(), now).unwrap();
        now += 3_600_000;
        claim(&tables, ONE, now).unwrap();
        rows::ended(&tables, number, ONE, &Outcome::NoEngine, now).unwrap();
        now += 3_600_000;
    }
    assert_eq!(rows::find(&tables, number).unwrap().unwrap().state, State::Waiting);
}

#[test]
fn a_session_is_caught_up_with_once_and_asked_for_as_often_as_people_like() {
    let tables = tables();
    let first = add(&tables, 1);
    assert_eq!(add(&tables, 1), first);
    let again = || rows::add(&tables, &new(1, Kind::Again), NOW).unwrap();
    assert_ne!(again(), again());
    claim(&tables, ONE, NOW).unwrap();
    rows::ended(&tables, first, ONE, &Outcome::Done, NOW).unwrap();
    assert_ne!(add(&tables, 1), first);
}

#[test]
fn what_is_deleted_of_a_session_is_deleted_of_its_jobs() {
    let tables = tables();
    tables
        .execute(
            "INSERT INTO sessions VALUES (?1, 1, 'owner', 'over', 1, 0, 0, 0, '', '', NULL)",
            [1_u128.to_be_bytes()],
        )
        .unwrap();
    let number = add(&tables, 1);
    claim(&tables, ONE, NOW).unwrap();
    let said = glasslink_protocol::Final {
        stream: glasslink_protocol::StreamId(1),
        from: glasslink_protocol::FrameIndex(0),
        to: glasslink_protocol::FrameIndex(9),
        text: "secret".into(),
        words: Vec::new(),
    };
    let progress = Progress { finals: vec![said], ..Progress::default() };
    assert!(rows::heard_of(&tables, number, ONE, &progress, NOW).unwrap());
    tables.execute("DELETE FROM sessions", []).unwrap();
    assert_eq!(rows::find(&tables, number).unwrap(), None);
    assert!(rows::finals(&tables, number).unwrap().is_empty());
    assert!(!rows::heard_of(&tables, number, ONE, &progress, NOW).unwrap(), "and its worker stops");
}
