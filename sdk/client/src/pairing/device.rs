use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use glasslink_protocol::Cause;
use glasslink_protocol::pairing::{TOKEN, TokenResponse};
use tokio::time::Instant;

use crate::connection::{Answer, Connector, Failure, post};
use crate::credentials::{Credentials, CredentialsError, Token, TokenFuture};

/// Between two refusals after which a token is fetched anew: a relay that refuses what it gave is not asked in a circle.
const PAUSE: Duration = Duration::from_secs(10);

/// Tokens for the key of a paired device. The last is given as long as it is good.
pub(crate) struct DeviceCredentials {
    connector: Connector,
    key: Token,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    token: Option<Token>,
    refused: Option<Instant>,
}

/// Why a token could not be fetched: what the connection to the relay failed of.
#[derive(Debug)]
pub(crate) struct TokenFailure(pub(crate) Failure);

impl DeviceCredentials {
    /// `connector`: without credentials.
    pub(crate) fn new(connector: Connector, key: Token) -> Self {
        Self { connector, key, last: Mutex::default() }
    }

    async fn fetch(&self) -> Result<Token, CredentialsError> {
        let unavailable = |failure| CredentialsError::Unavailable(Box::new(TokenFailure(failure)));
        let malformed = |detail: String| unavailable(Failure::new(Cause::ProtocolError, &detail));
        let asked = post(&self.connector, TOKEN, Some(self.key.header()), Bytes::new()).await;
        let Answer { status, retry_after, body } = asked.map_err(unavailable)?;
        match status {
            200 => {}
            401 => return Err(CredentialsError::SignInNeeded),
            status => {
                let failure = Failure::new(Cause::from_http_status(status), "no token");
                return Err(unavailable(Failure { retry_after, ..failure }));
            }
        }
        let TokenResponse { token, expires_in_ms } =
            serde_json::from_slice(&body).map_err(|error| malformed(error.to_string()))?;
        let token = Token::new(&token).map_err(|error| malformed(error.to_string()))?;
        let token = token.expires_in(Duration::from_millis(expires_in_ms));
        self.last().token = Some(token.clone());
        Ok(token)
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Credentials for DeviceCredentials {
    fn token(&self) -> TokenFuture<'_> {
        let known = self.last().token.clone();
        let is_good = |token: &Token| token.renew_at().is_none_or(|at| Instant::now() < at);
        match known.filter(is_good) {
            Some(token) => Box::pin(std::future::ready(Ok(token))),
            None => Box::pin(self.fetch()),
        }
    }

    /// The relay may have lost what it signs with; whether it still knows the device, it says to its key.
    fn refused(&self) -> bool {
        let mut last = self.last();
        let is_new = last.refused.replace(Instant::now()).is_none_or(|refused| refused.elapsed() > PAUSE);
        last.token.take().is_some() && is_new
    }
}

impl fmt::Display for TokenFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for TokenFailure {}
