use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use glasslink::{Credentials, CredentialsError, Token, TokenFuture};

/// A token, and how long the relay takes it.
#[derive(Clone, uniffi::Record)]
pub struct AccessToken {
    pub text: String,
    /// The next one is asked for before this is over, without losing connection or frame.
    #[uniffi(default)]
    pub expires_in: Option<Duration>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum TokenError {
    /// The service that issues tokens is out of reach or fails; it is asked again at the next attempt.
    #[error("{reason}")]
    Unavailable { reason: String },
    /// Somebody has to sign in again; call `credentials_changed` then.
    #[error("somebody has to sign in again")]
    SignInNeeded,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for TokenError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unavailable { reason: error.reason }
    }
}

/// Gives the token for each connection attempt, and the next one before a token expires.
///
/// It is part of the attempt, whose time it shares.
#[uniffi::export(foreign)]
#[async_trait]
pub trait TokenProvider: Send + Sync {
    async fn token(&self) -> Result<AccessToken, TokenError>;
}

/// The core's side of a provider.
pub(crate) struct Provided(pub(crate) Arc<dyn TokenProvider>);

impl Credentials for Provided {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async {
            let given = self.0.token().await.map_err(|error| match error {
                TokenError::SignInNeeded => CredentialsError::SignInNeeded,
                TokenError::Unavailable { .. } => CredentialsError::Unavailable(Box::new(error)),
            })?;
            let token =
                Token::new(&given.text).map_err(|error| CredentialsError::Unavailable(Box::new(error)))?;
            Ok(match given.expires_in {
                Some(lasts) => token.expires_in(lasts),
                None => token,
            })
        })
    }
}
