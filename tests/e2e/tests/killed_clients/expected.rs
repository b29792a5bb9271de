use glasslink_e2e::{Clip, LIMIT, replay_program, run};
use serde_json::Value;
use std::process::Command;

/// Frames of 10 ms after the end of a sentence until its final is certain, whatever comes.
const SETTLED: u64 = 200;

/// What is heard in a clip that is not interrupted: each sentence, and the frame at which it ends.
pub(super) struct Expected(Vec<(String, u64)>);

impl Expected {
    pub(super) fn of(clip: &Clip) -> Self {
        let mut command = Command::new(replay_program());
        command.arg(&clip.path).args(["--speed", "8", "--export", "json"]);
        let finished = run(&mut command, LIMIT);
        let transcript: Value = serde_json::from_str(&finished.stdout).expect("an exported transcript");
        let entries = transcript["entries"].as_array().expect("a list of entries");
        let sentence = |entry: &Value| {
            (entry["text"].as_str().unwrap().to_owned(), entry["to_ms"].as_u64().unwrap() / 10)
        };
        let sentences: Vec<_> = entries.iter().map(sentence).collect();
        assert!(sentences.len() > 4, "{transcript}");
        Self(sentences)
    }

    /// What was said in the first `frames` frames begins a transcript, in the same words; the last sentence may have
    /// been cut.
    pub(super) fn is_in(&self, transcript: &str, frames: u64) {
        let whole = self.0.iter().take_while(|(_, end)| end + SETTLED < frames);
        let words: Vec<&str> = whole.map(|(text, _)| text.as_str()).collect();
        let words = words.join(" ");
        assert!(
            transcript.starts_with(&words),
            "{transcript:?} of {frames} frames does not begin with {words:?}"
        );
    }
}
