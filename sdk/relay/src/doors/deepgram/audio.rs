use glasslink_audio::{NotAudio, Unpacked, Unpacker};
use glasslink_protocol::StreamFormat;

use super::query::Query;
use crate::doors::fed::{Feed, Split, Tracks};

/// What a client sends, as streams: one for each channel that is told apart.
pub(super) struct Audio {
    pub(super) tracks: Tracks,
    unpacker: Unpacker,
    unpacked: Vec<Unpacked>,
}

impl Audio {
    pub(super) fn new(query: &Query) -> Self {
        let (channels, apart) = (query.channels, query.multichannel && query.channels > 1);
        let name = query.tag.as_deref().unwrap_or("Deepgram");
        let tracks = if apart {
            Tracks::new((1..=channels).map(|number| format!("{name}, channel {number}")))
        } else {
            Tracks::new([name.to_owned()])
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

    /// Nothing may follow for a while.
    pub(super) fn flush(&mut self, feed: &mut Feed) {
        // What cannot be read behind this is found so when more comes.
        let _ = self.unpacker.flush(&mut self.unpacked).and_then(|()| self.give(feed));
    }

    /// Whether there is more in what came than the session was given.
    pub(super) fn has_more(&self) -> bool {
        self.unpacker.has_more()
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
        self.flush(feed);
        self.tracks.split(feed)
    }
}

/// All channels as one.
fn mixed(sample: &[i16]) -> i16 {
    let sum: i32 = sample.iter().map(|one| i32::from(*one)).sum();
    let count = i32::try_from(sample.len().max(1)).unwrap_or(i32::MAX);
    // A mean is no larger than what it is of.
    (sum / count) as i16
}
