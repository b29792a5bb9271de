use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use glasslink_protocol::CloseCode;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::open::Wire;
use super::socket::{CLOSE_TIMEOUT, MAX_UNSENT};
use super::{Failure, Incoming};
use glasslink_protocol::Cause;

/// A WebSocket that is read and written by one task, neither waiting for the other.
pub(crate) struct WebSocket {
    stream: WebSocketStream<Box<dyn Wire>>,
    unsent: VecDeque<Message>,
    unsent_bytes: usize,
    unflushed: bool,
}

impl WebSocket {
    pub(crate) fn new(stream: WebSocketStream<Box<dyn Wire>>) -> Self {
        Self { stream, unsent: VecDeque::new(), unsent_bytes: 0, unflushed: false }
    }

    pub(crate) fn send_text(&mut self, text: String) -> Result<(), Failure> {
        self.queue(Message::Text(text.into()))
    }

    pub(crate) fn send_audio(&mut self, message: Bytes) -> Result<(), Failure> {
        self.queue(Message::Binary(message))
    }

    fn queue(&mut self, message: Message) -> Result<(), Failure> {
        self.unsent_bytes += message.len();
        self.unsent.push_back(message);
        if self.unsent_bytes > MAX_UNSENT {
            return Err(Failure::new(Cause::Stalled, "the connection takes nothing"));
        }
        Ok(())
    }

    /// Moves bytes in both directions until something came in or nothing moves.
    pub(crate) fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, Failure>> {
        if let Poll::Ready(incoming) = self.poll_read(cx) {
            return Poll::Ready(incoming);
        }
        let written = self.poll_write(cx);
        // What the relay said before it hung up is worth more than that it did; reading also queues pongs.
        if let Poll::Ready(incoming) = self.poll_read(cx) {
            return Poll::Ready(incoming);
        }
        match written {
            Poll::Ready(Err(failure)) => Poll::Ready(Err(failure)),
            _ => Poll::Pending,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, Failure>> {
        Pin::new(&mut self.stream).poll_next(cx).map(|message| match message {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text)),
            Some(Ok(Message::Close(frame))) => Err(Failure::closed(frame.as_ref())),
            Some(Ok(message)) => {
                // A ping's answer lies in the stream and wants to go out.
                self.unflushed |= matches!(message, Message::Ping(_));
                Ok(Incoming::Traffic)
            }
            Some(Err(error)) => Err(Failure::websocket(&error)),
            None => Err(Failure::ended()),
        })
    }

    /// Ready when everything is out.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let failed = |error| Failure::websocket(&error);
        while !self.unsent.is_empty() {
            match Pin::new(&mut self.stream).poll_ready(cx).map_err(failed) {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
            if let Some(message) = self.unsent.pop_front() {
                self.unsent_bytes -= message.len();
                self.unflushed = true;
                Pin::new(&mut self.stream).start_send(message).map_err(failed)?;
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(cx).map_err(failed) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether messages get through, and not only the upgrade: asks the relay and waits for its answer.
    pub(crate) async fn prove(mut self) -> Result<Self, Failure> {
        self.queue(Message::Ping(Bytes::new()))?;
        std::future::poll_fn(|cx| self.poll_incoming(cx)).await?;
        Ok(self)
    }

    /// Sends what is queued and the close, and waits for the relay's: a second at most.
    pub(crate) async fn close(mut self, code: CloseCode) {
        let frame = CloseFrame { code: code.code().into(), reason: Utf8Bytes::default() };
        self.unsent.push_back(Message::Close(Some(frame)));
        let goodbye = async {
            std::future::poll_fn(|cx| self.poll_write(cx)).await?;
            while std::future::poll_fn(|cx| self.poll_read(cx)).await.is_ok() {}
            Ok::<(), Failure>(())
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::SinkExt;
    use tokio::io::DuplexStream;
    use tokio::time::Instant;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    /// A socket whose other end takes 64 bytes and no more until somebody reads there.
    async fn pair() -> (WebSocket, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(64);
        let transport: Box<dyn Wire> = Box::new(ours);
        let ours = WebSocketStream::from_raw_socket(transport, Role::Client, None).await;
        (WebSocket::new(ours), WebSocketStream::from_raw_socket(theirs, Role::Server, None).await)
    }

    async fn incoming(socket: &mut WebSocket) -> Result<Incoming, Failure> {
        std::future::poll_fn(|cx| socket.poll_incoming(cx)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_goodbye_that_nobody_takes_lasts_a_second() {
        let (mut socket, _deaf) = pair().await;
        socket.send_audio(Bytes::from(vec![1; 10_000])).unwrap();
        let started = Instant::now();
        socket.close(CloseCode::Normal).await;
        assert_eq!(started.elapsed(), CLOSE_TIMEOUT);
    }

    #[tokio::test]
    async fn what_comes_in_is_read_while_nothing_goes_out() {
        let (mut socket, mut relay) = pair().await;
        socket.send_audio(Bytes::from(vec![1; 10_000])).unwrap();
        relay.send(Message::Text("hi".into())).await.unwrap();
        assert_eq!(incoming(&mut socket).await.unwrap(), Incoming::Text("hi".into()));
    }

    #[tokio::test]
    async fn a_connection_that_takes_nothing_is_given_up_before_memory_is() {
        let (mut socket, _deaf) = pair().await;
        let message = Bytes::from(vec![1; 60_000]);
        let failure = (0..1_000).find_map(|_| socket.send_audio(message.clone()).err()).unwrap();
        assert_eq!(failure.cause, Cause::Stalled);
        assert!(socket.unsent_bytes <= MAX_UNSENT + message.len());
    }

    #[tokio::test]
    async fn pings_are_answered_and_count_as_life() {
        let (mut socket, mut relay) = pair().await;
        relay.send(Message::Ping("x".into())).await.unwrap();
        assert_eq!(incoming(&mut socket).await.unwrap(), Incoming::Traffic);
        let answer = async {
            tokio::select! {
                _ = incoming(&mut socket) => panic!("nothing more comes"),
                answer = futures_util::StreamExt::next(&mut relay) => answer,
            }
        };
        assert_eq!(answer.await.unwrap().unwrap(), Message::Pong("x".into()));
    }
}
