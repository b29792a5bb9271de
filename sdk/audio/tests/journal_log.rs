//! Records survive what happens to disks.

#![allow(clippy::single_range_in_vec_init, reason = "coverage is a list of ranges, often of one")]

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use glasslink_audio::journal::disk::{Disk, MemoryDisk};
use glasslink_audio::journal::log::{
    AppendError, Log, LogError, LogId, LogLimits, LogWriter, Record, Syncer,
};
use proptest::prelude::*;

const ID: LogId = LogId { content: *b"TEST", id: 42 };
const BULK: u8 = 1;
const CONTROL: u8 = 64;
const STICKY: u8 = 128;

/// What a record says.
type Said = (u8, u32, u64, Vec<u8>);

struct Rig {
    disk: MemoryDisk,
    syncer: Syncer,
    now: Instant,
}

impl Rig {
    fn new() -> Self {
        Self { disk: MemoryDisk::new(), syncer: Syncer::manual(), now: Instant::now() }
    }

    fn dir() -> PathBuf {
        PathBuf::from("/journal/one")
    }

    fn segment(number: u32) -> PathBuf {
        Self::dir().join(format!("{number:08}.glj"))
    }

    fn writer(&self, segment_bytes: u32) -> LogWriter {
        let limits = LogLimits { segment_bytes, ..LogLimits::default() };
        LogWriter::create(self.disk(), Self::dir(), ID, limits, &self.syncer)
    }

    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.disk.clone())
    }

    fn open(&self) -> Result<Log, LogError> {
        Log::open(self.disk(), &Self::dir(), Some(ID), true)
    }
}

/// Bulk record `n` of lane 7.
fn bulk(n: u64) -> Said {
    (BULK, 7, n, format!("bulk record {n} {}", "x".repeat(n as usize % 50)).into_bytes())
}

fn append(
    writer: &mut LogWriter,
    (kind, lane, from, payload): &Said,
    now: Instant,
) -> Result<(), AppendError> {
    writer.append(Record { kind: *kind, lane: *lane, from: *from, count: 1, payload }, now)
}

fn said(record: &Record<'_>) -> Said {
    (record.kind, record.lane, record.from, record.payload.to_vec())
}

fn read(log: &Log, range: std::ops::Range<u64>) -> Vec<Said> {
    let mut all = Vec::new();
    log.bulk(BULK, 7, &range, |record| all.push(said(record))).unwrap();
    all
}

#[test]
fn records_come_back_as_they_were_written_from_any_place() {
    let rig = Rig::new();
    let mut writer = rig.writer(20_000);
    let all: Vec<Said> = (0..3000).map(bulk).collect();
    for record in &all {
        append(&mut writer, record, rig.now).unwrap();
    }
    let live = writer.log().clone();
    for log in [live, rig.open().unwrap()] {
        assert_eq!(log.coverage(BULK, 7), [0..3000]);
        assert_eq!(log.lanes(BULK), [7]);
        assert_eq!(read(&log, 0..3000), all);
        for (from, to) in [(0, 1), (999, 1001), (1234, 2345), (2999, 3000), (2990, 5000)] {
            assert_eq!(read(&log, from..to), all[from as usize..3000.min(to as usize)]);
        }
    }
    assert!(rig.disk.files().len() > 5, "several segments");
    assert!(rig.open().unwrap().damage().is_empty());
}

#[test]
fn sticky_records_are_at_the_head_of_every_segment() {
    let rig = Rig::new();
    let mut writer = rig.writer(1000);
    append(&mut writer, &(STICKY, 1, 0, b"first".to_vec()), rig.now).unwrap();
    append(&mut writer, &(STICKY, 2, 0, b"other lane".to_vec()), rig.now).unwrap();
    for n in 0..100 {
        append(&mut writer, &bulk(n), rig.now).unwrap();
    }
    append(&mut writer, &(STICKY, 1, 9, b"second".to_vec()), rig.now).unwrap();
    let sticky = rig.open().unwrap().sticky().unwrap();
    assert_eq!(sticky[&(STICKY, 1)].payload, b"second");
    assert_eq!(sticky[&(STICKY, 2)].payload, b"other lane");
    // Nothing but the last segment is needed for that.
    let files = rig.disk.files();
    for (path, _) in &files[..files.len() - 1] {
        rig.disk.remove_file(path).unwrap();
    }
    assert_eq!(rig.open().unwrap().sticky().unwrap(), sticky);
}

