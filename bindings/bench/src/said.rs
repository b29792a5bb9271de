//! What the relay says, and what a listener makes of it. Those in other languages do the same.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use glasslink::{Final, FrameIndex, StreamId, Word};

/// Who says so at the welcome is talked to.
pub(crate) const LISTENER: &str = "listener";

/// Finals that are there at once: as many as wait for a consumer in the core, so that none is missed.
pub(crate) const BURST: usize = 4_000;

/// The first ones are for caches and compilers to get warm.
pub(crate) const BURSTS: usize = 12;

/// Finals that come one by one, each with the time at which it was sent.
pub(crate) const TIMED: usize = 500;

/// One thing that the relay says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    Burst,
    Timed,
    Over,
}

impl Say {
    /// Everything, with the time to wait before each.
    pub(crate) fn all() -> impl Iterator<Item = (Duration, Self)> {
        let bursts = [(Duration::from_secs(1), Self::Burst); BURSTS];
        let timed = [(Duration::from_millis(20), Self::Timed); TIMED];
        bursts.into_iter().chain(timed).chain([(Duration::from_millis(500), Self::Over)])
    }

    /// What is said first in each of its finals.
    pub(crate) fn words(self) -> Vec<String> {
        match self {
            Self::Burst => {
                let mut words = vec!["more".to_owned(); BURST];
                words[0] = format!("first {}", now().as_nanos());
                "last".clone_into(&mut words[BURST - 1]);
                words
            }
            Self::Timed => vec![format!("at {}", now().as_nanos())],
            Self::Over => vec!["over".to_owned()],
        }
    }
}

/// A final of eight words, as long as people's are, that begins with `marker`.
pub(crate) fn settled(marker: &str) -> Final {
    const SPOKEN: [&str; 8] = ["and", "so", "it", "goes", "on", "from", "there", "again."];
    let words = SPOKEN.iter().zip(0_u64..).map(|(word, at)| Word {
        text: (*word).to_owned(),
        from: FrameIndex(at * 25),
        to: FrameIndex(at * 25 + 20),
        estimated: false,
    });
    let text = format!("{marker} {}", SPOKEN.join(" "));
    Final { stream: StreamId(1), from: FrameIndex(0), to: FrameIndex(200), text, words: words.collect() }
}

/// The clock that every language has.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_has_a_beginning_and_an_end() {
        let words = Say::Burst.words();
        assert!(words[0].starts_with("first "), "{}", words[0]);
        assert_eq!((words.len(), &*words[BURST - 1]), (BURST, "last"));
        assert_eq!(Say::all().last().unwrap().1, Say::Over);
    }
}
