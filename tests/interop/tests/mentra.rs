//! Apps on the SDK of Mentra, as npm publishes it, against a relay in a process of its own.

use std::time::{Duration, Instant};

use glasslink::audio::{
    AudioFile, Captured, FileSource, FrameDecoder, Lc3Source, Pace, SampleSource, SourceExt,
};
use glasslink::{Link, StreamOptions};
use glasslink_e2e::{RelayProcess, speech};
use glasslink_interop::mentra::{App, Generation, PATIENCE};
use tempfile::TempDir;

/// Somebody who wears glasses.
async fn wearer(relay: &RelayProcess) -> Link {
    let (link, _events) = Link::builder(relay.address()).client_name("interop").connect().unwrap();
    link.wait_live(Some(PATIENCE)).await.unwrap();
    link
}

/// What a decoder makes of the samples after they went through LC3.
async fn decoded(samples: Vec<i16>) -> Vec<u8> {
    let mut source = Lc3Source::new(SampleSource::new(samples, 16_000, Pace::UNPACED).unwrap(), 20).unwrap();
    let mut decoder = FrameDecoder::new(glasslink::audio::Source::format(&source)).unwrap();
    let (mut frame, mut out) = (Vec::new(), Vec::new());
    while let Some(captured) = source.next(&mut frame).await.unwrap() {
        assert!(matches!(captured, Captured::Frame { .. }));
        let _ = decoder.decode(Some(&frame), &mut out);
    }
    out.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// Waits for what no event tells of.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn hears_what_is_said(generation: Generation) {
    let Some([_, clip]) = speech() else { return };
    let data = TempDir::new().unwrap();
    let relay = RelayProcess::keeping(data.path());
    let Some(mut app) = App::register(generation, data.path(), "captions") else { return };
    app.start();
    let link = wearer(&relay).await;
    let (_, session) = app.says(0, "session");
    assert_eq!(session["userId"], "local@glasslink");
    app.says(0, "ready");

    let mut samples = Vec::new();
    let mut file = AudioFile::open(&clip.path, 16_000).unwrap();
    while file.read(&mut samples).unwrap() {}
    let expected = decoded(samples).await;
    let source = Lc3Source::new(FileSource::open(&clip.path, 16_000, Pace::REAL_TIME).unwrap(), 20).unwrap();
    link.attach(source, StreamOptions::default()).unwrap().ended().await.unwrap();
    link.finish().await.unwrap();

    let transcript = link.transcript();
    let finals = |app: &App| -> Vec<String> {
        let said = app.all("transcription").into_iter().filter(|line| line["isFinal"] == true);
        said.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    };
    until("the last words come", || finals(&app).join(" ") == transcript.text()).await;
    println!("{generation:?}: {:?}", finals(&app));
    let partials = app.all("transcription").iter().filter(|line| line["isFinal"] == false).count();
    assert!(partials > 0, "nothing was told before it was settled");
    let ends = app.all("transcription").iter().map(|line| line["endTime"].as_u64().unwrap()).max();
    assert!((5_000..=12_000).contains(&ends.unwrap()), "{ends:?}");
    assert!(app.all("french").is_empty(), "what was said in English is no French");

    // It subscribed while the first words came, at the latest.
    until("the last samples come", || {
        expected.ends_with(&app.heard()[app.heard().len().saturating_sub(3_200)..])
    })
    .await;
    let heard = app.heard();
    println!("{generation:?}: {} of {} bytes of samples", heard.len(), expected.len());
    assert!(expected.ends_with(&heard) && heard.len() > expected.len() * 9 / 10);
    assert_eq!(app.all("session").len(), 1);
    link.close().await;
    let (_, stop) = app.says(0, "stop");
    assert!(stop["reason"].as_str().is_some_and(|reason| reason.contains("system_stop")), "{stop}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_on_sdk_2_hears_what_is_said_and_its_samples() {
    hears_what_is_said(Generation::Two).await;
}
