use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use glasslink_asr::EngineError;
use glasslink_protocol::{EventNumber, Final, FrameIndex, SessionId, StreamId, TranscriptEvent};
use tokio::sync::mpsc;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::limits::{ATTEMPTS, HEARTBEAT, STUCK};
use super::now_ms;
use super::rows::{self, Job, Kind, Outcome, Progress};
use crate::catalog::Found;
use crate::shared::Shared;
use crate::speech::{Fed, Heard, Said, Transcription, Wants};
use crate::store::{Restored, Store, contents, look};

/// One attempt at a job.
pub(super) struct Worker<'a> {
    shared: &'a Arc<Shared>,
    job: Job,
    /// Its number among the engines' streams.
    key: u64,
    /// Engines that failed it.
    avoided: Vec<usize>,
    progress: Progress,
    told: Instant,
}

/// Why an attempt stops.
enum Stop {
    /// The job is somebody else's by now, or nobody's.
    NotOurs,
    Outcome(Outcome),
}

/// A stretch of a stream.
struct Stretch {
    transcription: Transcription,
    stream: StreamId,
    from: FrameIndex,
    to: FrameIndex,
}

impl Wants for Worker<'_> {
    fn key(&self) -> u64 {
        self.key
    }

    fn avoids(&self, index: usize, _now: Instant) -> bool {
        let name = self.job.engine.as_deref();
        let is_another = name.is_some_and(|name| self.shared.speech.engine(index).name() != name);
        is_another || self.avoided.contains(&index)
    }
}

