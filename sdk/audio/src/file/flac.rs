//! FLAC for 16-bit mono, as in RFC 9639: fixed predictors and Rice codes, a block at a time.
//!
//! Written here because what it needs is small, and the encoders there are hold the whole file in memory.

use std::io::{self, Write};

/// Samples of a block; the one that FLAC has a short code for and that suits 16 to 48 kHz.
const BLOCK: usize = 4096;
/// Rice partitions of a block: 2 to this power.
const PARTITION_ORDER: u32 = 3;
/// Larger Rice parameters need another coding method.
const MAX_RICE: u32 = 14;
const MAX_ORDER: usize = 4;

/// Writes a FLAC stream of 16-bit mono samples.
#[derive(Debug)]
pub struct FlacWriter<W> {
    out: W,
    rate: u32,
    frame: u32,
    pending: Vec<i16>,
    bits: Bits,
}

impl<W: Write> FlacWriter<W> {
    /// `rate` in hertz; `samples`: how many there will be; `comments`: `NAME=text`. Fails as `out` does.
    pub fn new(mut out: W, rate: u32, samples: u64, comments: &[String]) -> io::Result<Self> {
        out.write_all(b"fLaC")?;
        let mut info = Bits::default();
        info.put(u64::from(BLOCK as u16), 16);
        info.put(u64::from(BLOCK as u16), 16);
        // Sizes of frames: not known before.
        info.put(0, 48);
        info.put(u64::from(rate), 20);
        // One channel of 16 bits.
        info.put(0, 3);
        info.put(15, 5);
        info.put(samples & ((1 << 36) - 1), 36);
        // No checksum over all samples: each frame has one of its own.
        info.put(0, 64);
        info.put(0, 64);
        write_block(&mut out, 0, comments.is_empty(), &info.bytes)?;
        if !comments.is_empty() {
            let mut text = Vec::new();
            let program = concat!("glasslink ", env!("CARGO_PKG_VERSION"));
            text.extend((program.len() as u32).to_le_bytes());
            text.extend(program.as_bytes());
            text.extend((comments.len() as u32).to_le_bytes());
            for comment in comments {
                text.extend((comment.len() as u32).to_le_bytes());
                text.extend(comment.as_bytes());
            }
            write_block(&mut out, 4, true, &text)?;
        }
        Ok(Self { out, rate, frame: 0, pending: Vec::with_capacity(2 * BLOCK), bits: Bits::default() })
    }

    /// Takes the next samples. Fails as `out` does.
    pub fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        self.pending.extend_from_slice(samples);
        let mut done = 0;
        while self.pending.len() - done >= BLOCK {
            let block = done..done + BLOCK;
            done = block.end;
            encode(&self.pending[block], self.rate, self.frame, &mut self.bits);
            self.frame += 1;
            self.out.write_all(&self.bits.bytes)?;
        }
        self.pending.drain(..done);
        Ok(())
    }

    /// Writes what is left. Without it the last block is missing.
    pub fn finish(mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            encode(&self.pending, self.rate, self.frame, &mut self.bits);
            self.out.write_all(&self.bits.bytes)?;
        }
        self.out.flush()
    }
}

fn write_block(out: &mut impl Write, kind: u8, last: bool, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u32).to_be_bytes();
    if length[0] != 0 {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    out.write_all(&[u8::from(last) << 7 | kind, length[1], length[2], length[3]])?;
    out.write_all(bytes)
}

fn encode(block: &[i16], rate: u32, frame: u32, bits: &mut Bits) {
    bits.clear();
    // Sync code, blocks of one size; their size in 16 bits at the end of the head, the rate from the stream's head.
    bits.put(0xfff8, 16);
    bits.put(if block.len() == BLOCK { 0b1100 } else { 0b0111 }, 4);
    bits.put(rate_code(rate), 4);
    // One channel, 16 bits.
    bits.put(0, 4);
    bits.put(0b100, 3);
    bits.put(0, 1);
    put_coded_number(bits, frame);
    if block.len() != BLOCK {
        bits.put(block.len() as u64 - 1, 16);
    }
    let crc = crc8(&bits.bytes);
    bits.put(u64::from(crc), 8);

    subframe(block, bits);
    bits.align();
    let crc = crc16(&bits.bytes);
    bits.put(u64::from(crc), 16);
}