#[test]
fn a_torn_end_is_cut_at_the_last_whole_record_and_said() {
    let rig = Rig::new();
    let mut writer = rig.writer(1 << 20);
    for n in 0..5 {
        append(&mut writer, &bulk(n), rig.now).unwrap();
    }
    let four = rig.disk.files()[0].1;
    append(&mut writer, &bulk(5), rig.now).unwrap();
    let five = rig.disk.files()[0].1;
    std::mem::forget(writer);
    for size in (four + 1..five).rev() {
        rig.disk.change(&Rig::segment(0), |bytes| bytes.truncate(size));
        let log = rig.open().unwrap();
        assert_eq!(read(&log, 0..10), (0..5).map(bulk).collect::<Vec<_>>());
        let [damage] = log.damage() else { panic!("{:?}", log.damage()) };
        assert!(damage.cut);
        assert_eq!(damage.bytes, four as u64..size as u64);
        assert_eq!(rig.disk.files()[0].1, four);
        rig.disk.change(&Rig::segment(0), |bytes| bytes.resize(size, 0));
    }
}

#[test]
fn a_corrupted_middle_costs_its_records_only_and_says_how_many() {
    let rig = Rig::new();
    let mut writer = rig.writer(1 << 20);
    for n in 0..100 {
        append(&mut writer, &bulk(n), rig.now).unwrap();
    }
    std::mem::forget(writer);
    rig.disk.change(&Rig::segment(0), |bytes| bytes[2000..2200].fill(0x55));
    let log = rig.open().unwrap();
    let [damage] = log.damage() else { panic!("{:?}", log.damage()) };
    let lost = damage.records.unwrap() as usize;
    assert!((2..6).contains(&lost), "{lost}");
    assert!(!damage.cut);
    let records = read(&log, 0..100);
    assert_eq!(records.len(), 100 - lost);
    let [before, after] = &log.coverage(BULK, 7)[..] else { panic!() };
    assert_eq!(after.start - before.end, lost as u64);
    assert_eq!(after.end, 100);
}

#[test]
fn damage_behind_a_footer_is_left_out_when_it_is_read() {
    let rig = Rig::new();
    let mut writer = rig.writer(1 << 20);
    for n in 0..100 {
        append(&mut writer, &bulk(n), rig.now).unwrap();
    }
    drop(writer);
    rig.disk.change(&Rig::segment(0), |bytes| bytes[2000] ^= 1);
    let log = rig.open().unwrap();
    assert!(log.damage().is_empty(), "nothing was read yet");
    assert_eq!(read(&log, 0..100).len(), 99);
}

#[test]
fn a_damaged_head_of_a_segment_costs_no_record() {
    let rig = Rig::new();
    let mut writer = rig.writer(1 << 20);
    for n in 0..10 {
        append(&mut writer, &bulk(n), rig.now).unwrap();
    }
    rig.disk.change(&Rig::segment(0), |bytes| bytes[..64].fill(0));
    assert_eq!(read(&rig.open().unwrap(), 0..10).len(), 10);
}

#[test]
fn a_segment_of_another_log_is_not_taken_for_ours() {
    let (ours, theirs) = (Rig::new(), Rig::new());
    for (rig, id) in [(&ours, ID), (&theirs, LogId { id: 43, ..ID })] {
        let mut writer = LogWriter::create(rig.disk(), Rig::dir(), id, LogLimits::default(), &rig.syncer);
        for n in 0..10 {
            append(&mut writer, &bulk(n), rig.now).unwrap();
        }
    }
    let mut stranger = Vec::new();
    theirs.disk.change(&Rig::segment(0), |bytes| stranger.clone_from(bytes));
    // Its records behind our head count as little as its head does.
    ours.disk
        .change(&Rig::segment(0), |bytes| bytes.splice(64.., stranger[64..].iter().copied()).for_each(drop));
    assert!(read(&ours.open().unwrap(), 0..10).is_empty());
    ours.disk.change(&Rig::segment(0), |bytes| bytes.clone_from(&stranger));
    assert!(matches!(ours.open(), Err(LogError::Nothing { .. })));
}

