use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;
use crate::engine::{EngineEvent, MAX_PENDING};
use crate::segmenter::{Policy, Segmenter};
use crate::transcriber::Hypothesis;
use crate::vad::{HOP, VoiceDetector};

/// Long enough for any machine; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Voice is what is loud.
struct Loudness;

impl VoiceDetector for Loudness {
    fn score(&mut self, hop: &[i16]) -> f32 {
        if hop[0] > 100 { 0.9 } else { 0.0 }
    }

    fn reset(&mut self) {}
}

/// Says how long the voice was, in hops.
struct Counter {
    /// Told the samples of each decoding as it begins, if anybody listens.
    begun: Sender<usize>,
    /// Each decoding waits for one of these, where there are any.
    gate: Option<Receiver<()>>,
}

impl Transcriber for Counter {
    fn transcribe(
        &mut self,
        audio: &[i16],
        said: &[u32],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Hypothesis>, EngineError> {
        let _ = self.begun.send(audio.len());
        assert_ne!(audio[audio.len() / 2], PANIC, "as the test wants");
        if let Some(gate) = &self.gate {
            while gate.recv_timeout(Duration::from_millis(1)).is_err() {
                if stop() {
                    return Ok(None);
                }
            }
        }
        let voiced = audio.iter().filter(|sample| **sample > 100).count() / HOP;
        let tokens = vec![voiced as u32 - said.iter().sum::<u32>()];
        Ok(Some(Hypothesis { tokens, doubt: None }))
    }

    fn text(&self, tokens: &[u32]) -> String {
        tokens.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

const PANIC: i16 = 13;

fn pool(gate: Option<Receiver<()>>) -> (Arc<Pool>, Receiver<usize>) {
    let (begun, decodings) = channel();
    let counter = Mutex::new(Some(Counter { begun, gate }));
    let loader: Arc<Loader> = Arc::new(move || Ok(Box::new(lock(&counter).take().expect("one thread"))));
    (Arc::new(Pool::start(1, &loader)), decodings)
}

fn open(pool: &Arc<Pool>, partials: bool) -> (Box<dyn Recognition>, Receiver<EngineEvent>) {
    open_lane(pool, partials, false)
}

fn open_lane(
    pool: &Arc<Pool>,
    partials: bool,
    background: bool,
) -> (Box<dyn Recognition>, Receiver<EngineEvent>) {
    let (tell, events) = channel();
    (pool.open(lane(partials), background, Box::new(move |event| drop(tell.send(event)))), events)
}

fn lane(partials: bool) -> Lane {
    Lane::new(Segmenter::new(Box::new(Loudness), Policy::default()), partials)
}

fn audio(stretches: &[(usize, i16)]) -> Vec<i16> {
    stretches.iter().flat_map(|&(ms, sample)| std::iter::repeat_n(sample, ms * 16)).collect()
}

/// The finals until `Transcribed` at `end`.
fn finals(events: &Receiver<EngineEvent>, end: u64) -> Vec<String> {
    let (mut finals, mut transcribed) = (Vec::new(), 0);
    loop {
        match events.recv_timeout(PATIENCE).expect("an event") {
            EngineEvent::Final(said) => {
                assert!(said.from >= transcribed, "a final before what was called transcribed");
                finals.push(said.text);
            }
            EngineEvent::Transcribed { to } => {
                assert!(to >= transcribed, "transcribed goes back");
                transcribed = to;
                if to == end {
                    return finals;
                }
            }
            EngineEvent::Partial { .. } => {}
            EngineEvent::Failed(error) => panic!("{error}"),
        }
    }
}

#[test]
fn every_final_comes_and_then_the_end() {
    let (pool, _decodings) = pool(None);
    let (mut recognition, events) = open(&pool, true);
    let speech = audio(&[(1_600, 900), (1_600, 0), (3_200, 900), (1_600, 0)]);
    assert_eq!(recognition.push(&speech), speech.len());
    recognition.finish();
    assert_eq!(finals(&events, speech.len() as u64), ["100", "200"]);
    assert_eq!(recognition.pending(), 0);
    assert_eq!(recognition.push(&speech), 0, "nothing is taken after the end");
}

#[test]
fn a_recognition_that_was_given_nothing_ends_too() {
    let (pool, _decodings) = pool(None);
    let (mut recognition, events) = open(&pool, true);
    recognition.finish();
    assert_eq!(events.recv_timeout(PATIENCE), Ok(EngineEvent::Transcribed { to: 0 }));
}

#[test]
fn it_takes_no_more_than_it_may_hold_and_more_when_there_is_room() {
    let (open_gate, gate) = channel();
    let (pool, _decodings) = pool(Some(gate));
    let (mut recognition, events) = open(&pool, false);
    let speech = audio(&[(4_000, 900), (1_000, 0)].repeat(20));
    assert_eq!(recognition.push(&speech) as u64, MAX_PENDING);
    assert_eq!(recognition.pending(), MAX_PENDING);
    assert_eq!(recognition.push(&speech), 0);
    open_gate.send(()).unwrap();
    while !matches!(events.recv_timeout(PATIENCE), Ok(EngineEvent::Transcribed { .. })) {}
    assert!(recognition.push(&speech) > 0);
}

#[test]
fn silence_is_transcribed_without_a_decoding() {
    let (pool, decodings) = pool(None);
    let (mut recognition, events) = open(&pool, true);
    assert_eq!(recognition.push(&audio(&[(8_000, 0)])), 128_000);
    let Ok(EngineEvent::Transcribed { to }) = events.recv_timeout(PATIENCE) else {
        panic!("wanted Transcribed")
    };
    assert!(to > 100_000);
    assert!(decodings.try_recv().is_err());
}

#[test]
fn a_final_is_decoded_before_the_pause_is_over() {
    let (pool, decodings) = pool(None);
    let (mut recognition, events) = open(&pool, false);
    assert_eq!(recognition.push(&audio(&[(1_600, 900), (304, 0)])), 30_464);
    decodings.recv_timeout(PATIENCE).expect("a decoding in the hope that this was all");
    assert_eq!(recognition.push(&audio(&[(1_600, 0)])), 25_600);
    while !matches!(events.recv_timeout(PATIENCE), Ok(EngineEvent::Final(_))) {}
    assert!(decodings.try_recv().is_err(), "decoded once");
}

#[test]
fn a_partial_makes_way_for_a_final_of_another_recognition() {
    let (open_gate, gate) = channel();
    let (pool, decodings) = pool(Some(gate));
    let (mut talking, partials) = open(&pool, true);
    assert_eq!(talking.push(&audio(&[(1_600, 900)])), 25_600);
    decodings.recv_timeout(PATIENCE).expect("a partial begins");
    let (mut done, events) = open(&pool, true);
    let speech = audio(&[(1_600, 900), (1_600, 0)]);
    assert_eq!(done.push(&speech), speech.len());
    done.finish();
    assert!(decodings.recv_timeout(PATIENCE).is_ok(), "the final begins, though nobody let the partial end");
    open_gate.send(()).unwrap();
    assert_eq!(finals(&events, speech.len() as u64), ["100"]);
    open_gate.send(()).unwrap();
    assert!(matches!(partials.recv_timeout(PATIENCE), Ok(EngineEvent::Partial { from: 0, revision: 1, .. })));
}

#[test]
fn who_waited_longest_is_next() {
    let (open_gate, gate) = channel();
    let (pool, decodings) = pool(Some(gate));
    let speech = audio(&[(1_600, 900), (1_600, 0)].repeat(3));
    let mut streams: Vec<_> = (0..3).map(|_| open(&pool, false)).collect();
    for (recognition, _) in &mut streams {
        assert_eq!(recognition.push(&speech), speech.len());
        recognition.finish();
    }
    for _ in 0..3 {
        decodings.recv_timeout(PATIENCE).unwrap();
        open_gate.send(()).unwrap();
    }
    decodings.recv_timeout(PATIENCE).unwrap();
    for (_, events) in &streams {
        let finals = events.try_iter().filter(|event| matches!(event, EngineEvent::Final(_))).count();
        assert_eq!(finals, 1, "each has had its turn");
    }
}

#[test]
fn a_dropped_recognition_stops_its_work_and_frees_its_place() {
    let (_gate_stays_shut, gate) = channel::<()>();
    let (pool, decodings) = pool(Some(gate));
    let (mut recognition, events) = open(&pool, false);
    assert_eq!(recognition.push(&audio(&[(1_600, 900), (1_600, 0)])), 51_200);
    decodings.recv_timeout(PATIENCE).expect("its decoding begins");
    drop(recognition);
    while events.recv_timeout(PATIENCE).is_ok() {}
    assert!(
        matches!(events.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)),
        "its sink is freed"
    );
    let (mut next, _events) = open(&pool, false);
    assert_eq!(next.push(&audio(&[(1_600, 900), (1_600, 0)])), 51_200);
    decodings.recv_timeout(PATIENCE).expect("the thread is free for others");
}

#[test]
fn a_decoder_that_panics_fails_one_recognition_and_no_other() {
    let (pool, _decodings) = pool(None);
    let (mut unlucky, events) = open(&pool, false);
    // The middle of the decoded audio is the sample that the decoder does not bear.
    let mut speech = audio(&[(1_600, 900), (1_600, 0)]);
    let policy = Policy::default();
    speech[(100 + policy.tail) * HOP / 2] = PANIC;
    assert_eq!(unlucky.push(&speech), speech.len());
    let failed = loop {
        if let EngineEvent::Failed(error) = events.recv_timeout(PATIENCE).expect("an event") {
            break error;
        }
    };
    assert!(matches!(failed, EngineError::Failed { .. }));
    assert_eq!(unlucky.push(&speech), 0);
    let (mut other, events) = open(&pool, false);
    let speech = audio(&[(1_600, 900), (1_600, 0)]);
    assert_eq!(other.push(&speech), speech.len());
    other.finish();
    assert_eq!(finals(&events, speech.len() as u64), ["100"]);
}

#[test]
fn an_engine_that_does_not_load_says_so_to_all_who_wait() {
    let error = EngineError::Runtime { detail: "no".to_owned() };
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let of_loader = error.clone();
    let loader: Arc<Loader> = Arc::new(move || {
        let _ = lock(&wait).recv();
        Err(of_loader.clone())
    });
    let pool = Arc::new(Pool::start(1, &loader));
    let (_recognition, events) = open(&pool, true);
    go.send(()).unwrap();
    assert_eq!(pool.wait(), Err(error.clone()));
    assert_eq!(events.recv_timeout(PATIENCE), Ok(EngineEvent::Failed(error)));
    assert!(pool.failed());
}

#[test]
fn what_nobody_waits_for_makes_way_for_what_somebody_does() {
    let (open_gate, gate) = channel();
    let (pool, decodings) = pool(Some(gate));
    let (mut background, later) = open_lane(&pool, false, true);
    let long = audio(&[(3_200, 900), (1_600, 0)]);
    assert_eq!(background.push(&long), long.len());
    background.finish();
    let first = decodings.recv_timeout(PATIENCE).expect("nobody else wants the thread");
    let (mut live, events) = open(&pool, false);
    let short = audio(&[(1_600, 900), (1_600, 0)]);
    assert_eq!(live.push(&short), short.len());
    live.finish();
    assert!(decodings.recv_timeout(PATIENCE).expect("the other is put off") < first);
    open_gate.send(()).unwrap();
    assert_eq!(finals(&events, short.len() as u64), ["100"]);
    assert_eq!(decodings.recv_timeout(PATIENCE), Ok(first), "and taken up again");
    open_gate.send(()).unwrap();
    assert_eq!(finals(&later, long.len() as u64), ["200"]);
}

#[test]
fn partials_are_the_rarer_the_longer_they_wait_for_a_thread() {
    let began = Instant::now();
    let at = |ms: u64| began + Duration::from_millis(ms);
    let took = Duration::from_millis(50);
    // The pause after a partial that waited so long for its thread.
    let pause = |waited: u64| {
        let mut lane = lane(true);
        let speech = audio(&[(1_600, 900)]);
        assert_eq!(lane.push(&speech), speech.len());
        while lane.wants(at(0)) == Some(Urgency::Report) {
            lane.done(Done::Report, at(0));
        }
        assert_eq!(lane.wants(at(0)), Some(Urgency::Partial));
        let Some(Job::Partial { id, from, to, waited, .. }) = lane.job(Urgency::Partial, at(waited)) else {
            panic!("wanted a partial")
        };
        let done = Done::Partial { id, from, to, text: "100".into(), took: waited + took };
        lane.done(done, at(1_000));
        let _ = lane.push(&speech);
        let due = lane.wants_at().expect("the next one waits");
        assert_eq!(lane.wants(due), Some(Urgency::Partial));
        due - at(1_000)
    };
    assert_eq!(pause(0), Duration::from_millis(50), "half of a core at most");
    assert_eq!(pause(400), Duration::from_millis(450), "and less where others want it");
}
