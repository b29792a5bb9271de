use glasslink_protocol::StreamFormat;

use super::flac::Flac;
use super::ogg::Ogg;
use super::wav::{WavHead, WavKind};
use super::{g711, opus_packet_samples};

/// Channels that are told apart, or mixed.
const CHANNELS: usize = 8;

/// How programs send audio that is not frames of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Signed 16-bit little-endian samples.
    Linear16 { rate: u32, channels: usize },
    /// Unsigned 8-bit samples, around 128.
    Linear8 { rate: u32, channels: usize },
    /// μ-law (G.711).
    Mulaw { rate: u32, channels: usize },
    /// A-law (G.711).
    Alaw { rate: u32, channels: usize },
    /// Opus, a packet a message. `rate`: what it is decoded at.
    Opus { rate: u32 },
    /// Native FLAC.
    Flac,
    /// Opus in Ogg.
    OggOpus,
    /// A container that says what it is: WAV, FLAC, or Opus in Ogg.
    Container,
}

/// Takes audio as it comes, and gives samples or Opus packets.
///
/// ```
/// use glasslink_audio::{Packing, Unpacked, Unpacker};
///
/// let mut unpacker = Unpacker::new(Packing::Mulaw { rate: 8_000, channels: 1 });
/// let mut unpacked = Vec::new();
/// unpacker.unpack(&[0xff, 0x80], &mut unpacked)?;
/// assert_eq!(unpacked, [Unpacked::Samples { rate: 8_000, channels: 1, samples: vec![0, 32_124] }]);
/// # Ok::<(), glasslink_audio::NotAudio>(())
/// ```
#[derive(Debug)]
pub struct Unpacker(Inner);

#[derive(Debug)]
enum Inner {
    Samples {
        kind: Kind,
        rate: u32,
        channels: usize,
        rest: Vec<u8>,
    },
    Opus {
        rate: u32,
    },
    OggOpus {
        ogg: Ogg,
        heads: Heads,
    },
    Flac(Flac),
    Wav(WavHead),
    /// What is there of the first four bytes.
    Unknown(Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Linear16,
    Linear8,
    Mulaw,
    Alaw,
}

/// The packets before the audio.
#[derive(Debug)]
enum Heads {
    Head,
    Tags,
    Done,
}

/// A piece of what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unpacked {
    /// Interleaved, a whole number of each channel's.
    Samples { rate: u32, channels: usize, samples: Vec<i16> },
    /// One packet, as a frame of this format.
    Opus { format: StreamFormat, packet: Vec<u8> },
}

/// What came is not what it was said to be: damaged in a way that nothing behind it can be read, of a kind that is not
/// known, or of more than 8 channels. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what came is not audio, or of a kind that is not known")]
pub struct NotAudio;

impl Unpacker {
    pub fn new(packing: Packing) -> Self {
        let samples = |kind, rate, channels| Inner::Samples { kind, rate, channels, rest: Vec::new() };
        Self(match packing {
            Packing::Linear16 { rate, channels } => samples(Kind::Linear16, rate, channels),
            Packing::Linear8 { rate, channels } => samples(Kind::Linear8, rate, channels),
            Packing::Mulaw { rate, channels } => samples(Kind::Mulaw, rate, channels),
            Packing::Alaw { rate, channels } => samples(Kind::Alaw, rate, channels),
            Packing::Opus { rate } => Inner::Opus { rate },
            Packing::Flac => Inner::Flac(Flac::default()),
            Packing::OggOpus => ogg_opus(),
            Packing::Container => Inner::Unknown(Vec::new()),
        })
    }

