//! Compares with liblc3, side by side: `compare [decode|encode|concealment|speed|size|instructions]...`
//!
//! Without a word it prints all tables but the last, which wants valgrind. `--speech FILE` adds speech: a WAV file
//! of 48 kHz, 16 bits, one channel. The variable `LIBLC3` names another library than the system's.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use glasslink_lc3::FrameDuration::{Ms7_5, Ms10};
use glasslink_lc3::{Decoder, Encoder};
use support::liblc3::Library;
use support::measure::{difference_dbfs, largest_difference, segmental_snr, snr};
use support::signals::{self, Random};
use support::{SETUPS, Setup, all, decode_liblc3, decode_ours, encode_liblc3, encode_ours};

#[path = "../tests/support/mod.rs"]
mod support;

/// Seconds of each signal.
const SECONDS: f64 = 20.0;

/// The setups whose speed is compared.
const TIMED: [Setup; 5] = [
    Setup::new(16, Ms10, 20),
    Setup::new(16, Ms10, 40),
    Setup::new(24, Ms10, 60),
    Setup::new(48, Ms10, 100),
    Setup::new(16, Ms7_5, 30),
];

fn main() -> ExitCode {
    let mut speech = None;
    let mut tables = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--speech" => speech = arguments.next().map(PathBuf::from),
            "work" => return work(&arguments.collect::<Vec<_>>()),
            _ => tables.push(argument),
        }
    }
    let Some(library) = Library::open() else { return ExitCode::SUCCESS };
    let speech = match speech.map(|path| signals::read_wav(&path)) {
        None => None,
        Some(Ok((48_000, pcm))) => Some(pcm),
        Some(Ok((rate, _))) => return refuse(&format!("the speech has {rate} Hz, not 48000")),
        Some(Err(error)) => return refuse(&error),
    };
    if tables.is_empty() {
        tables = ["decode", "encode", "concealment", "speed", "size"].map(Into::into).to_vec();
    }
    for table in tables {
        match table.as_str() {
            "decode" => decoding(&library, speech.as_deref()),
            "encode" => encoding(&library, speech.as_deref()),
            "concealment" => concealment(&library, speech.as_deref()),
            "speed" => speed(&library, speech.as_deref()),
            "size" => size(&library),
            "instructions" => {
                if let Err(error) = instructions() {
                    return refuse(&error);
                }
            }
            other => return refuse(&format!("there is no table \"{other}\"")),
        }
        println!();
    }
    ExitCode::SUCCESS
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("compare: {why}");
    ExitCode::FAILURE
}

/// All signals, and speech if there is any.
fn all_signals(rate: u32, speech: Option<&[i16]>) -> Vec<(&'static str, Vec<i16>)> {
    let mut signals = signals::all(rate, SECONDS);
    if let Some(speech) = speech {
        let speech = signals::from_48k(speech, rate, SECONDS);
        signals.insert(0, ("clipped speech", signals::clipped(&speech)));
        signals.insert(0, ("speech", speech));
    }
    signals
}

fn decoding(library: &Library, speech: Option<&[i16]>) {
    println!("Decoding liblc3's frames, against liblc3's decoder");
    println!("(conformance: difference at most -89.06 dBFS and 48 steps)\n");
    println!("| setup | signal | SNR dB | largest step | difference dBFS |\n|---|---|---|---|---|");
    let mut worst = (f64::INFINITY, String::new());
    for setup in SETUPS {
        for (name, pcm) in all_signals(setup.rate, speech) {
            let frames = encode_liblc3(library, setup, &pcm);
            let (reference, _) = decode_liblc3(library, setup, &all(&frames));
            let (given, concealed) = decode_ours(setup, &all(&frames));
            assert_eq!(concealed, 0, "{setup} {name}: frames of liblc3 refused");
            let ratio = snr(&reference, &given);
            println!(
                "| {setup} | {name} | {ratio:.1} | {} | {:.1} |",
                largest_difference(&reference, &given),
                difference_dbfs(&reference, &given)
            );
            if ratio < worst.0 {
                worst = (ratio, format!("{setup} {name}"));
            }
        }
    }
    println!("\nworst: {:.1} dB, {}", worst.0, worst.1);
}