#[test]
fn a_newer_version_is_refused_with_a_sentence() {
    let rig = Rig::new();
    append(&mut rig.writer(1 << 20), &bulk(0), rig.now).unwrap();
    rig.disk.change(&Rig::segment(0), |bytes| {
        bytes[8] = 3;
        let crc = crc32fast::hash(&bytes[..60]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    });
    let error = rig.open().unwrap_err();
    assert!(matches!(error, LogError::Newer { version: 3, .. }));
    assert!(
        error.to_string().ends_with("has format 3, and this program reads up to 2: update it"),
        "{error}"
    );
}

#[test]
fn a_full_disk_damages_nothing_and_is_written_again_when_there_is_room() {
    let rig = Rig::new();
    let mut writer = rig.writer(1 << 20);
    for n in 0..10 {
        append(&mut writer, &bulk(n), rig.now).unwrap();
    }
    let size = rig.disk.files()[0].1;
    rig.disk.set_capacity(Some(size + 20));
    assert!(matches!(append(&mut writer, &bulk(10), rig.now), Err(AppendError::Disk(_))));
    assert_eq!(rig.disk.files()[0].1, size, "half a record is cut off");
    assert!(!writer.is_writing());

    rig.disk.set_capacity(None);
    assert!(matches!(append(&mut writer, &bulk(11), rig.now), Err(AppendError::Suspended)));
    append(&mut writer, &bulk(12), rig.now + Duration::from_secs(1)).unwrap();
    assert!(writer.is_writing());
    let log = rig.open().unwrap();
    assert_eq!(log.coverage(BULK, 7), [0..10, 12..13]);
    assert!(log.damage().is_empty());
}

#[test]
fn a_disk_that_stays_full_is_not_littered() {
    let rig = Rig::new();
    let mut writer = rig.writer(1 << 20);
    append(&mut writer, &bulk(0), rig.now).unwrap();
    rig.disk.set_capacity(Some(rig.disk.files()[0].1 + 10));
    for second in 1..60 {
        assert!(append(&mut writer, &bulk(second), rig.now + Duration::from_secs(second)).is_err());
    }
    assert_eq!(rig.disk.files().len(), 1);
}

#[test]
fn short_writes_are_gone_on_with() {
    let rig = Rig::new();
    rig.disk.set_short_writes(Some(7));
    let mut writer = rig.writer(1 << 20);
    for n in 0..20 {
        append(&mut writer, &bulk(n), rig.now).unwrap();
    }
    assert_eq!(read(&rig.open().unwrap(), 0..20).len(), 20);
}

#[test]
fn a_deleted_folder_is_noticed_and_made_again() {
    let rig = Rig::new();
    let mut writer = rig.writer(1 << 20);
    append(&mut writer, &bulk(0), rig.now).unwrap();
    rig.disk.delete(Path::new("/journal"));
    // The system still takes what is written to a deleted file.
    append(&mut writer, &bulk(1), rig.now).unwrap();
    rig.syncer.run();
    append(&mut writer, &bulk(2), rig.now).unwrap();
    assert_eq!(writer.take_trouble().unwrap().kind(), ErrorKind::NotFound);
    assert_eq!(writer.log().coverage(BULK, 7), [2..3]);
    assert_eq!(rig.open().unwrap().coverage(BULK, 7), [2..3]);
}

#[test]
fn what_could_not_be_made_durable_is_trouble_and_the_next_record_goes_elsewhere() {
    let rig = Rig::new();
    let mut writer = rig.writer(1 << 20);
    append(&mut writer, &bulk(0), rig.now).unwrap();
    rig.syncer.run();
    append(&mut writer, &bulk(1), rig.now).unwrap();
    rig.disk.refuse_sync(Some(ErrorKind::Other));
    rig.syncer.run();
    rig.disk.refuse_sync(None);
    append(&mut writer, &bulk(2), rig.now).unwrap();
    assert!(writer.take_trouble().is_some());
    assert_eq!(rig.open().unwrap().coverage(BULK, 7), [0..1, 2..3]);
}

#[test]
fn a_log_is_gone_on_with_after_a_crash() {
    let rig = Rig::new();
    let mut writer = rig.writer(500);
    append(&mut writer, &(STICKY, 1, 0, b"who".to_vec()), rig.now).unwrap();
    for n in 0..50 {
        append(&mut writer, &bulk(n), rig.now).unwrap();
    }
    std::mem::forget(writer);
    let mut writer = LogWriter::resume(rig.open().unwrap(), LogLimits::default(), &rig.syncer).unwrap();
    assert!(matches!(append(&mut writer, &bulk(49), rig.now), Err(AppendError::OutOfOrder { next: 50, .. })));
    append(&mut writer, &bulk(50), rig.now).unwrap();
    writer.finish().unwrap();
    let log = rig.open().unwrap();
    assert_eq!(log.coverage(BULK, 7), [0..51]);
    assert_eq!(log.sticky().unwrap()[&(STICKY, 1)].payload, b"who");
}

#[test]
fn the_thread_makes_it_durable_within_a_second_without_being_asked() {
    let disk = MemoryDisk::new();
    let syncer = Syncer::start().unwrap();
    let mut writer = LogWriter::create(Arc::new(disk.clone()), Rig::dir(), ID, LogLimits::default(), &syncer);
    append(&mut writer, &bulk(0), Instant::now()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let durable = || {
        // A power cut on a copy of the world: what is durable now.
        let files = disk.files();
        files.iter().any(|(path, size)| disk.durable(path) == Some(*size))
    };
    while !durable() {
        assert!(Instant::now() < deadline, "not durable after 10 s");
        std::thread::yield_now();
    }
}

/// Logs in folders of their own, each with a record that is not durable yet.
fn many_logs(disk: &MemoryDisk, syncer: &Syncer, count: u64) -> Vec<LogWriter> {
    let write = |n: u64| {
        let dir = Rig::dir().join(n.to_string());
        let mut writer = LogWriter::create(Arc::new(disk.clone()), dir, ID, LogLimits::default(), syncer);
        append(&mut writer, &bulk(0), Instant::now()).unwrap();
        writer
    };
    (0..count).map(write).collect()
}

#[test]
fn many_logs_are_made_durable_at_one_go_and_a_few_each_by_itself() {
    for (count, at_once) in [(100, 1), (3, 0)] {
        let disk = MemoryDisk::new();
        let syncer = Syncer::manual_for_many(&disk, &Rig::dir());
        let _writers = many_logs(&disk, &syncer, count);
        syncer.run();
        assert_eq!(disk.whole_syncs(), at_once, "{count} logs");
        for (path, size) in disk.files() {
            assert_eq!(disk.durable(&path), Some(size), "{}", path.display());
        }
    }
}

#[test]
fn of_many_logs_each_hears_when_the_disk_lost_what_it_wrote() {
    let disk = MemoryDisk::new();
    let syncer = Syncer::manual_for_many(&disk, &Rig::dir());
    let writers = many_logs(&disk, &syncer, 50);
    disk.refuse_sync(Some(ErrorKind::Other));
    syncer.run();
    for mut writer in writers {
        assert!(append(&mut writer, &bulk(1), Instant::now()).is_ok());
        assert!(writer.take_trouble().is_some());
    }
}

fn story() -> impl Strategy<Value = Vec<Said>> {
    let record = (
        prop::sample::select(vec![BULK, CONTROL, STICKY]),
        0_u32..3,
        prop::collection::vec(any::<u8>(), 0..80),
    );
    prop::collection::vec(record, 1..60).prop_map(|records| {
        (0..).zip(records).map(|(n, (kind, lane, payload))| (kind, lane, n, payload)).collect()
    })
}

fn everything(log: &Log) -> Vec<Said> {
    let mut all = Vec::new();
    for lane in log.lanes(BULK) {
        log.bulk(BULK, lane, &(0..u64::MAX), |record| all.push(said(record))).unwrap();
    }
    log.control(|record| all.push(said(record))).unwrap();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_mutation_makes_a_reader_panic_or_invents_a_record(
        story in story(),
        closed in any::<bool>(),
        small in any::<bool>(),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..5, any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let rig = Rig::new();
        let mut writer = rig.writer(if small { 400 } else { 1 << 20 });
        for record in &story {
            append(&mut writer, record, rig.now).unwrap();
        }
        if closed { drop(writer) } else { std::mem::forget(writer) }
        let files = rig.disk.files();
        for (file, what, place, byte) in mutations {
            let (path, _) = &files[file.index(files.len())];
            rig.disk.change(path, |bytes| {
                if bytes.is_empty() { return }
                let at = place.index(bytes.len());
                match what {
                    0 => bytes[at] ^= byte | 1,
                    1 => bytes.truncate(at),
                    2 => { bytes.drain(at..(at + usize::from(byte)).min(bytes.len())); }
                    3 => { let piece = bytes[at..(at + usize::from(byte)).min(bytes.len())].to_vec(); bytes.splice(at..at, piece); }
                    _ => { let end = (at + usize::from(byte)).min(bytes.len()); bytes[at..end].fill(byte) }
                }
            });
        }
        for _ in 0..2 {
            if let Ok(log) = rig.open() {
                for record in everything(&log) {
                    prop_assert!(story.contains(&record), "invented: {record:?}");
                }
            }
        }
    }

    #[test]
    fn a_power_cut_loses_only_what_was_not_durable(story in story(), durable in any::<prop::sample::Index>(), keep in any::<prop::sample::Index>()) {
        let rig = Rig::new();
        let mut writer = rig.writer(600);
        let durable = durable.index(story.len());
        for (n, record) in story.iter().enumerate() {
            if n == durable { rig.syncer.run(); }
            append(&mut writer, record, rig.now).unwrap();
        }
        std::mem::forget(writer);
        rig.disk.power_cut(|unsure| if unsure == 0 { 0 } else { keep.index(unsure + 1) });
        let all = rig.open().map(|log| everything(&log)).unwrap_or_default();
        for record in &story[..durable] {
            // A sticky record that was replaced need not be there.
            prop_assert!(record.0 == STICKY || all.contains(record), "lost: {record:?}");
        }
        for record in &all {
            prop_assert!(story.contains(record));
        }
    }
}
