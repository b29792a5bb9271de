//! A relay that cannot decode a stream asks for its samples.

mod common;

use std::task::{Context, Poll, ready};
use std::time::Instant;

use common::{Script, ScriptedRelay, event, frame, soon};
use glasslink::audio::journal::JournalStore;
use glasslink::audio::{Captured, Lc3Source, Source, SourceError};
use glasslink::{Event, FrameIndex, Link, StreamFormat, StreamId, StreamOptions};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// 10 ms for each number that comes, of samples that say it.
struct Spoken(UnboundedReceiver<u8>);

impl Source for Spoken {
    fn format(&self) -> StreamFormat {
        StreamFormat::pcm(16_000).unwrap()
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let Some(number) = ready!(self.0.poll_recv(cx)) else { return Poll::Ready(Ok(None)) };
        buffer.clear();
        buffer.resize(320, number);
        Poll::Ready(Ok(Some(Captured::Frame { captured_at: Instant::now() })))
    }
}

fn continued(event: &Event) -> Option<(StreamId, FrameIndex, StreamId)> {
    match event {
        Event::Continued { stream, at, by } => Some((*stream, *at, *by)),
        _ => None,
    }
}

fn asked(event: &Event) -> Option<StreamId> {
    match event {
        Event::SendPcm { stream } => Some(*stream),
        _ => None,
    }
}

// SPEC P20.7
#[tokio::test]
async fn a_source_that_has_its_samples_goes_on_with_them_where_its_frames_cannot_be_decoded() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = JournalStore::open(folder.path()).unwrap();
    for journal in [None, Some(store)] {
        let relay = ScriptedRelay::start(Script::default()).await;
        let builder = Link::builder(relay.url());
        let builder = match journal {
            Some(store) => builder.journal(&store),
            None => builder,
        };
        let (link, mut events) = builder.connect().unwrap();
        let (speech, spoken) = unbounded_channel();
        let say = |numbers: std::ops::Range<u8>| numbers.for_each(|number| speech.send(number).unwrap());
        let source = Lc3Source::new(Spoken(spoken), 20).unwrap();
        let attached = link.attach(source, StreamOptions::default()).unwrap();
        let stream = attached.stream();
        say(0..50);
        relay.until_heard(stream, 50).await;
        relay.ask_for_pcm(link.session(), stream);
        assert_eq!(event(&mut events, "the wish", asked).await, stream);
        let (ended, at, by) = event(&mut events, "another stream", continued).await;
        assert_eq!((ended, at), (stream, FrameIndex(50)));
        say(50..100);
        relay.until_heard(by, 50).await;
        // What has samples already has nothing else to give.
        relay.ask_for_pcm(link.session(), by);
        assert_eq!(event(&mut events, "the wish", asked).await, by);
        say(100..110);
        drop(speech);
        soon("the source's end", attached.ended()).await.unwrap();
        soon("the end", link.finish()).await.unwrap();
        let (coded, samples) = (relay.heard(stream), relay.heard(by));
        assert_eq!((coded.ended, samples.ended), (Some(FrameIndex(50)), Some(FrameIndex(60))));
        assert!(coded.frames.len() == 50 && coded.frames.iter().all(|(_, frame)| frame.len() == 20));
        let expected: Vec<_> = (50_u8..110).map(|number| vec![number; 320]).collect();
        assert_eq!(samples.frames.into_iter().map(|(_, frame)| frame).collect::<Vec<_>>(), expected);
        let stats = link.stats();
        assert_eq!((stats.captured, stats.acknowledged, stats.lost), (110, 110, 0));
    }
}

// SPEC P20.7
#[tokio::test]
async fn who_pushes_frames_is_told_that_samples_are_wanted_and_decides() {
    let relay = ScriptedRelay::start(Script::default()).await;
    let (link, mut events) = Link::builder(relay.url()).connect().unwrap();
    let stream = link.open(StreamFormat::lc3(16_000, 20).unwrap(), StreamOptions::default()).unwrap();
    let id = stream.id();
    stream.push(&frame(0)).unwrap();
    relay.until_heard(id, 1).await;
    relay.ask_for_pcm(link.session(), id);
    assert_eq!(event(&mut events, "the wish", asked).await, id);
    stream.push(&frame(1)).unwrap();
    stream.end();
    let options = StreamOptions { continues: Some(id), ..StreamOptions::default() };
    let samples = link.open(StreamFormat::pcm(16_000).unwrap(), options).unwrap();
    samples.push(&[7; 320]).unwrap();
    let by = samples.id();
    samples.end();
    soon("the end", link.finish()).await.unwrap();
    assert_eq!(relay.heard(id).ended, Some(FrameIndex(2)));
    assert_eq!(relay.heard(by).frames, [(FrameIndex(0), vec![7; 320])]);
}
