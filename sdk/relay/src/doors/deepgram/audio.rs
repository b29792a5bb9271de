use std::time::Duration;

use glasslink_protocol::{FormatError, FrameIndex, StreamFormat, StreamId};

use super::query::{Encoding, Query};
use crate::doors::fed::{Feed, Split, Track};

/// What a client sends, as streams: one for each channel that is told apart.
pub(super) struct Audio {
    tracks: Vec<Track>,
    format: StreamFormat,
    encoding: Encoding,
    /// Interleaved in what comes.
    channels: usize,
    /// Less than a sample of each.
    rest: Vec<u8>,
}

/// Where a frame is.
pub(super) struct At {
    pub(super) channel: usize,
    pub(super) time: Duration,
}

impl Audio {
    pub(super) fn new(query: &Query) -> Result<Self, FormatError> {
        let (channels, apart) = (query.channels, query.multichannel && query.channels > 1);
        let name = query.tag.as_deref().unwrap_or("Deepgram");
        let tracks = if apart {
            (1..=channels).map(|number| Track::new(format!("{name}, channel {number}"))).collect()
        } else {
            vec![Track::new(name.to_owned())]
        };
        let format = StreamFormat::pcm(query.sample_rate.unwrap_or_default())?;
        let encoding = query.encoding.unwrap_or(Encoding::Linear16);
        Ok(Self { tracks, format, encoding, channels, rest: Vec::new() })
    }

    pub(super) fn channels(&self) -> usize {
        self.tracks.len()
    }

    /// Takes a message of audio.
    pub(super) fn take(&mut self, feed: &mut Feed, bytes: &[u8]) {
        let Encoding::Linear16 = self.encoding;
        if self.channels == 1 {
            if let Some(track) = self.tracks.first_mut() {
                track.samples(feed, self.format, bytes);
            }
            return;
        }
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / (2 * self.channels) * (2 * self.channels);
        let interleaved: Vec<i16> =
            self.rest[..whole].as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
        self.rest.drain(..whole);
        let is_apart = self.tracks.len() > 1;
        for (number, track) in self.tracks.iter_mut().enumerate() {
            let one = interleaved
                .chunks_exact(self.channels)
                .map(|sample| if is_apart { sample[number] } else { mixed(sample) });
            let bytes: Vec<u8> = one.flat_map(i16::to_le_bytes).collect();
            track.samples(feed, self.format, &bytes);
        }
    }

    /// What came so far is to be settled; what is awaited then, by channel.
    pub(super) fn split(&mut self, feed: &mut Feed) -> Vec<Split> {
        self.tracks.iter_mut().map(|track| track.split(feed)).collect()
    }

    /// The channel that a stream is of, and where in its audio a frame is.
    pub(super) fn at(&self, stream: StreamId, frame: FrameIndex) -> Option<At> {
        let at =
            |(channel, track): (usize, &Track)| track.time(stream, frame).map(|time| At { channel, time });
        self.tracks.iter().enumerate().find_map(at)
    }

    /// Every final of a stream before `to` was told. Whether that is all of it.
    pub(super) fn transcribed(&mut self, stream: StreamId, to: FrameIndex) -> bool {
        self.tracks.iter_mut().any(|track| track.transcribed(stream, to))
    }

    pub(super) fn is_settled(&self) -> bool {
        self.tracks.iter().all(Track::is_settled)
    }

    /// How much audio came.
    pub(super) fn lasts(&self) -> Duration {
        self.tracks.iter().map(Track::lasts).max().unwrap_or_default()
    }
}

/// All channels as one.
fn mixed(sample: &[i16]) -> i16 {
    let sum: i32 = sample.iter().map(|one| i32::from(*one)).sum();
    let count = i32::try_from(sample.len().max(1)).unwrap_or(i32::MAX);
    // A mean is no larger than what it is of.
    (sum / count) as i16
}
