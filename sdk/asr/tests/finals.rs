//! The engine on real speech. Skipped, with a word, where the model is not installed; required by
//! `GLASSLINK_REQUIRE_MODEL=1`.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use glasslink_asr::model::{File, ModelDir};
use glasslink_asr::{Engine, EngineError, EngineEvent, FinalText, Moonshine, SAMPLE_RATE};
use glasslink_audio::{Captured, FileSource, FrameDecoder, Lc3Source, Pace, Source, SourceExt};

mod common;
#[path = "../examples/wer/score.rs"]
mod score;

/// How samples are given to the engine.
#[derive(Clone, Copy, Debug)]
enum Push {
    Chunks(usize),
    /// Chunks of 50 ms, so many times faster than real time.
    Paced(f64),
}

fn speech(model: &ModelDir, file: File, lc3: bool) -> Vec<i16> {
    let source = FileSource::open(model.path(file), SAMPLE_RATE, Pace::UNPACED).unwrap();
    let mut source: Box<dyn Source> =
        if lc3 { Box::new(Lc3Source::new(source, 20).unwrap()) } else { Box::new(source) };
    let mut decoder = FrameDecoder::new(source.format()).unwrap();
    let (mut frame, mut samples) = (Vec::new(), Vec::new());
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        while let Some(Captured::Frame { .. }) = source.next(&mut frame).await.unwrap() {
            let _all_are_whole = decoder.decode(Some(&frame), &mut samples);
        }
    });
    decoder.finish(&mut samples);
    samples
}

