use super::NotAudio;

/// Reads the head of a WAV file as it comes: what follows is samples to its end, however long it says to be.
#[derive(Debug, Default)]
pub(super) struct WavHead {
    bytes: Vec<u8>,
    format: Option<WavFormat>,
    /// Bytes of a chunk nobody needs.
    skip: usize,
    is_riff: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WavFormat {
    pub(super) kind: WavKind,
    pub(super) channels: usize,
    pub(super) rate: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WavKind {
    Linear16,
    Mulaw,
    Alaw,
}

impl WavHead {
    /// Takes bytes; once the head is whole, what the samples are, and the first of them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Option<(WavFormat, Vec<u8>)>, NotAudio> {
        self.bytes.extend_from_slice(bytes);
        if !self.is_riff {
            let Some(head) = self.bytes.get(..12) else { return Ok(None) };
            if !head.starts_with(b"RIFF") || &head[8..] != b"WAVE" {
                return Err(NotAudio);
            }
            self.bytes.drain(..12);
            self.is_riff = true;
        }
        loop {
            let skipped = self.skip.min(self.bytes.len());
            self.bytes.drain(..skipped);
            self.skip -= skipped;
            let Some((name, rest)) = self.bytes.split_first_chunk::<4>() else { return Ok(None) };
            let Some(length) = rest.first_chunk::<4>() else { return Ok(None) };
            let length = u32::from_le_bytes(*length) as usize;
            match name {
                b"data" => {
                    let format = self.format.ok_or(NotAudio)?;
                    return Ok(Some((format, self.bytes.split_off(8))));
                }
                b"fmt " => {
                    let Some(chunk) = self.bytes.get(8..8 + 16) else { return Ok(None) };
                    self.format = Some(WavFormat::read(chunk)?);
                    self.skip = 8 + length.next_multiple_of(2);
                }
                _ => self.skip = length.saturating_add(8 + length % 2),
            }
        }
    }
}

impl WavFormat {
    fn read(chunk: &[u8]) -> Result<Self, NotAudio> {
        let number = |at: usize| u16::from_le_bytes([chunk[at], chunk[at + 1]]);
        let kind = match (number(0), number(14)) {
            // Extensible: some programs write it for 16-bit samples, too.
            (1 | 0xfffe, 16) => WavKind::Linear16,
            (6, 8) => WavKind::Alaw,
            (7, 8) => WavKind::Mulaw,
            _ => return Err(NotAudio),
        };
        let rate = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        let channels = usize::from(number(2));
        if channels == 0 { Err(NotAudio) } else { Ok(Self { kind, channels, rate }) }
    }
}
