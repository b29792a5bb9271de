//! Relays that die, and what the next one finds. A death is a copy of the files at that moment: nothing is closed,
//! nothing is said.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use glasslink_protocol::{
    ClientMessage, ClockMark, Durability, EventNumber, Final, FrameIndex, Gap, GapCause, RelayMessage,
    StreamId, StreamStart, TranscriptEvent,
};
use glasslink_relay::{DataError, Relay, RelayBuilder, RelayHandle, StartError};
use support::engine::FakeEngine;
use support::{Client, HelloFields, PATIENCE, hello, lc3, stream};
use tempfile::TempDir;
use tokio::time::timeout;

const ID: StreamId = StreamId(1);

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A relay whose process can die: the next one gets a copy of what it had written.
struct Mortal {
    folders: Vec<TempDir>,
    relay: RelayHandle,
}

impl Mortal {
    async fn new(builder: RelayBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = builder.data(folder.path()).start().await.unwrap();
        Self { folders: vec![folder], relay }
    }

    fn data(&self) -> &Path {
        self.folders.last().unwrap().path()
    }

    async fn die(&mut self, next: RelayBuilder) {
        let folder = tempfile::tempdir().unwrap();
        copy(self.data(), folder.path());
        self.relay = next.data(folder.path()).start().await.unwrap();
        self.folders.push(folder);
    }

    async fn client(&self) -> Client {
        Client::plain(&self.relay.url()).await
    }
}

fn with_engine() -> RelayBuilder {
    Relay::builder().engine(Arc::new(FakeEngine::default()))
}

fn is_transcribed(to: u64) -> impl Fn(&RelayMessage) -> bool {
    move |message| matches!(message, RelayMessage::Transcribed { to: at, .. } if at.0 >= to)
}

/// The last final of a stream that ends at `end`. Its mark may have been in the welcome.
fn is_last_final(end: u64) -> impl Fn(&RelayMessage) -> bool {
    move |message| matches!(message, RelayMessage::Transcript { event: TranscriptEvent::Final(said), .. } if said.to.0 == end)
}

fn is_kept(to: u64) -> impl Fn(&RelayMessage) -> bool {
    move |message| matches!(message, RelayMessage::Kept { next, .. } if next.0 >= to)
}

fn events(messages: Vec<RelayMessage>) -> Vec<(u64, TranscriptEvent)> {
    let events = messages.into_iter().filter_map(|message| match message {
        RelayMessage::Transcript { number, event } => Some((number.0, event)),
        _ => None,
    });
    events.collect()
}

fn spans(events: &[(u64, TranscriptEvent)]) -> Vec<(u64, u64)> {
    let spans = events.iter().filter_map(|(_, event)| match event {
        TranscriptEvent::Final(Final { from, to, .. }) => Some((from.0, to.0)),
        TranscriptEvent::Gap(_) => None,
    });
    spans.collect()
}

