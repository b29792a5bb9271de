//! What tests of several devices share.

use crate::{Action, Step};

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What the steps write, in order.
pub(crate) fn writes(steps: &[Step]) -> Vec<Vec<u8>> {
    let write = |step: &Step| match &step.action {
        Action::Write { value, .. } => Some(value.clone()),
        _ => None,
    };
    steps.iter().filter_map(write).collect()
}
