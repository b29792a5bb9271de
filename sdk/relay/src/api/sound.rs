use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use glasslink_audio::journal::log::Log;
use glasslink_audio::{FlacWriter, FrameDecoder, write_wav_head};
use glasslink_protocol::{AudioMessage, FrameIndex, StreamFormat, StreamId};

use crate::catalog::StreamRow;
use crate::store::{FRAMES, look};

/// A file format for audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sound {
    Wav,
    Flac,
}

/// Known are `wav` and `flac`.
pub(super) struct UnknownSound;

/// A stream of a session's files, to be heard.
pub(super) struct Listening {
    log: Log,
    stream: StreamId,
    format: StreamFormat,
    from: FrameIndex,
    to: FrameIndex,
}

/// Frames before those that are wanted, for the codec to find its way.
const PREROLL: u64 = 5;

/// Frames read from disk at once.
const READ: u64 = 500;

/// Bytes of a piece.
const PIECE: usize = 32 << 10;

impl Listening {
    /// `io::ErrorKind::NotFound` where nothing of the stream can be read.
    pub(super) fn open(dir: &Path, row: &StreamRow) -> io::Result<Self> {
        let log = look(dir).map_err(|_| io::ErrorKind::NotFound)?;
        let (stream, format) = (row.start.stream, row.start.format);
        let covered = log.coverage(FRAMES, stream.0);
        let Some((first, last)) = covered.first().zip(covered.last()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let (from, to) = (FrameIndex(first.start), FrameIndex(last.end));
        Ok(Self { log, stream, format, from, to })
    }

    /// The frames of a time, from the first that there is.
    pub(super) fn range(&self, from: Duration, to: Option<Duration>) -> Range<FrameIndex> {
        let at = |time: Duration| FrameIndex(self.from.0.saturating_add(self.format.frames_in(time)));
        at(from).min(self.to)..to.map_or(self.to, |to| at(to).min(self.to))
    }

    pub(super) fn samples(&self, range: &Range<FrameIndex>) -> u64 {
        let frames = u128::from(range.end.since(range.start));
        let samples =
            frames * u128::from(self.format.frame_samples()) * u128::from(FrameDecoder::SAMPLE_RATE);
        u64::try_from(samples / u128::from(self.format.sample_rate())).unwrap_or(u64::MAX)
    }

    /// Writes the frames of `range`, as many samples as [`Listening::samples`] says.
    pub(super) fn write(&self, sound: Sound, range: Range<FrameIndex>, out: impl Write) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(PIECE, out);
        let (rate, mut left) = (FrameDecoder::SAMPLE_RATE, self.samples(&range));
        match sound {
            Sound::Wav => {
                write_wav_head(&mut out, rate, left, "")?;
                let mut bytes = Vec::new();
                self.decode(&range, |samples| {
                    bytes.clear();
                    bytes.extend(bounded(samples, &mut left).iter().flat_map(|sample| sample.to_le_bytes()));
                    out.write_all(&bytes)
                })?;
                (0..left).try_for_each(|_| out.write_all(&[0, 0]))?;
                out.flush()
            }
            Sound::Flac => {
                let mut writer = FlacWriter::new(out, rate, left, &[])?;
                self.decode(&range, |samples| writer.write(bounded(samples, &mut left)))?;
                let silence = [0; 1024];
                while left > 0 {
                    writer.write(bounded(&silence, &mut left))?;
                }
                writer.finish()
            }
        }
    }

    fn decode(
        &self,
        range: &Range<FrameIndex>,
        mut take: impl FnMut(&[i16]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut decoder = FrameDecoder::new(self.format).map_err(io::Error::other)?;
        let mut samples = Vec::new();
        let mut next = FrameIndex(range.start.0.saturating_sub(PREROLL)).max(self.from);
        while next < range.end {
            let to = (next + READ).min(range.end);
            let mut frames: Vec<Option<Vec<u8>>> = vec![None; (to - next) as usize];
            self.log.bulk(FRAMES, self.stream.0, &(next.0..to.0), |record| {
                let (first, count) = (FrameIndex(record.from), record.count as u16);
                let message = AudioMessage { stream: self.stream, first, count, body: record.payload };
                for (index, frame) in (record.from..).zip(message.frames(&self.format).into_iter().flatten())
                {
                    if let Some(place) = index.checked_sub(next.0).and_then(|at| frames.get_mut(at as usize))
                    {
                        *place = Some(frame.to_vec());
                    }
                }
            })?;
            for frame in frames {
                samples.clear();
                let missing = frame.is_none();
                let _ = decoder.decode(frame.as_deref(), &mut samples);
                if missing {
                    // What is missing is not made up.
                    samples.fill(0);
                }
                if next >= range.start {
                    take(&samples)?;
                }
                next += 1;
            }
        }
        samples.clear();
        decoder.finish(&mut samples);
        take(&samples)
    }
}

/// As many of the samples as are left.
fn bounded<'a>(samples: &'a [i16], left: &mut u64) -> &'a [i16] {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(samples.len());
    *left -= count as u64;
    &samples[..count]
}

impl Sound {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Flac => "audio/flac",
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Flac => "flac",
        }
    }
}

impl FromStr for Sound {
    type Err = UnknownSound;

    fn from_str(name: &str) -> Result<Self, UnknownSound> {
        match name {
            "wav" => Ok(Self::Wav),
            "flac" => Ok(Self::Flac),
            _ => Err(UnknownSound),
        }
    }
}
