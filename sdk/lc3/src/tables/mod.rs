//! Numbers of the specification.

// As short as they can be: they are to be compared, not read.
#![allow(clippy::unreadable_literal)]

pub(crate) mod bands;
pub(crate) mod ltpf;
pub(crate) mod sns;
pub(crate) mod spectrum;
pub(crate) mod tns;
pub(crate) mod windows;