fn rate_code(rate: u32) -> u64 {
    match rate {
        8_000 => 4,
        16_000 => 5,
        22_050 => 6,
        24_000 => 7,
        32_000 => 8,
        44_100 => 9,
        48_000 => 10,
        _ => 0,
    }
}

fn subframe(block: &[i16], bits: &mut Bits) {
    if block.iter().all(|sample| *sample == block[0]) {
        bits.put(0, 8);
        bits.put_signed(i32::from(block[0]), 16);
        return;
    }
    let (order, residual) = predicted(block);
    let plan = Rice::plan(&residual, order, block.len());
    if plan.bits + 8 + 16 * order as u64 >= 16 * block.len() as u64 {
        // Noise: as it is.
        bits.put(0b0000_0010, 8);
        for sample in block {
            bits.put_signed(i32::from(*sample), 16);
        }
        return;
    }
    bits.put((0b00_1000 | order as u64) << 1, 8);
    for sample in &block[..order] {
        bits.put_signed(i32::from(*sample), 16);
    }
    plan.write(&residual, order, block.len(), bits);
}

/// The order of the fixed predictor that leaves least, and what it leaves.
fn predicted(block: &[i16]) -> (usize, Vec<i32>) {
    let mut current: Vec<i32> = block.iter().map(|sample| i32::from(*sample)).collect();
    let weight = |residual: &[i32]| residual.iter().map(|rest| u64::from(rest.unsigned_abs())).sum::<u64>();
    let (mut best, mut best_order, mut least) = (current.clone(), 0, weight(&current));
    for order in 1..=MAX_ORDER.min(block.len().saturating_sub(1)) {
        current = current.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let sum = weight(&current);
        if sum < least {
            (best, best_order, least) = (current.clone(), order, sum);
        }
    }
    (best_order, best)
}

/// How a residual is coded: Rice parameters of its partitions.
struct Rice {
    order: u32,
    parameters: Vec<u32>,
    bits: u64,
}

impl Rice {
    fn plan(residual: &[i32], predictor: usize, block: usize) -> Self {
        // Partitions halve the block, and the first has room for the predictor's warm-up.
        let fits = |order: &u32| block.is_multiple_of(1 << order) && block >> order > predictor;
        let order = (0..=PARTITION_ORDER).rev().find(fits).unwrap_or(0);
        let (mut parameters, mut bits) = (Vec::new(), 6);
        for part in parts(residual, order, predictor, block) {
            let sum: u64 = part.iter().map(|rest| u64::from(zigzag(*rest))).sum();
            let cost = |parameter: u32| part.len() as u64 * u64::from(parameter + 1) + (sum >> parameter);
            let best = (0..=MAX_RICE).min_by_key(|parameter| cost(*parameter)).unwrap_or(0);
            bits += 4 + cost(best);
            parameters.push(best);
        }
        Self { order, parameters, bits }
    }

    fn write(&self, residual: &[i32], predictor: usize, block: usize, bits: &mut Bits) {
        bits.put(0, 2);
        bits.put(u64::from(self.order), 4);
        for (part, parameter) in parts(residual, self.order, predictor, block).zip(&self.parameters) {
            bits.put(u64::from(*parameter), 4);
            for rest in part {
                let value = zigzag(*rest);
                bits.put_unary(value >> parameter);
                bits.put(u64::from(value) & ((1 << parameter) - 1), *parameter);
            }
        }
    }
}

fn parts(residual: &[i32], order: u32, predictor: usize, block: usize) -> impl Iterator<Item = &[i32]> {
    let size = block >> order;
    (0..1_usize << order).map(move |part| {
        let start = (part * size).saturating_sub(predictor);
        &residual[start..(part + 1) * size - predictor]
    })
}

fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

