//! WAV files to LC3 files and back, in the file format of liblc3's tools.
//!
//! `lc3 encode IN.wav OUT.lc3 --bitrate B [--frame-ms 10|7.5]` and `lc3 decode IN.lc3 OUT.wav`. The bit rate counts
//! all channels.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use glasslink_lc3::FrameDuration;

mod container;
mod convert;
mod wav;

const USAGE: &str =
    "usage: lc3 encode IN.wav OUT.lc3 --bitrate B [--frame-ms 10|7.5]\n       lc3 decode IN.lc3 OUT.wav";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["encode", from, to, options @ ..] => options_of(options).and_then(|(bit_rate, duration)| {
            convert::encode(Path::new(from), Path::new(to), bit_rate, duration)
        }),
        ["decode", from, to] => convert::decode(Path::new(from), Path::new(to)),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("lc3: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options_of(options: &[&str]) -> Result<(u32, FrameDuration), Box<dyn Error>> {
    let mut bit_rate = None;
    let mut duration = FrameDuration::Ms10;
    for option in options.chunks(2) {
        match option {
            ["--bitrate", bits] => {
                bit_rate = Some(bits.parse().map_err(|_| format!("{bits} is no bit rate in bit/s"))?);
            }
            ["--frame-ms", "10"] => duration = FrameDuration::Ms10,
            ["--frame-ms", "7.5"] => duration = FrameDuration::Ms7_5,
            _ => return Err(USAGE.into()),
        }
    }
    Ok((bit_rate.ok_or("which bit rate? --bitrate says it, in bit/s")?, duration))
}
