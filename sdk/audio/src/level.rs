use std::time::Duration;

/// How loud the last moments were.
#[derive(Debug)]
pub struct LevelMeter {
    /// Samples a window has.
    window: usize,
    seen: usize,
    sum_of_squares: u64,
    peak: u16,
    level: Level,
}

/// Relative to full scale: 0 dBFS is a full-scale square wave, silence is [`Level::SILENCE`]'s -infinity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    pub rms_dbfs: f32,
    pub peak_dbfs: f32,
}

impl Level {
    pub const SILENCE: Self = Self { rms_dbfs: f32::NEG_INFINITY, peak_dbfs: f32::NEG_INFINITY };
}

impl LevelMeter {
    /// `window` of audio makes a level; at least one sample. 50 ms follow speech without flicker.
    pub fn new(sample_rate: u32, window: Duration) -> Self {
        let window = (window.as_secs_f64() * f64::from(sample_rate)).round() as usize;
        Self { window: window.max(1), seen: 0, sum_of_squares: 0, peak: 0, level: Level::SILENCE }
    }

    /// Takes samples. Says the level of each window that they fill, the last one if several.
    pub fn update(&mut self, samples: &[i16]) -> Option<Level> {
        let mut filled = None;
        for &sample in samples {
            let magnitude = sample.unsigned_abs();
            self.sum_of_squares += u64::from(magnitude) * u64::from(magnitude);
            self.peak = self.peak.max(magnitude);
            self.seen += 1;
            if self.seen == self.window {
                filled = Some(self.close_window());
            }
        }
        filled
    }

    /// The level of the last whole window.
    pub fn level(&self) -> Level {
        self.level
    }

    fn close_window(&mut self) -> Level {
        let rms = (self.sum_of_squares as f64 / self.window as f64).sqrt();
        self.level = Level { rms_dbfs: dbfs(rms), peak_dbfs: dbfs(f64::from(self.peak)) };
        (self.seen, self.sum_of_squares, self.peak) = (0, 0, 0);
        self.level
    }
}

fn dbfs(amplitude: f64) -> f32 {
    (20.0 * (amplitude / 32_768.0).log10()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f32, b: f32) -> bool {
        (a - b).abs() < 0.05
    }

    #[test]
    fn a_full_scale_sine_is_three_decibels_under_its_peak() {
        let mut meter = LevelMeter::new(16_000, Duration::from_millis(50));
        let sine: Vec<i16> = (0..800)
            .map(|n| (f64::from(n) * 440.0 / 16_000.0 * std::f64::consts::TAU).sin() * 32_767.0)
            .map(|sample| sample as i16)
            .collect();
        assert_eq!(meter.update(&sine[..799]), None);
        let level = meter.update(&sine[799..]).unwrap();
        assert!(close(level.rms_dbfs, -3.01) && close(level.peak_dbfs, 0.0), "{level:?}");
    }

    #[test]
    fn silence_has_no_level_and_full_scale_is_zero() {
        let mut meter = LevelMeter::new(16_000, Duration::from_millis(10));
        assert_eq!(meter.update(&[0; 160]), Some(Level::SILENCE));
        assert_eq!(meter.update(&[i16::MIN; 160]), Some(Level { rms_dbfs: 0.0, peak_dbfs: 0.0 }));
        assert_eq!(meter.level(), Level { rms_dbfs: 0.0, peak_dbfs: 0.0 });
    }
}
