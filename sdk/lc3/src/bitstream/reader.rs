use super::Model;

/// Reads both ends of a frame. Past the end it reads zeros; [`Reader::overrun`] tells.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    frame: &'a [u8],
    /// Bytes the arithmetic decoder has taken from the front.
    head: usize,
    low: u32,
    range: u32,
    broken: bool,
    /// Bytes not yet taken from the back.
    tail: usize,
    /// Bits taken from the back and not yet handed out, the next one lowest.
    bits: u64,
    held: u32,
    /// Bits handed out.
    read: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(frame: &'a [u8]) -> Self {
        let mut reader = Self {
            frame,
            head: 0,
            low: 0,
            range: 0x00ff_ffff,
            broken: false,
            tail: frame.len(),
            bits: 0,
            held: 0,
            read: 0,
        };
        for _ in 0..3 {
            reader.low = reader.low << 8 | reader.next_byte();
        }
        reader
    }

    fn next_byte(&mut self) -> u32 {
        let byte = self.frame.get(self.head).copied().unwrap_or(0);
        self.head += 1;
        u32::from(byte)
    }

    #[inline]
    fn refill(&mut self) {
        if let Some(four) = self.frame[..self.tail].last_chunk::<4>() {
            self.bits |= u64::from(u32::from_be_bytes(*four)) << self.held;
            self.held += 32;
            self.tail -= 4;
        } else {
            for &byte in self.frame[..self.tail].iter().rev() {
                self.bits |= u64::from(byte) << self.held;
                self.held += 8;
            }
            self.tail = 0;
            // Zeros from here on.
            self.held = self.held.max(32);
        }
    }

    /// The next `count` plain bits, at most 25.
    #[inline]
    pub(crate) fn bits(&mut self, count: u32) -> u32 {
        if self.held < count {
            self.refill();
        }
        let value = self.bits as u32 & ((1 << count) - 1);
        self.bits >>= count;
        self.held -= count;
        self.read += count as usize;
        value
    }

    #[inline]
    pub(crate) fn bit(&mut self) -> bool {
        self.bits(1) != 0
    }

    /// The next arithmetic-coded symbol: 0 to 16.
    #[allow(clippy::inline_always)] // Its state belongs in registers while lines are read.
    #[inline(always)]
    pub(crate) fn symbol(&mut self, model: &Model) -> usize {
        let step = self.range >> 10;
        if self.low >= step << 10 {
            self.broken = true;
            self.low = 0;
        }
        // Two searches among four: their comparisons do not wait for each other, and branches could not be
        // predicted.
        let (low, step_of) = (self.low, |from: u16| step * u32::from(from));
        let not_above = |from: u16| usize::from(low >= step_of(from));
        let base =
            4 * (not_above(model[4]) + not_above(model[8]) + not_above(model[12]) + not_above(model[16]));
        let near = &model[base..base + 4];
        let symbol = base + not_above(near[1]) + not_above(near[2]) + not_above(near[3]);
        let from = u32::from(model[symbol]);
        self.low -= step * from;
        self.range = step * (u32::from(model[symbol + 1]) - from);
        while self.range < 0x1_0000 {
            self.low = (self.low << 8 | self.next_byte()) & 0x00ff_ffff;
            self.range <<= 8;
        }
        symbol
    }

    /// Bits that neither end has used; negative where they overlap.
    fn unused(&self) -> isize {
        let range_bits = 32 - self.range.leading_zeros() as isize;
        let head = 8 * (self.head as isize - 3) + 26 - range_bits;
        8 * self.frame.len() as isize - self.read as isize - head
    }

    /// Bits left for refinement.
    pub(crate) fn left(&self) -> usize {
        self.unused().max(0) as usize
    }

    /// Whether more was read than the frame holds, or a symbol had no meaning.
    pub(crate) fn overrun(&self) -> bool {
        self.broken || self.unused() < 0
    }
}
