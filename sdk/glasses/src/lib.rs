//! Smart glasses over Bluetooth LE, and virtual ones.