/// The number of a frame, in bytes as UTF-8 has them.
fn put_coded_number(bits: &mut Bits, number: u32) {
    if number < 0x80 {
        bits.put(u64::from(number), 8);
        return;
    }
    let significant = 32 - number.leading_zeros();
    // Two bytes have 11 bits, three 16, and so on.
    let more = (1..6).find(|more| significant <= 5 * more + 6).unwrap_or(5);
    let lead = (0xff00_u32 >> (more + 1)) & 0xff;
    bits.put(u64::from(lead | number >> (6 * more)), 8);
    for place in (0..more).rev() {
        bits.put(u64::from(0x80 | number >> (6 * place) & 0x3f), 8);
    }
}

#[derive(Debug, Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits that are not a byte yet.
    held: u64,
    count: u32,
}

impl Bits {
    fn clear(&mut self) {
        self.bytes.clear();
        (self.held, self.count) = (0, 0);
    }

    /// The lowest `count` bits of `value`, the highest of them first.
    fn put(&mut self, value: u64, count: u32) {
        if count > 32 {
            self.put(value >> 32, count - 32);
            self.put(value & u64::from(u32::MAX), 32);
            return;
        }
        self.held = self.held << count | value;
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.held >> self.count) as u8);
        }
        self.held &= (1 << self.count) - 1;
    }

    fn put_signed(&mut self, value: i32, count: u32) {
        self.put(u64::from(value as u32) & ((1 << count) - 1), count);
    }

    /// As many zeros, and a one.
    fn put_unary(&mut self, mut zeros: u32) {
        while zeros >= 32 {
            self.put(0, 32);
            zeros -= 32;
        }
        self.put(1, zeros + 1);
    }

    fn align(&mut self) {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
    }
}

fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 0x07 })
    })
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        let start = crc ^ u16::from(*byte) << 8;
        (0..8).fold(start, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x8005 })
    })
}

#[cfg(test)]
mod tests {
    use crate::AudioFile;

    use super::*;

    fn round_trip(samples: &[i16], rate: u32) -> usize {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.flac");
        let mut bytes = Vec::new();
        let mut writer =
            FlacWriter::new(&mut bytes, rate, samples.len() as u64, &["COMMENT=a gap".into()]).unwrap();
        for piece in samples.chunks(1000) {
            writer.write(piece).unwrap();
        }
        writer.finish().unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let mut file = AudioFile::open(&path, rate).unwrap();
        let mut read = Vec::new();
        while file.read(&mut read).unwrap() {}
        assert_eq!(read.len(), samples.len());
        assert!(read == samples, "another decoder reads what was written");
        bytes.len()
    }

    #[test]
    fn what_is_written_is_read_by_another_decoder_to_the_bit() {
        let noise: Vec<i16> = (0..20_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as i16).collect();
        round_trip(&noise, 16_000);
        let extremes: Vec<i16> = (0..9_000).map(|n| if n % 3 == 0 { i16::MIN } else { i16::MAX }).collect();
        round_trip(&extremes, 48_000);
        for length in [1, 2, 3, 5, 17, 4095, 4096, 4097, 12_345] {
            let ramp: Vec<i16> = (0..length).map(|n| (n % 300) as i16 - 150).collect();
            round_trip(&ramp, 22_050);
        }
    }

    #[test]
    fn a_frame_number_takes_as_many_bytes_as_it_needs() {
        let tone: Vec<i16> =
            (0..4096 * 140).map(|n| ((f64::from(n) * 0.05).sin() * 8_000.0) as i16).collect();
        let size = round_trip(&tone, 16_000);
        assert!(size * 2 < tone.len() * 2, "{size} bytes of {}", tone.len() * 2);
        let mut bits = Bits::default();
        for (number, bytes) in [(0x7f, 1), (0x80, 2), (0x7ff, 2), (0x800, 3), (0xffff, 3), (0x1_0000, 4)] {
            bits.clear();
            put_coded_number(&mut bits, number);
            let expected = char::from_u32(number).unwrap().to_string();
            assert_eq!(bits.bytes, expected.as_bytes(), "{number}");
            assert_eq!(bits.bytes.len(), bytes);
        }
    }

    #[test]
    fn silence_takes_next_to_nothing() {
        assert!(round_trip(&vec![0; 160_000], 16_000) < 1_000);
    }
}
