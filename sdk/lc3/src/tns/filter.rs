//! The lattice filters. Their state goes on from one range of lines to the next.

/// Calls a function whose parameter is the number of coefficients: with as many registers as it needs, a filter
/// runs fast.
macro_rules! by_order {
    ($function:ident, $rc:expr, $($argument:expr),*) => {
        match $rc {
            [] => {}
            [a] => $function(&[*a], $($argument),*),
            [a, b] => $function(&[*a, *b], $($argument),*),
            [a, b, c] => $function(&[*a, *b, *c], $($argument),*),
            [a, b, c, d] => $function(&[*a, *b, *c, *d], $($argument),*),
            [a, b, c, d, e] => $function(&[*a, *b, *c, *d, *e], $($argument),*),
            [a, b, c, d, e, f] => $function(&[*a, *b, *c, *d, *e, *f], $($argument),*),
            [a, b, c, d, e, f, g] => $function(&[*a, *b, *c, *d, *e, *f, *g], $($argument),*),
            [a, b, c, d, e, f, g, h, ..] => $function(&[*a, *b, *c, *d, *e, *f, *g, *h], $($argument),*),
        }
    };
}

/// Filters `x` with up to eight reflection coefficients.
pub(super) fn forward(rc: &[f32], state: &mut [f32; 8], x: &mut [f32]) {
    by_order!(forward_by, rc, state, x);
}

fn forward_by<const ORDER: usize>(rc: &[f32; ORDER], state: &mut [f32; 8], x: &mut [f32]) {
    let mut s: [f32; ORDER] = core::array::from_fn(|k| state[k]);
    for x in x {
        let mut forward = *x;
        let mut backward = forward;
        for (rc, s) in rc.iter().zip(&mut s) {
            let delayed = core::mem::replace(s, backward);
            backward = rc * forward + delayed;
            forward += rc * delayed;
        }
        *x = forward;
    }
    state[..ORDER].copy_from_slice(&s);
}

/// Undoes [`forward`].
pub(super) fn inverse(rc: &[f32], state: &mut [f32; 8], x: &mut [f32]) {
    by_order!(inverse_by, rc, state, x);
}

fn inverse_by<const ORDER: usize>(rc: &[f32; ORDER], state: &mut [f32; 8], x: &mut [f32]) {
    let mut s: [f32; ORDER] = core::array::from_fn(|k| state[k]);
    for x in x {
        let mut value = *x - rc[ORDER - 1] * s[ORDER - 1];
        for k in (0..ORDER - 1).rev() {
            value -= rc[k] * s[k];
            s[k + 1] = rc[k] * value + s[k];
        }
        s[0] = value;
        *x = value;
    }
    state.fill(0.0);
    state[..ORDER].copy_from_slice(&s);
}