fn transcribe(engine: &Moonshine, samples: &[i16], push: Push) -> (Vec<FinalText>, usize) {
    let (tell, events) = mpsc::channel();
    let mut recognition = engine.open(Box::new(move |event| drop(tell.send(event)))).unwrap();
    let started = Instant::now();
    let size = match push {
        Push::Chunks(size) => size,
        Push::Paced(_) => 800,
    };
    let mut pushed = 0;
    for chunk in samples.chunks(size) {
        if let Push::Paced(speed) = push {
            // Real time is what is tested here.
            let due = Duration::from_secs_f64(pushed as f64 / f64::from(SAMPLE_RATE) / speed);
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
        assert_eq!(recognition.push(chunk), chunk.len());
        pushed += chunk.len();
    }
    recognition.finish();
    let (mut finals, mut partials) = (Vec::new(), 0);
    loop {
        match events.recv_timeout(Duration::from_mins(2)).expect("an event") {
            EngineEvent::Final(said) => finals.push(said),
            EngineEvent::Partial { .. } => partials += 1,
            EngineEvent::Transcribed { to } if to == samples.len() as u64 => return (finals, partials),
            EngineEvent::Transcribed { .. } => {}
            EngineEvent::Failed(error) => panic!("{error}"),
        }
    }
}

// SPEC P8.7
#[test]
fn finals_depend_on_the_samples_alone() {
    let Some(model) = common::model(&File::ALL) else { return };
    let samples = speech(&model, File::Beckett, false);
    let engine = Moonshine::new(model.clone());
    let (expected, _) = transcribe(&engine, &samples, Push::Chunks(samples.len()));
    assert!(expected.len() >= 2);
    for push in [Push::Chunks(160), Push::Chunks(333), Push::Chunks(48_000), Push::Paced(8.0)] {
        assert_eq!(transcribe(&engine, &samples, push).0, expected, "{push:?}");
    }
    let (finals, partials) = transcribe(&engine, &samples, Push::Paced(2.0));
    assert_eq!(finals, expected);
    assert!(partials > 0, "a live stream has partials");

    let quiet = Moonshine::new(model).partials(false).threads(2);
    assert_eq!(transcribe(&quiet, &samples, Push::Paced(4.0)), (expected.clone(), 0));
    // Under load: three more streams on the same two threads.
    let others: Vec<_> = std::thread::scope(|scope| {
        let streams: Vec<_> =
            (0..4).map(|_| scope.spawn(|| transcribe(&quiet, &samples, Push::Chunks(320)).0)).collect();
        streams.into_iter().map(|stream| stream.join().unwrap()).collect()
    });
    assert!(others.iter().all(|finals| *finals == expected));
}

#[test]
fn at_most_one_word_in_twenty_is_wrong_through_lc3() {
    let Some(model) = common::model(&File::ALL) else { return };
    let engine = Moonshine::new(model.clone()).partials(false);
    let (mut wrong, mut words) = (0, 0);
    for (file, reference) in [(File::Beckett, score::BECKETT), (File::TwoCities, score::TWO_CITIES)] {
        let (finals, _) = transcribe(&engine, &speech(&model, file, true), Push::Chunks(1_600));
        let said: Vec<&str> = finals.iter().map(|said| said.text.as_str()).collect();
        let (errors, of) = score::errors(reference, &said.join(" "));
        wrong += errors;
        words += of;
        for said in &finals {
            let texts: Vec<&str> = said.words.iter().map(|word| word.text.as_str()).collect();
            assert_eq!(texts.join(" "), said.text);
            assert_eq!((said.words[0].from, said.words[texts.len() - 1].to), (said.from, said.to));
            assert!(said.words.iter().all(|word| word.estimated && word.from < word.to));
        }
        assert!(finals.windows(2).all(|pair| pair[0].to <= pair[1].from));
    }
    assert!(wrong * 20 <= words, "{wrong} errors in {words} words");
}

#[test]
fn a_gap_stays_where_it_is() {
    let Some(model) = common::model(&File::ALL) else { return };
    let samples = speech(&model, File::Beckett, false);
    let (tell, events) = mpsc::channel();
    let engine = Moonshine::new(model);
    let mut recognition = engine.open(Box::new(move |event| drop(tell.send(event)))).unwrap();
    // "Ever tried, ever failed." ends at 2.85 s; "No matter" begins at 3.54 s.
    let (before, after) = samples[..96_000].split_at(40_000);
    assert_eq!(recognition.push(before), before.len());
    recognition.skip(160_000);
    assert_eq!(recognition.push(after), after.len());
    recognition.finish();
    let finals: Vec<FinalText> = events
        .iter()
        .take_while(|event| *event != EngineEvent::Transcribed { to: 256_000 })
        .filter_map(|event| match event {
            EngineEvent::Final(said) => Some(said),
            _ => None,
        })
        .collect();
    assert!(finals.iter().all(|said| said.to <= 40_000 || said.from >= 200_000), "{finals:?}");
    assert!(finals.last().is_some_and(|said| said.text.to_lowercase().contains("try again")), "{finals:?}");
}

#[test]
fn without_a_model_it_says_what_to_do_and_later_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moonshine-tiny-en");
    let engine = Moonshine::new(ModelDir::new(&path));
    let error = engine.open(Box::new(|_| {})).map(drop).unwrap_err();
    assert!(matches!(error, EngineError::NotInstalled { .. }));
    assert!(error.to_string().ends_with("run `glasslink-relay model install`"), "{error}");
    assert_eq!(engine.load().unwrap_err(), error);

    let Some(model) = common::model(&File::ENGINE) else { return };
    std::fs::create_dir(&path).unwrap();
    for file in File::ENGINE {
        std::fs::copy(model.path(file), path.join(file.name())).unwrap();
    }
    let encoder = path.join(File::Encoder.name());
    let mut damaged = std::fs::read(&encoder).unwrap();
    damaged[5_000_000] ^= 1;
    std::fs::write(&encoder, &damaged).unwrap();
    let error = engine.load().unwrap_err();
    assert!(
        matches!(&error, EngineError::Corrupted { file, .. } if file.ends_with("encoder_model.ort")),
        "{error}"
    );

    damaged[5_000_000] ^= 1;
    std::fs::write(&encoder, &damaged).unwrap();
    engine.load().unwrap();
    assert!(engine.open(Box::new(|_| {})).is_ok());
}
