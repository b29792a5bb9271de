#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod any;
pub(crate) mod golden;
pub(crate) mod samples;