fn encoding(library: &Library, speech: Option<&[i16]>) {
    println!("Encoding, decoded by liblc3, against the original (seg: mean over segments of 20 ms)\n");
    println!("| setup | signal | liblc3 dB (seg) | ours dB (seg) | gain dB | identical | refused |");
    println!("|---|---|---|---|---|---|---|");
    for setup in SETUPS {
        for (name, pcm) in all_signals(setup.rate, speech) {
            if name == "silence" {
                continue;
            }
            let theirs = encode_liblc3(library, setup, &pcm);
            let ours = encode_ours(setup, &pcm);
            let same = theirs.iter().zip(&ours).filter(|(a, b)| a == b).count();
            let delay = Encoder::new(setup.rate, setup.duration).expect("a setup of LC3").delay_samples();
            let (a, _) = decode_liblc3(library, setup, &all(&theirs));
            let (b, refused) = decode_liblc3(library, setup, &all(&ours));
            let pcm = &pcm[..a.len() - delay];
            let (theirs_db, ours_db) = (snr(pcm, &a[delay..]), snr(pcm, &b[delay..]));
            println!(
                "| {setup} | {name} | {theirs_db:.2} ({:.2}) | {ours_db:.2} ({:.2}) | {:+.2} | {:.1} % | {refused} |",
                segmental_snr(pcm, &a[delay..], setup.rate),
                segmental_snr(pcm, &b[delay..], setup.rate),
                ours_db - theirs_db,
                100.0 * same as f64 / ours.len() as f64,
            );
        }
    }
}

fn concealment(library: &Library, speech: Option<&[i16]>) {
    println!("Concealing lost frames, against what was decoded without loss\n");
    println!("| setup | signal | loss | liblc3 dB | ours dB | gain dB |\n|---|---|---|---|---|---|");
    for setup in [Setup::new(16, Ms10, 40), Setup::new(16, Ms7_5, 30), Setup::new(48, Ms10, 100)] {
        let (name, pcm) = match speech {
            Some(speech) => ("speech", signals::from_48k(speech, setup.rate, SECONDS)),
            None => ("voice", signals::voice(setup.rate, SECONDS)),
        };
        let frames = encode_liblc3(library, setup, &pcm);
        let (clean, _) = decode_liblc3(library, setup, &all(&frames));
        for percent in [1, 5, 10, 20] {
            let mut random = Random::new(percent);
            let received: Vec<Option<&[u8]>> = frames
                .iter()
                .map(|frame| (random.below(100) >= percent as usize).then_some(frame.as_slice()))
                .collect();
            let theirs = snr(&clean, &decode_liblc3(library, setup, &received).0);
            let ours = snr(&clean, &decode_ours(setup, &received).0);
            println!("| {setup} | {name} | {percent} % | {theirs:.2} | {ours:.2} | {:+.2} |", ours - theirs);
        }
    }
}

fn speed(library: &Library, speech: Option<&[i16]>) {
    println!("Time of a frame: the least of many runs, chunk by chunk, both in turn\n");
    println!("| setup | decode liblc3 us | ours us | ratio | encode liblc3 us | ours us | ratio |");
    println!("|---|---|---|---|---|---|---|");
    for setup in TIMED {
        let pcm = timing_signal(setup, speech);
        let frames = encode_liblc3(library, setup, &pcm);
        let mut room = vec![0; setup.samples()];
        let mut frame = vec![0; setup.bytes];

        let (mut theirs, mut ours) =
            (library.decoder(setup), Decoder::new(setup.rate, setup.duration).expect("a setup of LC3"));
        let decoding = interleave(
            frames.len(),
            |i| {
                theirs.decode(Some(&frames[i]), &mut room);
            },
            {
                let mut room = vec![0; setup.samples()];
                let frames = &frames;
                move |i| {
                    let _ = ours.decode(Some(&frames[i]), &mut room).expect("a frame of liblc3");
                }
            },
        );
        let (mut theirs, mut ours) =
            (library.encoder(setup), Encoder::new(setup.rate, setup.duration).expect("a setup of LC3"));
        let pcm: Vec<&[i16]> = pcm.chunks_exact(setup.samples()).collect();
        let encoding = interleave(frames.len(), |i| theirs.encode_to(pcm[i], &mut frame), {
            let mut frame = vec![0; setup.bytes];
            let pcm = &pcm;
            move |i| ours.encode(pcm[i], &mut frame).expect("a whole frame")
        });
        let us = |time: Duration| time.as_secs_f64() * 1e6 / frames.len() as f64;
        println!(
            "| {setup} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            us(decoding.0),
            us(decoding.1),
            us(decoding.1) / us(decoding.0),
            us(encoding.0),
            us(encoding.1),
            us(encoding.1) / us(encoding.0),
        );
    }
}

