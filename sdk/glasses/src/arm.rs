use std::fmt;

use serde::{Deserialize, Serialize};

/// One Bluetooth peripheral of a pair of glasses, as the wearer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    Left,
    Right,
    /// The device is a single peripheral.
    Only,
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left arm",
            Self::Right => "right arm",
            Self::Only => "device",
        })
    }
}
