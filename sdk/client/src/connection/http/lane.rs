use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glasslink_protocol::{
    Cause, HTTP_CONNECTION, HTTP_MEDIA_TYPE, HTTP_NUMBER, HttpConnectionId, MAX_HTTP_BODY_BYTES,
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use crate::connection::{Connector, Failure};

/// Times a request is sent before its connection is given up: once more on the TCP connection of its own that the
/// first failure asks for, and once more after a pause.
const TRIES: u32 = 3;

const PAUSE: Duration = Duration::from_millis(250);

/// What the requests of a connection have in common.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) connector: Arc<Connector>,
    pub(super) id: HttpConnectionId,
}

/// One request after the other, on a TCP connection that is opened anew when it broke.
pub(super) struct Lane {
    door: Door,
    /// Below the door's own path.
    path: &'static str,
    /// Of the last request.
    number: u64,
    wire: Option<OpenWire>,
}

pub(super) struct OpenWire {
    sender: SendRequest<Full<Bytes>>,
    driving: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Why there is no answer.
enum Trouble {
    /// The TCP connection broke: the request is sent again, under the same number.
    Broken(Failure),
    Refused(Failure),
}

impl Lane {
    pub(super) fn new(door: Door, path: &'static str) -> Self {
        Self { door, path, number: 0, wire: None }
    }

    /// Opens the TCP connection before there is something to ask.
    pub(super) async fn open(&mut self) -> Result<(), Failure> {
        self.wire = Some(OpenWire::open(&self.door.connector).await?);
        Ok(())
    }

    /// Sends `body` under the next number, and waits for the answer's.
    pub(super) async fn ask(mut self, body: Bytes) -> (Self, Result<Bytes, Failure>) {
        self.number += 1;
        let mut tries = 1;
        loop {
            match self.try_once(body.clone()).await {
                Ok(answer) => return (self, Ok(answer)),
                Err(Trouble::Refused(failure)) => return (self, Err(failure)),
                Err(Trouble::Broken(failure)) if tries == TRIES => return (self, Err(failure)),
                Err(Trouble::Broken(failure)) => {
                    tracing::debug!(detail = %failure.detail, "request sent again");
                    self.wire = None;
                }
            }
            if tries > 1 {
                tokio::time::sleep(PAUSE).await;
            }
            tries += 1;
        }
    }

    async fn try_once(&mut self, body: Bytes) -> Result<Bytes, Trouble> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => OpenWire::open(&self.door.connector).await.map_err(Trouble::Broken)?,
        };
        let request = self.request(body).map_err(Trouble::Refused)?;
        let (response, is_open) = wire.exchange(request).await;
        let (response, answer) = response.map_err(Trouble::Broken)?;
        self.wire = is_open.then_some(wire);
        self.check(&response).map_err(Trouble::Refused)?;
        Ok(answer)
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
        let uri = self.door.connector.address.uri();
        let mut request = Request::post(format!("{}{}", uri.path(), self.path))
            .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
            .header(CONTENT_TYPE, HTTP_MEDIA_TYPE)
            .header(CACHE_CONTROL, "no-store")
            .header(HTTP_CONNECTION, self.door.id.to_string())
            .header(HTTP_NUMBER, self.number);
        if let Some(authorization) = self.door.connector.held.header() {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Full::new(body)).map_err(|error| Failure::new(Cause::ProtocolError, &error))
    }

    fn check(&self, response: &Response<()>) -> Result<(), Failure> {
        let status = response.status();
        let number =
            response.headers().get(HTTP_NUMBER).and_then(|number| number.to_str().ok()?.parse().ok());
        match status {
            StatusCode::OK | StatusCode::NO_CONTENT if number == Some(self.number) => Ok(()),
            StatusCode::OK | StatusCode::NO_CONTENT if number.is_some() => {
                Err(Failure::new(Cause::ProtocolError, "the answer is to another request"))
            }
            _ => Err(Failure::request(status.as_u16(), response.headers(), self.number == 1)),
        }
    }
}

impl OpenWire {
    pub(super) async fn open(connector: &Connector) -> Result<Self, Failure> {
        let wire = connector.wire().await?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(wire)).await.map_err(|error| Failure::http(&error))?;
        let driving = Box::pin(async move {
            // What went wrong the request knows, too.
            let _ = connection.await;
        });
        Ok(Self { sender, driving })
    }

    /// The answer and its body; whether another request may follow on the same TCP connection.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> (Result<(Response<()>, Bytes), Failure>, bool) {
        let sender = &mut self.sender;
        let mut answer = pin!(async move {
            let failed = |error: hyper::Error| Failure::http(&error);
            sender.ready().await.map_err(failed)?;
            let response = sender.send_request(request).await.map_err(failed)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_HTTP_BODY_BYTES).collect().await;
            let body = body.map_err(|error| Failure::cut_off(error.as_ref()))?;
            Ok((Response::from_parts(head, ()), body.to_bytes()))
        });
        tokio::select! {
            biased;
            answer = &mut answer => return (answer, true),
            () = &mut self.driving => {}
        }
        // The last answer may be there although the connection is over.
        (answer.await, false)
    }
}
