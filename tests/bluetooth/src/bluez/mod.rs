//! `org.bluez` as far as a client of glasses needs it.

mod objects;
mod service;

pub use service::FakeBluez;
