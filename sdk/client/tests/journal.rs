//! What was recorded survives the process, and reaches the relay from the disk.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Script, ScriptedRelay, soon};
use glasslink::audio::journal::disk::MemoryDisk;
use glasslink::audio::journal::log::{LogLimits, Syncer};
use glasslink::audio::journal::{Found, JournalState, JournalStore};
use glasslink::audio::{Captured, Pace, SampleSource, Source, SourceError};
use glasslink::{
    ClientConfig, Event, FrameIndex, Link, LinkBuilder, RecoverError, Recovered, StreamFormat, StreamOptions,
};
use tokio::net::TcpListener;

/// Yields frames that say which they are: as fast as they are taken, then no more until it is told to end.
struct Numbered {
    next: u64,
    frames: u64,
    ends: bool,
    /// Opens the way to more frames.
    more: Option<tokio::sync::oneshot::Receiver<u64>>,
}

impl Numbered {
    fn ending(frames: u64) -> Self {
        Self { next: 0, frames, ends: true, more: None }
    }

    /// As a microphone whose program is about to die.
    fn endless(frames: u64) -> Self {
        Self { next: 0, frames, ends: false, more: None }
    }

    /// Then as many more as it is told.
    fn and_more(frames: u64) -> (Self, tokio::sync::oneshot::Sender<u64>) {
        let (sender, more) = tokio::sync::oneshot::channel();
        (Self { next: 0, frames, ends: false, more: Some(more) }, sender)
    }
}

impl Source for Numbered {
    fn format(&self) -> StreamFormat {
        StreamFormat::lc3(16_000, 20).unwrap()
    }

    fn poll_next(
        &mut self,
        cx: &mut std::task::Context<'_>,
        frame: &mut Vec<u8>,
    ) -> std::task::Poll<Result<Option<Captured>, SourceError>> {
        if self.next == self.frames
            && let Some(more) = &mut self.more
            && let std::task::Poll::Ready(Ok(frames)) = std::pin::Pin::new(more).poll(cx)
        {
            self.frames += frames;
            self.more = None;
        }
        if self.next == self.frames {
            return if self.ends { std::task::Poll::Ready(Ok(None)) } else { std::task::Poll::Pending };
        }
        frame.clear();
        frame.extend_from_slice(&common::frame(self.next));
        self.next += 1;
        let captured_at = std::time::Instant::now();
        std::task::Poll::Ready(Ok(Some(Captured::Frame { captured_at })))
    }
}

fn builder(relay: &ScriptedRelay) -> LinkBuilder {
    Link::builder(relay.url()).config(ClientConfig { catch_up_rate: None, ..ClientConfig::default() })
}

/// The recordings that are ours to read, once the process that wrote them is gone.
async fn found(store: &JournalStore) -> Vec<Found> {
    soon("the end of the earlier process", async {
        loop {
            let found = store.recordings().unwrap();
            if !found.iter().any(|found| matches!(found, Found::InUse(_))) {
                return found;
            }
            drop(found);
            tokio::task::yield_now().await;
        }
    })
    .await
}

async fn recover(store: &JournalStore, builder: &LinkBuilder) -> Recovered {
    drop(found(store).await);
    let mut recovered = soon("recovery", builder.recover(store)).await.unwrap();
    assert_eq!(recovered.len(), 1);
    recovered.remove(0)
}

// SPEC P10.1
#[tokio::test]
async fn a_new_process_uploads_what_the_dead_one_recorded_and_finishes_the_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path()).unwrap();
    let relay = ScriptedRelay::start(Script::default()).await;
    // In real time and four times that, most of it is still to be sent.
    let (link, _events) = Link::builder(relay.url()).journal(&store).connect().unwrap();
    let mut stats = link.watch_stats();
    let source = link.attach(Numbered::endless(3_000), StreamOptions::default()).unwrap();
    let stream = source.stream();
    soon("everything", stats.wait_for(|stats| stats.captured == 3_000)).await.unwrap();
    relay.until_heard(stream, 100).await;
    let session = link.session();
    drop(link);

    let recovered = recover(&store, &builder(&relay)).await;
    assert_eq!(recovered.session, session);
    let (transcript, stats) = recovered.result.unwrap();
    assert_eq!(transcript.text(), "3000 frames");
    assert_eq!((stats.captured, stats.acknowledged, stats.lost), (3_000, 3_000, 0));
    common::assert_whole(&relay.heard(stream), 3_000);

    drop(found(&store).await);
    assert!(builder(&relay).recover(&store).await.unwrap().is_empty(), "nothing is left to do");
}

