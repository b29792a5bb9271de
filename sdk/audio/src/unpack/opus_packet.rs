/// How many samples at `rate` an Opus packet decodes to, from its first two bytes (RFC 6716, 3.1); `None` for bytes that
/// are no packet: empty, or longer than the 120 ms a packet may last.
pub fn opus_packet_samples(packet: &[u8], rate: u32) -> Option<u32> {
    let toc = *packet.first()?;
    // In units of 2.5 ms.
    let frame = match toc >> 3 {
        config @ 0..12 => [4, 8, 16, 24][usize::from(config & 3)],
        config @ 12..16 => [4, 8][usize::from(config & 1)],
        config => [1, 2, 4, 8][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    let units = frame * frames;
    (1..=48).contains(&units).then(|| units * (rate / 400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_says_how_long_it_is() {
        // SILK of 20 ms, hybrid of 10 ms twice, CELT of 2.5 ms, SILK of 60 ms twice.
        assert_eq!(opus_packet_samples(&[1 << 3], 16_000), Some(320));
        assert_eq!(opus_packet_samples(&[(12 << 3) | 1], 48_000), Some(960));
        assert_eq!(opus_packet_samples(&[16 << 3], 48_000), Some(120));
        assert_eq!(opus_packet_samples(&[(3 << 3) | 3, 2], 8_000), Some(960));
        for wrong in [&[][..], &[(3 << 3) | 3], &[(3 << 3) | 3, 3], &[3, 0]] {
            assert_eq!(opus_packet_samples(wrong, 48_000), None, "{wrong:?}");
        }
    }
}
