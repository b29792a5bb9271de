//! The word error rate of the embedded engine.
//!
//! `cargo run --release -p glasslink-asr --example wer -- [--speed N] CLIP.wav:REFERENCE.txt ...`
//!
//! Clips are 16 kHz mono WAV, 16 bits. Words are compared in lower case, without punctuation.

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use glasslink_asr::{Engine, EngineEvent, FinalText, Moonshine};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut speed: Option<f64> = None;
    let mut clips = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--speed" {
            let value = arguments.next().and_then(|value| value.parse().ok()).filter(|speed| *speed > 0.0);
            speed = Some(value.ok_or("--speed wants a number above 0")?);
        } else if let Some((clip, reference)) = argument.rsplit_once(':') {
            clips.push((clip.to_owned(), reference.to_owned()));
        } else {
            return Err(format!("{argument}: not CLIP.wav:REFERENCE.txt"));
        }
    }
    if clips.is_empty() {
        return Err("usage: wer [--speed N] CLIP.wav:REFERENCE.txt ...".to_owned());
    }

    let engine = Moonshine::default();
    engine.load().map_err(|error| error.to_string())?;
    let (mut errors, mut words) = (0, 0);
    for (clip, reference) in clips {
        let samples = read(&clip)?;
        let reference =
            std::fs::read_to_string(&reference).map_err(|error| format!("{reference}: {error}"))?;
        let finals = transcribe(&engine, &samples, speed)?;
        println!("{clip}");
        for said in &finals {
            println!("  {:8.2} {:8.2}  {}", seconds(said.from), seconds(said.to), said.text);
        }
        let said = normal(&finals.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join(" "));
        let reference = normal(&reference);
        let wrong = distance(&reference, &said);
        println!("  {wrong} errors in {} words: {:.1} %", reference.len(), percent(wrong, reference.len()));
        errors += wrong;
        words += reference.len();
    }
    println!("total: {errors} errors in {words} words: {:.2} %", percent(errors, words));
    Ok(())
}

/// All finals of a clip: pushed in messages of 50 ms, as fast as they are taken or at `speed` times real time.
fn transcribe(engine: &dyn Engine, samples: &[i16], speed: Option<f64>) -> Result<Vec<FinalText>, String> {
    let (tell, events) = mpsc::channel();
    let sink = Box::new(move |event| drop(tell.send(event)));
    let mut recognition = engine.open(sink).map_err(|error| error.to_string())?;
    let started = Instant::now();
    let mut finals = Vec::new();
    let mut pushed = 0;
    while pushed < samples.len() {
        if let Some(speed) = speed {
            let due = started + Duration::from_secs_f64(seconds(pushed as u64 + 800) / speed);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let taken = recognition.push(&samples[pushed..samples.len().min(pushed + 800)]);
        pushed += taken;
        if taken == 0 {
            keep(events.recv().map_err(|error| error.to_string())?, &mut finals)?;
        }
    }
    recognition.finish();
    loop {
        let event = events.recv().map_err(|error| error.to_string())?;
        let end = matches!(event, EngineEvent::Transcribed { to } if to == samples.len() as u64);
        keep(event, &mut finals)?;
        if end {
            return Ok(finals);
        }
    }
}

fn keep(event: EngineEvent, finals: &mut Vec<FinalText>) -> Result<(), String> {
    match event {
        EngineEvent::Final(said) => finals.push(said),
        EngineEvent::Failed(error) => return Err(error.to_string()),
        EngineEvent::Partial { .. } | EngineEvent::Transcribed { .. } => {}
    }
    Ok(())
}

fn read(path: &str) -> Result<Vec<i16>, String> {
    let mut reader = hound::WavReader::open(path).map_err(|error| format!("{path}: {error}"))?;
    let spec = reader.spec();
    if (spec.sample_rate, spec.channels, spec.bits_per_sample) != (16_000, 1, 16) {
        return Err(format!("{path}: wanted 16 kHz mono, 16 bits"));
    }
    reader.samples::<i16>().collect::<Result<_, _>>().map_err(|error| format!("{path}: {error}"))
}

fn normal(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace('\u{2019}', "'")
        .replace('-', " ")
        .split_whitespace()
        .map(|word| {
            word.chars().filter(|letter| letter.is_alphanumeric() || *letter == '\'').collect::<String>()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// The least number of words to insert, delete or replace.
fn distance(reference: &[String], said: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=said.len()).collect();
    for (before, word) in reference.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = before + 1;
        for (at, other) in said.iter().enumerate() {
            let replaced = diagonal + usize::from(word != other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[said.len()]
}

fn seconds(samples: u64) -> f64 {
    samples as f64 / 16_000.0
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}