    /// Takes a message, and appends what is whole to `out`: of what was packed very small a minute's worth, see
    /// [`has_more`](Self::has_more). What is less than whole waits for the next message.
    pub fn unpack(&mut self, bytes: &[u8], out: &mut Vec<Unpacked>) -> Result<(), NotAudio> {
        match &mut self.0 {
            Inner::Samples { kind, rate, channels, rest } => {
                let (kind, rate, channels) = (*kind, *rate, *channels);
                if !(1..=CHANNELS).contains(&channels) {
                    return Err(NotAudio);
                }
                rest.extend_from_slice(bytes);
                let whole = rest.len() / (kind.bytes() * channels) * (kind.bytes() * channels);
                if whole > 0 {
                    let samples = kind.samples(&rest[..whole]);
                    rest.drain(..whole);
                    out.push(Unpacked::Samples { rate, channels, samples });
                }
                Ok(())
            }
            Inner::Opus { rate } => {
                out.extend(opus(bytes, *rate));
                Ok(())
            }
            Inner::OggOpus { ogg, heads } => {
                let mut result = Ok(());
                ogg.take(bytes, |packet| match heads {
                    Heads::Head if packet.starts_with(b"OpusHead") => *heads = Heads::Tags,
                    Heads::Head => result = Err(NotAudio),
                    Heads::Tags => *heads = Heads::Done,
                    // The rate in the head is only what the encoder was given.
                    Heads::Done => out.extend(opus(packet, 48_000)),
                });
                result
            }
            Inner::Flac(flac) => flac.take(bytes, |rate, channels, samples| {
                out.push(Unpacked::Samples { rate, channels, samples });
            }),
            Inner::Wav(head) => {
                let Some((format, samples)) = head.take(bytes)? else { return Ok(()) };
                let kind = match format.kind {
                    WavKind::Linear16 => Kind::Linear16,
                    WavKind::Mulaw => Kind::Mulaw,
                    WavKind::Alaw => Kind::Alaw,
                };
                let (rate, channels) = (format.rate, format.channels);
                self.0 = Inner::Samples { kind, rate, channels, rest: Vec::new() };
                self.unpack(&samples, out)
            }
            Inner::Unknown(first) => {
                first.extend_from_slice(bytes);
                let first = std::mem::take(first);
                self.0 = match first.get(..4) {
                    None => Inner::Unknown(first.clone()),
                    Some(b"RIFF") => Inner::Wav(WavHead::default()),
                    Some(b"fLaC") => Inner::Flac(Flac::default()),
                    Some(b"OggS") => ogg_opus(),
                    Some(_) => return Err(NotAudio),
                };
                if first.len() < 4 { Ok(()) } else { self.unpack(&first, out) }
            }
        }
    }

    /// Whether there is more in what came: unpack an empty message when there is room for it.
    pub fn has_more(&self) -> bool {
        match &self.0 {
            Inner::OggOpus { ogg, .. } => ogg.has_more,
            Inner::Flac(flac) => flac.has_more,
            _ => false,
        }
    }

    /// Nothing may follow for a while: appends what is whole and was not looked at yet.
    pub fn flush(&mut self, out: &mut Vec<Unpacked>) -> Result<(), NotAudio> {
        match &mut self.0 {
            Inner::Flac(flac) => flac.flush(|rate, channels, samples| {
                out.push(Unpacked::Samples { rate, channels, samples });
            }),
            _ => Ok(()),
        }
    }
}

fn ogg_opus() -> Inner {
    Inner::OggOpus { ogg: Ogg::default(), heads: Heads::Head }
}

/// Bytes that are no packet are left out: one of them is lost, and not the stream.
fn opus(packet: &[u8], rate: u32) -> Option<Unpacked> {
    let format = StreamFormat::opus(rate, opus_packet_samples(packet, rate)?).ok()?;
    format.accepts(packet.len()).then(|| Unpacked::Opus { format, packet: packet.to_vec() })
}

impl Kind {
    fn bytes(self) -> usize {
        match self {
            Self::Linear16 => 2,
            Self::Linear8 | Self::Mulaw | Self::Alaw => 1,
        }
    }

