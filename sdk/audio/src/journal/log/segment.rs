use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::format::{
    FOOTER, LogId, SEALED_VERSION, SEGMENT_HEADER_BYTES, SegmentHeader, TRAILER_BYTES, claimed_len, decode,
    decode_trailer, seed,
};
use super::index::Index;
use super::scan::{Scan, Skipped};
use crate::journal::disk::{Disk, DiskFile};

/// What is known of a segment file.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) first_record: u64,
    pub(super) records: u32,
    pub(super) created_ms: i64,
    /// Bytes up to the end of the last record.
    pub(super) size: u64,
    /// Its payloads are sealed.
    pub(super) is_sealed: bool,
    pub(super) index: Index,
}

/// A segment as it was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) segment: Segment,
    pub(super) damaged: Vec<Skipped>,
    /// Bytes of the file.
    pub(super) file_size: u64,
    /// It has its footer: nothing was ever to follow.
    pub(super) closed: bool,
}

/// Why a segment cannot be used.
#[derive(Debug)]
pub(super) enum SegmentError {
    Io(io::Error),
    Newer(u16),
    /// With this key, which is not the one at hand.
    Sealed(u32),
    /// No head, or that of another log.
    Foreign,
}

/// Larger files were not written by us: segments are closed at 4 MiB, or a few times that if so configured.
const MAX_SEGMENT_BYTES: u64 = 256 << 20;

const EXTENSION: &str = "glj";

pub(super) fn file_name(number: u32) -> String {
    format!("{number:08}.{EXTENSION}")
}

pub(super) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(file_name(number))
}

/// The number of the segment that a file of this name is.
pub(super) fn number_of(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    let number = name.strip_suffix(EXTENSION)?.strip_suffix('.')?.parse().ok()?;
    (name == file_name(number)).then_some(number)
}

/// Reads a segment's footer, or else all of it. `id`: the log it must belong to, if that is known. `key`: the one at
/// hand.
pub(super) fn load(
    disk: &dyn Disk,
    path: &Path,
    number: u32,
    id: Option<LogId>,
    key: Option<u32>,
) -> Result<(LogId, Found), SegmentError> {
    let file = disk.open(path, false).map_err(SegmentError::Io)?;
    let file_size = file.size().map_err(SegmentError::Io)?;
    let head = read(&*file, 0, SEGMENT_HEADER_BYTES).map_err(SegmentError::Io)?;
    let header = SegmentHeader::decode(&head);
    let (log, header) = match (header, id) {
        (Some(header), _) if header.version > SEALED_VERSION => {
            return Err(SegmentError::Newer(header.version));
        }
        (Some(header), _) if header.version == SEALED_VERSION && key != Some(header.key) => {
            return Err(SegmentError::Sealed(header.key));
        }
        (Some(header), id) if header.number == number && id.is_none_or(|id| id == header.log) => {
            (header.log, Some(header))
        }
        // A damaged head costs nothing where the log is known: its records name it in their checksums.
        (None, Some(id)) if file_size > SEGMENT_HEADER_BYTES as u64 => (id, None),
        _ => return Err(SegmentError::Foreign),
    };
    let seed = seed(&log, number);
    let mut segment = Segment {
        number,
        first_record: header.map_or(0, |header| header.first_record),
        records: 0,
        created_ms: header.map_or(0, |header| header.created_ms),
        size: 0,
        // Where the head does not tell, what cannot be opened is left out.
        is_sealed: header.map_or(key.is_some(), |header| header.version == SEALED_VERSION),
        index: Index::default(),
    };
    if let Some((footer_at, records, index)) = load_footer(&*file, file_size, seed) {
        (segment.size, segment.records, segment.index) = (footer_at, records, index);
        return Ok((log, Found { segment, damaged: Vec::new(), file_size, closed: true }));
    }

    let bytes = read(&*file, 0, file_size.min(MAX_SEGMENT_BYTES) as usize).map_err(SegmentError::Io)?;
    let mut scan = Scan::new(&bytes, seed, SEGMENT_HEADER_BYTES, 0);
    while let Some((offset, record)) = scan.next() {
        segment.index.add(&record, offset as u32);
    }
    (segment.size, segment.records) = (scan.good_len() as u64, scan.next_seq());
    let mut damaged = scan.damaged;
    if header.is_none() {
        damaged.insert(0, Skipped { bytes: 0..SEGMENT_HEADER_BYTES, records: Some(0) });
        if segment.records == 0 {
            return Err(SegmentError::Foreign);
        }
    }
    Ok((log, Found { segment, damaged, file_size, closed: false }))
}

fn load_footer(file: &dyn DiskFile, file_size: u64, seed: u32) -> Option<(u64, u32, Index)> {
    let at = file_size.checked_sub(TRAILER_BYTES as u64)?;
    let trailer = read(file, at, TRAILER_BYTES).ok()?;
    let footer_at = decode_trailer(trailer.try_into().ok()?, seed)?;
    let footer_size = usize::try_from(at.checked_sub(footer_at)?).ok()?;
    // The size must be what the footer's own header says, which is bounded.
    let header = read(file, footer_at, super::format::RECORD_HEADER_BYTES.min(footer_size)).ok()?;
    if claimed_len(&header)? != footer_size {
        return None;
    }
    let footer = read(file, footer_at, footer_size).ok()?;
    let parsed = decode(&footer, seed).filter(|parsed| parsed.record.kind == FOOTER)?;
    Some((footer_at, parsed.seq, Index::decode(parsed.record.payload)?))
}

/// Up to `len` bytes from `offset` on; fewer where the file ends.
pub(super) fn read(file: &dyn DiskFile, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match file.read_at(offset + filled as u64, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
