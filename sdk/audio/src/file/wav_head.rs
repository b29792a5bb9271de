use std::io::{self, Write};

/// Samples that fit into the lengths of a WAV file.
pub const MAX_WAV_SAMPLES: u64 = (u32::MAX as u64 - 64 * 1024) / 2;

/// Writes the head of a 16-bit mono WAV file of `samples` samples; they follow, little-endian. `comment`: at most a few
/// kilobytes. Fails as `out` does, and beyond [`MAX_WAV_SAMPLES`].
pub fn write_wav_head(out: &mut impl Write, rate: u32, samples: u64, comment: &str) -> io::Result<()> {
    let mut note = Vec::new();
    if !comment.is_empty() {
        let mut text = comment.as_bytes().to_vec();
        text.push(0);
        text.resize(text.len().next_multiple_of(2), 0);
        note.extend(b"LIST");
        note.extend((12 + text.len() as u32).to_le_bytes());
        note.extend(b"INFOICMT");
        note.extend((text.len() as u32).to_le_bytes());
        note.extend(text);
    }
    let data = u32::try_from(samples * 2).map_err(|_| io::ErrorKind::FileTooLarge)?;
    out.write_all(b"RIFF")?;
    out.write_all(&(4 + 24 + note.len() as u32 + 8 + data).to_le_bytes())?;
    out.write_all(b"WAVEfmt ")?;
    out.write_all(&16_u32.to_le_bytes())?;
    // PCM, one channel.
    out.write_all(&1_u16.to_le_bytes())?;
    out.write_all(&1_u16.to_le_bytes())?;
    out.write_all(&rate.to_le_bytes())?;
    out.write_all(&(rate * 2).to_le_bytes())?;
    out.write_all(&2_u16.to_le_bytes())?;
    out.write_all(&16_u16.to_le_bytes())?;
    out.write_all(&note)?;
    out.write_all(b"data")?;
    out.write_all(&data.to_le_bytes())
}
