//! An engine that hears a word in every second of audio. It has no threads, so that paused clocks can be trusted: it
//! speaks while it is spoken to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use glasslink_asr::{
    Engine, EngineError, EngineEvent, EventSink, FinalText, MAX_PENDING, Recognition, SAMPLE_RATE, WordTime,
};

const SECOND: u64 = SAMPLE_RATE as u64;

#[derive(Default)]
pub struct FakeEngine {
    state: Arc<Mutex<State>>,
    name: Option<&'static str>,
    host: Option<&'static str>,
}

#[derive(Default)]
struct State {
    missing: bool,
    /// It listens, and says nothing.
    shut: bool,
    /// Recognitions fail when they come to this position; 0: never.
    poison: u64,
    /// Loading fails with this.
    load: Option<EngineError>,
    /// Recognitions fail with this on the next audio.
    failure: Option<EngineError>,
    /// Samples it was ever given.
    heard: u64,
    /// Recognitions that were opened in the background, those there are now, and the most there were.
    background: usize,
    open: usize,
    most: usize,
    opened: usize,
    lanes: Vec<Arc<Mutex<Lane>>>,
}

impl FakeEngine {
    pub fn not_installed() -> Arc<Self> {
        let engine = Self::default();
        engine.state().missing = true;
        Arc::new(engine)
    }

    /// On the relay's machine.
    pub fn called(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name: Some(name), ..Self::default() })
    }

    /// On another machine.
    pub fn at(name: &'static str, host: &'static str) -> Arc<Self> {
        Arc::new(Self { name: Some(name), host: Some(host), ..Self::default() })
    }

    /// Loading it fails from now on.
    pub fn loads_with(&self, error: Option<EngineError>) {
        self.state().load = error;
    }

    /// Its recognitions fail from now on, those that are open too.
    pub fn fails_with(&self, error: Option<EngineError>) {
        self.state().failure = error;
    }

    /// Recognitions that were opened in the background.
    pub fn background(&self) -> usize {
        self.state().background
    }

    /// The most recognitions there were at once.
    pub fn most_at_once(&self) -> usize {
        self.state().most
    }

    /// Samples it was ever given.
    pub fn heard(&self) -> u64 {
        self.state().heard
    }

    pub fn uninstall(&self) {
        self.state().missing = true;
    }

    pub fn install(&self) {
        self.state().missing = false;
    }

    pub fn shut(&self) {
        self.state().shut = true;
    }

    pub fn open_gate(&self) {
        self.state().shut = false;
        let lanes = self.state().lanes.clone();
        for lane in lanes {
            lane.lock().unwrap().work(&self.state);
        }
    }

    pub fn fail_at(&self, position: u64) {
        self.state().poison = position;
    }

    /// How many recognitions were opened.
    pub fn opened(&self) -> usize {
        self.state().opened
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Engine for FakeEngine {
    fn name(&self) -> &'static str {
        self.name.unwrap_or("fake")
    }

    fn host(&self) -> Option<&str> {
        self.host
    }

    fn load(&self) -> Result<(), EngineError> {
        if self.state().missing {
            let remedy = "run `glasslink-relay model install`".into();
            return Err(EngineError::NotInstalled { missing: "model".into(), remedy });
        }
        self.state().load.clone().map_or(Ok(()), Err)
    }

    fn open_in_background(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        self.state().background += 1;
        self.open(events)
    }

    fn open(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        if self.state().missing {
            self.load()?;
        }
        let lane = Lane {
            events,
            commands: VecDeque::new(),
            offered: 0,
            position: 0,
            voiced_from: 0,
            failed: false,
        };
        let lane = Arc::new(Mutex::new(lane));
        let mut state = self.state();
        state.opened += 1;
        state.open += 1;
        state.most = state.most.max(state.open);
        state.lanes.push(Arc::clone(&lane));
        Ok(Box::new(FakeRecognition { engine: Arc::clone(&self.state), lane }))
    }
}

enum Command {
    Push(u64),
    Skip(u64),
    Finish,
}

struct Lane {
    events: EventSink,
    commands: VecDeque<Command>,
    /// Everything pushed and skipped.
    offered: u64,
    /// What of it was looked at.
    position: u64,
    voiced_from: u64,
    failed: bool,
}

impl Lane {
    fn work(&mut self, engine: &Mutex<State>) {
        while !self.failed {
            let (shut, poison, failure) = {
                let state = engine.lock().unwrap();
                (state.shut, state.poison, state.failure.clone())
            };
            let Some(command) = (!shut).then(|| self.commands.pop_front()).flatten() else { return };
            match command {
                Command::Push(samples) => {
                    self.position += samples;
                    engine.lock().unwrap().heard += samples;
                    if let Some(error) = failure {
                        self.failed = true;
                        (self.events)(EngineEvent::Failed(error));
                        return;
                    }
                    if poison > 0 && self.position >= poison {
                        self.failed = true;
                        (self.events)(EngineEvent::Failed(EngineError::Failed { detail: "poison".into() }));
                        return;
                    }
                    while self.position - self.voiced_from >= SECOND {
                        self.say(self.voiced_from + SECOND);
                    }
                    let from = self.voiced_from;
                    (self.events)(EngineEvent::Partial { from, revision: 1, text: "sec".into() });
                }
                Command::Skip(samples) => {
                    self.say(self.position);
                    self.position += samples;
                    self.voiced_from = self.position;
                }
                Command::Finish => self.say(self.position),
            }
            (self.events)(EngineEvent::Transcribed { to: self.voiced_from });
        }
    }

    fn say(&mut self, to: u64) {
        let from = std::mem::replace(&mut self.voiced_from, to);
        if to > from {
            let middle = from.midpoint(to);
            let word = |text: &str, from, to| WordTime { text: text.into(), from, to, estimated: false };
            let number = (from / SECOND).to_string();
            let words = vec![word("second", from, middle), word(&number, middle, to)];
            (self.events)(EngineEvent::Final(FinalText {
                from,
                to,
                text: format!("second {number}"),
                words,
            }));
        }
    }
}

struct FakeRecognition {
    engine: Arc<Mutex<State>>,
    lane: Arc<Mutex<Lane>>,
}

impl Drop for FakeRecognition {
    fn drop(&mut self) {
        self.engine.lock().unwrap().open -= 1;
    }
}

impl FakeRecognition {
    fn command(&self, command: Command) {
        let mut lane = self.lane.lock().unwrap();
        if let Command::Push(samples) | Command::Skip(samples) = command {
            lane.offered += samples;
        }
        lane.commands.push_back(command);
        lane.work(&self.engine);
    }
}

impl Recognition for FakeRecognition {
    fn push(&mut self, pcm: &[i16]) -> usize {
        let taken = pcm.len().min(MAX_PENDING.saturating_sub(self.pending()) as usize);
        if taken > 0 {
            self.command(Command::Push(taken as u64));
        }
        taken
    }

    fn skip(&mut self, samples: u64) {
        self.command(Command::Skip(samples));
    }

    fn finish(&mut self) {
        self.command(Command::Finish);
    }

    fn pending(&self) -> u64 {
        let lane = self.lane.lock().unwrap();
        lane.offered - lane.voiced_from
    }
}
