//! The same messages over HTTP, where WebSocket is blocked.

use std::fmt;
use std::str::{FromStr, Utf8Error};

use crate::{MAX_AUDIO_BYTES, MAX_TEXT_BYTES};

/// Messages to the relay are posted here, below the door's own path.
pub const HTTP_UP: &str = "/up";

/// Messages from the relay are asked for here.
pub const HTTP_DOWN: &str = "/down";

/// Where new credentials are shown for a session whose connection stays, below the door's own path.
pub const HTTP_RENEW: &str = "/renew";

/// Header of a request: which connection it is of.
pub const HTTP_CONNECTION: &str = "glasslink-connection";

/// Header of a request and of its answer: the place of either among those of its direction.
pub const HTTP_NUMBER: &str = "glasslink-number";

/// The header that names a session.
pub const HTTP_SESSION: &str = "glasslink-session";

/// What bodies are.
pub const HTTP_MEDIA_TYPE: &str = "application/vnd.glasslink.v1";

/// Most bytes of a body, either way: four messages of the largest size, or a second of a 60 s backlog.
pub const MAX_HTTP_BODY_BYTES: usize = 256 << 10;

/// Kind (u8) and length (u32, little-endian) of what follows.
const PART_HEADER: usize = 5;

/// The kinds are WebSocket's opcodes.
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

/// Which connection over HTTP a request belongs to: 128 random bits, 32 hexadecimal digits on the wire. Who knows it
/// and has the credentials may speak on it, so it is not shown whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HttpConnectionId(pub u128);

/// Text that is not a connection's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connection's id is 32 hexadecimal digits")]
pub struct HttpConnectionIdError;

/// A message in a body, or the end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpPart<'a> {
    Text(&'a str),
    Audio(&'a [u8]),
    /// Nothing follows it. With the code that WebSocket's close would have.
    Close(u16),
}

/// Why a body cannot be taken apart. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpPartError {
    /// The body ends within a part.
    #[error("the body ends within a message")]
    Truncated,
    /// A message is larger than [`MAX_TEXT_BYTES`] or [`MAX_AUDIO_BYTES`].
    #[error("a message of {0} bytes is too large")]
    TooLarge(usize),
    /// A text message is not UTF-8.
    #[error("a text message is not UTF-8")]
    Text(#[from] Utf8Error),
}

impl HttpPart<'_> {
    /// Bytes it takes in a body.
    pub fn size(&self) -> usize {
        PART_HEADER
            + match self {
                Self::Text(text) => text.len(),
                Self::Audio(message) => message.len(),
                Self::Close(_) => 2,
            }
    }

    /// Appends it to `body`.
    pub fn encode(&self, body: &mut Vec<u8>) {
        let code;
        let (kind, bytes) = match self {
            Self::Text(text) => (TEXT, text.as_bytes()),
            Self::Audio(message) => (BINARY, *message),
            Self::Close(number) => {
                code = number.to_le_bytes();
                (CLOSE, &code[..])
            }
        };
        body.push(kind);
        body.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        body.extend_from_slice(bytes);
    }

    /// The parts of `body`. Those of kinds that are not known are left out; nothing follows an error.
    pub fn parts(body: &[u8]) -> HttpParts<'_> {
        HttpParts { rest: body }
    }
}

/// What [`HttpPart::parts`] returns.
#[derive(Clone, Debug)]
pub struct HttpParts<'a> {
    rest: &'a [u8],
}

