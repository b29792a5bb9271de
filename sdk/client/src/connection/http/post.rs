use std::time::Duration;

use bytes::Bytes;
use glasslink_protocol::Cause;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};

use super::lane::OpenWire;
use crate::connection::failure::retry_after;
use crate::connection::{Connector, Failure};

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// One request beside the link's door, on a connection of its own.
pub(crate) async fn post(
    connector: &Connector,
    path: &str,
    authorization: Option<HeaderValue>,
    body: Bytes,
) -> Result<Answer, Failure> {
    let mut request = Request::post(connector.address.beside(path))
        .header(HOST, connector.address.uri().authority().map_or("", |authority| authority.as_str()))
        .header(CONTENT_TYPE, "application/json");
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request =
        request.body(Full::new(body)).map_err(|error| Failure::new(Cause::ProtocolError, &error))?;
    let (answer, _) = OpenWire::open(connector).await?.exchange(request).await;
    let (response, body) = answer?;
    let retry_after = retry_after(response.headers());
    Ok(Answer { status: response.status().as_u16(), retry_after, body })
}
