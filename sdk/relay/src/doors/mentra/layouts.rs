//! What apps show, from Mentra's words into ours.

use glasslink_protocol::{Display, Layout, MAX_BITMAP_BYTES, View};
use serde::Deserialize;

/// `display_event`, as far as it is understood.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DisplayEvent {
    #[serde(default)]
    view: Option<String>,
    layout: Drawn,
    #[serde(default)]
    duration_ms: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "layoutType", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Drawn {
    TextWall {
        #[serde(default)]
        text: String,
    },
    DoubleTextWall {
        #[serde(default)]
        top_text: String,
        #[serde(default)]
        bottom_text: String,
    },
    ReferenceCard {
        #[serde(default)]
        title: String,
        #[serde(default)]
        text: String,
    },
    DashboardCard {
        #[serde(default)]
        left_text: String,
        #[serde(default)]
        right_text: String,
    },
    BitmapView {
        #[serde(default)]
        data: String,
    },
    ClearView,
    #[serde(other)]
    Other,
}

/// Why something is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotShown {
    /// A layout that nobody here draws.
    Unknown,
    /// A picture, or a text, of more than a message has room for.
    TooLarge,
}

/// `dashboard_content_update`
#[derive(Debug, Deserialize)]
pub(super) struct Dashboard {
    #[serde(default)]
    content: String,
}

impl DisplayEvent {
    pub(super) fn display(self, app: &str) -> Result<Display, NotShown> {
        let layout = match self.layout {
            Drawn::TextWall { text } => Layout::TextWall { text },
            Drawn::DoubleTextWall { top_text, bottom_text } => {
                Layout::DoubleTextWall { top: top_text, bottom: bottom_text }
            }
            Drawn::ReferenceCard { title, text } => Layout::ReferenceCard { title, text },
            Drawn::DashboardCard { left_text, right_text } => {
                Layout::DashboardCard { left: left_text, right: right_text }
            }
            Drawn::BitmapView { data } => Layout::BitmapView { data: base64(data) },
            Drawn::ClearView => Layout::ClearView,
            Drawn::Other => return Err(NotShown::Unknown),
        };
        if size(&layout) > MAX_BITMAP_BYTES {
            return Err(NotShown::TooLarge);
        }
        let view = match self.view.as_deref() {
            Some("dashboard") => View::Dashboard,
            _ => View::Main,
        };
        let duration_ms = self.duration_ms.filter(|ms| *ms > 0.0).map(|ms| ms as u64);
        Ok(Display { app: app.to_owned(), view, layout, duration_ms })
    }
}

impl Dashboard {
    pub(super) fn display(self, app: &str) -> Result<Display, NotShown> {
        let layout = Layout::TextWall { text: self.content };
        if size(&layout) > MAX_BITMAP_BYTES {
            return Err(NotShown::TooLarge);
        }
        Ok(Display { app: app.to_owned(), view: View::Dashboard, layout, duration_ms: None })
    }
}

fn size(layout: &Layout) -> usize {
    match layout {
        Layout::TextWall { text } => text.len(),
        Layout::DoubleTextWall { top, bottom } => top.len() + bottom.len(),
        Layout::ReferenceCard { title, text } => title.len() + text.len(),
        Layout::DashboardCard { left, right } => left.len() + right.len(),
        Layout::BitmapView { data } => data.len(),
        Layout::ClearView | Layout::Unknown => 0,
    }
}

/// Pictures come in base64, and from older apps in hexadecimal digits, in which a BMP file begins otherwise.
fn base64(data: String) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let is_hex = data.starts_with("424d") || data.starts_with("424D");
    let digits = data.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<u8>> = is_hex.then(|| digits.collect()).flatten();
    bytes.map_or(data, |bytes| STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(event: Value) -> Result<Display, NotShown> {
        serde_json::from_value::<DisplayEvent>(event).unwrap().display("com.example.captions")
    }

    #[test]
    fn layouts_of_the_sdk_become_ours() {
        let event = |layout: Value| json!({ "type": "display_event", "sessionId": "", "layout": layout });
        for (layout, ours) in [
            (json!({"layoutType": "text_wall", "text": "a"}), Layout::TextWall { text: "a".into() }),
            (
                json!({"layoutType": "double_text_wall", "topText": "a", "bottomText": "b"}),
                Layout::DoubleTextWall { top: "a".into(), bottom: "b".into() },
            ),
            (
                json!({"layoutType": "reference_card", "title": "a", "text": "b"}),
                Layout::ReferenceCard { title: "a".into(), text: "b".into() },
            ),
            (
                json!({"layoutType": "dashboard_card", "leftText": "a", "rightText": "b"}),
                Layout::DashboardCard { left: "a".into(), right: "b".into() },
            ),
            (
                json!({"layoutType": "bitmap_view", "data": "Qk0="}),
                Layout::BitmapView { data: "Qk0=".into() },
            ),
            (
                json!({"layoutType": "bitmap_view", "data": "424d"}),
                Layout::BitmapView { data: "Qk0=".into() },
            ),
            (json!({"layoutType": "clear_view"}), Layout::ClearView),
        ] {
            let display = shown(event(layout)).unwrap();
            assert_eq!((display.layout == ours, display.view), (true, View::Main), "{ours:?}");
        }
        let timed = json!({
            "view": "dashboard", "durationMs": 1500.5, "layout": {"layoutType": "text_wall", "text": "a"},
        });
        let display = shown(timed).unwrap();
        assert_eq!((display.view, display.duration_ms), (View::Dashboard, Some(1_500)));
    }

    #[test]
    fn what_cannot_be_shown_says_so() {
        let animation = json!({ "layout": { "layoutType": "bitmap_animation", "frames": [] } });
        assert_eq!(shown(animation), Err(NotShown::Unknown));
        let large = json!({ "layout": { "layoutType": "bitmap_view", "data": "A".repeat(1_000_000) } });
        assert_eq!(shown(large), Err(NotShown::TooLarge));
    }
}
