use std::collections::BTreeSet;

use crate::virtual_glasses::EmissionKind;

/// What became of the audio of virtual glasses, told by the side that knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RadioLedger {
    /// Frames in packets that arrived.
    pub delivered: u64,
    /// Frames lost on the air between packets that arrived. These can be counted by who listens.
    pub lost: u64,
    /// Frames lost before the first or after the last packet of a stretch: to who listens they never were.
    pub unseen: u64,
}

/// Follows the frames of one microphone.
#[derive(Debug, Default)]
pub(super) struct Account {
    total: RadioLedger,
    arrived_before: bool,
    /// Frames touched by lost packets since the last one that arrived.
    pending: BTreeSet<u64>,
    /// The frames of the last packets that arrived, which half of a later one may still spoil.
    partial: Option<u64>,
    next: u64,
}

impl Account {
    pub(super) fn sent(&mut self, kind: EmissionKind, arrived: bool) {
        let EmissionKind::Audio { first, count } = kind else { return };
        if first < self.next.saturating_sub(64) {
            self.stretch_over();
        }
        self.next = self.next.max(first + count);
        if arrived {
            let spoiled = (first..first + count).filter(|frame| self.pending.contains(frame)).count() as u64;
            if self.arrived_before {
                let before = self.pending.len() as u64;
                self.total.lost += before;
            } else {
                self.total.unseen += self.pending.len() as u64;
            }
            let fresh =
                (first..first + count).filter(|frame| self.partial.is_none_or(|last| *frame > last)).count();
            self.total.delivered += (fresh as u64).saturating_sub(spoiled);
            self.partial = Some(first + count - 1);
            self.pending.clear();
            self.arrived_before = true;
        } else {
            // A frame whose first half arrived is spoiled by the loss of its second.
            if self.partial == Some(first) && count == 1 {
                self.total.delivered -= 1;
            }
            self.pending.extend(first..first + count);
        }
    }

    /// The microphone went off, or the link broke: what comes next is counted anew.
    pub(super) fn stretch_over(&mut self) {
        self.total.unseen += self.pending.len() as u64;
        self.pending.clear();
        (self.arrived_before, self.partial, self.next) = (false, None, 0);
    }

    pub(super) fn total(&self) -> RadioLedger {
        self.total
    }
}
