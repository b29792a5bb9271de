//! The file format of liblc3's tools: 16-bit little-endian words, a header of nine, then blocks of one frame a
//! channel, each after its number of bytes.

use std::path::Path;

use glasslink_lc3::FrameDuration;

use crate::wav::MAX_CHANNELS;

/// What the first word says.
const FILE_ID: u16 = 0xcc1c;
/// Bytes of the header.
const HEADER: u16 = 18;

pub(crate) struct Container {
    pub(crate) sample_rate: u32,
    pub(crate) duration: FrameDuration,
    pub(crate) channels: usize,
    /// Of all channels, in bit/s.
    bit_rate: u32,
    /// Of each channel, before the encoder's padding.
    pub(crate) samples: usize,
    /// The frames of all channels, one after the other.
    pub(crate) blocks: Vec<Vec<u8>>,
}

impl Container {
    /// An empty file for frames of `bytes` a channel.
    pub(crate) fn new(
        sample_rate: u32,
        duration: FrameDuration,
        channels: usize,
        bytes: usize,
        samples: usize,
    ) -> Result<Self, String> {
        // At the nominal duration, as liblc3's tools count.
        let bit_rate = match duration {
            FrameDuration::Ms7_5 => bytes * channels * 3200 / 3,
            FrameDuration::Ms10 => bytes * channels * 800,
        };
        if u16::try_from(bit_rate / 100).is_err() || u32::try_from(samples).is_err() {
            return Err("an LC3 file cannot hold so many channels or samples".into());
        }
        let bit_rate = bit_rate as u32;
        Ok(Self { sample_rate, duration, channels, bit_rate, samples, blocks: Vec::new() })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let duration = match self.duration {
            FrameDuration::Ms7_5 => 750,
            FrameDuration::Ms10 => 1000,
        };
        let words = [
            FILE_ID,
            HEADER,
            (self.sample_rate / 100) as u16,
            (self.bit_rate / 100) as u16,
            self.channels as u16,
            duration,
            0,
            self.samples as u16,
            (self.samples >> 16) as u16,
        ];
        let mut data: Vec<u8> = words.into_iter().flat_map(u16::to_le_bytes).collect();
        for block in &self.blocks {
            data.extend_from_slice(&(block.len() as u16).to_le_bytes());
            data.extend_from_slice(block);
        }
        std::fs::write(path, data).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let data = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&data).map_err(|why| format!("{}: {why}", path.display()))
    }

    fn parse(data: &[u8]) -> Result<Self, &'static str> {
        let Some(header) = data.first_chunk::<{ HEADER as usize }>() else { return Err("not an LC3 file") };
        let word = |i: usize| u16::from_le_bytes([header[2 * i], header[2 * i + 1]]);
        if word(0) != FILE_ID {
            return Err("not an LC3 file");
        }
        let duration = match word(5) {
            750 => FrameDuration::Ms7_5,
            1000 => FrameDuration::Ms10,
            _ => return Err("its frames last neither 7.5 nor 10 ms"),
        };
        if !(1..=MAX_CHANNELS).contains(&word(4)) {
            return Err("it has no channels, or more than this program takes");
        }
        if word(6) != 0 {
            return Err("it is protected against errors, which this program cannot undo");
        }
        let mut rest = data.get(usize::from(word(1))..).ok_or("its header is cut short")?;
        let mut blocks = Vec::new();
        while let Some((size, body)) = rest.split_first_chunk() {
            let size = usize::from(u16::from_le_bytes(*size));
            let Some((block, others)) = body.split_at_checked(size) else {
                return Err("its last frame is cut short");
            };
            blocks.push(block.to_vec());
            rest = others;
        }
        Ok(Self {
            sample_rate: u32::from(word(2)) * 100,
            duration,
            channels: usize::from(word(4)),
            bit_rate: u32::from(word(3)) * 100,
            samples: usize::from(word(7)) | usize::from(word(8)) << 16,
            blocks,
        })
    }
}
