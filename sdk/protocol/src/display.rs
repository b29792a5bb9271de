//! What apps show, and how they are.

use serde::{Deserialize, Serialize};

/// Most bytes a picture's text may have: with the rest of its message it fits into one.
pub const MAX_BITMAP_BYTES: usize = 60 * 1024;

/// Something to be shown to the wearer, in place of what the view showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Display {
    /// Whose it is: an app's name for programs.
    pub app: String,
    pub view: View,
    pub layout: Layout,
    /// Gone after so many milliseconds; else until something takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// Where something is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    #[default]
    Main,
    /// What a wearer sees who looks up.
    Dashboard,
}

/// How it is laid out. Clients break lines and leave out what does not fit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Layout {
    TextWall {
        text: String,
    },
    DoubleTextWall {
        top: String,
        bottom: String,
    },
    ReferenceCard {
        title: String,
        text: String,
    },
    DashboardCard {
        left: String,
        right: String,
    },
    /// A BMP file in base64, at most [`MAX_BITMAP_BYTES`] of it.
    BitmapView {
        data: String,
    },
    ClearView,
    /// One that this version does not know. It is not shown.
    #[serde(other)]
    Unknown,
}

/// How an app is in the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppStatus {
    /// Its name for programs.
    pub app: String,
    /// Its name for people.
    pub name: String,
    pub state: AppState,
}

/// Whether an app takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppState {
    Running,
    /// It broke off, and is looked for.
    Away,
    /// The wearer stopped it.
    Stopped,
    #[serde(other)]
    Unknown,
}

/// What is shown is somebody's words.
impl std::fmt::Debug for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TextWall { .. } => "TextWall",
            Self::DoubleTextWall { .. } => "DoubleTextWall",
            Self::ReferenceCard { .. } => "ReferenceCard",
            Self::DashboardCard { .. } => "DashboardCard",
            Self::BitmapView { .. } => "BitmapView",
            Self::ClearView => "ClearView",
            Self::Unknown => "Unknown",
        })
    }
}