#[tokio::test]
async fn a_session_goes_on_in_the_same_epoch_with_everything_it_kept() {
    let mut relay = Mortal::new(with_engine()).await;
    let mut client = relay.client().await;
    let RelayMessage::Welcome { epoch, durability, .. } = client.greet(hello(1)).await else {
        unreachable!()
    };
    assert_eq!(durability, Durability::Disk);
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 120).await;
    let gap = Gap::new(ID, FrameIndex(120), FrameIndex(200), GapCause::Absent, &lc3());
    client.say(&ClientMessage::Gap(gap)).await;
    client.audio(1, 200, 150).await;
    client.until_all(is_transcribed(300)).await;

    relay.die(with_engine()).await;
    let mut client = relay.client().await;
    let fields = HelloFields { attach: 2, epoch: Some(epoch), streams: vec![stream(1, 0)], ..hello(1) };
    let RelayMessage::Welcome { epoch: found, streams, events_from, .. } = client.greet(fields).await else {
        unreachable!()
    };
    assert_eq!((found, events_from), (epoch, EventNumber(1)));
    assert_eq!((streams[0].received, streams[0].kept), (FrameIndex(350), FrameIndex(350)));
    client.say(&ClientMessage::End { stream: ID, at: FrameIndex(350) }).await;
    let events = events(client.until_all(is_last_final(350)).await);
    assert!(events.iter().any(|(_, event)| *event == TranscriptEvent::Gap(gap)));
    assert_eq!(spans(&events), [(0, 100), (100, 120), (200, 300), (300, 350)]);
    assert_eq!(events.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn what_was_kept_and_not_transcribed_is_transcribed_by_the_next_relay() {
    let mut relay = Mortal::new(Relay::builder().engine(FakeEngine::not_installed())).await;
    let mut client = relay.client().await;
    let RelayMessage::Welcome { epoch, .. } = client.greet(hello(1)).await else { unreachable!() };
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    for first in (0..12_000).step_by(500) {
        client.audio(1, first, 500).await;
    }
    client.say(&ClientMessage::End { stream: ID, at: FrameIndex(12_000) }).await;
    client.until(is_kept(12_000)).await;

    relay.die(with_engine()).await;
    let mut client = relay.client().await;
    client
        .greet(HelloFields { attach: 2, epoch: Some(epoch), streams: vec![stream(1, 0)], ..hello(1) })
        .await;
    let events = events(client.until_all(is_last_final(12_000)).await);
    // Two minutes: a disk holds more than the minute that memory does.
    let seconds: Vec<(u64, u64)> = (0..120).map(|second| (second * 100, (second + 1) * 100)).collect();
    assert_eq!(spans(&events), seconds);
}

#[tokio::test]
async fn nothing_is_said_twice_or_left_out_however_often_the_relay_dies() {
    let mut relay = Mortal::new(with_engine()).await;
    let mut fields = HelloFields { streams: vec![stream(1, 0)], ..hello(1) };
    let mut heard = Vec::new();
    let mut next = 0;
    for death in 0..12 {
        let mut client = relay.client().await;
        let RelayMessage::Welcome { epoch, streams, .. } = client.greet(fields.clone()).await else {
            unreachable!()
        };
        assert!(fields.epoch.is_none_or(|before| before == epoch));
        // What was not kept is sent again.
        next = streams[0].received.0.min(next);
        let count = 70 + death * 3;
        client.audio(1, next, count).await;
        next += u64::from(count);
        let last = death == 11;
        if last {
            client.say(&ClientMessage::End { stream: ID, at: FrameIndex(next) }).await;
        }
        let wanted = if last { next } else { (next / 100) * 100 };
        let settled =
            |message: &RelayMessage| is_transcribed(wanted)(message) || (!last && is_kept(next)(message));
        for (number, event) in events(client.until_all(settled).await) {
            assert_eq!(number, fields.events_after.0 + 1);
            fields.events_after = EventNumber(number);
            heard.push((number, event));
        }
        (fields.epoch, fields.attach) = (Some(epoch), fields.attach + 1);
        if !last {
            relay.die(with_engine()).await;
        }
    }
    let expected: Vec<(u64, u64)> =
        (0..next.div_ceil(100)).map(|second| (second * 100, ((second + 1) * 100).min(next))).collect();
    assert_eq!(spans(&heard), expected);
}

#[tokio::test]
async fn damage_to_one_session_costs_that_session_only() {
    let mut relay = Mortal::new(Relay::builder().engine(FakeEngine::not_installed())).await;
    let mut epochs = Vec::new();
    for session in [1, 2, 3] {
        let mut client = relay.client().await;
        let RelayMessage::Welcome { epoch, .. } = client.greet(hello(session)).await else { unreachable!() };
        epochs.push(epoch);
        client.say(&ClientMessage::Open(stream(1, 0))).await;
        for first in (0..500).step_by(50) {
            client.audio(1, first, 50).await;
        }
        client.say(&ClientMessage::End { stream: ID, at: FrameIndex(500) }).await;
        client.until(is_kept(500)).await;
    }
    let file = |session: u32| {
        let folder = relay.data().join("sessions").join(format!("{session:032x}"));
        fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    };
    // The second loses everything, the third what is in its middle.
    fs::write(file(2), b"nothing of ours").unwrap();
    let mut bytes = fs::read(file(3)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 400].fill(0xAA);
    fs::write(file(3), bytes).unwrap();

    relay.die(with_engine()).await;
    let resume = |session: u128, epoch| HelloFields {
        attach: 2,
        epoch: Some(epoch),
        streams: vec![stream(1, if session == 2 { 500 } else { 0 })],
        ..hello(session)
    };
    let mut first = relay.client().await;
    first.greet(resume(1, epochs[0])).await;
    assert_eq!(spans(&events(first.until_all(is_last_final(500)).await)).len(), 5);

    let mut second = relay.client().await;
    let RelayMessage::Welcome { epoch, .. } = second.greet(resume(2, epochs[1])).await else {
        unreachable!()
    };
    assert_ne!(epoch, epochs[1], "it is told that everything is gone");
    assert_eq!(fs::read_dir(relay.data().join("damaged")).unwrap().count(), 1);

    let mut third = relay.client().await;
    let RelayMessage::Welcome { epoch, .. } = third.greet(resume(3, epochs[2])).await else { unreachable!() };
    assert_eq!(epoch, epochs[2]);
    let told = events(third.until_all(is_last_final(500)).await);
    let lost: u64 = told
        .iter()
        .filter_map(|(_, event)| match event {
            TranscriptEvent::Gap(gap) if gap.cause == GapCause::RelayLostHistory => Some(gap.frames()),
            _ => None,
        })
        .sum();
    let said: u64 = spans(&told).iter().map(|(from, to)| to - from).sum();
    assert!((50..=150).contains(&lost), "{told:?}");
    assert_eq!(lost + said, 500, "{told:?}");
}

#[tokio::test]
async fn a_session_that_is_over_is_archived_and_nothing_of_it_is_alive() {
    let relay = Mortal::new(with_engine()).await;
    let mut client = relay.client().await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 100).await;
    client.until(is_transcribed(100)).await;
    client.say(&ClientMessage::Bye).await;
    client.until_closed().await;
    assert_eq!(fs::read_dir(relay.data().join("sessions")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(relay.data().join("archive")).unwrap().count(), 1);
}

#[tokio::test]
async fn two_relays_do_not_share_a_folder_and_one_that_stops_gives_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::builder().data(folder.path()).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    let RelayMessage::Welcome { epoch, .. } = client.greet(hello(1)).await else { unreachable!() };
    let second = Relay::builder().data(folder.path()).start().await.map(|_| ());
    assert!(matches!(second, Err(StartError::Data(DataError::InUse { .. }))), "{second:?}");
    let ((), (_, code)) = tokio::join!(relay.shutdown(), client.until_closed());
    assert_eq!(code, Some(1012));
    let relay = Relay::builder().data(folder.path()).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    let welcome = client.greet(HelloFields { attach: 2, epoch: Some(epoch), ..hello(1) }).await;
    assert!(matches!(welcome, RelayMessage::Welcome { epoch: found, .. } if found == epoch));
}

