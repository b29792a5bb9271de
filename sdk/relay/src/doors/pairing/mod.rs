//! Where devices are paired and have their tokens: `/v1/pair` and `/v1/token` (SPEC.md, section 15).

mod code;
mod exchanges;
mod requests;

pub(crate) use exchanges::Exchanges;
pub(crate) use requests::routes;
