//! Frames, sources, resampling and levels.
