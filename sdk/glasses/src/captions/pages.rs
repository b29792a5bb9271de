use std::collections::VecDeque;
use std::time::Duration;

use glasslink_protocol::{Final, FrameIndex, Partial, StreamId};

use crate::{Metrics, Screen, TextArea};

/// Turns partials and finals into pages that do not flicker.
///
/// Lines fill from the top and roll up when the display is full. A line of settled text never changes; the text
/// of the utterance that is still being heard starts behind it and may. Once rolled up, text does not come down
/// again until the display is cleared. Between two pages only the newest state counts.
///
/// ```
/// use std::time::Duration;
/// use glasslink_glasses::{Captions, Metrics, Screen, TextArea};
/// use glasslink_protocol::{FrameIndex, Partial, StreamId};
///
/// let area = TextArea { width: 200, lines: 3, page_bytes: 400, metrics: Metrics::monospaced(10) };
/// let mut captions = Captions::new(area, Duration::from_millis(250));
/// let heard = Partial { stream: StreamId(1), from: FrameIndex(0), revision: 1, text: "hello there".into() };
/// captions.partial(&heard, Duration::ZERO);
/// assert_eq!(captions.page(Duration::ZERO), Some(Screen::Text(vec!["hello there".into()])));
/// ```
#[derive(Debug)]
pub struct Captions {
    area: TextArea,
    refresh: Duration,
    /// Clears the display after this much silence.
    silence: Duration,
    /// Settled lines, but for the last, which more settled text may lengthen.
    lines: VecDeque<String>,
    open: String,
    /// What is being heard, one utterance a stream.
    heard: Vec<(StreamId, FrameIndex, u32, String)>,
    /// How many settled lines were dropped from `lines`.
    dropped: usize,
    /// The first line shown, counted from the start.
    top: usize,
    touched: Option<Duration>,
    shown: Option<(Screen, Duration)>,
}

impl Captions {
    /// How long the display keeps its text after the last word: two lines read slowly.
    pub const SILENCE: Duration = Duration::from_secs(8);

    /// Pages for `area`, no two within `refresh`.
    pub fn new(area: TextArea, refresh: Duration) -> Self {
        Self {
            area,
            refresh,
            silence: Self::SILENCE,
            lines: VecDeque::new(),
            open: String::new(),
            heard: Vec::new(),
            dropped: 0,
            top: 0,
            touched: None,
            shown: None,
        }
    }

