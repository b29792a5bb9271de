//! The LC3 codec.