    fn samples(self, bytes: &[u8]) -> Vec<i16> {
        match self {
            Self::Linear16 => bytes.as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect(),
            Self::Linear8 => bytes.iter().map(|byte| (i16::from(*byte) - 128) << 8).collect(),
            Self::Mulaw => bytes.iter().map(|byte| g711::mulaw(*byte)).collect(),
            Self::Alaw => bytes.iter().map(|byte| g711::alaw(*byte)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ogg::tests::pages;
    use super::*;
    use crate::{FlacWriter, write_wav_head};

    fn unpack(packing: Packing, bytes: &[u8], piece: usize) -> Result<Vec<Unpacked>, NotAudio> {
        let (mut unpacker, mut out) = (Unpacker::new(packing), Vec::new());
        for piece in bytes.chunks(piece) {
            unpacker.unpack(piece, &mut out)?;
            while unpacker.has_more() {
                unpacker.unpack(&[], &mut out)?;
            }
        }
        unpacker.flush(&mut out)?;
        Ok(out)
    }

    fn samples(unpacked: &[Unpacked], at: u32, of: usize) -> Vec<i16> {
        let samples = unpacked.iter().flat_map(|one| match one {
            Unpacked::Samples { rate, channels, samples } if (*rate, *channels) == (at, of) => samples,
            other => panic!("{other:?}"),
        });
        samples.copied().collect()
    }

    fn tone(count: usize) -> Vec<i16> {
        (0..count).map(|n| ((n as f64 * 0.2).sin() * 12_000.0) as i16).collect()
    }

    #[test]
    fn flac_comes_out_to_the_sample_however_it_was_cut() {
        let tone = tone(20_000);
        let mut bytes = Vec::new();
        let mut writer = FlacWriter::new(&mut bytes, 16_000, 20_000, &["TITLE=a".to_owned()]).unwrap();
        writer.write(&tone).unwrap();
        writer.finish().unwrap();
        for (packing, piece) in [(Packing::Flac, 1), (Packing::Flac, 777), (Packing::Container, 3)] {
            let unpacked = unpack(packing, &bytes, piece).unwrap();
            assert!(samples(&unpacked, 16_000, 1) == tone, "{packing:?} in pieces of {piece}");
        }
        bytes[0] = b'F';
        assert_eq!(unpack(Packing::Flac, &bytes, 100), Err(NotAudio));
    }

    #[test]
    fn what_is_packed_very_small_comes_out_a_piece_at_a_time() {
        let mut bytes = Vec::new();
        let mut writer = FlacWriter::new(&mut bytes, 16_000, 3_000_000, &[]).unwrap();
        writer.write(&vec![0; 3_000_000]).unwrap();
        writer.finish().unwrap();
        assert!(bytes.len() < 30_000, "{}", bytes.len());
        let packets: Vec<&[u8]> = vec![&[3 << 3]; 5_000];
        let ogg = pages(&[[b"OpusHead".as_slice(), b"OpusTags"].as_slice(), &packets].concat());
        for (packing, bytes, most, all) in
            [(Packing::Flac, bytes, 1_100_000, 3_000_000), (Packing::OggOpus, ogg, 1_300, 5_000)]
        {
            let (mut unpacker, mut count) = (Unpacker::new(packing), 0);
            let mut message = bytes.as_slice();
            loop {
                let mut out = Vec::new();
                unpacker.unpack(std::mem::take(&mut message), &mut out).unwrap();
                let now: usize = out
                    .iter()
                    .map(|one| match one {
                        Unpacked::Samples { samples, .. } => samples.len(),
                        Unpacked::Opus { .. } => 1,
                    })
                    .sum();
                assert!(now <= most, "{packing:?}: {now} at once");
                count += now;
                if !unpacker.has_more() {
                    break;
                }
            }
            assert_eq!(count, all, "{packing:?}");
        }
    }

    #[test]
    fn a_wav_file_says_itself_what_it_is() {
        let tone = tone(500);
        let mut bytes = Vec::new();
        write_wav_head(&mut bytes, 24_000, 500, "a note").unwrap();
        bytes.extend(tone.iter().flat_map(|sample| sample.to_le_bytes()));
        for piece in [1, 45, 5_000] {
            assert_eq!(samples(&unpack(Packing::Container, &bytes, piece).unwrap(), 24_000, 1), tone);
        }
        // Nothing of a format that is not known, or of no format.
        bytes[20] = 3;
        assert_eq!(unpack(Packing::Container, &bytes, 100), Err(NotAudio));
        assert_eq!(unpack(Packing::Container, b"RIFF....WAVEdata....", 3), Err(NotAudio));
        assert_eq!(unpack(Packing::Container, b"ID3 and so on", 3), Err(NotAudio));
    }

    #[test]
    fn opus_packets_are_frames_of_their_own_length() {
        let packet = [(1 << 3), 1, 2, 3];
        let format = StreamFormat::opus(16_000, 320).unwrap();
        let wanted = Unpacked::Opus { format, packet: packet.to_vec() };
        assert_eq!(unpack(Packing::Opus { rate: 16_000 }, &packet, 4), Ok(vec![wanted]));
        assert_eq!(unpack(Packing::Opus { rate: 16_000 }, &[3, 0], 2), Ok(vec![]));
        let ogg = pages(&[b"OpusHead and so on", b"OpusTags", &packet, &[17 << 3, 9]]);
        for (packing, piece) in [(Packing::OggOpus, 5), (Packing::Container, 1_000)] {
            let lengths = unpack(packing, &ogg, piece).unwrap().into_iter().map(|one| match one {
                Unpacked::Opus { format, packet } => {
                    (format.sample_rate(), format.frame_samples(), packet.len())
                }
                other @ Unpacked::Samples { .. } => panic!("{other:?}"),
            });
            assert_eq!(lengths.collect::<Vec<_>>(), [(48_000, 960, 4), (48_000, 240, 2)]);
        }
        assert_eq!(unpack(Packing::OggOpus, &pages(&[b"\x01vorbis"]), 100), Err(NotAudio));
    }

    #[test]
    fn samples_wait_for_those_of_the_other_channels() {
        let bytes: Vec<u8> = (0..20).collect();
        for piece in [1, 3, 20] {
            let unpacked = unpack(Packing::Linear16 { rate: 8_000, channels: 2 }, &bytes, piece).unwrap();
            assert_eq!(samples(&unpacked, 8_000, 2).len(), 10);
        }
        let unpacked = unpack(Packing::Linear8 { rate: 8_000, channels: 1 }, &[0, 128, 255], 2).unwrap();
        assert_eq!(samples(&unpacked, 8_000, 1), [-32_768, 0, 32_512]);
        for channels in [0, 9] {
            assert_eq!(unpack(Packing::Mulaw { rate: 8_000, channels }, &[1], 1), Err(NotAudio));
        }
    }
}