fn timing_signal(setup: Setup, speech: Option<&[i16]>) -> Vec<i16> {
    match speech {
        Some(speech) => signals::from_48k(speech, setup.rate, 5.0),
        None => signals::voice(setup.rate, 5.0),
    }
}

/// Runs two tasks of `count` steps, 25 steps of one and then of the other; the least time of each chunk, summed.
fn interleave(count: usize, mut a: impl FnMut(usize), mut b: impl FnMut(usize)) -> (Duration, Duration) {
    const RUNS: usize = 60;
    const CHUNK: usize = 25;
    let mut least = vec![(Duration::MAX, Duration::MAX); count.div_ceil(CHUNK)];
    for _ in 0..RUNS {
        for (chunk, least) in least.iter_mut().enumerate() {
            let steps = chunk * CHUNK..count.min((chunk + 1) * CHUNK);
            let start = Instant::now();
            steps.clone().for_each(&mut a);
            let between = Instant::now();
            steps.for_each(&mut b);
            let end = Instant::now();
            least.0 = least.0.min(between - start);
            least.1 = least.1.min(end - between);
        }
    }
    least.iter().fold((Duration::ZERO, Duration::ZERO), |sum, least| (sum.0 + least.0, sum.1 + least.1))
}

fn size(library: &Library) {
    println!("State in bytes\n");
    println!("| rate | decoder liblc3 | ours | encoder liblc3 | ours |\n|---|---|---|---|---|");
    for setup in [8, 16, 24, 32, 48].map(|rate| Setup::new(rate, Ms10, 40)) {
        let heap = glasslink_lc3::DecoderIn::memory_len(setup.rate, setup.duration) * size_of::<f32>();
        println!(
            "| {} kHz | {} | {} | {} | {} |",
            setup.rate / 1000,
            library.decoder(setup).size(),
            size_of::<Decoder>() + heap,
            library.encoder(setup).size(),
            size_of::<Encoder>(),
        );
    }
}

/// Counts instructions by running this program under valgrind, twice as long the second time: the difference is
/// free of what comes before.
fn instructions() -> Result<(), String> {
    println!("Instructions of a frame, counted by callgrind\n");
    println!("| setup | decode liblc3 | ours | ratio | encode liblc3 | ours | ratio |");
    println!("|---|---|---|---|---|---|---|");
    for setup in TIMED {
        print!("| {setup} |");
        for task in ["decode", "encode"] {
            let mut counts = [0.0; 2];
            for (count, who) in counts.iter_mut().zip(["liblc3", "ours"]) {
                let one = collected(setup, task, who, 1)?;
                let (two, frames) =
                    (collected(setup, task, who, 2)?, timing_signal(setup, None).len() / setup.samples());
                *count = (two - one) / frames as f64;
            }
            print!(" {:.0} | {:.0} | {:.2} |", counts[0], counts[1], counts[1] / counts[0]);
        }
        println!();
    }
    Ok(())
}

fn collected(setup: Setup, task: &str, who: &str, runs: usize) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["work", task, who, &setup.rate.to_string(), &setup.bytes.to_string(), &runs.to_string()])
        .arg(if setup.duration == Ms10 { "10" } else { "7.5" })
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing: {said}"))
}

/// What runs under valgrind: `work TASK WHO RATE BYTES RUNS MS`.
fn work(arguments: &[String]) -> ExitCode {
    let [task, who, rate, bytes, runs, ms] = arguments else { return refuse("work wants six words") };
    let (Ok(rate), Ok(bytes), Ok(runs)) = (rate.parse(), bytes.parse(), runs.parse::<usize>()) else {
        return refuse("work wants numbers");
    };
    let duration = if ms == "10" { Ms10 } else { Ms7_5 };
    let setup = Setup { rate, duration, bytes };
    let Some(library) = Library::open() else { return ExitCode::FAILURE };
    let pcm = timing_signal(setup, None);
    let frames = encode_liblc3(&library, setup, &pcm);
    for _ in 0..runs {
        match (task.as_str(), who.as_str()) {
            ("decode", "liblc3") => drop(decode_liblc3(&library, setup, &all(&frames))),
            ("decode", _) => drop(decode_ours(setup, &all(&frames))),
            (_, "liblc3") => drop(encode_liblc3(&library, setup, &pcm)),
            _ => drop(encode_ours(setup, &pcm)),
        }
    }
    ExitCode::SUCCESS
}
