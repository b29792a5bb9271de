use crate::{FrameIndex, StreamFormat, StreamId};

/// Bytes before the first frame of an audio message.
pub const HEADER_BYTES: usize = 16;

/// Most frames one message may carry. 1,024 frames of 10 ms are 10 s, five times what a backlog sends at once.
pub const MAX_FRAMES_PER_MESSAGE: u16 = 1024;

/// Most bytes one audio message may have, header included.
pub const MAX_AUDIO_BYTES: usize = 64 * 1024;

const KIND_AUDIO: u8 = 1;
const LENGTH_PREFIX: usize = 2;

/// Consecutive codec frames of one stream, as one binary WebSocket message.
///
/// Layout, little-endian: kind (u8, 1), zero (u8), frame count (u16), stream (u32), first frame index (u64), then
/// the frames, each preceded by its length (u16) where the stream's frame sizes vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioMessage<'a> {
    pub stream: StreamId,
    pub first: FrameIndex,
    pub count: u16,
    /// The frames as they stand on the wire. [`AudioMessage::frames`] takes them apart.
    pub body: &'a [u8],
}

/// Why bytes are not an audio message. The sender is at fault; sending them again will not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioMessageError {
    /// The message is shorter than its header.
    #[error("an audio message of {0} bytes is shorter than its header")]
    Truncated(usize),
    /// The first byte names a kind this version does not know. Receivers ignore such messages.
    #[error("binary messages of kind {0} are not known")]
    UnknownKind(u8),
    /// A message is at most [`MAX_AUDIO_BYTES`] long.
    #[error("an audio message of {0} bytes is too large")]
    TooLarge(usize),
    /// A message carries 1 to [`MAX_FRAMES_PER_MESSAGE`] frames.
    #[error("an audio message cannot carry {0} frames")]
    FrameCount(u16),
    /// The body does not divide into `count` frames of the stream's format.
    #[error("the body of an audio message is not {count} frames of its stream's format")]
    Body { count: u16 },
    /// Frame indices stay below 2^63.
    #[error("frame index {0} is out of range")]
    Index(u64),
}

impl<'a> AudioMessage<'a> {
    /// Appends the message to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&Self::header(self.stream, self.first, self.count));
        out.extend_from_slice(self.body);
    }

    /// The header alone, for senders that gather the frames themselves.
    pub fn header(stream: StreamId, first: FrameIndex, count: u16) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[0] = KIND_AUDIO;
        header[2..4].copy_from_slice(&count.to_le_bytes());
        header[4..8].copy_from_slice(&stream.0.to_le_bytes());
        header[8..16].copy_from_slice(&first.0.to_le_bytes());
        header
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Self, AudioMessageError> {
        if bytes.len() > MAX_AUDIO_BYTES {
            return Err(AudioMessageError::TooLarge(bytes.len()));
        }
        let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(AudioMessageError::Truncated(bytes.len()));
        };
        let [kind, _, c0, c1, s0, s1, s2, s3, index @ ..] = *header;
        if kind != KIND_AUDIO {
            return Err(AudioMessageError::UnknownKind(kind));
        }
        let count = u16::from_le_bytes([c0, c1]);
        if !(1..=MAX_FRAMES_PER_MESSAGE).contains(&count) {
            return Err(AudioMessageError::FrameCount(count));
        }
        let first = u64::from_le_bytes(index);
        if first >= 1 << 63 {
            return Err(AudioMessageError::Index(first));
        }
        Ok(Self {
            stream: StreamId(u32::from_le_bytes([s0, s1, s2, s3])),
            first: FrameIndex(first),
            count,
            body,
        })
    }

    /// The frames of the message, once it is known that the body divides into them.
    pub fn frames(&self, format: &StreamFormat) -> Result<Frames<'a>, AudioMessageError> {
        let frame_bytes = format.frame_bytes().map(|bytes| bytes as usize);
        let divides = match frame_bytes {
            Some(size) => self.body.len() == size * usize::from(self.count),
            None => self.lengths_add_up(format),
        };
        if !divides {
            return Err(AudioMessageError::Body { count: self.count });
        }
        Ok(Frames { rest: self.body, frame_bytes })
    }

    /// The first frame after the message.
    pub fn end(&self) -> FrameIndex {
        self.first + u64::from(self.count)
    }

    fn lengths_add_up(&self, format: &StreamFormat) -> bool {
        let mut rest = self.body;
        for _ in 0..self.count {
            let Some((length, after)) = rest.split_first_chunk::<LENGTH_PREFIX>() else { return false };
            let length = usize::from(u16::from_le_bytes(*length));
            if !format.accepts(length) || after.len() < length {
                return false;
            }
            rest = &after[length..];
        }
        rest.is_empty()
    }
}

/// The frames of an [`AudioMessage`], in order.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
    frame_bytes: Option<usize>,
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let size = if let Some(size) = self.frame_bytes {
            size
        } else {
            let (length, after) = self.rest.split_first_chunk::<LENGTH_PREFIX>()?;
            self.rest = after;
            usize::from(u16::from_le_bytes(*length))
        };
        let (frame, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        Some(frame)
    }
}