    /// Clears after `silence` instead of [`Captions::SILENCE`].
    #[must_use]
    pub fn clear_after(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Text that may still change. Older revisions than the one known are ignored.
    pub fn partial(&mut self, partial: &Partial, now: Duration) {
        let known = self.heard.iter_mut().find(|(stream, ..)| *stream == partial.stream);
        match known {
            Some((_, from, revision, text)) => {
                if (partial.from, partial.revision) <= (*from, *revision) {
                    return;
                }
                (*from, *revision) = (partial.from, partial.revision);
                text.clone_from(&partial.text);
            }
            None => self.heard.push((partial.stream, partial.from, partial.revision, partial.text.clone())),
        }
        self.touched = Some(now);
    }

    /// Text that never changes again. It takes the place of what was heard up to its end.
    pub fn settled(&mut self, settled: &Final, now: Duration) {
        self.heard.retain(|(stream, from, ..)| *stream != settled.stream || *from >= settled.to);
        let text = if self.open.is_empty() {
            settled.text.clone()
        } else {
            format!("{} {}", self.open, settled.text)
        };
        let mut lines = self.wrap(&text);
        self.open = lines.pop().unwrap_or_default();
        self.lines.extend(lines);
        while self.lines.len() > 2 * self.area.lines {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.touched = Some(now);
    }

    /// The page to show now, if it is another than the last one and its time has come.
    pub fn page(&mut self, now: Duration) -> Option<Screen> {
        let last = self.shown.as_ref();
        if last.is_some_and(|(_, at)| now < *at + self.refresh) {
            return None;
        }
        if self.touched.is_some_and(|at| now >= at + self.silence) {
            self.clear();
        }
        let screen = self.render();
        let same = match &self.shown {
            Some((shown, _)) => *shown == screen,
            None => screen == Screen::Blank,
        };
        if same {
            return None;
        }
        self.shown = Some((screen.clone(), now));
        Some(screen)
    }

    /// When [`Captions::page`] may next have something, if nothing new is heard.
    pub fn next(&self) -> Option<Duration> {
        let due = self.touched? + self.silence;
        Some(self.shown.as_ref().map_or(due, |(_, at)| {
            let soon = *at + self.refresh;
            if self.is_stale() { soon } else { due.max(soon) }
        }))
    }

    /// Forgets what was said; the next page is blank.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.open.clear();
        self.heard.clear();
        (self.dropped, self.top) = (0, 0);
        self.touched = None;
    }

    fn is_stale(&self) -> bool {
        let mut probe = self.top;
        self.shown.as_ref().is_none_or(|(shown, _)| *shown != self.render_from(&mut probe))
    }

    fn render(&mut self) -> Screen {
        let mut top = self.top;
        let screen = self.render_from(&mut top);
        self.top = top;
        screen
    }

    fn render_from(&self, top: &mut usize) -> Screen {
        let mut tail = self.open.clone();
        for (.., text) in &self.heard {
            if !tail.is_empty() {
                tail.push(' ');
            }
            tail.push_str(text);
        }
        let tail = self.wrap(&tail);
        let total = self.dropped + self.lines.len() + tail.len();
        *top = (*top).max(total.saturating_sub(self.area.lines)).max(self.dropped);
        let all = self.lines.iter().chain(&tail).skip(*top - self.dropped);
        let mut page: Vec<String> = all.cloned().collect();
        while page.iter().map(|line| line.len() + 1).sum::<usize>() > self.area.page_bytes {
            page.remove(0);
            *top += 1;
        }
        if page.is_empty() { Screen::Blank } else { Screen::Text(page) }
    }

    fn wrap(&self, text: &str) -> Vec<String> {
        let metrics: &Metrics = &self.area.metrics;
        metrics.wrap(text, u32::from(self.area.width))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REFRESH: Duration = Duration::from_millis(250);

    fn area() -> TextArea {
        TextArea { width: 100, lines: 3, page_bytes: 400, metrics: Metrics::monospaced(10) }
    }

    fn partial(from: u64, revision: u32, text: &str) -> Partial {
        Partial { stream: StreamId(1), from: FrameIndex(from), revision, text: text.into() }
    }

    fn settled(from: u64, to: u64, text: &str) -> Final {
        Final {
            stream: StreamId(1),
            from: FrameIndex(from),
            to: FrameIndex(to),
            text: text.into(),
            words: Vec::new(),
        }
    }

    fn lines(screen: Option<Screen>) -> Vec<String> {
        match screen {
            Some(Screen::Text(lines)) => lines,
            other => panic!("no text: {other:?}"),
        }
    }

    #[test]
    fn a_full_display_rolls_up_and_does_not_come_down_again() {
        let mut captions = Captions::new(area(), REFRESH);
        captions.partial(&partial(0, 1, "one two three four five six seven"), Duration::ZERO);
        assert_eq!(lines(captions.page(Duration::ZERO)), ["three four", "five six", "seven"]);
        // The partial shrinks: the lines that stay keep their text and their place.
        captions.partial(&partial(0, 2, "one two three four five"), REFRESH);
        assert_eq!(lines(captions.page(REFRESH)), ["three four", "five"]);
    }

    #[test]
    fn only_the_newest_state_is_shown_and_not_too_often() {
        let mut captions = Captions::new(area(), REFRESH);
        captions.partial(&partial(0, 1, "one"), Duration::ZERO);
        assert!(captions.page(Duration::ZERO).is_some());
        captions.partial(&partial(0, 2, "one two"), Duration::from_millis(10));
        captions.partial(&partial(0, 3, "one too"), Duration::from_millis(20));
        assert_eq!(captions.page(Duration::from_millis(20)), None);
        assert_eq!(captions.next(), Some(REFRESH));
        assert_eq!(lines(captions.page(REFRESH)), ["one too"]);
        assert_eq!(captions.page(REFRESH * 2), None);
    }

    #[test]
    fn an_old_revision_changes_nothing() {
        let mut captions = Captions::new(area(), REFRESH);
        captions.partial(&partial(50, 2, "new"), Duration::ZERO);
        captions.partial(&partial(50, 1, "old"), Duration::ZERO);
        captions.partial(&partial(40, 9, "older"), Duration::ZERO);
        assert_eq!(lines(captions.page(Duration::ZERO)), ["new"]);
    }

    #[test]
    fn a_final_replaces_what_was_heard_of_it_and_keeps_what_follows() {
        let mut captions = Captions::new(area(), REFRESH);
        captions.partial(&partial(0, 4, "helo"), Duration::ZERO);
        captions.settled(&settled(0, 40, "hello"), Duration::ZERO);
        captions.partial(&partial(40, 1, "you"), Duration::ZERO);
        assert_eq!(lines(captions.page(Duration::ZERO)), ["hello you"]);
    }

    #[test]
    fn silence_clears_the_display_once() {
        let mut captions = Captions::new(area(), REFRESH);
        captions.settled(&settled(0, 40, "hello"), Duration::ZERO);
        captions.page(Duration::ZERO);
        assert_eq!(captions.next(), Some(Captions::SILENCE));
        assert_eq!(captions.page(Captions::SILENCE), Some(Screen::Blank));
        assert_eq!(captions.page(Captions::SILENCE * 2), None);
        assert_eq!(captions.next(), None);
    }

    proptest! {
        #[test]
        fn pages_fit_and_settled_lines_never_change(texts in prop::collection::vec(("[a-z ]{1,40}", any::<bool>()), 1..60)) {
            let mut captions = Captions::new(area(), Duration::ZERO);
            let mut settled_lines: Vec<String> = Vec::new();
            for (at, (text, is_final)) in texts.iter().enumerate() {
                let at = at as u64;
                if *is_final {
                    captions.settled(&settled(at, at + 1, text), Duration::ZERO);
                } else {
                    captions.partial(&partial(at, 1, text), Duration::ZERO);
                }
                for line in &captions.lines {
                    if !settled_lines.contains(line) { settled_lines.push(line.clone()); }
                }
                let top = captions.top;
                if let Some(Screen::Text(page)) = captions.page(Duration::from_secs(at.min(7))) {
                    prop_assert!(page.len() <= 3);
                    prop_assert!(captions.top >= top, "the text came down");
                }
            }
        }
    }
}
