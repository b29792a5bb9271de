use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glasslink_protocol::{Cause, SessionId};
use glasslink_session::defaults::CONNECT_TIMEOUT;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::http::renew;
use super::{Connector, Failure};
use crate::credentials::Token;

/// Between two tries to renew.
const PAUSE: Duration = Duration::from_secs(5);

/// The last token.
#[derive(Default)]
pub(crate) struct Held(Mutex<Option<Token>>);

impl Held {
    pub(super) fn hold(&self, token: Token) -> HeaderValue {
        let header = token.header();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        header
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.look(Token::header)
    }

    fn renew_at(&self) -> Option<Instant> {
        self.look(Token::renew_at).flatten()
    }

    fn look<T>(&self, look: impl FnOnce(&Token) -> T) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }
}

/// Renews the credentials of an open connection before they expire, and when `changed` says that there are new ones.
pub(crate) async fn keep_renewed(
    connector: Arc<Connector>,
    session: SessionId,
    changed: Arc<Notify>,
) -> Infallible {
    let mut due = connector.held.renew_at();
    loop {
        let wait = async {
            match due {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = changed.notified() => {}
            () = wait => {}
        }
        // Whoever gives the same token again is not asked in a circle.
        let soon = Instant::now() + PAUSE;
        due = match once(&connector, session).await {
            Ok(()) => connector.held.renew_at().map(|at| at.max(soon)),
            Err(failure) => {
                tracing::debug!(cause = failure.cause.code(), detail = %failure.detail, "credentials not renewed");
                // Somebody has to act first; until then the old ones may last.
                let refused = matches!(failure.cause, Cause::Unauthorized | Cause::Forbidden);
                (!refused).then_some(soon)
            }
        };
    }
}

async fn once(connector: &Connector, session: SessionId) -> Result<(), Failure> {
    let attempt = async {
        match connector.authorization().await? {
            Some(authorization) => renew(connector, session, authorization).await,
            None => Ok(()),
        }
    };
    let late = |_| Failure::new(Cause::Timeout, "the credentials were not renewed in time");
    timeout(CONNECT_TIMEOUT, attempt).await.map_err(late)?
}
