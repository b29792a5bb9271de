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
    next: u64,
}

impl Account {
    pub(super) fn sent(&mut self, kind: EmissionKind, arrived: bool) {
        let EmissionKind::Audio { first, count, complete } = kind else { return };
        // Two arms may send the same; a microphone that is opened again begins at 0.
        if first < self.next.saturating_sub(64) || (first == 0 && self.next > count) {
            self.stretch_over();
        }
        self.next = self.next.max(first + count);
        let frames = first..first + count;
        if !arrived {
            self.pending.extend(frames);
            return;
        }
        let spoiled = frames.filter(|frame| self.pending.contains(frame)).count() as u64;
        let missing = self.pending.len() as u64;
        if self.arrived_before {
            self.total.lost += missing;
        } else {
            self.total.unseen += missing;
        }
        if complete {
            self.total.delivered += count - spoiled;
        }
        self.pending.clear();
        self.arrived_before = true;
    }

    /// The microphone went off, or the link broke: what comes next is counted anew.
    pub(super) fn stretch_over(&mut self) {
        self.total.unseen += self.pending.len() as u64;
        self.pending.clear();
        (self.arrived_before, self.next) = (false, 0);
    }

    pub(super) fn total(&self) -> RadioLedger {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audio(first: u64) -> EmissionKind {
        EmissionKind::Audio { first, count: 5, complete: true }
    }

    #[test]
    fn what_is_lost_before_the_microphone_is_opened_again_was_never_heard_of() {
        let mut account = Account::default();
        for (first, arrived) in [(0, true), (5, false), (10, true), (15, false), (0, true), (5, true)] {
            account.sent(audio(first), arrived);
        }
        assert_eq!(account.total(), RadioLedger { delivered: 20, lost: 5, unseen: 5 });
    }
}
