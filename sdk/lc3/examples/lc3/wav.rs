//! WAV files of 16 bits.

use std::path::Path;

/// More than any layout of loudspeakers has.
pub(crate) const MAX_CHANNELS: u16 = 64;

/// Audio, its channels interleaved.
pub(crate) struct Wav {
    pub(crate) sample_rate: u32,
    pub(crate) channels: usize,
    pub(crate) pcm: Vec<i16>,
}

impl Wav {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let data = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&data).map_err(|why| format!("{}: {why}", path.display()))
    }

    fn parse(data: &[u8]) -> Result<Self, &'static str> {
        if data.get(..4) != Some(b"RIFF") || data.get(8..12) != Some(b"WAVE") {
            return Err("not a WAV file");
        }
        let mut rest = &data[12..];
        let mut format = None;
        while let Some((header, body)) = rest.split_first_chunk::<8>() {
            let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
            // A file that is still being written may say more than there is.
            let chunk = &body[..size.min(body.len())];
            match &header[..4] {
                b"fmt " => format = Some(format_of(chunk)?),
                b"data" => {
                    let (sample_rate, channels) = format.ok_or("the samples come before their format")?;
                    let mut pcm: Vec<i16> =
                        chunk.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
                    pcm.truncate(pcm.len() / channels * channels);
                    return Ok(Self { sample_rate, channels, pcm });
                }
                _ => {}
            }
            rest = body.get(size + size % 2..).unwrap_or_default();
        }
        Err("a WAV file without samples")
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let bytes = 2 * self.pcm.len() as u32;
        let block = 2 * self.channels as u16;
        let mut data = Vec::with_capacity(44 + bytes as usize);
        data.extend_from_slice(b"RIFF");
        data.extend_from_slice(&(36 + bytes).to_le_bytes());
        data.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0");
        data.extend_from_slice(&(self.channels as u16).to_le_bytes());
        data.extend_from_slice(&self.sample_rate.to_le_bytes());
        data.extend_from_slice(&(self.sample_rate * u32::from(block)).to_le_bytes());
        data.extend_from_slice(&block.to_le_bytes());
        data.extend_from_slice(b"\x10\0data");
        data.extend_from_slice(&bytes.to_le_bytes());
        data.extend(self.pcm.iter().flat_map(|sample| sample.to_le_bytes()));
        std::fs::write(path, data).map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Sampling rate and channels.
fn format_of(chunk: &[u8]) -> Result<(u32, usize), &'static str> {
    let Some(f) = chunk.first_chunk::<16>() else { return Err("its format is cut short") };
    let kind = u16::from_le_bytes([f[0], f[1]]);
    let channels = u16::from_le_bytes([f[2], f[3]]);
    let bits = u16::from_le_bytes([f[14], f[15]]);
    // 0xfffe: the extended header, as some programs write it for plain samples too.
    if !matches!(kind, 1 | 0xfffe) || bits != 16 {
        return Err("its samples are not whole numbers of 16 bits");
    }
    if !(1..=MAX_CHANNELS).contains(&channels) {
        return Err("it has no channels, or more than this program takes");
    }
    Ok((u32::from_le_bytes([f[4], f[5], f[6], f[7]]), usize::from(channels)))
}
