//! Remote engines against servers as hard to please as the real ones, and against what goes wrong with those.

mod common;
#[allow(dead_code, reason = "a test binary uses a part of it")]
#[path = "../examples/wer/score.rs"]
mod score;
mod servers;

use std::sync::Arc;
use std::time::Duration;

use glasslink_asr::model::{File, ModelDir};
use glasslink_asr::{Deepgram, Engine, EngineError, EngineEvent, FinalText, Moonshine, OpenAi, Remote};
use glasslink_audio::{Captured, FileSource, FrameDecoder, Pace, Source, SourceExt};
use servers::{a_final, deepgram, of_engine, openai, seconds, texts, transcribe};
use tokio::task::spawn_blocking;

const KEY: &str = "s3cret";

fn at(url: &str) -> Remote {
    Remote::at(url).key(KEY).allow_private(true)
}

fn impatient(url: &str) -> Remote {
    at(url).timeout(Duration::from_millis(300))
}

async fn heard(engine: impl Engine + 'static, audio: Vec<i16>) -> Result<Vec<EngineEvent>, EngineError> {
    let engine: Arc<dyn Engine> = Arc::new(engine);
    spawn_blocking(move || transcribe(&*engine, &audio)).await.unwrap()
}

async fn loaded(engine: impl Engine + 'static) -> Result<(), EngineError> {
    spawn_blocking(move || engine.load()).await.unwrap()
}

/// Something that is not silence, so that no server has a reason to say nothing.
fn noise(seconds: usize) -> Vec<i16> {
    (0..16_000 * seconds).map(|at| (at * 7_919 % 2_003) as i16 - 1_001).collect()
}

async fn speech(model: &ModelDir, file: File) -> Vec<i16> {
    let mut source = FileSource::open(model.path(file), 16_000, Pace::UNPACED).unwrap();
    let mut decoder = FrameDecoder::new(source.format()).unwrap();
    let (mut frame, mut samples) = (Vec::new(), Vec::new());
    while let Some(Captured::Frame { .. }) = source.next(&mut frame).await.unwrap() {
        let _all_are_whole = decoder.decode(Some(&frame), &mut samples);
    }
    decoder.finish(&mut samples);
    samples
}

