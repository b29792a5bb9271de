use glasslink_asr::{
    Engine, EngineError, EngineEvent, EventSink, FinalText, MAX_PENDING, Recognition, SAMPLE_RATE, WordTime,
};

const SECOND: u64 = SAMPLE_RATE as u64;

/// Hears its number in each second, as soon as it is over.
pub(crate) struct Seconds;

struct Lane {
    events: EventSink,
    /// Everything pushed and skipped.
    position: u64,
    /// What has no final yet.
    voiced_from: u64,
}

impl Engine for Seconds {
    fn name(&self) -> &'static str {
        "seconds"
    }

    fn load(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn open(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        Ok(Box::new(Lane { events, position: 0, voiced_from: 0 }))
    }
}

impl Lane {
    fn say(&mut self, to: u64) {
        let from = std::mem::replace(&mut self.voiced_from, to);
        if to > from {
            let text = format!("second-{}", from / SECOND);
            let words = vec![WordTime { text: text.clone(), from, to, estimated: false }];
            (self.events)(EngineEvent::Final(FinalText { from, to, text, words }));
        }
        (self.events)(EngineEvent::Transcribed { to });
    }
}

impl Recognition for Lane {
    fn push(&mut self, pcm: &[i16]) -> usize {
        let taken = (pcm.len() as u64).min(MAX_PENDING.saturating_sub(self.pending()));
        self.position += taken;
        while self.position - self.voiced_from >= SECOND {
            self.say(self.voiced_from + SECOND);
        }
        taken as usize
    }

    fn skip(&mut self, samples: u64) {
        self.say(self.position);
        self.position += samples;
        self.voiced_from = self.position;
    }

    fn finish(&mut self) {
        self.say(self.position);
    }

    fn pending(&self) -> u64 {
        self.position - self.voiced_from
    }
}
