//! The word error rate of the embedded engine.
//!
//! `cargo run --release -p glasslink-asr --example wer -- [--lc3] [--speed N] [--manifest FILE] [CLIP:REFERENCE.txt ...]`
//!
//! Clips are audio files of any rate. `--lc3` sends them through LC3 (16 kHz, 20 bytes a frame) first. A manifest has a
//! line for each clip: its path, a tab, its text. Without clips, the speech that comes with the model is taken. Words
//! are compared in lower case and without punctuation; numbers up to twelve in figures are the same as in letters.

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use glasslink_asr::model::{File, ModelDir};
use glasslink_asr::{Engine, EngineEvent, FinalText, Moonshine, SAMPLE_RATE};
use glasslink_audio::{Captured, FileSource, FrameDecoder, Lc3Source, Pace, Source, SourceExt};

#[path = "wer/score.rs"]
mod score;

/// 16 kbit/s, as the demo sends it.
const FRAME_BYTES: u32 = 20;

const USAGE: &str = "usage: wer [--lc3] [--speed N] [--manifest FILE] [CLIP:REFERENCE.txt ...]";

#[derive(Default)]
struct Options {
    lc3: bool,
    speed: Option<f64>,
    clips: Vec<Clip>,
}

struct Clip {
    path: String,
    reference: String,
}

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
    let options = options(std::env::args().skip(1))?;
    let engine = Moonshine::default();
    engine.load().map_err(|error| error.to_string())?;
    let (mut errors, mut words) = (0, 0);
    let (mut partial_delays, mut final_delays) = (Vec::new(), Vec::new());
    for Clip { path, reference } in &options.clips {
        let samples = read(path, options.lc3)?;
        let Heard { finals, .. } = {
            let mut heard = transcribe(&engine, &samples, options.speed)?;
            partial_delays.append(&mut heard.partial_delays);
            final_delays.append(&mut heard.final_delays);
            heard
        };
        println!("{path}");
        for said in &finals {
            println!("  {:8.2} {:8.2}  {}", seconds(said.from), seconds(said.to), said.text);
        }
        let said = finals.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join(" ");
        let (wrong, of) = score::errors(reference, &said);
        println!("  {wrong} errors in {of} words: {:.1} %", percent(wrong, of));
        errors += wrong;
        words += of;
    }
    println!("total: {errors} errors in {words} words: {:.2} %", percent(errors, words));
    if options.speed.is_some() {
        println!("first partial after its first voiced sample: {}", quantiles(&mut partial_delays));
        println!("final after its last voiced sample: {}", quantiles(&mut final_delays));
    }
    Ok(())
}

fn quantiles(delays: &mut [Duration]) -> String {
    delays.sort_unstable();
    let at = |share: usize| delays.get(delays.len() * share / 100).map_or(0, Duration::as_millis);
    format!("p50 {} ms, p95 {} ms, of {}", at(50), at(95), delays.len())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--lc3" => options.lc3 = true,
            "--speed" => {
                let speed =
                    arguments.next().and_then(|value| value.parse().ok()).filter(|speed| *speed > 0.0);
                options.speed = Some(speed.ok_or("--speed wants a number above 0")?);
            }
            "--manifest" => {
                let path = arguments.next().ok_or(USAGE)?;
                for line in text(&path)?.lines().filter(|line| !line.trim().is_empty()) {
                    let (clip, reference) = line
                        .split_once('\t')
                        .ok_or_else(|| format!("{path}: not a path, a tab and a text: {line}"))?;
                    options.clips.push(Clip { path: clip.to_owned(), reference: reference.to_owned() });
                }
            }
            _ => {
                let (clip, reference) = argument.rsplit_once(':').ok_or(USAGE)?;
                options.clips.push(Clip { path: clip.to_owned(), reference: text(reference)? });
            }
        }
    }
    if options.clips.is_empty() {
        let model = ModelDir::locate().map_err(|error| error.to_string())?;
        let own = [(File::Beckett, score::BECKETT), (File::TwoCities, score::TWO_CITIES)];
        options.clips.extend(own.map(|(file, reference)| Clip {
            path: model.path(file).display().to_string(),
            reference: reference.to_owned(),
        }));
    }
    Ok(options)
}

fn text(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

/// What came of a clip, and how long after it was spoken.
#[derive(Default)]
struct Heard {
    finals: Vec<FinalText>,
    /// From the first voiced sample of an utterance to its first partial.
    partial_delays: Vec<Duration>,
    /// From the last voiced sample of a final to the final.
    final_delays: Vec<Duration>,
}

/// Pushes a clip in messages of 50 ms: as fast as they are taken, or at `speed` times real time.
fn transcribe(engine: &dyn Engine, samples: &[i16], speed: Option<f64>) -> Result<Heard, String> {
    let (tell, events) = mpsc::channel();
    let sink = Box::new(move |event| drop(tell.send((event, Instant::now()))));
    let mut recognition = engine.open(sink).map_err(|error| error.to_string())?;
    let started = Instant::now();
    // When the sample at a position was captured.
    let captured =
        |position: u64| started + Duration::from_secs_f64(seconds(position) / speed.unwrap_or(f64::INFINITY));
    let mut heard = Heard::default();
    let mut take = |(event, at): (EngineEvent, Instant)| -> Result<bool, String> {
        match event {
            EngineEvent::Final(said) => {
                heard.final_delays.push(at.saturating_duration_since(captured(said.to)));
                heard.finals.push(said);
            }
            EngineEvent::Partial { from, revision: 1, .. } => {
                heard.partial_delays.push(at.saturating_duration_since(captured(from)));
            }
            EngineEvent::Partial { .. } => {}
            EngineEvent::Transcribed { to } => return Ok(to == samples.len() as u64),
            EngineEvent::Failed(error) => return Err(error.to_string()),
        }
        Ok(false)
    };
    let mut pushed = 0;
    while pushed < samples.len() {
        let message = &samples[pushed..samples.len().min(pushed + 800)];
        std::thread::sleep(
            captured((pushed + message.len()) as u64).saturating_duration_since(Instant::now()),
        );
        let taken = recognition.push(message);
        pushed += taken;
        if taken == 0 {
            take(events.recv().map_err(|error| error.to_string())?)?;
        }
    }
    recognition.finish();
    while !take(events.recv().map_err(|error| error.to_string())?)? {}
    Ok(heard)
}

/// The clip as the relay would have it.
fn read(path: &str, lc3: bool) -> Result<Vec<i16>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{path}: {error}");
    let file = FileSource::open(path, SAMPLE_RATE, Pace::UNPACED).map_err(|error| failed(&error))?;
    let mut source: Box<dyn Source> = if lc3 {
        Box::new(Lc3Source::new(file, FRAME_BYTES).map_err(|error| failed(&error))?)
    } else {
        Box::new(file)
    };
    let mut decoder = FrameDecoder::new(source.format()).map_err(|error| failed(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| failed(&error))?;
    let (mut frame, mut samples) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        while let Some(captured) = source.next(&mut frame).await.map_err(|error| failed(&error))? {
            if let Captured::Frame { .. } = captured {
                let _all_are_whole = decoder.decode(Some(&frame), &mut samples);
            }
        }
        decoder.finish(&mut samples);
        Ok(samples)
    })
}

fn seconds(samples: u64) -> f64 {
    samples as f64 / 16_000.0
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}
