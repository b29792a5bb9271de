use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use glasslink_protocol::{
    Cause, CloseCode, HTTP_DOWN, HTTP_UP, HttpConnectionId, HttpPart, MAX_HTTP_BODY_BYTES,
};

use super::lane::{Door, Lane};
use crate::connection::socket::{CLOSE_TIMEOUT, MAX_UNSENT};
use crate::connection::{Connector, Failure, Incoming};

/// A connection over HTTP that one task drives. Each direction has one request under way at a time: what is sent
/// meanwhile shares the next one.
pub(crate) struct HttpSocket {
    up: Half,
    down: Half,
    /// The relay knows the connection, so that it may be polled.
    known: bool,
    unsent: VecDeque<Message>,
    unsent_bytes: usize,
    came: VecDeque<Incoming>,
    ended: Option<Failure>,
}

enum Message {
    Text(String),
    Audio(Bytes),
    Close(CloseCode),
}

/// A request under way, and the lane for the next one.
type Request = Pin<Box<dyn Future<Output = (Lane, Result<Bytes, Failure>)> + Send>>;

enum Half {
    Idle(Lane),
    Busy(Request),
    Over,
}

impl HttpSocket {
    /// Reaches the relay; that it is one, the first answer shows.
    pub(crate) async fn open(connector: &Arc<Connector>, id: HttpConnectionId) -> Result<Self, Failure> {
        let door = Door { connector: Arc::clone(connector), id };
        let (mut up, mut down) = (Lane::new(door.clone(), HTTP_UP), Lane::new(door, HTTP_DOWN));
        tokio::try_join!(up.open(), down.open())?;
        Ok(Self {
            up: Half::Idle(up),
            down: Half::Idle(down),
            known: false,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            came: VecDeque::new(),
            ended: None,
        })
    }

    pub(crate) fn send_text(&mut self, text: String) -> Result<(), Failure> {
        self.queue(Message::Text(text))
    }

    pub(crate) fn send_audio(&mut self, message: Bytes) -> Result<(), Failure> {
        self.queue(Message::Audio(message))
    }

    fn queue(&mut self, message: Message) -> Result<(), Failure> {
        self.unsent_bytes += message.part().size();
        self.unsent.push_back(message);
        if self.unsent_bytes > MAX_UNSENT {
            return Err(Failure::new(Cause::Stalled, "the connection takes nothing"));
        }
        Ok(())
    }

    pub(crate) fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, Failure>> {
        loop {
            if let Some(incoming) = self.came.pop_front() {
                return Poll::Ready(Ok(incoming));
            }
            if let Some(failure) = self.ended.clone() {
                return Poll::Ready(Err(failure));
            }
            // What the relay said is worth more than that it hung up.
            let down = self.poll_down(cx);
            if down.is_pending() && self.poll_up(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Ready when something came of it.
    fn poll_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.up, Half::Idle(_)) && !self.unsent.is_empty() {
            let body = self.body();
            self.up.ask(body);
        }
        match self.up.poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(_)) => {
                self.known = true;
                self.came.push_back(Incoming::Traffic);
            }
            // The relay closed the connection, and the poll that is under way says why.
            Poll::Ready(Err(failure)) if failure.is_over && self.known => {}
            Poll::Ready(Err(failure)) => self.ended = Some(failure),
        }
        Poll::Ready(())
    }

    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.down, Half::Idle(_)) && self.known {
            self.down.ask(Bytes::new());
        }
        match self.down.poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(body)) => self.take(&body),
            Poll::Ready(Err(failure)) => self.ended = Some(failure),
        }
        Poll::Ready(())
    }

    fn take(&mut self, body: &Bytes) {
        self.came.push_back(Incoming::Traffic);
        for part in HttpPart::parts(body) {
            match part {
                Ok(HttpPart::Text(text)) => self.came.push_back(Incoming::Text(text.into())),
                Ok(HttpPart::Audio(_)) => {}
                Ok(HttpPart::Close(code)) => {
                    self.ended = Some(Failure::new(CloseCode::cause(code), &code));
                    return;
                }
                Err(error) => {
                    self.ended = Some(Failure::new(Cause::ProtocolError, &error));
                    return;
                }
            }
        }
    }

    /// As many messages as a request takes.
    fn body(&mut self) -> Bytes {
        let mut body = Vec::new();
        while let Some(message) = self.unsent.front() {
            let part = message.part();
            if !body.is_empty() && body.len() + part.size() > MAX_HTTP_BODY_BYTES {
                break;
            }
            part.encode(&mut body);
            self.unsent_bytes -= part.size();
            self.unsent.pop_front();
        }
        body.into()
    }

    /// Sends what is queued and the close, and waits until the relay took it: a second at most.
    pub(crate) async fn close(mut self, code: CloseCode) {
        self.unsent.push_back(Message::Close(code));
        self.unsent_bytes += Message::Close(code).part().size();
        let goodbye = poll_fn(|cx| {
            while self.ended.is_none() && self.up.is_wanted(!self.unsent.is_empty()) {
                if self.poll_up(cx).is_pending() {
                    return Poll::Pending;
                }
            }
            Poll::Ready(())
        });
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await;
    }
}

impl Message {
    fn part(&self) -> HttpPart<'_> {
        match self {
            Self::Text(text) => HttpPart::Text(text),
            Self::Audio(message) => HttpPart::Audio(message),
            Self::Close(code) => HttpPart::Close(code.code()),
        }
    }
}

impl Half {
    fn ask(&mut self, body: Bytes) {
        *self = match std::mem::replace(self, Self::Over) {
            Self::Idle(lane) => Self::Busy(Box::pin(lane.ask(body))),
            other => other,
        };
    }

    /// Whether it has something to do yet, given that there is more to ask.
    fn is_wanted(&self, more: bool) -> bool {
        match self {
            Self::Idle(_) => more,
            Self::Busy(_) => true,
            Self::Over => false,
        }
    }

    /// Nothing more follows a failure.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Failure>> {
        let Self::Busy(request) = self else { return Poll::Pending };
        request.as_mut().poll(cx).map(|(lane, answer)| {
            *self = if answer.is_ok() { Self::Idle(lane) } else { Self::Over };
            answer
        })
    }
}
