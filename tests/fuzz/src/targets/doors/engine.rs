use glasslink_asr::{
    Engine, EngineError, EngineEvent, EventSink, FinalText, MAX_PENDING, Recognition, WordTime,
};

/// A word every half second.
const WORD: u64 = 8_000;

/// Hears words in everything, at once.
pub(super) struct Chatter;

struct Listening {
    events: EventSink,
    /// What was heard, and what of it was said.
    to: u64,
    said: u64,
}

impl Engine for Chatter {
    fn name(&self) -> &'static str {
        "chatter"
    }

    fn load(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn open(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        Ok(Box::new(Listening { events, to: 0, said: 0 }))
    }
}

impl Listening {
    fn say(&mut self, to: u64) {
        let (from, text) = (self.said, format!("word {}", self.said / WORD));
        if to > from {
            let middle = from.midpoint(to);
            let word = |text: &str, from, to| WordTime { text: text.to_owned(), from, to, estimated: false };
            let (first, second) = text.split_once(' ').unwrap_or((&text, ""));
            let words = vec![word(first, from, middle), word(second, middle, to)];
            (self.events)(EngineEvent::Final(FinalText { from, to, text, words }));
            self.said = to;
        }
        (self.events)(EngineEvent::Transcribed { to: self.said });
    }
}

impl Recognition for Listening {
    fn push(&mut self, pcm: &[i16]) -> usize {
        let taken = pcm.len().min(MAX_PENDING.saturating_sub(self.pending()) as usize);
        self.to += taken as u64;
        while self.to - self.said >= WORD {
            self.say(self.said + WORD);
        }
        let from = self.said;
        (self.events)(EngineEvent::Partial { from, revision: 1, text: "wo".to_owned() });
        taken
    }

    fn skip(&mut self, samples: u64) {
        self.say(self.to);
        self.to = self.to.saturating_add(samples);
        self.said = self.to;
    }

    fn finish(&mut self) {
        self.say(self.to);
    }

    fn pending(&self) -> u64 {
        self.to - self.said
    }
}