#[tokio::test]
async fn while_the_disk_takes_nothing_nothing_is_called_kept_and_the_client_holds_back() {
    let relay = Mortal::new(Relay::builder().engine(FakeEngine::not_installed())).await;
    let mut client = relay.client().await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 10).await;
    client.until(is_kept(10)).await;
    let folder = relay.data().join("sessions").join(format!("{:032x}", 1));
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, b"in the way").unwrap();

    // It is noticed when what was written is made durable, within a second.
    let mut next = 10;
    let limited = |message: &RelayMessage| matches!(message, RelayMessage::Received { limit: Some(_), .. });
    let refused = async {
        loop {
            client.audio(1, next, 1).await;
            next += 1;
            let told = client
                .until(|message| matches!(message, RelayMessage::Received { next: at, .. } if at.0 >= next));
            if limited(&told.await) {
                break;
            }
        }
    };
    timeout(PATIENCE, refused).await.unwrap();
    assert!(
        support::http::get(relay.relay.local_addr(), "/readyz")
            .await
            .text()
            .contains("the disk takes nothing")
    );
    client.audio(1, next, 5).await;
    next += 5;
    fs::remove_file(&folder).unwrap();
    client.until(is_kept(next)).await;
    let free = |message: &RelayMessage| matches!(message, RelayMessage::Received { limit: None, .. });
    client.until(free).await;
}

