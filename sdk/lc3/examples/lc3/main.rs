//! WAV files to LC3 files and back, in the file format of liblc3's tools.
//!
//! `lc3 encode IN.wav OUT.lc3 --bitrate B [--frame-ms 10|7.5]` and `lc3 decode IN.lc3 OUT.wav`. The bit rate counts
//! all channels.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use glasslink_lc3::{Channel, Decoded, Decoder, Encoder, FrameDuration, frame_bytes};

use crate::container::Container;
use crate::wav::Wav;

mod container;
mod wav;

const USAGE: &str =
    "usage: lc3 encode IN.wav OUT.lc3 --bitrate B [--frame-ms 10|7.5]\n       lc3 decode IN.lc3 OUT.wav";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["encode", from, to, options @ ..] => {
            options_of(options).and_then(|(bit_rate, duration)| encode(from, to, bit_rate, duration))
        }
        ["decode", from, to] => decode(from, to),
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

fn encode(from: &str, to: &str, bit_rate: u32, duration: FrameDuration) -> Result<String, Box<dyn Error>> {
    let wav = Wav::read(Path::new(from))?;
    let channels = wav.channels;
    let bytes = frame_bytes(wav.sample_rate, duration, bit_rate / channels as u32)?;
    let mut encoders = vec![Encoder::new(wav.sample_rate, duration)?; channels];
    let samples = encoders[0].frame_samples();
    // Silence at the end, until the last sample is through.
    let count = wav.pcm.len() / channels;
    let frames = (count + encoders[0].delay_samples()).div_ceil(samples);
    let mut pcm = wav.pcm;
    pcm.resize(frames * samples * channels, 0);

    let mut container = Container::new(wav.sample_rate, duration, channels, bytes, count)?;
    for pcm in pcm.chunks_exact(samples * channels) {
        let mut block = vec![0; bytes * channels];
        for (index, (encoder, frame)) in encoders.iter_mut().zip(block.chunks_exact_mut(bytes)).enumerate() {
            encoder.encode_channel(pcm, Channel { index, of: channels }, frame)?;
        }
        container.blocks.push(block);
    }
    container.write(Path::new(to))?;
    Ok(format!("{frames} frames of {bytes} bytes a channel"))
}

fn decode(from: &str, to: &str) -> Result<String, Box<dyn Error>> {
    let container = Container::read(Path::new(from))?;
    let channels = container.channels;
    let mut decoders: Vec<Decoder> = (0..channels)
        .map(|_| Decoder::new(container.sample_rate, container.duration))
        .collect::<Result<_, _>>()?;
    let samples = decoders[0].frame_samples();
    let mut pcm = vec![0i16; container.blocks.len() * samples * channels];
    let mut concealed = 0;
    for (block, pcm) in container.blocks.iter().zip(pcm.chunks_exact_mut(samples * channels)) {
        let mut rest = block.as_slice();
        for (index, decoder) in decoders.iter_mut().enumerate() {
            let (frame, others) = rest.split_at(rest.len().div_ceil(channels - index));
            rest = others;
            let channel = Channel { index, of: channels };
            let decoded = match decoder.decode_channel(Some(frame), pcm, channel) {
                // A frame no encoder writes stands for a lost one.
                Err(_) => decoder.decode_channel(None, pcm, channel)?,
                Ok(decoded) => decoded,
            };
            concealed += usize::from(decoded == Decoded::Concealed);
        }
    }
    pcm.drain(..(decoders[0].delay_samples() * channels).min(pcm.len()));
    pcm.truncate(container.samples.saturating_mul(channels));
    Wav { sample_rate: container.sample_rate, channels, pcm }.write(Path::new(to))?;
    Ok(format!("{} frames, {concealed} concealed", container.blocks.len() * channels))
}