// SPEC P10.2
#[tokio::test]
async fn a_relay_that_forgot_the_session_gets_the_rest_under_the_same_indices() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path()).unwrap();
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, mut events) = Link::builder(relay.url()).journal(&store).connect().unwrap();
    let mut stats = link.watch_stats();
    let source = link.attach(Numbered::endless(2_000), StreamOptions::default()).unwrap();
    let stream = source.stream();
    soon("everything", stats.wait_for(|stats| stats.captured == 2_000)).await.unwrap();
    let kept = common::event(&mut events, "a mark", |event| match event {
        Event::Kept { next, .. } if next.0 >= 100 => Some(*next),
        _ => None,
    })
    .await;
    drop((link, relay));

    let relay = ScriptedRelay::start(Script::default()).await;
    let (transcript, stats) = recover(&store, &builder(&relay)).await.result.unwrap();
    assert_eq!((stats.captured, stats.acknowledged, stats.lost), (2_000, 2_000, 0));
    let heard = relay.heard(stream).frames;
    let from = heard[0].0;
    assert!(from <= kept, "{from} is not behind what was kept");
    let expected: Vec<_> =
        (from.0..2_000).map(|number| (FrameIndex(number), common::frame(number).to_vec())).collect();
    assert_eq!(heard, expected);
    let gap = transcript.entries().iter().find(|entry| entry.text().is_none());
    assert_eq!(gap.is_some(), from.0 > 0, "what the old relay kept and took with it is told");
}

#[tokio::test]
async fn memory_is_spared_for_what_is_on_disk_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = ClientConfig { buffer_bytes: 10_000, catch_up_rate: None, ..ClientConfig::default() };
    let link = Link::builder(format!("ws://{address}")).config(config).journal(&store).connect();
    let (link, _events) = link.unwrap();
    // Four times what memory may hold, while the relay is away.
    let source = link.attach(Numbered::ending(2_000), StreamOptions::default()).unwrap();
    let stream = source.stream();
    soon("the source's end", source.ended()).await.unwrap();
    let stats = link.stats();
    assert_eq!((stats.captured, stats.buffered, stats.lost), (2_000, 2_000, 0));
    assert!(stats.buffered_bytes <= 10_000, "{}", stats.buffered_bytes);

    let listener = TcpListener::bind(address).await.unwrap();
    let relay = ScriptedRelay::on(listener, Script::default(), |tcp| async { Some(tcp) });
    soon("the end", link.finish()).await.unwrap();
    common::assert_whole(&relay.heard(stream), 2_000);
    assert_eq!(link.stats().lost, 0);
    soon("the close", link.close()).await;
    let found = found(&store).await;
    let [Found::Recording(recording)] = &found[..] else { panic!("{found:?}") };
    assert!(recording.is_finished().unwrap());
}

// SPEC P9.2
#[tokio::test]
async fn what_the_disk_does_not_take_is_sent_from_memory() {
    let disk = Arc::new(MemoryDisk::new());
    let syncer = Arc::new(Syncer::start().unwrap());
    let store = JournalStore::on(Arc::clone(&disk) as _, "/recordings", syncer, LogLimits::default());
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, _events) = builder(&relay).journal(&store).connect().unwrap();
    disk.set_capacity(Some(4_000));
    let source = link.attach(Numbered::ending(1_000), StreamOptions::default()).unwrap();
    let stream = source.stream();
    soon("the source's end", source.ended()).await.unwrap();
    let journal = link.journal().unwrap();
    assert!(matches!(journal.state(), JournalState::Failing { .. }), "recording and link are two states");
    soon("the end", link.finish()).await.unwrap();
    common::assert_whole(&relay.heard(stream), 1_000);
    assert_eq!(link.stats().lost, 0);
}

#[tokio::test]
async fn what_was_said_before_the_restart_is_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path()).unwrap();
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, mut events) = builder(&relay).journal(&store).connect().unwrap();
    let first = link.attach(Numbered::ending(100), StreamOptions::default()).unwrap().stream();
    common::event(&mut events, "the final", |event| match event {
        Event::Transcribed { stream, .. } if *stream == first => Some(()),
        _ => None,
    })
    .await;
    let second = link.attach(Numbered::endless(200), StreamOptions::default()).unwrap().stream();
    relay.until_heard(second, 50).await;
    drop(link);
    drop(found(&store).await);

    let Some(Found::Recording(recording)) = store.recordings().unwrap().pop() else {
        panic!("one recording")
    };
    let (link, mut events) = builder(&relay).resume(recording).unwrap();
    assert_eq!(link.transcript().text(), "100 frames", "known before the relay is there");
    let third = link
        .attach(Numbered::ending(50), StreamOptions { continues: Some(second), ..StreamOptions::default() });
    let source = third.unwrap();
    let third = source.stream();
    assert!(third > second, "ids are never used twice");
    soon("the source's end", source.ended()).await.unwrap();
    soon("the end", link.finish()).await.unwrap();
    let mut finals = Vec::new();
    while let Some(Ok(event)) = events.try_next() {
        if let Event::Transcript { event: glasslink::TranscriptEvent::Final(said), .. } = event {
            finals.push(said.stream);
        }
    }
    finals.sort_unstable();
    assert_eq!(finals, [second, third]);
    assert_eq!(link.transcript().text(), "100 frames 200 frames 50 frames");
}

