//! From one kind of file to the other.

use std::error::Error;
use std::path::Path;

use glasslink_lc3::{Channel, Decoded, Decoder, Encoder, FrameDuration, frame_bytes};

use crate::container::Container;
use crate::wav::Wav;

/// Encodes a WAV file; says what it did.
pub(crate) fn encode(
    from: &Path,
    to: &Path,
    bit_rate: u32,
    duration: FrameDuration,
) -> Result<String, Box<dyn Error>> {
    let wav = Wav::read(from)?;
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
    container.write(to)?;
    Ok(format!("{frames} frames of {bytes} bytes a channel"))
}

/// Decodes to a WAV file; says what it did.
pub(crate) fn decode(from: &Path, to: &Path) -> Result<String, Box<dyn Error>> {
    let container = Container::read(from)?;
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
    Wav { sample_rate: container.sample_rate, channels, pcm }.write(to)?;
    Ok(format!("{} frames, {concealed} concealed", container.blocks.len() * channels))
}
