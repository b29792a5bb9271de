use std::ops::Range;

use super::format::{FOOTER, Parsed, RECORD_MAGIC, Record, decode};

/// Goes through the records of a piece of a segment, and over what is damaged.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    seed: u32,
    at: usize,
    /// A record's position in the segment is larger than that of the one before.
    next_seq: u32,
    /// Bytes that may still be checked in the search for the next whole record.
    patience: usize,
    pub(super) damaged: Vec<Skipped>,
}

/// Bytes that are no records, and the records that are missing there, as far as the next one tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Skipped {
    pub(super) bytes: Range<usize>,
    pub(super) records: Option<u32>,
}

impl<'a> Scan<'a> {
    /// From `at` on, where the record of position `next_seq` or a later one should be.
    pub(super) fn new(bytes: &'a [u8], seed: u32, at: usize, next_seq: u32) -> Self {
        // A damaged segment is searched once over; more is only asked for by one that was made to be slow.
        let patience = bytes.len().saturating_mul(8);
        Self { bytes, seed, at, next_seq, patience, damaged: Vec::new() }
    }

    /// The end of the last whole record.
    pub(super) fn good_len(&self) -> usize {
        match self.damaged.last() {
            Some(skipped) if skipped.bytes.end == self.bytes.len() => skipped.bytes.start,
            _ => self.at,
        }
    }

    pub(super) fn next_seq(&self) -> u32 {
        self.next_seq
    }

    /// The next whole record and its offset.
    pub(super) fn next(&mut self) -> Option<(usize, Record<'a>)> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let mut offset = self.at;
        let whole = self.parse(offset);
        if let Some(parsed) = whole.filter(|parsed| parsed.seq > self.next_seq) {
            // Cut out to the byte.
            self.damaged.push(Skipped { bytes: offset..offset, records: Some(parsed.seq - self.next_seq) });
        }
        let parsed = whole.or_else(|| {
            let found = self.resynchronise();
            let end = found.as_ref().map_or(self.bytes.len(), |(offset, _)| *offset);
            let records = found.as_ref().map(|(_, parsed)| parsed.seq - self.next_seq);
            self.damaged.push(Skipped { bytes: self.at..end, records });
            self.at = end;
            found.map(|(found_at, parsed)| {
                offset = found_at;
                parsed
            })
        })?;
        self.at = offset + parsed.len;
        self.next_seq = parsed.seq + 1;
        if parsed.record.kind == FOOTER {
            // Behind it is only the trailer.
            self.bytes = &self.bytes[..self.at];
            return None;
        }
        Some((offset, parsed.record))
    }

    fn parse(&self, offset: usize) -> Option<Parsed<'a>> {
        decode(&self.bytes[offset..], self.seed).filter(|parsed| parsed.seq >= self.next_seq)
    }

    fn resynchronise(&mut self) -> Option<(usize, Parsed<'a>)> {
        let mut from = self.at + 1;
        loop {
            let offset = from + find(self.bytes.get(from..)?)?;
            let claimed = super::format::claimed_len(&self.bytes[offset..]).unwrap_or(0);
            self.patience = self.patience.checked_sub(claimed)?;
            if let Some(parsed) = self.parse(offset) {
                return Some((offset, parsed));
            }
            from = offset + 1;
        }
    }
}

fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(RECORD_MAGIC.len()).position(|window| window == RECORD_MAGIC)
}
