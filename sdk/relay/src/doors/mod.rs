//! One folder for each protocol that is spoken here.

pub(crate) mod app;
pub(crate) mod deepgram;
pub(crate) mod fed;
pub(crate) mod link;
pub(crate) mod mentra;
pub(crate) mod omi;
pub(crate) mod pairing;
