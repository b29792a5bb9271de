//! What stands in for a lost frame: the last good spectrum with random signs, fading.

/// Below this the repeated spectrum is silence.
const INAUDIBLE: f32 = 1e-6;

/// State of the concealment between frames.
#[derive(Debug, Clone)]
pub(crate) struct Concealment {
    seed: u16,
    lost: u32,
    level: f32,
}

impl Concealment {
    pub(crate) const fn new() -> Self {
        Self { seed: 24607, lost: 0, level: 1.0 }
    }

    /// A good frame came.
    pub(crate) fn reset(&mut self) {
        self.lost = 0;
        self.level = 1.0;
    }

    /// Makes a spectrum of the last good one.
    pub(crate) fn run(&mut self, last: &[f32], x: &mut [f32]) {
        self.lost = self.lost.saturating_add(1);
        self.level *= match self.lost {
            0..4 => 1.0,
            4..8 => 0.9,
            _ => 0.85,
        };
        if self.level < INAUDIBLE {
            self.level = 0.0;
        }
        for (x, last) in x.iter_mut().zip(last) {
            self.seed = self.seed.wrapping_mul(12821).wrapping_add(16831);
            *x = if self.seed & 0x8000 != 0 { -self.level * last } else { self.level * last };
        }
    }
}
