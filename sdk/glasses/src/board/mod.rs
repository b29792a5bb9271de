//! What apps show, on the lenses.

mod bmp;
mod draw;
mod keeper;

pub use draw::draw;
pub use keeper::Board;
