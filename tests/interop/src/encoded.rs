use glasslink::audio::{FlacWriter, Packing, Unpacked, Unpacker};
use opus_rs::{Application, OpusEncoder};

/// Samples as native FLAC.
pub fn flac(samples: &[i16], rate: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = FlacWriter::new(&mut bytes, rate, samples.len() as u64, &[]).expect("memory takes all");
    writer.write(samples).expect("memory takes all");
    writer.finish().expect("memory takes all");
    bytes
}

/// Samples in the law of `packing`: each byte the one whose sample is nearest.
pub fn g711(samples: &[i16], packing: Packing) -> Vec<u8> {
    let codes: Vec<u8> = (0..=255).collect();
    let mut unpacked = Vec::new();
    Unpacker::new(packing).unpack(&codes, &mut unpacked).expect("every byte stands for a sample");
    let Some(Unpacked::Samples { samples: table, .. }) = unpacked.pop() else { panic!("not a law") };
    let nearest = |sample: &i16| {
        let code = codes.iter().min_by_key(|code| table[usize::from(**code)].abs_diff(*sample));
        *code.expect("there are 256")
    };
    samples.iter().map(nearest).collect()
}

/// Samples at 16 kHz as Opus packets of 20 ms.
pub fn opus(samples: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = OpusEncoder::new(16_000, 1, Application::Voip).expect("it has this rate");
    encoder.bitrate_bps = 32_000;
    let frames = samples.chunks(320).map(|frame| {
        let mut frame = frame.to_vec();
        frame.resize(320, 0);
        let mut packet = vec![0; 1_275];
        let length = encoder.encode_i16(&frame, 320, &mut packet).expect("it has this frame");
        packet.truncate(length);
        packet
    });
    frames.collect()
}

/// Packets in one file, each behind its length.
pub fn prefixed(packets: &[Vec<u8>]) -> Vec<u8> {
    packets
        .iter()
        .flat_map(|packet| [&(packet.len() as u16).to_le_bytes(), packet.as_slice()].concat())
        .collect()
}

/// Opus packets in Ogg, a page each.
pub fn ogg(packets: &[Vec<u8>]) -> Vec<u8> {
    let head = [b"OpusHead\x01\x01".as_slice(), &[0; 9]].concat();
    let tags = [b"OpusTags".as_slice(), &[0; 8]].concat();
    let all = [&head, &tags].into_iter().chain(packets);
    all.zip(0_u32..).flat_map(|(packet, number)| page(packet, number)).collect()
}

fn page(packet: &[u8], number: u32) -> Vec<u8> {
    let table = [vec![255; packet.len() / 255], vec![(packet.len() % 255) as u8]].concat();
    let mut page =
        [b"OggS\0".as_slice(), &[0; 9], &1_u32.to_le_bytes(), &number.to_le_bytes(), &[0; 4]].concat();
    page.push(table.len() as u8);
    page.extend([table.as_slice(), packet].concat());
    let mut sum = 0_u32;
    for byte in &page {
        sum ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            sum = (sum << 1) ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
        }
    }
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}
