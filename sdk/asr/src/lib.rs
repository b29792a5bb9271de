//! Speech engines behind one trait.
