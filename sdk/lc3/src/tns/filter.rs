//! The lattice filters.

/// Filters forward with reflection coefficients `rc`; `state` goes on from one range to the next.
pub(super) fn forward(rc: &[f32], state: &mut [f32; 8], x: &mut [f32]) {
    for x in x {
        let mut forward = *x;
        let mut backward = forward;
        for (rc, state) in rc.iter().zip(state.iter_mut()) {
            let delayed = core::mem::replace(state, backward);
            backward = rc * forward + delayed;
            forward += rc * delayed;
        }
        *x = forward;
    }
}

/// Undoes [`forward`]. Coefficients from `order` on are zero.
pub(super) fn inverse(rc: &[f32; 8], order: usize, state: &mut [f32; 8], x: &mut [f32]) {
    for x in x {
        let mut value = *x - rc[7] * state[7];
        for k in (0..7).rev() {
            value -= rc[k] * state[k];
            state[k + 1] = rc[k] * value + state[k];
        }
        state[0] = value;
        *x = value;
    }
    state[order..].fill(0.0);
}
