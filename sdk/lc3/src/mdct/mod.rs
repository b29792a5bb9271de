//! The low-delay modified discrete cosine transform.

mod butterfly;
mod dct4;
mod fft;
mod forward;
mod inverse;

pub(crate) use forward::forward;
pub(crate) use inverse::inverse;
