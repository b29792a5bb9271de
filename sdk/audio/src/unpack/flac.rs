use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

use claxon::Error;
use claxon::frame::FrameReader;

use super::NotAudio;

/// A frame of more is none: 65,535 samples of 8 channels in 32 bits have 2 MB.
const FRAME: usize = 4 << 20;

/// Samples that are decoded at a time: a minute of speech. Silence is packed a thousandfold.
const AT_ONCE: usize = 1 << 20;

/// Decodes native FLAC as it comes, a frame as soon as it is whole.
#[derive(Debug, Default)]
pub(super) struct Flac {
    bytes: Vec<u8>,
    stage: Stage,
    /// A frame that is not whole yet is looked at again when there is so much.
    look_at: usize,
    /// There is more in what came than was decoded at once.
    pub(super) has_more: bool,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Magic,
    /// The head of a block of metadata; what is known so far.
    Block(Option<Info>),
    /// So many bytes of a block nobody needs; whether it is the last.
    Skip(usize, bool, Option<Info>),
    Frames(Info),
}

#[derive(Clone, Copy, Debug)]
struct Info {
    rate: u32,
    channels: usize,
    bits: u32,
}

impl Flac {
    /// Takes bytes, and gives samples, interleaved, with their rate and the number of channels.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        mut samples: impl FnMut(u32, usize, Vec<i16>),
    ) -> Result<(), NotAudio> {
        self.bytes.extend_from_slice(bytes);
        loop {
            match self.stage {
                Stage::Magic => {
                    let Some(magic) = self.bytes.get(..4) else { return Ok(()) };
                    if magic != b"fLaC" {
                        return Err(NotAudio);
                    }
                    self.advance(4, Stage::Block(None));
                }
                Stage::Block(info) => {
                    let Some(&[kind, a, b, c]) = self.bytes.get(..4) else { return Ok(()) };
                    let (is_last, length) = (kind & 0x80 != 0, u32::from_be_bytes([0, a, b, c]) as usize);
                    if kind & 0x7f != 0 {
                        self.advance(4, Stage::Skip(length, is_last, info));
                        continue;
                    }
                    let Some(block) = self.bytes.get(4..4 + length.min(34)) else { return Ok(()) };
                    let info = Info::read(block)?;
                    self.advance(4, Stage::Skip(length, is_last, Some(info)));
                }
                Stage::Skip(left, is_last, info) => {
                    let now = left.min(self.bytes.len());
                    let stage = match (left - now, is_last, info) {
                        (0, true, Some(info)) => Stage::Frames(info),
                        (0, true, None) => return Err(NotAudio),
                        (0, false, info) => Stage::Block(info),
                        (left, is_last, info) => Stage::Skip(left, is_last, info),
                    };
                    let goes_on = !matches!(stage, Stage::Skip(..));
                    self.advance(now, stage);
                    if !goes_on {
                        return Ok(());
                    }
                }
                Stage::Frames(info) => return self.frames(info, samples_of(info, &mut samples)),
            }
        }
    }

    /// Looks at what is there once more: nothing may follow.
    pub(super) fn flush(&mut self, samples: impl FnMut(u32, usize, Vec<i16>)) -> Result<(), NotAudio> {
        self.look_at = 0;
        self.take(&[], samples)
    }

    fn advance(&mut self, bytes: usize, stage: Stage) {
        self.bytes.drain(..bytes);
        self.stage = stage;
    }

    fn frames(&mut self, info: Info, mut samples: impl FnMut(Vec<i16>)) -> Result<(), NotAudio> {
        let (mut at, mut decoded) = (0, 0);
        self.has_more = false;
        while at < self.bytes.len() && self.bytes.len() - at >= self.look_at {
            if decoded >= AT_ONCE {
                self.has_more = true;
                break;
            }
            let rest = &self.bytes[at..];
            // The library is not ours, and what it reads is a stranger's.
            let read = catch_unwind(AssertUnwindSafe(|| {
                let mut reader = FrameReader::new(Cursor::new(rest));
                let block = reader.read_next_or_eof(Vec::new());
                block.map(|block| (block, reader.into_inner().position()))
            }));
            match read {
                Ok(Ok((Some(block), used))) => {
                    if block.channels() as usize != info.channels {
                        return Err(NotAudio);
                    }
                    let channels: Vec<&[i32]> = (0..block.channels()).map(|one| block.channel(one)).collect();
                    let count = block.duration() as usize;
                    decoded += count * channels.len();
                    let interleaved = (0..count)
                        .flat_map(|sample| channels.iter().map(move |one| info.sample(one[sample])));
                    samples(interleaved.collect());
                    at += usize::try_from(used).unwrap_or(usize::MAX).min(rest.len()).max(1);
                    self.look_at = 0;
                }
                Ok(Err(Error::IoError(error))) if error.kind() == ErrorKind::UnexpectedEof => {
                    // Each look costs as much as there is: it is worth it when there is a good deal more.
                    self.look_at = rest.len() + (rest.len() / 8).max(64);
                    if rest.len() > FRAME {
                        return Err(NotAudio);
                    }
                    break;
                }
                Ok(Ok((None, _))) => break,
                Ok(Err(_)) | Err(_) => return Err(NotAudio),
            }
        }
        self.bytes.drain(..at);
        Ok(())
    }
}

fn samples_of(info: Info, samples: &mut impl FnMut(u32, usize, Vec<i16>)) -> impl FnMut(Vec<i16>) {
    move |interleaved| samples(info.rate, info.channels, interleaved)
}

impl Info {
    /// Of a STREAMINFO block.
    fn read(block: &[u8]) -> Result<Self, NotAudio> {
        let Some(&[a, b, c, d]) = block.get(10..14) else { return Err(NotAudio) };
        let fields = u32::from_be_bytes([a, b, c, d]);
        let info = Self {
            rate: fields >> 12,
            channels: (fields >> 9 & 7) as usize + 1,
            bits: (fields >> 4 & 31) + 1,
        };
        if info.rate == 0 || info.bits < 4 { Err(NotAudio) } else { Ok(info) }
    }

    /// In 16 bits.
    fn sample(self, sample: i32) -> i16 {
        let sample = match self.bits {
            bits @ 17.. => sample >> (bits - 16),
            bits => sample << (16 - bits),
        };
        // Of a well-made file it fits.
        sample as i16
    }
}
