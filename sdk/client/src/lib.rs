//! The Glasslink client: keep speech flowing to a relay, whatever the network does.
