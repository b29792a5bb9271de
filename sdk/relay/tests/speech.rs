//! Real speech through the whole relay. Skipped, with a word, where the model is not installed; required by
//! `GLASSLINK_REQUIRE_MODEL=1`.

mod support;

use std::sync::Arc;

use glasslink_asr::model::{File, ModelDir};
use glasslink_asr::{Engine, EngineEvent, FinalText, Moonshine};
use glasslink_audio::{Captured, FileSource, FrameDecoder, Lc3Source, Pace, SourceExt};
use glasslink_protocol::{ClientMessage, Final, FrameIndex, RelayMessage, StreamId, TranscriptEvent};
use glasslink_relay::Relay;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_comes_out_as_if_the_engine_had_heard_it_alone_however_the_link_is_cut() {
    let Some(model) = model() else { return };
    let frames = frames(&model).await;
    let engine = Arc::new(Moonshine::new(model));
    let expected = alone(&engine, &frames).await;
    assert!(!expected.is_empty());

    let relay = Relay::builder().engine(engine).start().await.unwrap();
    let end = frames.len() as u64 / 20;
    let mut finals: Vec<Final> = Vec::new();
    let mut fields = HelloFields { streams: vec![stream(1, 0)], ..hello(1) };
    for (index, part) in frames.chunks(20 * 150).enumerate() {
        // A connection for every second and a half.
        let mut client = Client::plain(&relay.url()).await;
        let RelayMessage::Welcome { epoch, .. } = client.greet(fields.clone()).await else { unreachable!() };
        (fields.epoch, fields.attach) = (Some(epoch), fields.attach + 1);
        let (first, count) = (index as u64 * 150, part.len() as u16 / 20);
        client.frames(1, first, count, part).await;
        let next = FrameIndex(first + u64::from(count));
        let last = next.0 == end;
        if last {
            client.say(&ClientMessage::End { stream: StreamId(1), at: next }).await;
        }
        let done = |message: &RelayMessage| match message {
            RelayMessage::Transcribed { to, .. } => last && to.0 == end,
            RelayMessage::Received { next: received, .. } => !last && *received == next,
            _ => false,
        };
        for message in client.until_all(done).await {
            if let RelayMessage::Transcript { number, event: TranscriptEvent::Final(said) } = message {
                fields.events_after = number;
                finals.push(said);
            }
        }
    }
    let expected: Vec<(String, u64, u64)> =
        expected.into_iter().map(|said| (said.text, said.from / 160, said.to.div_ceil(160))).collect();
    let heard: Vec<(String, u64, u64)> =
        finals.into_iter().map(|said| (said.text, said.from.0, said.to.0)).collect();
    assert_eq!(heard, expected);
}
