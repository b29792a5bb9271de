use serde::Deserialize;

use crate::engine::{EngineEvent, FinalText, SAMPLE_RATE};
use crate::words::timed;

/// What the server says. Fields nobody needs are left out; types it may invent are passed over.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Answer {
    Results(Results),
    Metadata,
    Error {
        description: Option<String>,
        code: Option<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct Results {
    /// Seconds since the connection's first sample.
    start: f64,
    duration: f64,
    is_final: bool,
    channel: Channel,
}

#[derive(Debug, Deserialize)]
struct Channel {
    /// The best first.
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Deserialize)]
struct Alternative {
    transcript: String,
    #[serde(default)]
    words: Vec<Word>,
}

#[derive(Debug, Deserialize)]
struct Word {
    start: f64,
    end: f64,
}

/// Turns a connection's results into events.
#[derive(Debug)]
pub(super) struct Heard {
    /// Where the connection's first sample stands.
    base: u64,
    /// Everything before here is final.
    to: u64,
    /// The open utterance: where it began, and how often it was told.
    partial: Option<(u64, u32)>,
}

impl Heard {
    pub(super) fn new(base: u64) -> Self {
        Self { base, to: base, partial: None }
    }

    /// Everything before here is final.
    pub(super) fn to(&self) -> u64 {
        self.to
    }

    /// `sent`: where the last sample sent stands; nothing can be heard behind it.
    pub(super) fn hear(&mut self, results: Results, sent: u64) -> Vec<EngineEvent> {
        let Results { start, duration, is_final, channel } = results;
        let position = |seconds: f64| {
            // Negative, endless or no number: somewhere in what was sent.
            let samples = (seconds * f64::from(SAMPLE_RATE)).round() as u64;
            self.base.saturating_add(samples).clamp(self.to, sent.max(self.to))
        };
        let (start, end) = (position(start), position(start + duration));
        let best = channel.alternatives.into_iter().next();
        let (text, words) = best.map(|best| (best.transcript, best.words)).unwrap_or_default();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let spans: Vec<_> = words.iter().map(|word| position(word.start)..position(word.end)).collect();
        let from = spans.first().map_or(start, |span| span.start);
        let mut events = Vec::new();
        if !is_final {
            if !text.is_empty() {
                let (from, revision) = self.partial.map_or((from, 1), |(from, last)| (from, last + 1));
                self.partial = Some((from, revision));
                events.push(EngineEvent::Partial { from, revision, text });
            }
            return events;
        }
        self.partial = None;
        if !text.is_empty() {
            let to = spans.last().map_or(end, |span| span.end).max(from + 1);
            let words = timed(&text, &spans, from..to);
            self.to = self.to.max(to);
            events.push(EngineEvent::Final(FinalText { from, to, text, words }));
        }
        if end > self.to || !events.is_empty() {
            self.to = self.to.max(end);
            events.push(EngineEvent::Transcribed { to: self.to });
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(heard: &mut Heard, sent: u64, json: &str) -> Vec<EngineEvent> {
        match serde_json::from_str(json).unwrap() {
            Answer::Results(results) => heard.hear(results, sent),
            other => panic!("{other:?}"),
        }
    }

    fn results(start: f64, duration: f64, is_final: bool, text: &str, words: &str) -> String {
        format!(
            r#"{{"type":"Results","channel_index":[0,1],"start":{start},"duration":{duration},"is_final":{is_final},
            "speech_final":false,"channel":{{"alternatives":[{{"transcript":"{text}","confidence":0.9,"words":[{words}]}}]}}}}"#
        )
    }

    #[test]
    fn finals_stand_where_their_words_do() {
        let mut heard = Heard::new(1_000_000);
        let words = r#"{"word":"ever","start":0.5,"end":0.75,"confidence":1},{"word":"tried","start":0.75,"end":1.0,"confidence":1}"#;
        let events = hear(&mut heard, 1_100_000, &results(0.0, 3.0, true, "Ever tried.", words));
        let [EngineEvent::Final(said), EngineEvent::Transcribed { to }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((said.from, said.to, *to), (1_008_000, 1_016_000, 1_048_000));
        assert_eq!(said.words[0].text, "Ever");
        assert_eq!((said.words[1].from, said.words[1].estimated), (1_012_000, false));
    }

    #[test]
    fn interim_results_are_revisions_of_one_utterance() {
        let mut heard = Heard::new(0);
        let first = hear(&mut heard, 48_000, &results(0.0, 1.0, false, "ever", ""));
        let second = hear(&mut heard, 48_000, &results(0.0, 2.0, false, "ever tried", ""));
        let revision = |events: &[EngineEvent]| match events {
            [EngineEvent::Partial { from, revision, .. }] => (*from, *revision),
            other => panic!("{other:?}"),
        };
        assert_eq!((revision(&first), revision(&second)), ((0, 1), (0, 2)));
        assert_eq!(heard.to(), 0, "nothing is final yet");
    }

    #[test]
    fn times_that_cannot_be_stay_within_what_was_sent() {
        for (start, duration) in [(-5.0, 1.0), (0.0, 1e300), (1e300, 1.0), (3.0, -9.0)] {
            let mut heard = Heard::new(16_000);
            let events = hear(&mut heard, 32_000, &results(start, duration, true, "words", ""));
            for event in events {
                match event {
                    EngineEvent::Final(said) => {
                        assert!(16_000 <= said.from && said.from < said.to && said.to <= 32_001);
                    }
                    EngineEvent::Transcribed { to } => assert!((16_000..=32_001).contains(&to)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn silence_is_settled_without_a_final() {
        let mut heard = Heard::new(0);
        let events = hear(&mut heard, 80_000, &results(0.0, 5.0, true, "", ""));
        assert_eq!(events, [EngineEvent::Transcribed { to: 80_000 }]);
    }

    #[test]
    fn unknown_types_are_passed_over_and_half_results_are_not() {
        assert!(matches!(
            serde_json::from_str(r#"{"type":"SpeechStarted","timestamp":1}"#),
            Ok(Answer::Other)
        ));
        assert!(serde_json::from_str::<Answer>(r#"{"type":"Results","start":0}"#).is_err());
    }
}
