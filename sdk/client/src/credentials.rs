use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// What a relay knows its client by. Sent as `Authorization: Bearer`, and nowhere else; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    header: HeaderValue,
    expires: Option<Expiry>,
}

/// How long a token is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Expiry {
    at: Instant,
    lasts: Duration,
}

/// A token is visible ASCII without spaces, 4,096 characters at most: check that it was copied whole and alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is one word of visible ASCII characters: check that it was copied whole and alone")]
pub struct TokenError;

/// Gives the token for each connection attempt, and the next one before a token [`expires`](Token::expires_in): it is
/// shown to the relay while the link is live, without losing connection or frame.
///
/// Implemented by [`Token`] itself and by functions that return a future of one. It is part of the attempt, whose time
/// it shares (10 s by default).
pub trait Credentials: Send + Sync + 'static {
    fn token(&self) -> TokenFuture<'_>;

    /// The relay refused the last token. `true` where another one may be better: it is asked for at once, and the link
    /// is not refused. Said without reason it would be asked for without end.
    fn refused(&self) -> bool {
        false
    }
}

/// What [`Credentials::token`] returns.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Token, CredentialsError>> + Send + 'a>>;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The service that issues tokens is out of reach or fails; it is asked again at the next attempt.
    #[error("the credentials could not be obtained: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Somebody has to sign in again; call [`Link::credentials_changed`](crate::Link::credentials_changed) then.
    #[error("somebody has to sign in again")]
    SignInNeeded,
}

/// Somebody who issues tokens may be out of reach for a while.
const RENEW_EARLY: Duration = Duration::from_mins(1);

const MAX_TOKEN_BYTES: usize = 4_096;

impl Token {
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let fits = (1..=MAX_TOKEN_BYTES).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError);
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| TokenError)?;
        header.set_sensitive(true);
        Ok(Self { header, expires: None })
    }

    /// The relay takes it for this long from now.
    #[must_use]
    pub fn expires_in(mut self, lasts: Duration) -> Self {
        self.expires = Some(Expiry { at: Instant::now() + lasts, lasts });
        self
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// When to ask for the next one: before it expires by a fifth of its time, a minute at most.
    pub(crate) fn renew_at(&self) -> Option<Instant> {
        self.expires.map(|Expiry { at, lasts }| at - (lasts / 5).min(RENEW_EARLY))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Credentials for Token {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

impl<F, T> Credentials for F
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<Token, CredentialsError>> + Send + 'static,
{
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(self())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SPEC P15.2
    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new("s3cret").unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_a_header_is_no_token() {
        for text in ["", "two words", "line\r\nbreak: x", "größe", &"x".repeat(5_000)] {
            assert_eq!(Token::new(text), Err(TokenError));
        }
    }
}
