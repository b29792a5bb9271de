use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::identity::Identity;

/// A token. Prints as `[redacted]`.
#[derive(Clone)]
pub(crate) struct Secret(String);

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) identity: Identity,
    /// When it expires.
    pub(crate) until: Option<Instant>,
}

/// Which tokens are valid, and whose they are.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    known: Vec<(Grant, [u8; 32])>,
}

impl Secret {
    pub(crate) fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Credentials {
    pub(crate) fn add(&mut self, grant: Grant, token: &Secret) {
        self.known.push((grant, digest(token.0.as_bytes())));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Who sent this `Authorization` header. Takes the same time for every token that is not known.
    pub(crate) fn identify(&self, authorization: Option<&[u8]>) -> Option<Grant> {
        if self.known.is_empty() {
            return Some(Grant { identity: Identity::Local, until: None });
        }
        let (scheme, token) = authorization?.split_at_checked("Bearer ".len())?;
        if !scheme.eq_ignore_ascii_case(b"Bearer ") {
            return None;
        }
        // Digests have one length, so that the comparison tells nothing about the token's.
        let offered = digest(token.trim_ascii());
        let mut found = None;
        for (grant, token) in &self.known {
            if bool::from(offered.ct_eq(token)) {
                found = Some(grant);
            }
        }
        let now = Instant::now();
        found.filter(|grant| grant.until.is_none_or(|until| now < until)).cloned()
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_is_known_by_its_identity_and_by_nothing_else() {
        let mut credentials = Credentials::default();
        let for_ever = |identity| Grant { identity, until: None };
        credentials.add(for_ever(Identity::Owner), &Secret::new("s3cret"));
        credentials.add(for_ever(Identity::Token("phone".into())), &Secret::new("other"));
        let identify = |header: &str| Some(credentials.identify(Some(header.as_bytes()))?.identity);
        assert_eq!(identify("Bearer s3cret"), Some(Identity::Owner));
        assert_eq!(identify("bearer other"), Some(Identity::Token("phone".into())));
        for wrong in ["Bearer s3cre", "Bearer s3crett", "Bearer ", "Basic s3cret", "s3cret", ""] {
            assert_eq!(identify(wrong), None, "{wrong:?}");
        }
        assert_eq!(credentials.identify(None), None);
    }

    #[test]
    fn without_tokens_everybody_is_local() {
        let grant = Credentials::default().identify(None);
        assert_eq!(grant, Some(Grant { identity: Identity::Local, until: None }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_expired_is_unknown() {
        let mut credentials = Credentials::default();
        let until = Some(Instant::now() + Duration::from_mins(1));
        credentials.add(Grant { identity: Identity::Owner, until }, &Secret::new("s3cret"));
        assert!(credentials.identify(Some(b"Bearer s3cret")).is_some());
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(credentials.identify(Some(b"Bearer s3cret")), None);
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("s3cret")), "[redacted]");
    }
}
