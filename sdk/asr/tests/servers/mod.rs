//! Speech servers as hard to please as the real ones, with faults to order. What they hear may be transcribed by any
//! engine.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod deepgram;
pub mod openai;

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glasslink_asr::{Engine, EngineError, EngineEvent, FinalText, Recognition};

/// Longer than anything here takes, on any machine.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// What went wrong, or did not, in servers whose tasks nobody waits for.
pub type Log = Arc<Mutex<Vec<String>>>;

/// The text and times that a server finds in samples.
pub type Ears = Arc<dyn Fn(&[i16]) -> Vec<FinalText> + Send + Sync>;

/// Hears a word in every second.
pub fn seconds() -> Ears {
    Arc::new(|audio| {
        let words = audio.chunks(16_000).enumerate().map(|(number, second)| {
            let from = 16_000 * number as u64;
            let (to, text) = (from + second.len() as u64, format!("second{number}"));
            FinalText { from, to, text, words: Vec::new() }
        });
        words.collect()
    })
}

/// Hears what `engine` hears.
pub fn of_engine(engine: Arc<dyn Engine>) -> Ears {
    Arc::new(move |audio| {
        let (mut recognition, events) = open(&*engine).unwrap();
        let mut offered = 0;
        let mut finals = Vec::new();
        while offered < audio.len() {
            offered += recognition.push(&audio[offered..]);
            finals.extend(events.try_iter().filter_map(a_final));
        }
        recognition.finish();
        finals.extend(until(&events, audio.len() as u64).unwrap().into_iter().filter_map(a_final));
        finals
    })
}

pub fn a_final(event: EngineEvent) -> Option<FinalText> {
    match event {
        EngineEvent::Final(said) => Some(said),
        _ => None,
    }
}

pub fn open(engine: &dyn Engine) -> Result<(Box<dyn Recognition>, Receiver<EngineEvent>), EngineError> {
    let (tell, events) = channel();
    Ok((engine.open(Box::new(move |event| drop(tell.send(event))))?, events))
}

/// The events until `Transcribed` at `end`, or the error that came before it.
pub fn until(events: &Receiver<EngineEvent>, end: u64) -> Result<Vec<EngineEvent>, EngineError> {
    let mut seen = Vec::new();
    loop {
        match events.recv_timeout(PATIENCE).expect("an event") {
            EngineEvent::Failed(error) => return Err(error),
            event => {
                let done = matches!(event, EngineEvent::Transcribed { to } if to >= end);
                seen.push(event);
                if done {
                    return Ok(seen);
                }
            }
        }
    }
}

/// Transcribes all of `audio` and returns the events, or the error.
pub fn transcribe(engine: &dyn Engine, audio: &[i16]) -> Result<Vec<EngineEvent>, EngineError> {
    let (mut recognition, events) = open(engine)?;
    let (mut offered, mut seen) = (0, Vec::new());
    for chunk in audio.chunks(16_000) {
        let mut taken = recognition.push(chunk);
        while taken < chunk.len() {
            match events.recv_timeout(PATIENCE).expect("an event") {
                EngineEvent::Failed(error) => return Err(error),
                event => seen.push(event),
            }
            taken += recognition.push(&chunk[taken..]);
        }
        offered += taken as u64;
    }
    recognition.finish();
    seen.extend(until(&events, offered)?);
    Ok(seen)
}

pub fn texts(events: &[EngineEvent]) -> Vec<String> {
    events.iter().cloned().filter_map(a_final).map(|said| said.text).collect()
}
