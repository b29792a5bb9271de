use std::time::Duration;

use glasslink_audio::{NotAudio, Unpacked, Unpacker};
use glasslink_protocol::{FrameIndex, StreamFormat, StreamId};

use super::query::Query;
use crate::doors::fed::{Feed, Split, Track};

/// What a client sends, as streams: one for each channel that is told apart.
pub(super) struct Audio {
    tracks: Vec<Track>,
    unpacker: Unpacker,
    unpacked: Vec<Unpacked>,
}

/// Where a frame is.
pub(super) struct At {
    pub(super) channel: usize,
    pub(super) time: Duration,
}

impl Audio {
    pub(super) fn new(query: &Query) -> Self {
        let (channels, apart) = (query.channels, query.multichannel && query.channels > 1);
        let name = query.tag.as_deref().unwrap_or("Deepgram");
        let tracks = if apart {
            (1..=channels).map(|number| Track::new(format!("{name}, channel {number}"))).collect()
        } else {
            vec![Track::new(name.to_owned())]
        };
        Self { tracks, unpacker: Unpacker::new(query.packing), unpacked: Vec::new() }
    }

    pub(super) fn channels(&self) -> usize {
        self.tracks.len()
    }

    /// Takes a message of audio.
    pub(super) fn take(&mut self, feed: &mut Feed, bytes: &[u8]) -> Result<(), NotAudio> {
        self.unpacker.unpack(bytes, &mut self.unpacked)?;
        self.give(feed)
    }

    fn give(&mut self, feed: &mut Feed) -> Result<(), NotAudio> {
        for one in std::mem::take(&mut self.unpacked) {
            match one {
                Unpacked::Samples { rate, channels, samples } => {
                    let format = StreamFormat::pcm(rate).map_err(|_| NotAudio)?;
                    // What has other channels than was said is one.
                    let is_apart = self.tracks.len() == channels;
                    let heard = if is_apart { channels } else { 1 };
                    for (number, track) in self.tracks.iter_mut().enumerate().take(heard) {
                        let of_sample =
                            |sample: &[i16]| if is_apart { sample[number] } else { mixed(sample) };
                        let one = samples.chunks_exact(channels.max(1)).map(of_sample);
                        let bytes: Vec<u8> = one.flat_map(i16::to_le_bytes).collect();
                        track.samples(feed, format, &bytes);
                    }
                }
                Unpacked::Opus { format, packet } => {
                    if let Some(track) = self.tracks.first_mut() {
                        track.frame(feed, format, &packet);
                    }
                }
            }
        }
        Ok(())
    }

    /// What came so far is to be settled; what is awaited then, by channel.
    pub(super) fn split(&mut self, feed: &mut Feed) -> Vec<Split> {
        // What cannot be read behind this is found so when more comes.
        let _ = self.unpacker.flush(&mut self.unpacked).and_then(|()| self.give(feed));
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
