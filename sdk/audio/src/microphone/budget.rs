use std::time::Instant;

use super::defaults::{MAX_REARMS, REARM_INTERVAL};

/// How often a device that failed is opened again (SPEC P13): the first time at once, later ones apart, three in all.
/// One that was away and is back has a try at once, as long as there is one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    used: u32,
    last: Option<Instant>,
    is_back: bool,
}

impl Budget {
    pub(super) fn may(&self, now: Instant) -> bool {
        let has_cooled = self.last.is_none_or(|last| now >= last + REARM_INTERVAL);
        let is_left = self.used < MAX_REARMS;
        self.used == 0 || (is_left && (self.is_back || has_cooled)) || (self.is_back && has_cooled)
    }

    pub(super) fn spend(&mut self, now: Instant) {
        *self = Self { used: self.used + 1, last: Some(now), is_back: false };
    }

    /// The device was away, and is back.
    pub(super) fn back(&mut self) {
        self.is_back = true;
    }

    pub(super) fn is_back(&self) -> bool {
        self.is_back
    }

    /// The device is well, or somebody asks for more tries.
    pub(super) fn reset(&mut self) {
        self.used = 0;
    }

    pub(super) fn is_whole(&self) -> bool {
        self.used == 0
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.used >= MAX_REARMS && !self.is_back
    }
}
