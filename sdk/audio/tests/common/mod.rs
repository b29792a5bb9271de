//! Signals, and the files and figures made of them.

#![allow(dead_code, reason = "each test program uses its part")]

use std::f64::consts::TAU;

/// A sine at -6 dBFS.
pub(crate) fn sine(hertz: f64, sample_rate: u32, samples: usize) -> Vec<i16> {
    (0..samples).map(|n| ideal(hertz, sample_rate, n).round() as i16).collect()
}

fn ideal(hertz: f64, sample_rate: u32, n: usize) -> f64 {
    16_384.0 * (TAU * hertz * n as f64 / f64::from(sample_rate)).sin()
}

/// Decibels by which `samples` are closer to the ideal sine than to nothing, without `edge` samples at both ends.
pub(crate) fn snr_db(samples: &[i16], hertz: f64, sample_rate: u32, edge: usize) -> f64 {
    let (mut signal, mut noise) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate().skip(edge).take(samples.len() - 2 * edge) {
        let ideal = ideal(hertz, sample_rate, n);
        signal += ideal * ideal;
        noise += (f64::from(sample) - ideal).powi(2);
    }
    10.0 * (signal / noise.max(1e-9)).log10()
}

/// Part of the energy that lies at `hertz`, 0 to 1.
pub(crate) fn purity(samples: &[i16], hertz: f64, sample_rate: u32) -> f64 {
    let (mut re, mut im, mut energy) = (0.0, 0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let (sin, cos) = (TAU * hertz * n as f64 / f64::from(sample_rate)).sin_cos();
        let sample = f64::from(sample);
        (re, im, energy) = (re + sample * cos, im + sample * sin, energy + sample * sample);
    }
    2.0 * (re * re + im * im) / (energy * samples.len() as f64).max(1e-9)
}

/// A WAV file of `channels` equal channels.
pub(crate) fn wav(samples: &[i16], sample_rate: u32, channels: u16) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| std::iter::repeat_n(sample.to_le_bytes(), channels.into()))
        .flatten()
        .collect();
    let block = u32::from(channels) * 2;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(sample_rate.to_le_bytes());
    file.extend((sample_rate * block).to_le_bytes());
    file.extend((block as u16).to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}
