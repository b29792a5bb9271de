//! The Glasslink link as a state machine, both halves, without I/O.
