//! Real speech through the whole relay. Skipped, with a word, where the model is not installed; required by
//! `GLASSLINK_REQUIRE_MODEL=1`.

mod support;

use std::sync::Arc;

use glasslink_asr::model::{File, ModelDir};
use glasslink_asr::{Engine, EngineEvent, FinalText, Moonshine};
use glasslink_audio::{Captured, FileSource, FrameDecoder, Lc3Source, Pace, SourceExt};
use glasslink_protocol::{ClientMessage, Final, FrameIndex, RelayMessage, StreamId, TranscriptEvent};
use glasslink_relay::Relay;
use support::program::Served;
use support::{Client, HelloFields, hello, stream};
use tokio::sync::mpsc;

fn model() -> Option<ModelDir> {
    let model = ModelDir::locate().and_then(|model| model.check(&File::ALL).map(|()| model));
    let required = std::env::var("GLASSLINK_REQUIRE_MODEL").is_ok_and(|value| value == "1");
    match model {
        Ok(model) => Some(model),
        Err(error) if required => panic!("GLASSLINK_REQUIRE_MODEL=1, and {error}"),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// The clip's frames, as LC3 of 20 bytes.
async fn frames(model: &ModelDir) -> Vec<u8> {
    let clip = FileSource::open(model.path(File::Beckett), 16_000, Pace::UNPACED).unwrap();
    let mut source = Lc3Source::new(clip, 20).unwrap();
    let (mut frame, mut frames) = (Vec::new(), Vec::new());
    while let Some(Captured::Frame { .. }) = source.next(&mut frame).await.unwrap() {
        frames.extend_from_slice(&frame);
    }
    frames
}

/// What the engine makes of the frames when no link is between.
async fn alone(engine: &Moonshine, frames: &[u8]) -> Vec<FinalText> {
    let mut decoder = FrameDecoder::new(support::lc3()).unwrap();
    let mut samples = Vec::new();
    for frame in frames.chunks(20) {
        let _ = decoder.decode(Some(frame), &mut samples);
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut recognition = engine.open(Box::new(move |event| drop(tell.send(event)))).unwrap();
    assert_eq!(recognition.push(&samples), samples.len());
    recognition.finish();
    let mut finals = Vec::new();
    while let Some(event) = told.recv().await {
        match event {
            EngineEvent::Final(said) => finals.push(said),
            EngineEvent::Transcribed { to } if to == samples.len() as u64 => break,
            EngineEvent::Failed(error) => panic!("{error}"),
            _ => {}
        }
    }
    finals
}

/// Streams the frames over a connection for every second and a half; `next` brings the relay of the next connection.
async fn stream_in_parts<F: Future<Output = String>>(
    frames: &[u8],
    mut next: impl FnMut() -> F,
) -> Vec<Final> {
    let end = frames.len() as u64 / 20;
    let mut finals: Vec<Final> = Vec::new();
    let mut fields = HelloFields { streams: vec![stream(1, 0)], ..hello(1) };
    for to in (150..end + 150).step_by(150) {
        let to = to.min(end);
        let mut client = Client::plain(&next().await).await;
        let RelayMessage::Welcome { epoch, streams, .. } = client.greet(fields.clone()).await else {
            unreachable!()
        };
        assert!(fields.epoch.is_none_or(|before| before == epoch));
        (fields.epoch, fields.attach) = (Some(epoch), fields.attach + 1);
        let first = streams[0].received.0;
        let part = &frames[first as usize * 20..to as usize * 20];
        client.frames(1, first, (to - first) as u16, part).await;
        let last = to == end;
        if last {
            client.say(&ClientMessage::End { stream: StreamId(1), at: FrameIndex(to) }).await;
        }
        let done = |message: &RelayMessage| match message {
            RelayMessage::Transcribed { to, .. } => last && to.0 == end,
            RelayMessage::Kept { next, .. } => !last && next.0 == to,
            _ => false,
        };
        for message in client.until_all(done).await {
            if let RelayMessage::Transcript { number, event: TranscriptEvent::Final(said) } = message {
                assert_eq!(number, fields.events_after.next());
                fields.events_after = number;
                finals.push(said);
            }
        }
    }
    finals
}

fn assert_same(heard: Vec<Final>, expected: Vec<FinalText>) {
    let heard: Vec<_> = heard.into_iter().map(|said| (said.text, said.from.0, said.to.0)).collect();
    let expected: Vec<_> =
        expected.into_iter().map(|said| (said.text, said.from / 160, said.to.div_ceil(160))).collect();
    assert_eq!(heard, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_comes_out_as_if_the_engine_had_heard_it_alone_however_the_link_is_cut() {
    let Some(model) = model() else { return };
    let frames = frames(&model).await;
    let engine = Arc::new(Moonshine::new(model));
    let expected = alone(&engine, &frames).await;
    assert!(!expected.is_empty());
    let relay = Relay::builder().engine(engine).start().await.unwrap();
    let heard = stream_in_parts(&frames, async || relay.url()).await;
    assert_same(heard, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_comes_out_the_same_however_often_the_relay_is_killed() {
    let Some(model) = model() else { return };
    let frames = frames(&model).await;
    let expected = alone(&Moonshine::new(model), &frames).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut relay: Option<Served> = None;
    let next = || {
        // Dropped, it is killed as by `kill -9`.
        relay = None;
        let served = relay.insert(Served::start(&["--data", data]));
        std::future::ready(served.url.clone())
    };
    let heard = stream_in_parts(&frames, next).await;
    assert_same(heard, expected);
}
