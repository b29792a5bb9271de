use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;
use hyper::header::HeaderValue;
use thiserror::Error;

use crate::engine::EngineError;
use crate::outgoing::{Bounds, Origin, Outgoing, Trust};

/// A connection over a bad mobile link takes 5 s.
const CONNECT: Duration = Duration::from_secs(10);

/// A processor without help takes this long for 15 s of speech; people wait no longer anyhow.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Fifteen seconds of speech with all that is known of each word have 20 KiB.
const BODY: usize = 1 << 20;

/// Where a remote engine is, and what it is to be told.
///
/// ```
/// use glasslink_asr::{Deepgram, Engine, Remote};
///
/// let remote = Remote::at("https://api.deepgram.com").key_file("/etc/glasslink/deepgram.key").model("nova-3");
/// let engine = Deepgram::new(&remote)?;
/// assert_eq!(engine.host(), Some("api.deepgram.com"));
/// # Ok::<(), glasslink_asr::RemoteError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Remote {
    pub(crate) name: Option<String>,
    url: String,
    key: Key,
    pub(crate) model: Option<String>,
    pub(crate) language: Option<String>,
    private: bool,
    authorities: Vec<u8>,
    pub(crate) timeout: Duration,
}

#[derive(Clone)]
enum Key {
    None,
    Text(String),
    File(PathBuf),
}

/// Why there can be no such engine. Correct the setting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// Write it as `https://api.example`, without credentials in it.
    #[error("{0:?} is not the address of a speech engine: write it as https://api.example")]
    Address(String),
    /// The authorities are not certificates in PEM form.
    #[error("not the certificate of an authority: {0}")]
    Authorities(String),
}

impl Remote {
    /// The engine at `url`. No other place is ever asked, and no redirect followed.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            name: None,
            url: url.into(),
            key: Key::None,
            model: None,
            language: None,
            private: false,
            authorities: Vec::new(),
            timeout: TIMEOUT,
        }
    }

    /// What people call it; its host by default.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The key it wants.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Key::Text(key.into());
        self
    }

    /// The file that its key is in, read for every connection: a key that is replaced counts at once.
    #[must_use]
    pub fn key_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.key = Key::File(file.into());
        self
    }

    /// The model it is to use.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The language that is spoken, such as `en`; the engine's choice by default.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Allows it to be on this machine or in its network, encrypted or not. Never link-local: clouds keep their
    /// credentials there.
    #[must_use]
    pub fn allow_private(mut self, allow: bool) -> Self {
        self.private = allow;
        self
    }

    /// Authorities to trust beyond those of this machine, as PEM.
    #[must_use]
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities = pem.into();
        self
    }

    /// How long it may take over an answer; 20 s by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The place, with `suffix` at the end of its path.
    pub(crate) fn site(&self, suffix: &str) -> Result<Site, RemoteError> {
        let malformed = || RemoteError::Address(shown(&self.url));
        let url = self.url.trim().trim_end_matches('/');
        let url = if url.ends_with(suffix) { url.to_owned() } else { format!("{url}{suffix}") };
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        let origin = Origin::of(&uri).map_err(|_| malformed())?;
        if uri.query().is_some() {
            return Err(malformed());
        }
        let trust = if self.authorities.is_empty() {
            Trust::default()
        } else {
            Trust::with_authorities(&self.authorities).map_err(RemoteError::Authorities)?
        };
        let bounds = Bounds { connect: CONNECT, answer: self.timeout, body: BODY };
        let host = (!origin.is_this_machine()).then(|| origin.host().to_owned());
        let name = self.name.clone().unwrap_or_else(|| origin.host().to_owned());
        let outgoing = Outgoing::new(vec![origin], self.private, bounds, trust);
        Ok(Site { name, uri, host, outgoing, key: self.key.clone(), timeout: self.timeout })
    }
}

/// The address as an error may show it: what might be a password is not.
fn shown(url: &str) -> String {
    url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, rest)| format!("...@{rest}"))
}

/// A remote engine's place, and the way there.
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) uri: Uri,
    /// `None` for this machine.
    pub(crate) host: Option<String>,
    pub(crate) outgoing: Outgoing,
    key: Key,
    pub(crate) timeout: Duration,
}

impl Site {
    /// The header `Authorization`, if there is a key.
    pub(crate) fn authorization(&self, scheme: &str) -> Result<Option<HeaderValue>, EngineError> {
        let misconfigured = |detail: String| EngineError::Misconfigured {
            detail,
            remedy: "put the engine's key, and nothing else, into its key file".to_owned(),
        };
        let key = match &self.key {
            Key::None => return Ok(None),
            Key::Text(key) => key.clone(),
            Key::File(path) => std::fs::read_to_string(path).map_err(|error| {
                misconfigured(format!("its key file {} cannot be read: {error}", path.display()))
            })?,
        };
        let value = HeaderValue::from_str(&format!("{scheme} {}", key.trim()));
        let mut value = value.map_err(|_| misconfigured("its key is not a key".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Text(_) => f.write_str("[redacted]"),
            Self::File(path) => path.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_print_and_neither_does_a_password_in_an_address() {
        let remote = Remote::at("https://name:s3cret@api.example").key("s3cret");
        assert!(!format!("{:?}", remote.key).contains("s3cret"));
        let error = remote.site("").err().unwrap();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn a_key_that_was_replaced_counts_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let site = Remote::at("https://api.example").key_file(file.path()).site("").unwrap();
        for key in ["first", "second"] {
            std::fs::write(file.path(), format!("{key}\n")).unwrap();
            let header = site.authorization("Token").unwrap().unwrap();
            assert_eq!(header, format!("Token {key}"));
        }
        std::fs::remove_file(file.path()).unwrap();
        assert!(matches!(site.authorization("Token"), Err(EngineError::Misconfigured { .. })));
    }

    #[test]
    fn speech_stays_here_only_where_the_address_can_be_nowhere_else() {
        let host = |url: &str| Remote::at(url).site("").unwrap().host;
        assert_eq!(host("http://127.0.0.1:8000"), None);
        assert_eq!(host("http://[::1]:8000"), None);
        assert_eq!(host("http://localhost:8000").as_deref(), Some("localhost"));
        assert_eq!(host("http://10.0.0.2:8000").as_deref(), Some("10.0.0.2"));
    }
}
