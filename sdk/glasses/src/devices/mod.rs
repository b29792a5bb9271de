//! One module a device. A new one is added to [`ALL`], and nowhere else.

use std::sync::Arc;

use crate::Device;

mod brilliant;
mod even_g1;
mod even_g2;
mod friend;
mod mentra;
mod omi;

/// Every device with a driver.
pub(crate) const ALL: &[fn() -> Arc<dyn Device>] = &[
    || Arc::new(even_g1::EvenG1),
    || Arc::new(even_g2::EvenG2),
    || Arc::new(mentra::MentraLive),
    || Arc::new(mentra::MentraNex),
    || Arc::new(brilliant::Frame),
    || Arc::new(brilliant::Halo),
    || Arc::new(omi::Omi),
    || Arc::new(friend::Friend),
];
