//! The Glasslink reference relay.