#[tokio::test]
async fn what_a_power_cut_takes_is_told_and_nothing_is_said_twice() {
    let mut relay = Mortal::new(with_engine()).await;
    let mut client = relay.client().await;
    let RelayMessage::Welcome { epoch, .. } = client.greet(hello(1)).await else { unreachable!() };
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    for first in (0..600).step_by(50) {
        client.audio(1, first, 50).await;
    }
    let mut heard = events(client.until_all(is_transcribed(600)).await);
    client.until(is_kept(600)).await;
    assert_eq!(spans(&heard).len(), 6);

    // What was written last never reached the disk, and the machine has booted anew.
    let folder = relay.data().join("sessions").join(format!("{:032x}", 1));
    let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() * 2 / 3]).unwrap();
    fs::write(relay.data().join("boot"), "another").unwrap();
    relay.die(with_engine()).await;

    // The client freed what it was told is kept, and has the finals of it.
    let mut client = relay.client().await;
    let start = StreamStart { from: FrameIndex(600), transcribed: FrameIndex(600), ..stream(1, 0) };
    let events_after = EventNumber(heard.last().unwrap().0);
    let fields =
        HelloFields { attach: 2, epoch: Some(epoch), events_after, streams: vec![start], ..hello(1) };
    let RelayMessage::Welcome { epoch: found, streams, .. } = client.greet(fields).await else {
        unreachable!()
    };
    assert_eq!((found, streams[0].received), (epoch, FrameIndex(600)));
    client.audio(1, 600, 100).await;
    client.say(&ClientMessage::End { stream: ID, at: FrameIndex(700) }).await;
    heard.extend(events(client.until_all(is_transcribed(700)).await));
    let seconds: Vec<(u64, u64)> = (0..7).map(|second| (second * 100, (second + 1) * 100)).collect();
    assert_eq!(spans(&heard), seconds);
    assert!(heard.windows(2).all(|pair| pair[0].0 < pair[1].0), "{heard:?}");
}

/// A session as the first version wrote it. Never written again.
#[tokio::test]
async fn a_session_that_the_first_version_wrote_is_found() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/session-1");
    let folder = tempfile::tempdir().unwrap();
    if !golden.exists() && std::env::var_os("GLASSLINK_BLESS").is_some() {
        write_golden(&golden).await;
    }
    copy(&golden, &folder.path().join("sessions").join(format!("{:032x}", 7)));
    let relay = with_engine().data(folder.path()).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    let fields = HelloFields { attach: 2, streams: vec![stream(1, 0), stream(2, 0)], ..hello(7) };
    let RelayMessage::Welcome { streams, .. } = client.greet(fields).await else { unreachable!() };
    assert_eq!((streams[0].kept, streams[0].ended), (FrameIndex(330), false));
    assert_eq!((streams[1].kept, streams[1].ended), (FrameIndex(50), true));
    client.say(&ClientMessage::End { stream: ID, at: FrameIndex(330) }).await;
    let told = events(client.until_all(is_transcribed(330)).await);
    let of = |id: u32| {
        let of_stream = told.iter().filter(|(_, event)| event.stream() == StreamId(id));
        spans(&of_stream.cloned().collect::<Vec<_>>())
    };
    assert_eq!(of(1), [(0, 100), (100, 150), (180, 280), (280, 330)]);
    assert_eq!(of(2), [(0, 50)]);
}

async fn write_golden(golden: &Path) {
    let relay = Mortal::new(with_engine()).await;
    let mut client = relay.client().await;
    client.greet(hello(7)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.say(&ClientMessage::Open(stream(2, 0))).await;
    let mark = ClockMark {
        stream: ID,
        index: FrameIndex(0),
        monotonic_us: 5,
        utc_ms: 1_700_000_000_000,
        utc_offset_min: 60,
    };
    client.say(&ClientMessage::Clock(mark)).await;
    client.audio(1, 0, 150).await;
    let gap = Gap::new(ID, FrameIndex(150), FrameIndex(180), GapCause::Overflow, &lc3());
    client.say(&ClientMessage::Gap(gap)).await;
    client.audio(1, 180, 150).await;
    client.audio(2, 0, 50).await;
    client.say(&ClientMessage::End { stream: StreamId(2), at: FrameIndex(50) }).await;
    client
        .until(|message| matches!(message, RelayMessage::Kept { stream: StreamId(2), next: FrameIndex(50) }))
        .await;
    copy(&relay.data().join("sessions").join(format!("{:032x}", 7)), golden);
}
