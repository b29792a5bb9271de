//! Rigs that show virtual glasses to a real Bluetooth client.
//!
//! `fake-bluez` plays the Linux Bluetooth service on a D-Bus of its own, with virtual glasses behind it, and
//! `bluetooth-check` is the client that is put to it: `cargo test -p glasslink-bluetooth --features bluez`. Behind a
//! real `bluetoothd` in a virtual machine the same client runs unchanged.

#[cfg(feature = "bluez")]
pub mod bluez;
#[cfg(feature = "bluez")]
pub mod control;
