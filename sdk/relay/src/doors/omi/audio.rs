use glasslink_audio::{Unpacked, Unpacker};
use glasslink_protocol::StreamFormat;

use super::limits;
use super::query::{Codec, Query};
use crate::doors::fed::{Feed, Tracks};

/// What a client sends, as streams: one for each channel.
pub(super) struct Audio {
    pub(super) tracks: Tracks,
    codec: Codec,
    /// One for each channel.
    unpackers: Vec<Unpacker>,
}

impl Audio {
    pub(super) fn new(query: &Query) -> Self {
        let name = query.source.as_deref().unwrap_or("Omi");
        let labels = (1..=query.channels).map(|number| match query.channels {
            1 => name.to_owned(),
            _ => format!("{name}, channel {number}"),
        });
        let unpackers = match query.codec {
            Codec::Packed(packing) => (0..query.channels).map(|_| Unpacker::new(packing)).collect(),
            Codec::Lc3(_) => Vec::new(),
        };
        Self { tracks: Tracks::new(labels), codec: query.codec, unpackers }
    }

    /// Takes a message. What cannot be decoded is passed over: whether it was.
    pub(super) fn take(&mut self, feed: &mut Feed, message: &[u8]) -> bool {
        if message.len() <= limits::NOTHING {
            return true;
        }
        let (channel, bytes) = match message.split_first() {
            Some((channel, bytes)) if self.tracks.len() > 1 => (usize::from(*channel), bytes),
            _ => (0, message),
        };
        let Some(track) = self.tracks.get_mut(channel) else { return false };
        if let Codec::Lc3(format) = self.codec {
            let fits = format.accepts(bytes.len());
            if fits {
                track.frame(feed, format, bytes);
            }
            return fits;
        }
        let Some(unpacker) = self.unpackers.get_mut(channel) else { return false };
        let mut pieces = Vec::new();
        let fits = unpacker.unpack(bytes, &mut pieces).is_ok() && !pieces.is_empty();
        for one in pieces {
            match one {
                Unpacked::Samples { rate, samples, .. } => {
                    let Ok(format) = StreamFormat::pcm(rate) else { return false };
                    let bytes: Vec<u8> = samples.into_iter().flat_map(i16::to_le_bytes).collect();
                    track.samples(feed, format, &bytes);
                }
                Unpacked::Opus { format, packet } => track.frame(feed, format, &packet),
            }
        }
        fits
    }
}
