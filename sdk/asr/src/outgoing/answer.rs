use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{Origin, Outgoing, OutgoingError};

/// The body of a request, sent as it is.
pub type Body = Full<Bytes>;

/// Headers an answer may have, and their bytes.
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 16 << 10;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// How long the other side asks to be left alone.
    pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
        let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

impl Outgoing {
    /// Sends `request`, whose address is absolute, on a connection of its own.
    pub async fn request(&self, request: Request<Body>) -> Result<Answer, OutgoingError> {
        let (origin, wire) = self.open(request.uri()).await?;
        let within = self.bounds.answer;
        match timeout(within, self.exchange(&origin, TokioIo::new(wire), request)).await {
            Ok(answer) => answer,
            Err(_) => Err(OutgoingError::Timeout { origin: origin.to_string(), within }),
        }
    }

    async fn exchange(
        &self,
        origin: &Origin,
        wire: TokioIo<super::connection::Wire>,
        mut request: Request<Body>,
    ) -> Result<Answer, OutgoingError> {
        let broken =
            |error: hyper::Error| OutgoingError::Broken { origin: origin.to_string(), detail: words(&error) };
        let host = HeaderValue::from_str(&origin.authority()).map_err(|_| OutgoingError::Malformed)?;
        request.headers_mut().insert(HOST, host);
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse().map_err(|_| OutgoingError::Malformed)?;
        let mut http = http1::Builder::new();
        let (mut sender, connection) =
            http.max_headers(HEADERS).max_buf_size(HEADER_BYTES).handshake(wire).await.map_err(broken)?;
        let answer = async {
            let answer = sender.send_request(request).await.map_err(broken)?;
            if answer.status().is_redirection() {
                return Err(OutgoingError::Redirected { origin: origin.to_string() });
            }
            let (head, mut rest) = answer.into_parts();
            let mut body = Vec::new();
            while let Some(frame) = rest.frame().await {
                let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
                if body.len() + data.len() > self.bounds.body {
                    return Err(OutgoingError::TooLarge {
                        origin: origin.to_string(),
                        most: self.bounds.body,
                    });
                }
                body.extend_from_slice(&data);
            }
            Ok(Answer { status: head.status, headers: head.headers, body: body.into() })
        };
        // It moves the bytes; who asked gets what went wrong.
        let moving = async {
            let _ = connection.await;
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            answer = answer => answer,
            never = moving => match never {},
        }
    }
}

fn words(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
