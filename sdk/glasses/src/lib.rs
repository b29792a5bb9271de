//! Smart glasses over Bluetooth LE, and virtual ones that are just as hard to please.
//!
//! [`Glasses`] keeps a pair connected and in the state that is wanted: the page on the lenses, the microphone on.
//! What the microphone hears is a [`Source`](glasslink_audio::Source) of the device's own codec frames, with what
//! the radio lost told as gaps; [`Captions`] turns a transcript into pages. A [`Transport`] reaches the radio:
//! `BtleplugTransport` (feature `btleplug`) on a desktop, a Kotlin or Swift class on a phone, or
//! [`VirtualGlasses`](virtual_glasses::VirtualGlasses) without any.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use glasslink_audio::{Captured, SourceExt};
//! use glasslink_glasses::virtual_glasses::{Faults, FirmwareOptions, VirtualGlasses};
//! use glasslink_glasses::{Glasses, Registry, Screen, discover};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::time::pause();
//! let registry = Registry::standard();
//! let model = registry.get("even-g1").expect("a known device");
//! let radio = VirtualGlasses::new(&*model, &FirmwareOptions::default(), Faults::default());
//!
//! // Once: find a pair, and remember it.
//! let found = discover(&radio, &registry, Duration::from_secs(1)).await?;
//! let remembered = found[0].remember()?;
//!
//! // From then on it connects by itself, again and again.
//! let glasses = Glasses::open(Arc::new(radio.clone()), Arc::clone(&found[0].device), &remembered);
//! glasses.show(Screen::Text(vec!["Hello".into()]))?;
//! let mut microphone = glasses.microphone().expect("these have one");
//! let mut frame = Vec::new();
//! let heard = microphone.next(&mut frame).await?;
//! assert!(matches!(heard, Some(Captured::Frame { .. })));
//! assert_eq!(radio.lenses()[0].lines, ["Hello"]);
//! glasses.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! | device | lenses | microphone | known from |
//! |---|---|---|---|
//! | Even Realities G1 | text, bitmaps | LC3, 20 bytes | several drivers, and the firmware's behaviour |
//! | Even Realities G2 | text | LC3, 40 bytes | several drivers |
//! | Mentra Live | none | LC3, 40 bytes | its maker's apps |
//! | Mentra Nex | text | LC3, 40 bytes | its maker's specification |
//! | Brilliant Frame | text | PCM | its maker's documentation |
//! | Brilliant Halo | text | LC3, 40 bytes | its maker's documentation |
//! | Omi | none | Opus | its maker's firmware |
//! | Friend pendant | none | LC3, 30 bytes | one app |
//!
//! None of them was at hand: every driver is tested against packets that were recorded or published, and against
//! virtual glasses. The Vuzix Z100 is known and not supported ([`Registry::UNSUPPORTED`] says why).

mod arm;
#[cfg(all(feature = "btleplug", target_os = "linux"))]
mod bluez_pairing;
mod board;
#[cfg(feature = "btleplug")]
mod btleplug;
mod captions;
mod continuity;
mod devices;
mod discovery;
mod driver;
mod event;
mod lifecycle;
mod microphone;
mod model;
mod registry;
mod remembered;
mod screen;
mod telling;
#[cfg(test)]
mod test_data;
mod transport;
mod trouble;
pub mod virtual_glasses;
mod wire;

pub use arm::Arm;
pub use board::{Board, draw};
#[cfg(feature = "btleplug")]
pub use btleplug::BtleplugTransport;
pub use captions::{Captions, Metrics};
pub use discovery::{Found, Incomplete, discover};
pub use driver::{Action, Driver, Expect, Outcome, Received, ReplyKey, Step};
pub use event::{CaseState, Event, Gesture};
pub use lifecycle::{ArmState, ArmStatus, Glasses, GlassesState, MicrophoneState, Status};
pub use microphone::Microphone;
pub use model::{BitmapFormat, Display, MicrophoneModel, Model, TextArea};
pub use registry::{Device, Registry, Sighting, Unsupported};
pub use remembered::{Remembered, RememberedDevices, RememberedError};
pub use screen::{Bitmap, Screen, ShowError};
pub use telling::Telling;
pub use transport::{
    Advert, Link, LinkEvent, LinkListener, LossReason, PeripheralId, ScanListener, Transport, TransportError,
    WriteKind,
};
pub use trouble::Trouble;
