//! Segments and records, as bytes. All numbers are little-endian.

use std::collections::BTreeMap;
use std::ops::Range;

use crc32fast::Hasher;

/// Of the format that this version writes.
pub const VERSION: u16 = 1;

/// Of segments whose payloads are sealed, and the newest that this version reads.
pub const SEALED_VERSION: u16 = 2;

/// Largest payload of a record: ten times what a message of the link may have.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;

pub(super) const SEGMENT_MAGIC: [u8; 8] = *b"GLJRNL\r\n";
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
pub(super) const RECORD_MAGIC: [u8; 4] = *b"GLR1";
pub(super) const RECORD_HEADER_BYTES: usize = 32;
pub(super) const TRAILER_MAGIC: [u8; 4] = *b"GLF1";
pub(super) const TRAILER_BYTES: usize = 16;
/// Kind of the record that holds the index of a closed segment.
pub(super) const FOOTER: u8 = 255;
/// A record's position in its segment has 24 bits.
pub(super) const MAX_SEGMENT_RECORDS: u32 = (1 << 24) - 1;

/// What a log is, and whose: the same in all of its segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogId {
    /// Four letters for what the records mean.
    pub content: [u8; 4],
    /// Tells this log from all others; a session's id.
    pub id: u128,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub kind: u8,
    pub lane: u32,
    pub from: u64,
    pub count: u32,
    pub payload: &'a [u8],
}

/// The last sticky records, by kind and lane.
pub type StickyRecords = BTreeMap<(u8, u32), StickyRecord>;

/// What a sticky record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StickyRecord {
    pub from: u64,
    pub count: u32,
    pub payload: Vec<u8>,
}

/// The head of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) version: u16,
    pub(super) log: LogId,
    pub(super) number: u32,
    /// Number of the first record, counted over the whole log.
    pub(super) first_record: u64,
    pub(super) created_ms: i64,
    /// Which key its payloads are sealed with; 0: none.
    pub(super) key: u32,
}

/// A record and where it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parsed<'a> {
    pub(super) record: Record<'a>,
    pub(super) seq: u32,
    pub(super) len: usize,
}

impl Record<'_> {
    /// The range it covers in its lane.
    pub fn range(&self) -> Range<u64> {
        self.from..self.from.saturating_add(u64::from(self.count))
    }

    pub(super) fn is_bulk(&self) -> bool {
        (1..64).contains(&self.kind)
    }

    pub(super) fn is_sticky(&self) -> bool {
        (128..192).contains(&self.kind)
    }
}

impl From<Record<'_>> for StickyRecord {
    fn from(Record { from, count, payload, .. }: Record<'_>) -> Self {
        Self { from, count, payload: payload.to_vec() }
    }
}

impl StickyRecord {
    pub(super) fn record(&self, kind: u8, lane: u32) -> Record<'_> {
        Record { kind, lane, from: self.from, count: self.count, payload: &self.payload }
    }
}

impl SegmentHeader {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(SEGMENT_MAGIC);
        out.extend(self.version.to_le_bytes());
        out.extend((SEGMENT_HEADER_BYTES as u16).to_le_bytes());
        out.extend(self.log.content);
        out.extend(self.log.id.to_le_bytes());
        out.extend(self.number.to_le_bytes());
        out.extend(self.key.to_le_bytes());
        out.extend(self.first_record.to_le_bytes());
        out.extend(self.created_ms.to_le_bytes());
        out.extend([0; 4]);
        let crc = crc32fast::hash(&out[start..]);
        out.extend(crc.to_le_bytes());
    }

    /// `None` if it is not whole; of a version that may be newer than ours.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; SEGMENT_HEADER_BYTES] = bytes.first_chunk()?;
        let crc = u32::from_le_bytes(*bytes.last_chunk()?);
        if !bytes.starts_with(&SEGMENT_MAGIC) || crc32fast::hash(&bytes[..60]) != crc {
            return None;
        }
        Some(Self {
            version: u16::from_le_bytes(*bytes[8..].first_chunk()?),
            log: LogId {
                content: *bytes[12..].first_chunk()?,
                id: u128::from_le_bytes(*bytes[16..].first_chunk()?),
            },
            number: u32::from_le_bytes(*bytes[32..].first_chunk()?),
            first_record: u64::from_le_bytes(*bytes[40..].first_chunk()?),
            created_ms: i64::from_le_bytes(*bytes[48..].first_chunk()?),
            key: u32::from_le_bytes(*bytes[36..].first_chunk()?),
        })
    }
}

/// What the checksums of a segment's records start with, so that none counts anywhere else.
pub(super) fn seed(log: &LogId, segment: u32) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&log.content);
    hasher.update(&log.id.to_le_bytes());
    hasher.update(&segment.to_le_bytes());
    hasher.finalize()
}

fn checksum(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

/// Appends a record to `out`.
pub(super) fn encode(record: &Record<'_>, seed: u32, seq: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend(RECORD_MAGIC);
    out.extend([0; 4]);
    out.extend((record.payload.len() as u32).to_le_bytes());
    out.extend((u32::from(record.kind) << 24 | seq).to_le_bytes());
    out.extend(record.lane.to_le_bytes());
    out.extend(record.count.to_le_bytes());
    out.extend(record.from.to_le_bytes());
    out.extend(record.payload);
    let crc = checksum(seed, &out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// Bytes of the record that starts `bytes`, by its header alone; `None` if there is no such header.
pub(super) fn claimed_len(bytes: &[u8]) -> Option<usize> {
    let header: &[u8; RECORD_HEADER_BYTES] = bytes.first_chunk()?;
    let payload = u32::from_le_bytes(*header[8..].first_chunk()?) as usize;
    (header.starts_with(&RECORD_MAGIC) && payload <= MAX_PAYLOAD_BYTES)
        .then_some(RECORD_HEADER_BYTES + payload)
}

/// The record that starts `bytes`; `None` if it is not whole.
pub(super) fn decode(bytes: &[u8], seed: u32) -> Option<Parsed<'_>> {
    let len = claimed_len(bytes)?;
    let bytes = bytes.get(..len)?;
    let field = |at: usize| bytes[at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    if field(4)? != checksum(seed, &bytes[8..]) {
        return None;
    }
    let kind_and_seq = field(12)?;
    let record = Record {
        kind: (kind_and_seq >> 24) as u8,
        lane: field(16)?,
        count: field(20)?,
        from: u64::from_le_bytes(*bytes[24..].first_chunk()?),
        payload: &bytes[RECORD_HEADER_BYTES..],
    };
    Some(Parsed { record, seq: kind_and_seq & MAX_SEGMENT_RECORDS, len })
}

/// The last bytes of a closed segment: where its footer starts.
pub(super) fn encode_trailer(footer_at: u64, seed: u32, out: &mut Vec<u8>) {
    out.extend(footer_at.to_le_bytes());
    out.extend(checksum(seed, &footer_at.to_le_bytes()).to_le_bytes());
    out.extend(TRAILER_MAGIC);
}

pub(super) fn decode_trailer(bytes: [u8; TRAILER_BYTES], seed: u32) -> Option<u64> {
    let (place, rest) = bytes.split_first_chunk::<8>()?;
    let (crc, magic) = rest.split_first_chunk::<4>()?;
    let whole = magic == TRAILER_MAGIC && u32::from_le_bytes(*crc) == checksum(seed, place);
    whole.then(|| u64::from_le_bytes(*place))
}
