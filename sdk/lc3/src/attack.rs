//! Detection of attacks: sudden rises of high-frequency energy.

use crate::format::{Format, FrameDuration, Rate};

/// Samples before the frame that the detector wants.
pub(crate) const PAST: usize = 6;

/// State of the detector between frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct AttackDetector {
    energy: i32,
    decayed: i32,
    /// Block of the last frame's attack, from 1; 0: none.
    block: usize,
}

impl AttackDetector {
    /// Whether the frame counts as one with an attack. `x` holds [`PAST`] earlier samples, then the frame.
    pub(crate) fn run(&mut self, format: &Format, bytes: usize, x: &[i16]) -> bool {
        let (from, to) = match (format.duration, format.rate) {
            (FrameDuration::Ms7_5, Rate::K32) => (61, 149),
            (FrameDuration::Ms7_5, Rate::K48) => (75, 149),
            (FrameDuration::Ms10, Rate::K32) => (81, usize::MAX),
            (FrameDuration::Ms10, Rate::K48) => (100, usize::MAX),
            _ => return false,
        };
        if !(from..=to).contains(&bytes) {
            return false;
        }
        // Down to 16 kHz by adding groups of two or three samples.
        let (group, shift) = if format.rate == Rate::K32 { (2, 1) } else { (3, 2) };
        let mut groups = x[PAST - 2 * group..]
            .chunks_exact(group)
            .map(|x| x.iter().map(|&x| i32::from(x)).sum::<i32>() >> shift);
        let (mut older, mut old) = (groups.next().unwrap_or(0), groups.next().unwrap_or(0));
        let blocks = format.quarters();
        let mut attack = 0;
        for block in 1..=blocks {
            let mut energy = 0;
            for new in groups.by_ref().take(40) {
                let high = (3 * new - 4 * old + older) >> 3;
                energy += (high * high) >> 5;
                (older, old) = (old, new);
            }
            let decayed = (self.decayed >> 2).max(self.energy);
            self.energy = energy;
            self.decayed = decayed;
            if energy >> 3 > decayed + (decayed >> 4) {
                attack = block;
            }
        }
        // An attack late in a frame still rings in the next one.
        let found = attack > 0 || self.block > blocks / 2;
        self.block = attack;
        found
    }
}
