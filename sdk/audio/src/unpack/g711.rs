/// The sample that a byte of μ-law stands for (ITU-T G.711): 14 bits, in 16.
pub(super) fn mulaw(byte: u8) -> i16 {
    const BIAS: i16 = 0x84;
    let byte = !byte;
    let magnitude = (((i16::from(byte) & 0x0f) << 3) + BIAS) << ((byte & 0x70) >> 4);
    if byte & 0x80 == 0 { magnitude - BIAS } else { BIAS - magnitude }
}

/// The same of A-law: 13 bits, in 16.
pub(super) fn alaw(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (step, segment) = ((i16::from(byte) & 0x0f) << 4, (byte & 0x70) >> 4);
    let magnitude = match segment {
        0 => step + 8,
        _ => (step + 0x108) << (segment - 1),
    };
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_g711_are_met_at_their_ends_and_around_zero() {
        for (byte, sample) in [(0x00, -32_124), (0x80, 32_124), (0x7f, 0), (0xff, 0), (0xfe, 8), (0x7e, -8)] {
            assert_eq!(mulaw(byte), sample, "{byte:#x}");
        }
        for (byte, sample) in
            [(0x2a, -32_256), (0xaa, 32_256), (0xd5, 8), (0x55, -8), (0xd4, 24), (0x54, -24)]
        {
            assert_eq!(alaw(byte), sample, "{byte:#x}");
        }
    }

    #[test]
    fn louder_codes_are_louder_samples() {
        let mulaws: Vec<i16> = (0x80..=0xff).rev().map(mulaw).collect();
        assert!(mulaws.is_sorted() && mulaws.windows(2).skip(1).all(|pair| pair[0] < pair[1]));
        let alaws: Vec<i16> = (0x80..=0xff_u8).map(|code| alaw(code ^ 0x55)).collect();
        assert!(alaws.windows(2).all(|pair| pair[0] < pair[1]), "{alaws:?}");
    }
}
