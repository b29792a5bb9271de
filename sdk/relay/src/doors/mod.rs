//! One folder for each protocol that is spoken here.

pub(crate) mod link;
pub(crate) mod pairing;
