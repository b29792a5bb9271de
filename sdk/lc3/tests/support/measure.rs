//! How alike two signals are.

/// Signal-to-noise ratio in dB; infinite where both are the same.
pub fn snr(reference: &[i16], given: &[i16]) -> f64 {
    let signal: f64 = reference.iter().map(|&x| f64::from(x).powi(2)).sum();
    let noise: f64 = reference.iter().zip(given).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum();
    10.0 * (signal / noise).log10()
}

/// Mean of the ratios of segments of 20 ms, each bounded to -10 to 60 dB, silent ones left out.
pub fn segmental_snr(reference: &[i16], given: &[i16], rate: u32) -> f64 {
    let size = rate as usize / 50;
    let segments: Vec<f64> = reference
        .chunks_exact(size)
        .zip(given.chunks_exact(size))
        .filter(|(reference, _)| reference.iter().any(|x| x.unsigned_abs() > 100))
        .map(|(reference, given)| snr(reference, given).clamp(-10.0, 60.0))
        .collect();
    segments.iter().sum::<f64>() / segments.len() as f64
}

/// The largest difference, in steps of 16-bit samples.
pub fn largest_difference(reference: &[i16], given: &[i16]) -> u32 {
    reference
        .iter()
        .zip(given)
        .map(|(&x, &y)| (i32::from(x) - i32::from(y)).unsigned_abs())
        .max()
        .unwrap_or(0)
}

/// Power of the difference in dB of full scale.
pub fn difference_dbfs(reference: &[i16], given: &[i16]) -> f64 {
    let noise: f64 = reference.iter().zip(given).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum();
    10.0 * (noise / reference.len() as f64 / 32768.0f64.powi(2)).log10()
}
