use std::time::Duration;

use glasslink_protocol::{Display as Shown, Layout, View};

use super::draw;
use crate::{Display, Screen};

/// What apps show, kept as long as it holds: the main view, and the dashboard for who looks up.
///
/// Times are monotonic, of any origin.
#[derive(Clone, Debug)]
pub struct Board {
    display: Display,
    main: Option<Held>,
    dashboard: Option<Held>,
    head_up: bool,
    shown: Option<Screen>,
}

#[derive(Clone, Debug)]
struct Held {
    layout: Layout,
    until: Option<Duration>,
}

impl Board {
    pub fn new(display: Display) -> Self {
        Self { display, main: None, dashboard: None, head_up: false, shown: None }
    }

    /// An app shows something in place of what its view showed.
    pub fn show(&mut self, shown: &Shown, now: Duration) {
        let until = shown.duration_ms.map(|ms| now.saturating_add(Duration::from_millis(ms)));
        let held = Held { layout: shown.layout.clone(), until };
        match shown.view {
            View::Main => self.main = Some(held),
            View::Dashboard => self.dashboard = Some(held),
        }
    }

    /// The wearer looks up, or down again.
    pub fn head(&mut self, up: bool) {
        self.head_up = up;
    }

    /// The screen to be shown now, where it is another one than before.
    pub fn screen(&mut self, now: Duration) -> Option<Screen> {
        for held in [&mut self.main, &mut self.dashboard] {
            held.take_if(|held| held.until.is_some_and(|until| now >= until));
        }
        let above = self.dashboard.as_ref().filter(|_| self.head_up);
        let layout = above.or(self.main.as_ref()).map_or(&Layout::ClearView, |held| &held.layout);
        let screen = draw(layout, &self.display)?;
        let is_new = self.shown.as_ref().map_or(screen != Screen::Blank, |shown| *shown != screen);
        is_new.then(|| self.shown.insert(screen).clone())
    }

    /// When something goes by itself.
    pub fn next(&self) -> Option<Duration> {
        let held = [&self.main, &self.dashboard].into_iter().flatten();
        held.filter_map(|held| held.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metrics, TextArea};

    fn board() -> Board {
        Board::new(Display {
            arms: &[],
            width: 200,
            height: 100,
            text: TextArea { width: 200, lines: 4, page_bytes: 80, metrics: Metrics::monospaced(10) },
            bitmap: None,
            refresh: Duration::ZERO,
        })
    }

    fn wall(text: &str, view: View, duration_ms: Option<u64>) -> Shown {
        Shown { app: "a".into(), view, layout: Layout::TextWall { text: text.into() }, duration_ms }
    }

    fn text(text: &str) -> Screen {
        Screen::Text(vec![text.into()])
    }

    #[test]
    fn the_last_of_a_view_is_shown_once_and_goes_when_its_time_is_over() {
        let (mut board, at) = (board(), Duration::from_millis);
        assert_eq!(board.screen(at(0)), None);
        board.show(&wall("one", View::Main, None), at(0));
        board.show(&wall("two", View::Main, Some(100)), at(0));
        assert_eq!((board.screen(at(0)), board.screen(at(50))), (Some(text("two")), None));
        assert_eq!(board.next(), Some(at(100)));
        assert_eq!((board.screen(at(100)), board.screen(at(101))), (Some(Screen::Blank), None));
    }

    #[test]
    fn who_looks_up_sees_the_dashboard() {
        let (mut board, now) = (board(), Duration::ZERO);
        board.show(&wall("main", View::Main, None), now);
        board.show(&wall("dashboard", View::Dashboard, None), now);
        assert_eq!(board.screen(now), Some(text("main")));
        board.head(true);
        assert_eq!(board.screen(now), Some(text("dashboard")));
        board.head(false);
        assert_eq!(board.screen(now), Some(text("main")));
    }
}
