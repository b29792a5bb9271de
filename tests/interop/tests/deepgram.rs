//! Programs on Deepgram's SDKs, as `PyPI` and npm publish them, against a relay in a process of its own, over TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use glasslink::audio::{AudioFile, FileSource, Pace, Packing};
use glasslink::{Link, StreamOptions};
use glasslink_e2e::{Certificate, RelayProcess, TOKEN, error_rate, speech};
use glasslink_interop::deepgram::{PATIENCE, Sdk, finals, messages};
use glasslink_interop::{flac, g711, ogg, opus, prefixed};
use glasslink_relay::Keys;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A relay with an engine that strangers reach, and a key for an app of theirs.
struct Rig {
    folder: TempDir,
    certificate: Certificate,
    relay: RelayProcess,
    key: String,
}

impl Rig {
    fn new() -> Self {
        let (folder, certificate) = (TempDir::new().unwrap(), Certificate::new());
        let relay = RelayProcess::for_strangers(&certificate, folder.path());
        let key = Keys::open(folder.path()).unwrap().add_app("captions", false).unwrap().key;
        Self { folder, certificate, relay, key }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// What our own client's user is told of the same file, word by word.
    async fn ours(&self, clip: &Path) -> Vec<String> {
        let (link, _events) = Link::builder(self.relay.address())
            .extra_root(fs::read(self.certificate.certificate()).unwrap())
            .token(TOKEN)
            .connect()
            .unwrap();
        link.wait_live(Some(PATIENCE)).await.unwrap();
        let source = FileSource::open(clip, 16_000, Pace::UNPACED).unwrap();
        link.attach(source, StreamOptions::default()).unwrap().ended().await.unwrap();
        link.finish().await.unwrap();
        let transcript = link.transcript();
        link.close().await;
        transcript.entries().iter().filter_map(|entry| entry.text().map(str::to_owned)).collect()
    }
}

fn linear16() -> Value {
    json!({
        "encoding": "linear16", "sample_rate": 16_000, "channels": 1, "language": "en",
        "interim_results": true, "punctuate": true, "vad_events": true, "utterance_end_ms": 1_000,
    })
}

/// The samples of a file, as they are sent.
fn samples(clip: &Path) -> Vec<i16> {
    samples_at(16_000, clip)
}

fn samples_at(rate: u32, clip: &Path) -> Vec<i16> {
    let (mut samples, mut file) = (Vec::new(), AudioFile::open(clip, rate).unwrap());
    while file.read(&mut samples).unwrap() {}
    samples
}

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sdks_are_told_what_our_own_client_is_told_and_closed_with_1000() {
    let Some([_, clip]) = speech() else { return };
    let rig = Rig::new();
    let ours = rig.ours(&clip.path).await;
    let audio = rig.file("audio", &bytes(&samples(&clip.path)));
    for sdk in Sdk::ALL {
        let authority = rig.certificate.certificate();
        // At twice real time: what comes at once has no interim results.
        let also = [("PAUSE", "50")];
        let node = sdk.listen(rig.relay.address(), &authority, &rig.key, &audio, &linear16(), &also);
        let Some(node) = node else { return };
        let (_, closed) = node.wait(0, PATIENCE, |line| line["on"] == "closed");
        assert_eq!(closed["code"], 1_000, "{sdk:?}");
        let lines = node.lines(0);
        assert_eq!(finals(&lines), ours, "{sdk:?}");
        assert!(!lines.iter().any(|line| line["on"] == "error"), "{sdk:?}: {lines:?}");
        for kind in ["SpeechStarted", "UtteranceEnd", "Metadata"] {
            assert!(!messages(&lines, kind).is_empty(), "{sdk:?}: no {kind}");
        }
        let results = messages(&lines, "Results");
        assert!(results.iter().any(|message| message["is_final"] == false), "{sdk:?}: no interim results");
        let mut last = 0.0;
        for result in results.iter().filter(|message| message["is_final"] == true) {
            let alternative = &result["channel"]["alternatives"][0];
            let words = alternative["words"].as_array().unwrap();
            let text: Vec<&str> =
                words.iter().map(|word| word["punctuated_word"].as_str().unwrap()).collect();
            assert_eq!(text.join(" "), alternative["transcript"].as_str().unwrap(), "{sdk:?}");
            for word in words {
                let (start, end) = (word["start"].as_f64().unwrap(), word["end"].as_f64().unwrap());
                assert!(last <= start && start <= end, "{sdk:?}: {word} after {last}");
                last = start;
            }
        }
        println!("{sdk:?}: {} finals, {} results", ours.len(), results.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn finalize_gives_both_sdks_what_was_said_so_far() {
    let Some([_, clip]) = speech() else { return };
    let rig = Rig::new();
    let audio = rig.file("audio", &bytes(&samples(&clip.path)));
    for sdk in Sdk::ALL {
        let authority = rig.certificate.certificate();
        let also = [("FINALIZE", "1")];
        let node = sdk.listen(rig.relay.address(), &authority, &rig.key, &audio, &linear16(), &also);
        let Some(node) = node else { return };
        let (_, closed) = node.wait(0, PATIENCE, |line| line["on"] == "closed");
        assert_eq!(closed["code"], 1_000, "{sdk:?}");
        let lines = node.lines(0);
        let finalized: Vec<Value> = messages(&lines, "Results")
            .into_iter()
            .filter(|message| message["from_finalize"] == true)
            .collect();
        assert_eq!(finalized.len(), 1, "{sdk:?}");
        let said = finals(&lines);
        assert!(said.len() >= 2, "{sdk:?}: {said:?}");
        println!("{sdk:?}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sdks_know_what_they_are_refused_for() {
    let rig = Rig::new();
    let audio = rig.file("audio", &[0; 3_200]);
    let authority = rig.certificate.certificate();
    for (sdk, on) in [(Sdk::Python, "broken"), (Sdk::JavaScript, "error")] {
        let node = sdk.listen(rig.relay.address(), &authority, "wrong", &audio, &linear16(), &[]);
        let Some(node) = node else { return };
        let (_, refused) = node.wait(0, PATIENCE, |line| line["on"] == on);
        assert!(refused["error"].as_str().unwrap().contains("401"), "{sdk:?}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sdks_may_send_flac_g711_and_opus() {
    let Some([_, clip]) = speech() else { return };
    let rig = Rig::new();
    let ours = rig.ours(&clip.path).await;
    let (at_16_khz, at_8_khz) = (samples(&clip.path), samples_at(8_000, &clip.path));
    let packets = opus(&at_16_khz);
    let of = |encoding: &str, rate: u32| json!({ "encoding": encoding, "sample_rate": rate });
    let (mulaw, alaw) =
        (Packing::Mulaw { rate: 8_000, channels: 1 }, Packing::Alaw { rate: 8_000, channels: 1 });
    let sent = [
        ("flac", of("flac", 16_000), flac(&at_16_khz, 16_000)),
        ("flac that says so itself", json!({}), flac(&at_16_khz, 16_000)),
        ("mulaw", of("mulaw", 8_000), g711(&at_8_khz, mulaw)),
        ("alaw", of("alaw", 8_000), g711(&at_8_khz, alaw)),
        ("opus", of("opus", 16_000), prefixed(&packets)),
        ("ogg-opus", of("ogg-opus", 48_000), ogg(&packets)),
    ];
    for (number, (name, query, bytes)) in sent.iter().enumerate() {
        let (sdk, authority) = (Sdk::ALL[number % 2], rig.certificate.certificate());
        let also = if *name == "opus" { [("PACKETS", "1")].as_slice() } else { &[] };
        let audio = rig.file("audio", bytes);
        let node = sdk.listen(rig.relay.address(), &authority, &rig.key, &audio, query, also);
        let Some(node) = node else { return };
        let (_, closed) = node.wait(0, PATIENCE, |line| line["on"] == "closed");
        assert_eq!(closed["code"], 1_000, "{name}");
        let said = finals(&node.lines(0));
        let wrong = error_rate(clip.said, &said.join(" "));
        println!("{sdk:?}, {name}: {:.1} % of the words are wrong: {said:?}", wrong * 100.0);
        if name.starts_with("flac") {
            assert_eq!(said, ours, "{name} loses nothing");
        }
        // Of twelve words the telephone may lose two.
        assert!(wrong <= 0.17, "{name}: {said:?}");
    }
}

/// The JavaScript one by itself; the Python one as programs on it do, which connect again.
#[tokio::test(flavor = "multi_thread")]
async fn both_sdks_come_back_to_a_relay_that_was_killed() {
    let Some([_, clip]) = speech() else { return };
    for sdk in Sdk::ALL {
        let mut rig = Rig::new();
        let ours = rig.ours(&clip.path).await;
        let audio = rig.file("audio", &bytes(&samples(&clip.path)));
        let authority = rig.certificate.certificate();
        let also = [("WAIT", "1"), ("ATTEMPTS", "100")];
        let node = sdk.listen(rig.relay.address(), &authority, &rig.key, &audio, &linear16(), &also);
        let Some(mut node) = node else { return };
        let (first, _) = node.wait(0, PATIENCE, |line| line["on"] == "open");
        rig.relay.kill_and_restart(Duration::ZERO);
        if sdk == Sdk::Python {
            // It notices, connects again, and waits again.
            node.go();
        }
        node.wait(first, PATIENCE, |line| line["on"] == "open");
        if sdk == Sdk::Python {
            node.go();
        }
        node.wait(first, PATIENCE, |line| line["on"] == "closed" && line["code"] == 1_000);
        assert_eq!(finals(&node.lines(first)), ours, "{sdk:?}");
    }
}
