//! An attached source that stops while the link is live.

mod common;

use std::task::{Context, Poll, Waker};
use std::time::Instant;

use common::{Script, ScriptedRelay, assert_whole, event, frame, soon};
use glasslink::audio::journal::JournalStore;
use glasslink::audio::{Captured, Source, SourceError};
use glasslink::{Event, Link, StreamFormat, StreamOptions};

/// Gives 50 frames and nothing more, until it is armed again: then 50 more, and its end.
#[derive(Default)]
struct Stops {
    given: u64,
    is_armed: bool,
    waker: Option<Waker>,
}

impl Source for Stops {
    fn format(&self) -> StreamFormat {
        StreamFormat::lc3(16_000, 20).unwrap()
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        if self.given == 50 && !self.is_armed {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.given == 100 {
            return Poll::Ready(Ok(None));
        }
        buffer.clear();
        buffer.extend(frame(self.given));
        self.given += 1;
        Poll::Ready(Ok(Some(Captured::Frame { captured_at: Instant::now() })))
    }

    fn rearm(&mut self) {
        self.is_armed = true;
    }
}

// SPEC P13.3
#[tokio::test]
async fn an_attached_source_that_stops_is_armed_again_without_the_program() {
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
        let attached = link.attach(Stops::default(), StreamOptions::default()).unwrap();
        let stream = attached.stream();
        let stalled = event(&mut events, "the stall", |event| match event {
            Event::AudioStalled { stream, rearm } => Some((*stream, *rearm)),
            _ => None,
        });
        assert_eq!(stalled.await, (stream, 1), "the program is told all the same");
        soon("the source's end", attached.ended()).await.unwrap();
        soon("the end", link.finish()).await.unwrap();
        assert_whole(&relay.heard(stream), 100);
        let audio = link.stats().audio;
        assert_eq!((audio.stalls, audio.recoveries, audio.given_up), (1, 1, 0));
    }
}