impl<'a> HttpParts<'a> {
    fn part(&mut self) -> Result<Option<HttpPart<'a>>, HttpPartError> {
        while !self.rest.is_empty() {
            let (header, after) =
                self.rest.split_first_chunk::<PART_HEADER>().ok_or(HttpPartError::Truncated)?;
            let [kind, length @ ..] = *header;
            let length = u32::from_le_bytes(length) as usize;
            let most = match kind {
                TEXT => MAX_TEXT_BYTES,
                BINARY => MAX_AUDIO_BYTES,
                _ => MAX_HTTP_BODY_BYTES,
            };
            if length > most {
                return Err(HttpPartError::TooLarge(length));
            }
            let (bytes, rest) = after.split_at_checked(length).ok_or(HttpPartError::Truncated)?;
            self.rest = rest;
            match kind {
                TEXT => return Ok(Some(HttpPart::Text(std::str::from_utf8(bytes)?))),
                BINARY => return Ok(Some(HttpPart::Audio(bytes))),
                CLOSE => {
                    let code = bytes.first_chunk().ok_or(HttpPartError::Truncated)?;
                    return Ok(Some(HttpPart::Close(u16::from_le_bytes(*code))));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

impl<'a> Iterator for HttpParts<'a> {
    type Item = Result<HttpPart<'a>, HttpPartError>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.part();
        if part.is_err() {
            self.rest = &[];
        }
        part.transpose()
    }
}

impl fmt::Display for HttpConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for HttpConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpConnectionId({:08x}..)", self.0 >> 96)
    }
}

impl FromStr for HttpConnectionId {
    type Err = HttpConnectionIdError;

    fn from_str(text: &str) -> Result<Self, HttpConnectionIdError> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(HttpConnectionIdError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| HttpConnectionIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[HttpPart<'_>]) -> Vec<u8> {
        let mut body = Vec::new();
        for part in parts {
            part.encode(&mut body);
        }
        assert_eq!(body.len(), parts.iter().map(HttpPart::size).sum::<usize>());
        body
    }

    #[test]
    fn a_body_is_taken_apart_as_it_was_put_together() {
        let parts = [HttpPart::Text("{}"), HttpPart::Audio(&[1, 2, 3]), HttpPart::Close(4409)];
        let body = body(&parts);
        let read: Result<Vec<_>, _> = HttpPart::parts(&body).collect();
        assert_eq!(read.unwrap(), parts);
        assert_eq!(HttpPart::parts(&[]).next(), None);
    }

    #[test]
    fn the_layout_is_kind_length_and_bytes() {
        assert_eq!(body(&[HttpPart::Text("hi")]), [1, 2, 0, 0, 0, b'h', b'i']);
        assert_eq!(body(&[HttpPart::Audio(&[9])]), [2, 1, 0, 0, 0, 9]);
        assert_eq!(body(&[HttpPart::Close(1000)]), [8, 2, 0, 0, 0, 0xE8, 3]);
    }

    #[test]
    fn a_body_cut_anywhere_is_an_error_at_its_end() {
        let whole = body(&[HttpPart::Text("one"), HttpPart::Audio(&[2; 40])]);
        let first = HttpPart::Text("one").size();
        for cut in (1..whole.len()).filter(|cut| *cut != first) {
            let read: Vec<_> = HttpPart::parts(&whole[..cut]).collect();
            assert_eq!(read.last(), Some(&Err(HttpPartError::Truncated)), "{cut}");
        }
    }

    #[test]
    fn kinds_of_tomorrow_are_passed_over() {
        let mut body = vec![77, 1, 0, 0, 0, 5];
        HttpPart::Text("after").encode(&mut body);
        assert_eq!(HttpPart::parts(&body).next(), Some(Ok(HttpPart::Text("after"))));
    }

    // SPEC P14.4
    #[test]
    fn messages_over_the_limits_and_text_that_is_none_are_refused() {
        let large = body(&[HttpPart::Audio(&vec![0; MAX_AUDIO_BYTES + 1])]);
        assert_eq!(HttpPart::parts(&large).next(), Some(Err(HttpPartError::TooLarge(MAX_AUDIO_BYTES + 1))));
        let mut parts = HttpPart::parts(&[1, 1, 0, 0, 0, 0xFF, 1, 0, 0, 0, 0]);
        assert!(matches!(parts.next(), Some(Err(HttpPartError::Text(_)))));
        assert_eq!(parts.next(), None);
    }

    #[test]
    fn a_connection_id_is_32_digits_and_not_shown_whole() {
        let id = HttpConnectionId(0xAB << 100 | 7);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(!format!("{id:?}").contains('7'));
        for wrong in ["", "7", "+0000000000000000000000000000007", &"f".repeat(33)] {
            assert_eq!(wrong.parse::<HttpConnectionId>(), Err(HttpConnectionIdError));
        }
    }
}
