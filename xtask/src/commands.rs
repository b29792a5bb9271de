//! One file a subcommand.

pub(crate) mod bench;
pub(crate) mod bindings;
pub(crate) mod bluetooth_vm;
pub(crate) mod ci;
pub(crate) mod demo;
pub(crate) mod load;
pub(crate) mod nightly;
pub(crate) mod package;
pub(crate) mod report;
pub(crate) mod simulate;
pub(crate) mod soak;
pub(crate) mod spec;
pub(crate) mod test;
