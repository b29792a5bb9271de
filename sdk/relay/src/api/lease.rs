use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::convert::Infallible;
use tokio::sync::watch;
use tokio::time::Instant;

/// What keeps a request alive that takes longer than others: an answer that goes on renews it with every piece that
/// is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lease(Option<watch::Sender<Instant>>);

impl Lease {
    pub(crate) fn new(asked: watch::Sender<Instant>) -> Self {
        Self(Some(asked))
    }

    pub(crate) fn renew(&self) {
        if let Some(asked) = &self.0 {
            asked.send_replace(Instant::now());
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Lease {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