fn finals(events: Vec<EngineEvent>) -> Vec<FinalText> {
    events.into_iter().filter_map(a_final).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deepgram_server_gives_finals_partials_and_the_end() {
    let server = deepgram::Server::start(KEY, deepgram::Fault::None, seconds()).await;
    loaded(Deepgram::new(&at(&server.url)).unwrap()).await.unwrap();
    let events = heard(Deepgram::new(&at(&server.url)).unwrap(), noise(3)).await.unwrap();
    assert_eq!(texts(&events), ["second0", "second1", "second2"]);
    assert!(events.iter().any(|event| matches!(event, EngineEvent::Partial { .. })), "{events:?}");
    let said = finals(events);
    assert!(said.windows(2).all(|pair| pair[0].to <= pair[1].from), "{said:?}");
    assert_eq!(said.last().unwrap().to, 48_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_reaches_across_a_gap_and_positions_go_on_behind_it() {
    let server = deepgram::Server::start(KEY, deepgram::Fault::None, seconds()).await;
    let engine = Deepgram::new(&at(&server.url)).unwrap();
    let events = spawn_blocking(move || {
        let (mut recognition, events) = servers::open(&engine).unwrap();
        assert_eq!(recognition.push(&noise(1)[..8_000]), 8_000);
        recognition.skip(1_000_000);
        assert_eq!(recognition.push(&noise(1)), 16_000);
        recognition.finish();
        servers::until(&events, 1_024_000).unwrap()
    })
    .await
    .unwrap();
    let spans: Vec<_> = finals(events).iter().map(|said| (said.from, said.to)).collect();
    assert_eq!(spans, [(0, 8_000), (1_008_000, 1_024_000)]);
    assert_eq!(*server.connections.lock().unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_speaker_who_pauses_gets_the_end_of_the_sentence_and_the_connection_is_kept_alive() {
    let server = deepgram::Server::start(KEY, deepgram::Fault::None, seconds()).await;
    let engine = Deepgram::new(&at(&server.url)).unwrap();
    let log = Arc::clone(&server.log);
    spawn_blocking(move || {
        let (mut recognition, events) = servers::open(&engine).unwrap();
        assert_eq!(recognition.push(&noise(1)), 16_000);
        // No more audio, and no end: after 3 s the server is asked for what it has.
        servers::until(&events, 16_000).unwrap();
        assert_eq!(recognition.push(&noise(1)), 16_000);
        recognition.finish();
        servers::until(&events, 32_000).unwrap();
    })
    .await
    .unwrap();
    let log = log.lock().unwrap().clone();
    assert!(log.contains(&r#""Finalize""#.to_owned()), "{log:?}");
    assert!(log.contains(&r#""KeepAlive""#.to_owned()), "{log:?}");
    assert!(!log.iter().any(|entry| entry.starts_with("silent")), "{log:?}");
    assert_eq!(*server.connections.lock().unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_are_told_with_what_to_do() {
    let server = deepgram::Server::start("another", deepgram::Fault::None, seconds()).await;
    let error = heard(Deepgram::new(&at(&server.url)).unwrap(), noise(1)).await.unwrap_err();
    let EngineError::Refused { remedy, .. } = &error else { panic!("{error}") };
    assert!(remedy.contains("key"), "{remedy}");
    assert!(!error.to_string().contains(KEY));
    let server = openai::Server::start("another", openai::Fault::None, seconds()).await;
    let error = loaded(OpenAi::new(&at(&server.url)).unwrap()).await.unwrap_err();
    assert!(matches!(error, EngineError::Refused { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_is_told_with_how_long_it_lasts() {
    let fault = deepgram::Fault::Status(429, Some(7));
    let server = deepgram::Server::start(KEY, fault, seconds()).await;
    let error = heard(Deepgram::new(&at(&server.url)).unwrap(), noise(1)).await.unwrap_err();
    assert_eq!(error, EngineError::RateLimited { retry_after: Some(Duration::from_secs(7)) });
    let fault = openai::Fault::Status(429, "Retry-After: 7\r\n");
    let server = openai::Server::start(KEY, fault, seconds()).await;
    let error = loaded(OpenAi::new(&at(&server.url)).unwrap()).await.unwrap_err();
    assert_eq!(error, EngineError::RateLimited { retry_after: Some(Duration::from_secs(7)) });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_given_up_in_time() {
    let server = deepgram::Server::start(KEY, deepgram::Fault::Hang, seconds()).await;
    let error = heard(Deepgram::new(&impatient(&server.url)).unwrap(), noise(5)).await.unwrap_err();
    assert!(matches!(error, EngineError::TimedOut { .. }), "{error}");
    let server = openai::Server::start(KEY, openai::Fault::Hang, seconds()).await;
    let error = loaded(OpenAi::new(&impatient(&server.url)).unwrap()).await.unwrap_err();
    assert!(matches!(error, EngineError::TimedOut { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closes_mean_what_the_protocol_says_they_mean() {
    type Right = fn(&EngineError) -> bool;
    let cases: [(u16, &str, Right); 6] = [
        (1008, "DATA-0000", |error| matches!(error, EngineError::Failed { .. })),
        (1011, "NET-0000", |error| matches!(error, EngineError::TimedOut { .. })),
        (1011, "NET-0001", |error| matches!(error, EngineError::Broken { .. })),
        (1012, "", |error| matches!(error, EngineError::Unreachable { .. })),
        (1008, "no balance", |error| matches!(error, EngineError::Refused { .. })),
        (4999, "whatever", |error| matches!(error, EngineError::Broken { .. })),
    ];
    for (code, reason, is_right) in cases {
        let server = deepgram::Server::start(KEY, deepgram::Fault::Close(code, reason), seconds()).await;
        let error = heard(Deepgram::new(&at(&server.url)).unwrap(), noise(1)).await.unwrap_err();
        assert!(is_right(&error), "{code} {reason}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_answers_are_told_and_not_taken_for_whole() {
    use deepgram::Fault;
    let half = r#"{"type":"Results","channel":{"alternatives":[{"transcript":"hal"#;
    let bare = r#"{"type":"Results"}"#;
    let error = r#"{"type":"Error","variant":"x","description":"internal","code":"SRV"}"#;
    for fault in [Fault::Vanish, Fault::Early, Fault::Say(half), Fault::Say(bare), Fault::Say(error)] {
        let server = deepgram::Server::start(KEY, fault.clone(), seconds()).await;
        let error = heard(Deepgram::new(&at(&server.url)).unwrap(), noise(2)).await.unwrap_err();
        let gone = matches!(error, EngineError::Unreachable { .. }) && fault == Fault::Vanish;
        assert!(gone || matches!(error, EngineError::Broken { .. }), "{fault:?}: {error}");
    }
    let whole = r#"{"type":"SomethingNew","x":1}"#;
    let server = deepgram::Server::start(KEY, Fault::Say(whole), seconds()).await;
    let events = heard(Deepgram::new(&at(&server.url)).unwrap(), noise(1)).await.unwrap();
    assert_eq!(texts(&events), ["second0"], "a message that is new is passed over");
    for fault in [openai::Fault::Vanish, openai::Fault::Half, openai::Fault::Body("{\"txt\":1}")] {
        let server = openai::Server::start(KEY, fault.clone(), seconds()).await;
        let error = loaded(OpenAi::new(&at(&server.url)).unwrap()).await.unwrap_err();
        assert!(matches!(error, EngineError::Broken { .. }), "{fault:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_or_in_trouble_is_told_apart_from_a_wrong_setting() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let error = heard(Deepgram::new(&at(&closed)).unwrap(), noise(1)).await.unwrap_err();
    assert!(matches!(error, EngineError::Unreachable { .. }), "{error}");
    let server = deepgram::Server::start(KEY, deepgram::Fault::Status(503, None), seconds()).await;
    let error = loaded(Deepgram::new(&at(&server.url)).unwrap()).await.unwrap_err();
    assert!(matches!(error, EngineError::Unreachable { .. }), "{error}");
    let server = openai::Server::start(KEY, openai::Fault::Status(404, ""), seconds()).await;
    let error = loaded(OpenAi::new(&at(&server.url)).unwrap()).await.unwrap_err();
    assert!(matches!(error, EngineError::Misconfigured { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_or_a_redirect_is_asked_only_if_the_operator_says_so() {
    let server = deepgram::Server::start(KEY, deepgram::Fault::None, seconds()).await;
    let forbidden = Deepgram::new(&Remote::at(&server.url).key(KEY)).unwrap();
    let error = heard(forbidden, noise(1)).await.unwrap_err();
    let EngineError::NotAllowed { remedy, .. } = &error else { panic!("{error}") };
    assert!(remedy.contains("private"), "{remedy}");
    assert_eq!(*server.connections.lock().unwrap(), 0);
    let server = openai::Server::start(KEY, openai::Fault::None, seconds()).await;
    let error = loaded(OpenAi::new(&Remote::at(&server.url).key(KEY)).unwrap()).await.unwrap_err();
    assert!(matches!(error, EngineError::NotAllowed { .. }), "{error}");
    let fault = deepgram::Fault::Status(307, None);
    let server = deepgram::Server::start(KEY, fault, seconds()).await;
    let error = loaded(Deepgram::new(&at(&server.url)).unwrap()).await.unwrap_err();
    assert!(matches!(error, EngineError::NotAllowed { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_speech_comes_back_from_both_kinds_of_server() {
    let Some(model) = common::model(&File::ALL) else { return };
    let audio = speech(&model, File::Beckett).await;
    let engine: Arc<dyn Engine> = Arc::new(Moonshine::new(model));
    let direct = {
        let (engine, audio) = (Arc::clone(&engine), audio.clone());
        texts(&spawn_blocking(move || transcribe(&*engine, &audio)).await.unwrap().unwrap()).join(" ")
    };
    assert!(direct.contains("ail better"), "{direct}");
    let live = deepgram::Server::start(KEY, deepgram::Fault::None, of_engine(Arc::clone(&engine))).await;
    let events = heard(Deepgram::new(&at(&live.url)).unwrap(), audio.clone()).await.unwrap();
    assert_eq!(texts(&events).join(" "), direct, "the live protocol changes nothing");
    for fault in [openai::Fault::None, openai::Fault::Plain] {
        let server = openai::Server::start(KEY, fault.clone(), of_engine(Arc::clone(&engine))).await;
        let events = heard(OpenAi::new(&at(&server.url)).unwrap(), audio.clone()).await.unwrap();
        let heard = texts(&events).join(" ");
        // Each utterance is heard alone there.
        assert!(score::errors(&direct, &heard).0 <= 4, "{heard:?} for {direct:?}");
        for said in finals(events) {
            assert!(said.words.iter().all(|word| said.from <= word.from && word.to <= said.to), "{said:?}");
        }
    }
}
