use super::Model;

/// Writes both ends of a frame. What does not fit is dropped; the encoder's bit budget keeps that from
/// happening.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    frame: &'a mut [u8],
    /// Bytes the arithmetic coder has put at the front.
    head: usize,
    low: u32,
    range: u32,
    /// The last byte that came out; a carry may still change it.
    cache: Option<u8>,
    carry: bool,
    /// Bytes 0xff after `cache`, which a carry would turn into 0x00.
    pending: usize,
    /// Bytes not yet written at the back.
    tail: usize,
    bits: u64,
    held: u32,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(frame: &'a mut [u8]) -> Self {
        let tail = frame.len();
        frame.fill(0);
        Self {
            frame,
            head: 0,
            low: 0,
            range: 0x00ff_ffff,
            cache: None,
            carry: false,
            pending: 0,
            tail,
            bits: 0,
            held: 0,
        }
    }

    /// Appends `count` plain bits of `value`, at most 25.
    #[inline]
    pub(crate) fn bits(&mut self, value: u32, count: u32) {
        self.bits |= u64::from(value) << self.held;
        self.held += count;
        if self.held >= 32 {
            self.flush_bytes();
        }
    }

    #[inline]
    pub(crate) fn bit(&mut self, value: bool) {
        self.bits(u32::from(value), 1);
    }

    fn flush_bytes(&mut self) {
        while self.held >= 8 {
            if self.tail > self.head {
                self.tail -= 1;
                self.frame[self.tail] = self.bits as u8;
            }
            self.bits >>= 8;
            self.held -= 8;
        }
    }

    /// Appends an arithmetic-coded symbol: 0 to 16.
    #[inline]
    pub(crate) fn symbol(&mut self, model: &Model, symbol: usize) {
        let step = self.range >> 10;
        let from = u32::from(model[symbol]);
        self.low += step * from;
        self.range = step * (u32::from(model[symbol + 1]) - from);
        self.carry |= self.low >> 24 != 0;
        self.low &= 0x00ff_ffff;
        while self.range < 0x1_0000 {
            self.shift();
            self.range <<= 8;
        }
    }

    fn put(&mut self, byte: u8) {
        if let Some(slot) = self.frame.get_mut(self.head) {
            *slot = byte;
            self.head += 1;
        }
    }

    fn shift(&mut self) {
        if self.low < 0x00ff_0000 || self.carry {
            if let Some(byte) = self.cache {
                self.put(byte.wrapping_add(u8::from(self.carry)));
            }
            for _ in 0..self.pending {
                self.put(if self.carry { 0x00 } else { 0xff });
            }
            self.pending = 0;
            self.cache = Some((self.low >> 16) as u8);
            self.carry = false;
        } else {
            self.pending += 1;
        }
        self.low = self.low << 8 & 0x00ff_ffff;
    }

    /// Bits that neither end has used.
    pub(crate) fn left(&self) -> usize {
        let range_bits = 32 - self.range.leading_zeros() as isize;
        let waiting = usize::from(self.cache.is_some()) + self.pending;
        let head = 8 * (self.head + waiting) as isize + 26 - range_bits;
        let tail = 8 * (self.frame.len() - self.tail) as isize + self.held as isize;
        (8 * self.frame.len() as isize - head - tail).max(0) as usize
    }

    /// Ends the arithmetic code with the fewest bits that still name its interval.
    pub(crate) fn finish(mut self) {
        self.flush_bytes();
        let mut count = 25 - (32 - self.range.leading_zeros());
        let mut mask = 0x00ff_ffff_u32 >> count;
        let raw = self.low + mask;
        let high = self.low + self.range;
        let mut value = raw & 0x00ff_ffff & !mask;
        if raw >> 24 == high >> 24 {
            if value + mask >= high & 0x00ff_ffff {
                count += 1;
                mask >>= 1;
                value = (self.low + mask) & 0x00ff_ffff & !mask;
            }
            self.carry |= value < self.low;
        }
        self.low = value;
        while count > 8 {
            self.shift();
            count -= 8;
        }
        self.shift();
        let cache = self.cache.unwrap_or(0);
        let mut last = cache >> (8 - count);
        if self.pending > 0 {
            self.put(cache);
            for _ in 1..self.pending {
                self.put(0xff);
            }
            last = if count < 8 { 0 } else { 0xff };
        }
        // Both ends share the byte where they meet.
        if self.held > 0 && self.tail > 0 {
            self.frame[self.tail - 1] |= self.bits as u8;
        }
        if let Some(slot) = self.frame.get_mut(self.head) {
            let low_bits = 0xff_u16 >> count;
            *slot = *slot & low_bits as u8 | last << (8 - count);
        }
    }
}
