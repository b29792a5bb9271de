//! An engine that hears a word in every second of audio, from a thread of its own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use glasslink_asr::{
    Engine, EngineError, EngineEvent, EventSink, FinalText, MAX_PENDING, Recognition, SAMPLE_RATE, WordTime,
};

const SECOND: u64 = SAMPLE_RATE as u64;

#[derive(Default)]
pub struct FakeEngine {
    missing: AtomicBool,
    gate: Arc<Gate>,
    /// Recognitions fail when they come to this position; 0: never.
    poison: Arc<AtomicU64>,
}

/// Holds the engine's threads while it is shut.
#[derive(Default)]
struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
}

impl FakeEngine {
    pub fn not_installed() -> Arc<Self> {
        let engine = Self::default();
        engine.missing.store(true, Ordering::SeqCst);
        Arc::new(engine)
    }

    pub fn install(&self) {
        self.missing.store(false, Ordering::SeqCst);
    }

    pub fn shut(&self) {
        *self.gate.shut.lock().unwrap() = true;
    }

    pub fn open_gate(&self) {
        *self.gate.shut.lock().unwrap() = false;
        self.gate.opened.notify_all();
    }

    pub fn fail_at(&self, position: u64) {
        self.poison.store(position, Ordering::SeqCst);
    }
}

impl Engine for FakeEngine {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn load(&self) -> Result<(), EngineError> {
        if self.missing.load(Ordering::SeqCst) {
            let remedy = "run `glasslink-relay model install`".into();
            return Err(EngineError::NotInstalled { missing: "model".into(), remedy });
        }
        Ok(())
    }

    fn open(&self, mut events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        self.load()?;
        let (commands, inbox) = channel();
        let (gate, poison) = (Arc::clone(&self.gate), Arc::clone(&self.poison));
        let transcribed = Arc::new(AtomicU64::new(0));
        let reported = Arc::clone(&transcribed);
        thread::spawn(move || {
            // The audio of the second that is heard now, and where it began.
            let (mut position, mut voiced_from) = (0, 0);
            while let Ok(command) = inbox.recv() {
                let open = gate.shut.lock().unwrap();
                drop(gate.opened.wait_while(open, |shut| *shut).unwrap());
                let mut say = |from: u64, to: u64| {
                    let text = format!("second {}", from / SECOND);
                    let middle = from.midpoint(to);
                    let word =
                        |text: &str, from, to| WordTime { text: text.into(), from, to, estimated: false };
                    let (first, second) = text.split_once(' ').unwrap();
                    let words = vec![word(first, from, middle), word(second, middle, to)];
                    events(EngineEvent::Final(FinalText { from, to, text, words }));
                };
                match command {
                    Command::Push(samples) => {
                        position += samples;
                        while position - voiced_from >= SECOND {
                            say(voiced_from, voiced_from + SECOND);
                            voiced_from += SECOND;
                        }
                        let poison = poison.load(Ordering::SeqCst);
                        if poison > 0 && position >= poison {
                            events(EngineEvent::Failed(EngineError::Failed { detail: "poison".into() }));
                            return;
                        }
                        let from = voiced_from;
                        events(EngineEvent::Partial { from, revision: 1, text: "sec".into() });
                    }
                    Command::Skip(samples) => {
                        if position > voiced_from {
                            say(voiced_from, position);
                        }
                        position += samples;
                        voiced_from = position;
                    }
                    Command::Finish => {
                        if position > voiced_from {
                            say(voiced_from, position);
                        }
                        voiced_from = position;
                    }
                }
                reported.store(voiced_from, Ordering::SeqCst);
                events(EngineEvent::Transcribed { to: voiced_from });
            }
        });
        Ok(Box::new(FakeRecognition { commands, position: 0, transcribed }))
    }
}

enum Command {
    Push(u64),
    Skip(u64),
    Finish,
}

struct FakeRecognition {
    commands: Sender<Command>,
    position: u64,
    transcribed: Arc<AtomicU64>,
}

impl Recognition for FakeRecognition {
    fn push(&mut self, pcm: &[i16]) -> usize {
        let taken = pcm.len().min(MAX_PENDING.saturating_sub(self.pending()) as usize);
        self.position += taken as u64;
        let _ = self.commands.send(Command::Push(taken as u64));
        taken
    }

    fn skip(&mut self, samples: u64) {
        self.position += samples;
        let _ = self.commands.send(Command::Skip(samples));
    }

    fn finish(&mut self) {
        let _ = self.commands.send(Command::Finish);
    }

    fn pending(&self) -> u64 {
        self.position - self.transcribed.load(Ordering::SeqCst)
    }
}
