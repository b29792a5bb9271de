use glasslink_protocol::Layout;

use super::bmp;
use crate::{Display, Screen, TextArea};

/// Lays out what an app shows: lines are broken, and what does not fit is left out at the end. A picture is put in the
/// middle, or cut to its middle. `None` for what this display cannot show.
pub fn draw(layout: &Layout, display: &Display) -> Option<Screen> {
    let area = &display.text;
    let text = |lines: Vec<String>| Some(Screen::Text(fit(lines, area)));
    match layout {
        Layout::TextWall { text: said } => text(wrapped(said, area)),
        Layout::DoubleTextWall { top, bottom } => text(both(top, bottom, area)),
        Layout::ReferenceCard { title, text: said } => {
            let mut lines = wrapped(title, area);
            lines.truncate(1);
            lines.extend(wrapped(said, area));
            text(lines)
        }
        Layout::DashboardCard { left, right } => text(columns(left, right, area)),
        Layout::BitmapView { data } => {
            let picture = bmp::decode(data)?;
            Some(Screen::Bitmap(picture.fitted(display.bitmap?)?))
        }
        Layout::ClearView => Some(Screen::Blank),
        Layout::Unknown => None,
    }
}

/// Lines as the app broke them, and broken further where they are too wide.
fn wrapped(text: &str, area: &TextArea) -> Vec<String> {
    let lines = text.lines().take(area.lines);
    let broken = lines.flat_map(|line| {
        let broken = area.metrics.wrap(line, area.width.into());
        // An empty line is one.
        if broken.is_empty() { vec![String::new()] } else { broken }
    });
    broken.collect()
}

/// Each half has as many lines as it needs and the other leaves it.
fn both(top: &str, bottom: &str, area: &TextArea) -> Vec<String> {
    let (mut top, bottom) = (wrapped(top, area), wrapped(bottom, area));
    let half = area.lines / 2;
    let room = area.lines - bottom.len().min(half);
    top.truncate(room.max(1));
    top.into_iter().chain(bottom).collect()
}

/// What is right stands at the right end, as far as the font lets it.
fn columns(left: &str, right: &str, area: &TextArea) -> Vec<String> {
    let (left, right): (Vec<&str>, Vec<&str>) = (left.lines().collect(), right.lines().collect());
    let space = area.metrics.advance(' ').max(1);
    let rows = left.len().max(right.len());
    (0..rows)
        .map(|row| {
            let (left, right) = (left.get(row).copied().unwrap_or(""), right.get(row).copied().unwrap_or(""));
            let used = area.metrics.width(left) + area.metrics.width(right);
            let spaces = u32::from(area.width).saturating_sub(used) / space;
            format!("{left}{}{right}", " ".repeat(spaces.max(1) as usize))
        })
        .flat_map(|line| cut(&line, area))
        .collect()
}

/// A line that is too wide, without its columns.
fn cut(line: &str, area: &TextArea) -> Vec<String> {
    if area.metrics.width(line) <= area.width.into() {
        vec![line.trim_end().to_owned()]
    } else {
        area.metrics.wrap(line, area.width.into())
    }
}

/// As many lines, and bytes, as the device keeps.
fn fit(mut lines: Vec<String>, area: &TextArea) -> Vec<String> {
    lines.truncate(area.lines);
    let bytes = |lines: &[String]| lines.iter().map(|line| line.len() + 1).sum::<usize>();
    while bytes(&lines) > area.page_bytes + 1 && lines.pop().is_some() {}
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{BitmapFormat, Metrics};

    fn display() -> Display {
        Display {
            arms: &[],
            width: 200,
            height: 100,
            text: TextArea { width: 200, lines: 4, page_bytes: 80, metrics: Metrics::monospaced(10) },
            bitmap: Some(BitmapFormat { width: 8, height: 4, depth: 1 }),
            refresh: Duration::ZERO,
        }
    }

    fn lines(layout: &Layout) -> Vec<String> {
        match draw(layout, &display()) {
            Some(Screen::Text(lines)) => lines,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_layout_is_laid_out() {
        let text = "it was the best of times".to_owned();
        assert_eq!(lines(&Layout::TextWall { text: text.clone() }), ["it was the best of", "times"]);
        let double = Layout::DoubleTextWall { top: text.clone(), bottom: "below".into() };
        assert_eq!(lines(&double), ["it was the best of", "times", "below"]);
        let card = Layout::ReferenceCard { title: "Title".into(), text };
        assert_eq!(lines(&card), ["Title", "it was the best of", "times"]);
        let dashboard = Layout::DashboardCard { left: "12:30".into(), right: "87 %".into() };
        assert_eq!(lines(&dashboard), ["12:30           87 %"]);
        assert_eq!(draw(&Layout::ClearView, &display()), Some(Screen::Blank));
        assert_eq!(draw(&Layout::Unknown, &display()), None);
        assert_eq!(draw(&Layout::BitmapView { data: "no picture".into() }, &display()), None);
    }

    #[test]
    fn two_walls_share_the_display_and_a_page_is_no_longer_than_the_device_keeps() {
        let long = "one\ntwo\nthree\nfour\nfive".to_owned();
        let double = Layout::DoubleTextWall { top: long.clone(), bottom: long.clone() };
        assert_eq!(lines(&double), ["one", "two", "one", "two"]);
        assert_eq!(lines(&Layout::TextWall { text: "a\n\nb".into() }), ["a", "", "b"]);
        let wide = "ä".repeat(200);
        let shown = lines(&Layout::TextWall { text: wide });
        assert!(shown.iter().map(|line| line.len() + 1).sum::<usize>() <= 81, "{shown:?}");
    }

    proptest! {
        #[test]
        fn whatever_an_app_says_fits(one in "\\PC{0,120}", other in "\\PC{0,120}") {
            let display = display();
            for layout in [
                Layout::TextWall { text: one.clone() },
                Layout::DoubleTextWall { top: one.clone(), bottom: other.clone() },
                Layout::ReferenceCard { title: one.clone(), text: other.clone() },
                Layout::DashboardCard { left: one.clone(), right: other.clone() },
            ] {
                let Some(Screen::Text(lines)) = draw(&layout, &display) else { panic!("{layout:?}") };
                prop_assert!(lines.len() <= display.text.lines);
                let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
                prop_assert!(bytes <= display.text.page_bytes + 1);
            }
        }
    }
}
