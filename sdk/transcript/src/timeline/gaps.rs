use std::collections::BTreeMap;

use glasslink_protocol::{FrameIndex, Gap, StreamFormat};

/// A stream's gaps. They do not overlap; what was told first stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps {
    by_start: BTreeMap<FrameIndex, Gap>,
}

impl Gaps {
    pub(super) fn iter(&self) -> impl Iterator<Item = Gap> {
        self.by_start.values().copied()
    }

    /// Adds the parts of `gap` that no known gap covers, each joined to a neighbour of the same cause.
    /// Returns how many parts there were.
    pub(super) fn add(&mut self, gap: Gap, format: &StreamFormat) -> usize {
        let before = self.by_start.range(..gap.from).next_back().map(|(_, known)| *known);
        let inside = self.by_start.range(gap.from..gap.to).map(|(_, known)| *known);
        let covering: Vec<Gap> = before.into_iter().chain(inside).collect();

        let mut parts = 0;
        let mut from = gap.from;
        for known in covering {
            parts += usize::from(self.insert(from, known.from.min(gap.to), gap, format));
            from = from.max(known.to);
        }
        parts + usize::from(self.insert(from, gap.to, gap, format))
    }

    fn insert(&mut self, mut from: FrameIndex, mut to: FrameIndex, gap: Gap, format: &StreamFormat) -> bool {
        if from >= to {
            return false;
        }
        if let Some((_, before)) = self.by_start.range(..from).next_back()
            && before.to == from
            && before.cause == gap.cause
        {
            from = before.from;
        }
        if let Some(after) = self.by_start.get(&to).copied()
            && after.cause == gap.cause
        {
            self.by_start.remove(&to);
            to = after.to;
        }
        self.by_start.insert(from, Gap::new(gap.stream, from, to, gap.cause, format));
        true
    }
}