#[tokio::test]
async fn a_recording_in_use_is_left_alone_and_a_broken_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path()).unwrap();
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, _events) = builder(&relay).journal(&store).connect().unwrap();
    let source = SampleSource::new(vec![0; 16_000], 16_000, Pace::REAL_TIME).unwrap();
    let _recording = link.attach(source, StreamOptions::default()).unwrap();
    assert!(builder(&relay).recover(&store).await.unwrap().is_empty());

    let broken = folder.path().join("0123456789abcdef0123456789abcdef");
    std::fs::create_dir_all(broken.join("00000000.glj")).unwrap();
    let recovered = builder(&relay).recover(&store).await.unwrap();
    let [Recovered { result: Err(RecoverError::Unreadable(_)), .. }] = &recovered[..] else {
        panic!("{recovered:?}")
    };
}

// SPEC P9.1
#[tokio::test]
async fn recording_goes_on_when_the_link_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path()).unwrap();
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, _events) = builder(&relay).journal(&store).connect().unwrap();
    let speech = SampleSource::new(vec![1; 160 * 30], 16_000, Pace::times(10.0).unwrap()).unwrap();
    let (recorder, mut sink) = link.recorder(speech, StreamOptions::default()).unwrap();
    let stream = recorder.stream();
    let recording = tokio::spawn(async move { recorder.run(&mut sink).await });
    soon("the close", link.close()).await;
    let (end, ended) = soon("the recording's end", recording).await.unwrap();
    ended.unwrap();
    assert_eq!(end, FrameIndex(30));
    drop(link);
    let found = found(&store).await;
    let [Found::Recording(recording)] = &found[..] else { panic!("{found:?}") };
    let found = recording.streams().unwrap().remove(0);
    assert_eq!((found.stream, found.end), (stream, Some(FrameIndex(30))));
}

// SPEC P3.5 P10.1
#[tokio::test]
async fn what_went_on_as_another_stream_is_one_recording_and_one_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // At no more than real time, so that the first stream is not yet filled in when the process dies.
    let config = ClientConfig {
        longest_backlog: Duration::from_secs(5),
        catch_up_rate: Some(1),
        ..ClientConfig::default()
    };
    let (link, mut events) = Link::builder(url).config(config).journal(&store).connect().unwrap();
    let mut stats = link.watch_stats();
    let (microphone, more) = Numbered::and_more(3_000);
    let source = link.attach(microphone, StreamOptions::default()).unwrap();
    let first = source.stream();
    soon("everything", stats.wait_for(|stats| stats.captured == 3_000)).await.unwrap();

    let relay = ScriptedRelay::on(listener, Script::default(), |tcp| async { Some(tcp) });
    link.wait_live(Some(common::SOON)).await.unwrap();
    more.send(100).unwrap();
    let (at, second) = common::event(&mut events, "the other stream", |event| match *event {
        Event::Continued { stream, at, by } => (stream == first).then_some((at, by)),
        _ => None,
    })
    .await;
    assert_eq!(at, FrameIndex(3_001), "behind the frame that was being captured");
    relay.until_heard(second, 50).await;
    assert!(relay.heard(first).frames.len() < 1_000, "what is said now goes first");
    drop((link, events));

    let (transcript, ledger) = recover(&store, &builder(&relay)).await.result.unwrap();
    assert_eq!((ledger.captured, ledger.acknowledged, ledger.lost), (3_100, 3_100, 0));
    common::assert_whole(&relay.heard(first), 3_001);
    let behind = relay.heard(second).frames;
    let said: Vec<_> =
        (0..99).map(|number| (FrameIndex(number), common::frame(3_001 + number).to_vec())).collect();
    assert_eq!(behind, said);
    assert_eq!(transcript.text(), "3001 frames 99 frames");
    let began: Vec<_> = transcript.entries().iter().map(glasslink::transcript::Entry::start).collect();
    assert_eq!(began, [Duration::ZERO, Duration::from_millis(30_010)]);
}
