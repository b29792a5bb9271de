use std::path::Path;
use std::sync::Arc;

use glasslink_audio::journal::disk::{Disk, MemoryDisk};
use glasslink_audio::journal::log::{LogLimits, RecordingKey, Syncer};
use glasslink_audio::journal::{Found, JournalStore};
use glasslink_lc3::FrameDuration::{Ms7_5, Ms10};
use glasslink_lc3::{Decoder, Encoder};
use glasslink_protocol::{FrameIndex, SessionId};
use glasslink_session::LinkTimeline;

const RATES: [u32; 6] = [8_000, 16_000, 24_000, 32_000, 44_100, 48_000];

/// The first byte chooses rate and duration; the rest is a frame, decoded twice and behind a lost one.
pub(super) fn lc3(input: &[u8]) {
    let Some((choice, frame)) = input.split_first() else { return };
    let rate = RATES[usize::from(choice & 0x7f) % RATES.len()];
    let duration = if choice & 0x80 == 0 { Ms10 } else { Ms7_5 };
    let mut codec = Decoder::new(rate, duration).expect("a format there is");
    let mut samples = vec![0.0; codec.frame_samples()];
    for frame in [Some(frame), Some(frame), None, Some(frame)] {
        let decoded = codec.decode_f32(frame, &mut samples);
        assert_eq!(decoded.is_ok(), frame.is_none_or(|frame| (20..=400).contains(&frame.len())));
        assert!(samples.iter().all(|sample| sample.abs() <= 1.0));
    }
}

/// A frame of each rate.
pub(super) fn lc3_frames() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for choice in 0..RATES.len() as u8 {
        for (duration, bit) in [(Ms10, 0), (Ms7_5, 0x80)] {
            let mut encoder = Encoder::new(RATES[usize::from(choice)], duration).expect("a format there is");
            let samples: Vec<i16> =
                (0..encoder.frame_samples()).map(|n| ((n * 397) % 20_001) as i16 - 10_000).collect();
            let mut frame = vec![0; 60];
            encoder.encode(&samples, &mut frame).expect("a frame of that size");
            frame.insert(0, choice | bit);
            frames.push(frame);
        }
    }
    frames
}

pub(super) fn timeline(input: &[u8]) {
    let Ok(timeline) = LinkTimeline::from_json(input) else { return };
    let again = LinkTimeline::from_json(timeline.to_json().as_bytes()).expect("it was written by us");
    assert_eq!((&again.entries, again.omitted), (&timeline.entries, timeline.omitted));
    let troubles = timeline.troubles();
    assert!(troubles.windows(2).all(|two| two[0].at <= two[1].at));
}

/// A recording whose one segment is the input: as it is, and with checksums that are right whatever it says.
pub(super) fn journal(input: &[u8]) {
    recording(input);
    recording(&mended(input));
}

/// Where the golden segments belong to.
const SESSION: SessionId = SessionId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);

const HEADER_BYTES: usize = 64;
const RECORD_HEADER_BYTES: usize = 32;

/// JOURNAL.md says what the checksums are of.
fn mended(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    if bytes.len() < HEADER_BYTES {
        return bytes;
    }
    let crc = crc32fast::hash(&bytes[..60]);
    bytes[60..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
    let mut seed = crc32fast::Hasher::new();
    seed.update(&bytes[12..36]);
    let seed = seed.finalize();
    let mut at = HEADER_BYTES;
    while let Some(record) = bytes.get_mut(at..).filter(|record| record.starts_with(b"GLR1")) {
        let Some(payload) = record.get(8..12).and_then(|length| length.first_chunk()) else { break };
        let length = RECORD_HEADER_BYTES + u32::from_le_bytes(*payload) as usize;
        let Some(record) = record.get_mut(..length) else { break };
        let mut crc = crc32fast::Hasher::new_with_initial(seed);
        crc.update(&record[8..]);
        record[4..8].copy_from_slice(&crc.finalize().to_le_bytes());
        at += length;
    }
    bytes
}

fn recording(segment: &[u8]) {
    let disk = Arc::new(MemoryDisk::new());
    let folder = Path::new("journal").join(SESSION.to_string());
    disk.create_dir(&folder).expect("there is memory");
    let file = disk.create(&folder.join("00000000.glj")).expect("there is memory");
    file.append(segment).expect("there is memory");
    let store = JournalStore::on(disk, "journal", Arc::new(Syncer::manual()), LogLimits::default());
    // The key of the golden recording that is sealed; the others do not need it.
    let key: [u8; 36] = std::array::from_fn(|n| n as u8 + 1);
    let store = store.sealed_with(RecordingKey::from_bytes(&key).expect("its id is not 0"));
    let Some(Found::Recording(recording)) = store.find(SESSION) else { return };
    // Each is read or refused.
    let (_, _, _) = (recording.info(), recording.clock_marks(), recording.markers());
    let (_, _) = (recording.events(), recording.is_finished());
    for stream in recording.streams().unwrap_or_default() {
        let id = stream.stream;
        let (_, _) = (recording.gaps(id), recording.runs(id));
        // A number of frames that a damaged record makes up is not walked through.
        let most = FrameIndex(stream.next.0.min(10_000));
        let _ = recording.frames(id, FrameIndex(0)..most, |_| {});
    }
    let _ = recording.resume();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_that_is_whole_has_nothing_to_mend() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/audio/tests/golden/v1");
        let segment = std::fs::read(folder.join(SESSION.to_string()).join("00000000.glj")).unwrap();
        assert!(mended(&segment) == segment);
        let mut damaged = segment.clone();
        damaged[100] ^= 1;
        assert!(mended(&damaged) != damaged);
    }
}