impl<'a> Worker<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, job: Job) -> Self {
        let key = shared.speech.new_stream();
        let progress = Progress { all_frames: job.all_frames, ..Progress::default() };
        Self { shared, job, key, avoided: Vec::new(), progress, told: Instant::now() }
    }

    /// `None` when the job is not this worker's any more.
    pub(super) async fn run(mut self) -> Option<Outcome> {
        match self.attempt().await {
            Ok(()) => Some(Outcome::Done),
            Err(Stop::Outcome(outcome)) => Some(outcome),
            Err(Stop::NotOurs) => None,
        }
    }

    async fn attempt(&mut self) -> Result<(), Stop> {
        // Its workers died without a word, and perhaps took the relay with them.
        if self.job.attempts > ATTEMPTS {
            return Err(failed("its workers died, one after the other"));
        }
        let (folder, mut found) = self.open().await?;
        let number = self.job.number;
        let settled = self.read(move |connection| rows::settled(connection, number)).await?;
        let settled: BTreeMap<_, _> = settled.into_iter().collect();
        let mut stretches = self.stretches(&found);
        self.progress.all_frames = stretches.iter().map(|stretch| stretch.to.since(stretch.from)).sum();
        for stretch in &mut stretches {
            let from = settled.get(&stretch.stream).copied().unwrap_or(stretch.from).max(stretch.from);
            self.progress.done_frames += from.min(stretch.to).since(stretch.from);
            if from >= stretch.to {
                continue;
            }
            stretch.transcription.pass_over(from);
            self.transcribe(stretch, &mut found.store).await?;
        }
        self.tell().await?;
        if self.job.kind == Kind::CatchUp {
            let ends = stretches.into_iter().map(|stretch| (stretch.stream, stretch.to)).collect();
            self.write_down(folder, found, ends).await?;
        }
        Ok(())
    }

    /// Its files, and the name of their folder.
    async fn open(&self) -> Result<(String, Restored), Stop> {
        let Some(data) = self.shared.data.clone() else { return Err(impossible("the relay keeps no files")) };
        let (session, epoch) = (self.job.session, self.job.epoch);
        let found = spawn_blocking(move || data.archived_session(session, epoch)).await;
        match found {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(impossible("the session's files are gone")),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// What is to be transcribed.
    fn stretches(&self, found: &Restored) -> Vec<Stretch> {
        let stretches = found.link.streams.iter().filter_map(|stream| {
            let (id, format) = (stream.start.stream, stream.start.format);
            let (from, to) = match self.job.kind {
                Kind::CatchUp => (found.settled.get(&id).copied().unwrap_or(stream.transcribed), stream.kept),
                Kind::Again => {
                    let at = |ms: u64| stream.start.from + format.frames_in(Duration::from_millis(ms));
                    let to = self.job.to_ms.map_or(stream.kept, |to| at(to).min(stream.kept));
                    (at(self.job.from_ms), to)
                }
            };
            let mut transcription = Transcription::new(id, format, from);
            transcription.end(to);
            let wanted = from < to && transcription.is_decodable();
            wanted.then_some(Stretch { transcription, stream: id, from, to })
        });
        stretches.collect()
    }

    /// One stretch, by whichever engine does it.
    async fn transcribe(&mut self, stretch: &mut Stretch, store: &mut dyn Store) -> Result<(), Stop> {
        let before = self.progress.done_frames;
        loop {
            let speech = self.shared.speech.clone();
            let Some(engine) = speech.choose(self, self.job.remote) else {
                return Err(Stop::Outcome(Outcome::NoEngine));
            };
            speech.asked(engine, self.key);
            let result = self.with(engine, stretch, store, before).await;
            speech.left(engine, self.key);
            stretch.transcription.stop();
            match result? {
                Ok(()) => return Ok(()),
                Err(error) => {
                    warn!(%error, "a job's engine failed");
                    speech.failed(engine, self.key, &error);
                    self.avoided.push(engine);
                    // What it is about may be the audio: that counts, if no other engine can do it.
                    let is_it_the_audio = matches!(error, EngineError::Failed { .. });
                    if is_it_the_audio && speech.choose(self, self.job.remote).is_none() {
                        return Err(failed(error.to_string()));
                    }
                }
            }
        }
    }

    async fn with(
        &mut self,
        engine: usize,
        stretch: &mut Stretch,
        store: &mut dyn Store,
        before: u64,
    ) -> Result<Result<(), EngineError>, Stop> {
        let (heard_by, mut heard) = mpsc::unbounded_channel::<Box<Heard>>();
        let start = stretch.transcription.settled();
        let opened =
            stretch.transcription.open_in_background(self.shared.speech.engine(engine), &heard_by, store);
        if let Err(error) = opened {
            return Ok(Err(error));
        }
        let mut stuck = Instant::now() + STUCK;
        let first_part = start.since(stretch.from);
        while !stretch.transcription.is_done() {
            let fed = stretch.transcription.feed(store);
            let next = if fed == Fed::Enough {
                let until = stuck.min(self.told + HEARTBEAT);
                match timeout_at(until, heard.recv()).await {
                    Ok(event) => event,
                    Err(_) if Instant::now() >= stuck => {
                        return Ok(Err(EngineError::TimedOut { after: STUCK }));
                    }
                    Err(_) => None,
                }
            } else {
                // Sessions that are alive go first.
                yield_now().await;
                heard.try_recv().ok()
            };
            let said = next.map(|heard| stretch.transcription.hear(heard.recognition, heard.event));
            match said {
                Some(Said::Final(said)) if said.from < stretch.to => {
                    stuck = Instant::now() + STUCK;
                    self.shared.speech.worked(engine, true);
                    self.progress.finals.push(said);
                }
                Some(Said::Transcribed(to)) => {
                    stuck = Instant::now() + STUCK;
                    self.shared.speech.worked(engine, false);
                    let to = to.min(stretch.to);
                    self.progress.settled = Some((stretch.stream, to));
                    let parts = to.since(stretch.from).saturating_sub(first_part);
                    self.progress.done_frames = before + parts;
                }
                Some(Said::Failed(error)) => return Ok(Err(error)),
                _ => {}
            }
            if self.told.elapsed() >= HEARTBEAT {
                self.tell().await?;
            }
        }
        self.progress.settled = Some((stretch.stream, stretch.to));
        self.progress.done_frames = before + stretch.to.since(start);
        self.tell().await?;
        Ok(Ok(()))
    }

    /// Writes down what was heard, and that somebody works on it.
    async fn tell(&mut self) -> Result<(), Stop> {
        let (number, holder, progress) = (self.job.number, self.shared.jobs.holder, self.progress.clone());
        let told = self
            .shared
            .jobs
            .database
            .call(move |connection| rows::heard_of(connection, number, holder, &progress, now_ms()));
        match told.await {
            Ok(true) => {
                self.progress.finals.clear();
                self.told = Instant::now();
                Ok(())
            }
            Ok(false) => Err(Stop::NotOurs),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Puts what was heard into the session's transcript.
    async fn write_down(
        &self,
        folder: String,
        mut found: Restored,
        ends: Vec<(StreamId, FrameIndex)>,
    ) -> Result<(), Stop> {
        let number = self.job.number;
        let finals = self.read(move |connection| rows::finals(connection, number)).await?;
        let written = spawn_blocking(move || {
            let next = found.link.first_event.0 + found.link.events.len() as u64;
            let is_new = |said: &Final| {
                let settled = found.settled.get(&said.stream).copied().unwrap_or_default();
                said.from >= settled
            };
            for (said, number) in finals.into_iter().filter(is_new).zip(next..) {
                found.store.event(EventNumber(number), &TranscriptEvent::Final(said));
            }
            // What is before these marks is settled, so that nobody does it again.
            for (stream, to) in ends {
                found.store.release(stream, to);
            }
            found.store.retry_at().is_none()
        });
        if !written.await.map_err(|error| failed(error.to_string()))? {
            return Err(failed("the disk takes nothing"));
        }
        let told = read_again(self.shared, self.job.session, folder.clone()).await;
        let told = told.ok_or_else(|| impossible("the session's files are gone"))?;
        let restored = self.shared.catalog.restore(told, Some(folder)).await;
        restored.map_err(|error| failed(error.to_string()))
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Stop> {
        self.shared.jobs.database.call(work).await.map_err(|error| failed(error.to_string()))
    }
}

/// What a session's files tell now.
async fn read_again(shared: &Arc<Shared>, session: SessionId, folder: String) -> Option<Found> {
    let data = Arc::clone(shared.data.as_ref()?);
    let read = spawn_blocking(move || {
        let log = look(&data.folder(session, Some(&folder)))?;
        contents(&log)
    });
    read.await.ok()?.ok()
}

fn failed(why: impl Into<String>) -> Stop {
    Stop::Outcome(Outcome::Failed(why.into()))
}

fn impossible(why: &str) -> Stop {
    Stop::Outcome(Outcome::Impossible(why.to_owned()))
}
