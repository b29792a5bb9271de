use glasslink_audio::{FlacWriter, NotAudio, Packing, Unpacked, Unpacker, write_wav_head};

/// Samples of each channel in a row, and packets, are one thing however they were cut.
#[derive(Debug, Default, PartialEq)]
struct Whole {
    samples: Vec<i16>,
    packets: Vec<Vec<u8>>,
}

fn packing(choice: u8) -> Packing {
    let (rate, channels) = (8_000 * u32::from(choice >> 6) + 8_000, usize::from(choice >> 3 & 7) + 1);
    match choice & 7 {
        0 => Packing::Linear16 { rate, channels },
        1 => Packing::Linear8 { rate, channels },
        2 => Packing::Mulaw { rate, channels },
        3 => Packing::Alaw { rate, channels },
        4 => Packing::Opus { rate },
        5 => Packing::Flac,
        6 => Packing::OggOpus,
        _ => Packing::Container,
    }
}

fn unpacked(packing: Packing, bytes: &[u8], piece: usize) -> Result<Whole, NotAudio> {
    let (mut unpacker, mut out) = (Unpacker::new(packing), Vec::new());
    for piece in bytes.chunks(piece) {
        unpacker.unpack(piece, &mut out)?;
        while unpacker.has_more() {
            unpacker.unpack(&[], &mut out)?;
        }
    }
    unpacker.flush(&mut out)?;
    let mut whole = Whole::default();
    for one in out {
        match one {
            Unpacked::Samples { channels, samples, .. } => {
                assert!((1..=8).contains(&channels) && samples.len() % channels == 0, "{channels}");
                whole.samples.extend(samples);
            }
            Unpacked::Opus { format, packet } => {
                assert!(format.accepts(packet.len()));
                whole.packets.push(packet);
            }
        }
    }
    Ok(whole)
}

/// The first byte chooses what the rest is said to be, the second how it is cut: that changes nothing.
pub(super) fn unpack(input: &[u8]) {
    let &[choice, piece, ref bytes @ ..] = input else { return };
    let packing = packing(choice);
    let whole = unpacked(packing, bytes, bytes.len().max(1));
    let cut = unpacked(packing, bytes, usize::from(piece).max(1));
    // A packet is a message: cut, it is others.
    if !matches!(packing, Packing::Opus { .. }) {
        assert!(whole == cut, "{packing:?} in pieces of {piece}");
    }
}

/// One of each.
pub(super) fn packed() -> Vec<Vec<u8>> {
    let samples: Vec<i16> = (0..6_000).map(|n| ((n * 397) % 20_001) as i16 - 10_000).collect();
    let mut flac = vec![5, 50];
    let mut writer = FlacWriter::new(&mut flac, 16_000, 6_000, &[]).expect("memory takes all");
    writer.write(&samples).expect("memory takes all");
    writer.finish().expect("memory takes all");
    let mut wav = vec![7, 9];
    write_wav_head(&mut wav, 24_000, 100, "a note").expect("memory takes all");
    wav.extend([7; 200]);
    let raw = (0..5).map(|choice| (0..200).map(|n| if n == 0 { choice } else { n as u8 }).collect());
    let of_container = [&[7], &flac[1..]].concat();
    raw.chain([flac, of_container, wav]).collect()
}
