//! The few elementary functions the codec needs, without `std`.

/// Square root, to within one unit in the last place; 0 for negative arguments.
pub(crate) fn sqrt(x: f32) -> f32 {
    if x <= 0.0 {
        return 0.0;
    }
    if x < f32::MIN_POSITIVE {
        return sqrt(x * 16_777_216.0) / 4096.0;
    }
    // The halved exponent is a first guess; each step of Newton's method doubles the digits.
    let guess = f32::from_bits((x.to_bits() >> 1) + 0x1fbd_1df5);
    let mut y = f64::from(guess);
    let x = f64::from(x);
    for _ in 0..3 {
        y = 0.5 * (y + x / y);
    }
    y as f32
}

/// 2 to the power of `x`, for `x` within ±126, to within 3e-7 of its value.
pub(crate) fn exp2(x: f32) -> f32 {
    // Adding 1.5 x 2^23 rounds to an integer, which lands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-126.0, 126.0);
    let shifted = x + ROUND;
    let f = x - (shifted - ROUND);
    let exponent = shifted.to_bits().wrapping_shl(23);
    // Taylor of 2^f for f within ±0.5: the first term left out is below 2e-8.
    let y = 1.0
        + f * (core::f32::consts::LN_2
            + f * (0.240_226_5
                + f * (0.055_504_11 + f * (0.009_618_129 + f * (0.001_333_356 + f * 0.000_154_035)))));
    f32::from_bits(y.to_bits().wrapping_add(exponent))
}

/// Logarithm to base 2 of a positive, normal number, to within 2e-7.
pub(crate) fn log2(x: f32) -> f32 {
    let bits = x.to_bits();
    // Mantissa within sqrt(1/2) to sqrt(2), so that the series below converges fast.
    let exponent = (bits.wrapping_sub(0x3f35_04f3) as i32) >> 23;
    let m = f32::from_bits(bits.wrapping_sub((exponent << 23) as u32));
    let z = (m - 1.0) / (m + 1.0);
    let z2 = z * z;
    // 2 / ln 2 x artanh z.
    let y = z * (2.885_390_1 + z2 * (0.961_796_7 + z2 * (0.577_078_04 + z2 * (0.412_198_6 + z2 * 0.320_6))));
    exponent as f32 + y
}

/// Sine and cosine of `PI * num / den`, at compile time.
pub(crate) const fn sin_cos_pi(num: usize, den: usize) -> (f64, f64) {
    let num = num % (2 * den);
    let quadrant = 2 * num / den;
    let rest = 2 * num - quadrant * den;
    // An angle of at most an eighth of the circle, where the Taylor series converges fast.
    let swap = 2 * rest > den;
    let part = if swap { den - rest } else { rest };
    let x = core::f64::consts::FRAC_PI_2 * part as f64 / den as f64;
    let (mut sin, mut cos, mut term) = (0.0, 0.0, 1.0);
    let mut k = 0;
    while k < 20 {
        // `term` is x^k / k!, with the sign it has in its series.
        if k % 2 == 0 {
            cos += term;
            term *= x / (k + 1) as f64;
        } else {
            sin += term;
            term *= -x / (k + 1) as f64;
        }
        k += 1;
    }
    let (sin, cos) = if swap { (cos, sin) } else { (sin, cos) };
    match quadrant {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elementary_functions_agree_with_std() {
        for i in 1..20_000 {
            let x = i as f32 * 0.37;
            assert!((sqrt(x) - x.sqrt()).abs() <= x.sqrt() * 1.2e-7, "sqrt {x}");
            assert!((log2(x) - x.log2()).abs() <= 1.5e-6 + x.log2().abs() * 2e-7, "log2 {x}");
            let y = (i - 10_000) as f32 * 0.0123;
            assert!((exp2(y) / y.exp2() - 1.0).abs() <= 4e-7, "exp2 {y}");
        }
        assert!(sqrt(1e-40) > 0.0 && sqrt(0.0).abs() < 1e-30 && sqrt(-1.0).abs() < 1e-30);
        for num in 0..1000 {
            let (sin, cos) = sin_cos_pi(num, 480);
            let angle = core::f64::consts::PI * num as f64 / 480.0;
            assert!((sin - angle.sin()).abs() < 1e-14 && (cos - angle.cos()).abs() < 1e-14, "{num}");
        }
    }
}
