use bytes::Bytes;
use glasslink_protocol::{Cause, HTTP_RENEW, HTTP_SESSION, SessionId};
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, StatusCode};

use super::lane::OpenWire;
use crate::connection::{Connector, Failure};

/// Shows the relay other credentials for the connection that `session` has.
pub(crate) async fn renew(
    connector: &Connector,
    session: SessionId,
    authorization: HeaderValue,
) -> Result<(), Failure> {
    let uri = connector.address.uri();
    let request = Request::post(format!("{}{HTTP_RENEW}", uri.path()))
        .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
        .header(HTTP_SESSION, session.to_string())
        .header(AUTHORIZATION, authorization)
        .body(Full::new(Bytes::new()))
        .map_err(|error| Failure::new(Cause::ProtocolError, &error))?;
    let (answer, _) = OpenWire::open(connector).await?.exchange(request).await;
    let (response, _) = answer?;
    match response.status() {
        StatusCode::NO_CONTENT => Ok(()),
        status => Err(Failure::request(status.as_u16(), response.headers(), true)),
    }
}
