//! Signals to try a codec with.

use std::f64::consts::TAU;

/// A small generator of numbers that look random (xorshift).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    pub fn below(&mut self, limit: usize) -> usize {
        ((u64::from(self.next()) * limit as u64) >> 32) as usize
    }

    /// Within ±1.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.next()) / f64::from(1u32 << 31) - 1.0
    }
}

fn samples(rate: u32, seconds: f64, mut f: impl FnMut(f64) -> f64) -> Vec<i16> {
    (0..(f64::from(rate) * seconds) as usize).map(|i| f(i as f64 / f64::from(rate)).round() as i16).collect()
}

/// The signals that need no recording, by name.
pub fn all(rate: u32, seconds: f64) -> Vec<(&'static str, Vec<i16>)> {
    vec![
        ("voice", voice(rate, seconds)),
        ("sweep", sweep(rate, seconds)),
        ("noise", noise(rate, seconds, 6000.0)),
        ("440 Hz", tone(rate, seconds, 440.0)),
        ("impulses", impulses(rate, seconds)),
        ("square", square(rate, seconds)),
        ("full-scale noise", noise(rate, seconds, 32767.0)),
        ("clipped voice", clipped(&voice(rate, seconds))),
        ("DC", vec![20_000; (f64::from(rate) * seconds) as usize]),
        ("silence", vec![0; (f64::from(rate) * seconds) as usize]),
    ]
}

/// 50 Hz to 0.48 of the rate.
pub fn sweep(rate: u32, seconds: f64) -> Vec<i16> {
    let (from, to) = (50.0, 0.48 * f64::from(rate));
    samples(rate, seconds, |t| 16_000.0 * (TAU * (from * t + (to - from) * t * t / (2.0 * seconds))).sin())
}

pub fn noise(rate: u32, seconds: f64, level: f64) -> Vec<i16> {
    let mut random = Random::new(1);
    samples(rate, seconds, |_| level * random.unit())
}

pub fn tone(rate: u32, seconds: f64, hertz: f64) -> Vec<i16> {
    samples(rate, seconds, |t| 10_000.0 * (TAU * hertz * t).sin())
}

/// Seven a second.
pub fn impulses(rate: u32, seconds: f64) -> Vec<i16> {
    let every = rate as usize / 7;
    (0..(f64::from(rate) * seconds) as usize).map(|i| if i % every == 0 { 30_000 } else { 0 }).collect()
}

/// 100 Hz at full scale.
pub fn square(rate: u32, seconds: f64) -> Vec<i16> {
    samples(rate, seconds, |t| if (t * 100.0).fract() < 0.5 { 32_767.0 } else { -32_768.0 })
}

/// Twenty times as loud, so that most of it is clipped.
pub fn clipped(pcm: &[i16]) -> Vec<i16> {
    pcm.iter().map(|&x| x.saturating_mul(20)).collect()
}

/// Something like speech: a buzz of moving pitch through moving resonances, hisses and pauses.
pub fn voice(rate: u32, seconds: f64) -> Vec<i16> {
    let mut random = Random::new(7);
    let mut phase = 0.0;
    let mut resonators = [[0.0f64; 2]; 4];
    let step = 1.0 / f64::from(rate);
    samples(rate, seconds, |t| {
        // Syllables of a quarter second; every fourth is a hiss, every seventh a pause.
        let syllable = (t * 4.0) as usize;
        let part = (t * 4.0).fract();
        let envelope = (std::f64::consts::PI * part).sin().powf(0.6);
        let (voiced, level) = match syllable {
            s if s % 7 == 6 => (0.0, 0.0),
            s if s % 4 == 3 => (0.05, 0.3),
            _ => (1.0, 1.0),
        };
        let pitch = 120.0 + 30.0 * (TAU * 0.7 * t).sin() + 12.0 * (TAU * 2.3 * t).sin();
        phase += pitch * step;
        let pulse = if phase >= 1.0 {
            phase -= 1.0;
            40.0
        } else {
            0.0
        };
        let source = voiced * pulse + (0.04 + 0.4 * (1.0 - voiced)) * random.unit();
        let vowel = (syllable * 5 % 3) as f64;
        let formants = [
            (450.0 + 150.0 * vowel, 70.0),
            (1100.0 + 400.0 * vowel, 90.0),
            (2500.0 + 150.0 * vowel, 130.0),
            (3500.0, 200.0),
        ];
        let mut out = 0.0;
        for ((hertz, width), [y1, y2]) in formants.into_iter().zip(&mut resonators) {
            let r = (-std::f64::consts::PI * width * step).exp();
            let y = (1.0 - r) * source + 2.0 * r * (TAU * hertz * step).cos() * *y1 - r * r * *y2;
            (*y2, *y1) = (*y1, y);
            out += y;
        }
        (8000.0 * envelope * level * out + 3.0 * random.unit()).clamp(-30_000.0, 30_000.0)
    })
}

/// The samples of a WAV file: 16 bits, one channel.
pub fn read_wav(path: &std::path::Path) -> Result<(u32, Vec<i16>), String> {
    let data = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let word = |at: usize| data.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let (mut at, mut rate) = (12, 0);
    while let (Some(name), Some(size)) = (data.get(at..at + 4), word(at + 4)) {
        let body = at + 8;
        match name {
            b"fmt " => {
                if data.get(body..body + 4) != Some(&[1, 0, 1, 0]) || data.get(body + 14) != Some(&16) {
                    return Err("not a WAV file of one channel in 16 bits".into());
                }
                rate = word(body + 4).unwrap_or(0);
            }
            b"data" => {
                let end = data.len().min(body + size as usize);
                let pcm = data[body..end].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
                return Ok((rate, pcm));
            }
            _ => {}
        }
        at = body + size as usize + size as usize % 2;
    }
    Err("not a WAV file".into())
}

/// Resamples from 48 kHz by a windowed sinc, and brings the peak to -3 dB of full scale.
pub fn from_48k(pcm: &[i16], rate: u32, seconds: f64) -> Vec<i16> {
    let ratio = 48_000.0 / f64::from(rate);
    let count = (f64::from(rate) * seconds).min(pcm.len() as f64 / ratio) as usize;
    let reach = 32.0 * ratio;
    // Pass nearly all that the lower rate can hold.
    let cut = 0.97 / ratio;
    let mut out: Vec<f64> = (0..count)
        .map(|i| {
            let at = i as f64 * ratio;
            if rate == 48_000 {
                return f64::from(pcm[i]);
            }
            let from = (at - reach).ceil().max(0.0) as usize;
            let to = ((at + reach) as usize + 1).min(pcm.len());
            (from..to)
                .map(|k| {
                    let d = k as f64 - at;
                    let x = std::f64::consts::PI * d * cut;
                    let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
                    let window = 0.5 + 0.5 * (std::f64::consts::PI * d / reach).cos();
                    f64::from(pcm[k]) * cut * sinc * window
                })
                .sum()
        })
        .collect();
    let peak = out.iter().fold(1.0f64, |peak, x| peak.max(x.abs()));
    for x in &mut out {
        *x *= 23_197.0 / peak;
    }
    out.iter().map(|x| x.round() as i16).collect()
}
