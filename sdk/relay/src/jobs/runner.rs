use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use metrics::{counter, gauge};
use tokio::time::sleep;
use tracing::{Instrument, debug, info, info_span, warn};

use super::limits::{AT_ONCE, LOOK};
use super::now_ms;
use super::rows::{self, Job, Outcome, State};
use super::work::Worker;
use crate::shared::Shared;

/// Works on jobs until the relay stops. Without files there are none.
pub(crate) fn start(shared: &Arc<Shared>) {
    if shared.data.is_none() {
        return;
    }
    for _ in 0..AT_ONCE {
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let draining = shared.draining.clone();
            draining.run_until_cancelled(run(shared)).await;
        });
    }
}

async fn run(shared: Arc<Shared>) {
    let mut engines = shared.speech.status.clone();
    loop {
        engines.mark_unchanged();
        match next(&shared).await {
            Some(job) => {
                let session = job.session.to_string();
                let span = info_span!("job", number = job.number, session = &session[..8]);
                work(&shared, job).instrument(span).await;
            }
            None => {
                tokio::select! {
                    () = shared.jobs.news.notified() => {}
                    Ok(()) = engines.changed() => {}
                    () = sleep(LOOK) => {}
                }
            }
        }
    }
}

/// The next job that is due. With an engine that works, if any: without, nothing is begun.
async fn next(shared: &Arc<Shared>) -> Option<Job> {
    if !shared.speech.status.borrow().is_ready() {
        return None;
    }
    let (jobs, holder) = (&shared.jobs, shared.jobs.holder);
    let claimed = jobs.database.call(move |connection| {
        let claimed = rows::claim(connection, holder, now_ms())?;
        Ok((claimed, rows::counts(connection)?))
    });
    match claimed.await {
        Ok((claimed, (waiting, poisoned))) => {
            gauge!("glasslink_relay_jobs_waiting").set(waiting as f64);
            gauge!("glasslink_relay_jobs_poisoned").set(poisoned as f64);
            let (job, was_stuck) = claimed?;
            if was_stuck {
                warn!(
                    job = job.number,
                    attempts = job.attempts,
                    "a job's worker was not heard of; it is taken up again"
                );
                counter!("glasslink_relay_jobs_stuck_total").increment(1);
            }
            Some(job)
        }
        Err(error) => {
            debug!(%error, "no jobs");
            None
        }
    }
}

async fn work(shared: &Arc<Shared>, job: Job) {
    let number = job.number;
    let worker = Worker::new(shared, job);
    let outcome = AssertUnwindSafe(worker.run())
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Some(Outcome::Failed("the worker panicked".to_owned())));
    // Not its any more.
    let Some(outcome) = outcome else { return };
    let (told, holder) = (outcome.clone(), shared.jobs.holder);
    let ended =
        shared.jobs.database.call(move |connection| rows::ended(connection, number, holder, &told, now_ms()));
    match (ended.await, outcome) {
        (Ok(Some(State::Poisoned)), Outcome::Failed(error) | Outcome::Impossible(error)) => {
            warn!(job = number, error, "a job got nowhere and is set aside");
            counter!("glasslink_relay_jobs_total", "outcome" => "poisoned").increment(1);
        }
        (Ok(Some(State::Done)), _) => {
            info!(job = number, "job done");
            counter!("glasslink_relay_jobs_total", "outcome" => "done").increment(1);
        }
        (Ok(_), Outcome::Failed(error)) => {
            warn!(job = number, error, "a job failed and is tried again");
            counter!("glasslink_relay_jobs_total", "outcome" => "failed").increment(1);
        }
        (Ok(_), _) => {}
        // Its lease runs out.
        (Err(error), _) => debug!(%error, "a job's end is not written"),
    }
}
