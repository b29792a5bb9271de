use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};
use glasslink_protocol::CloseCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::Incoming;
use crate::identity::Share;
use crate::limits;
use crate::server::{Place, Transport};

/// A WebSocket that one task owns. Sending queues and never waits; reading writes what is queued, too.
pub(crate) struct WebSocket {
    socket: WebSocketStream<Transport>,
    outgoing: VecDeque<String>,
    /// Bytes in `outgoing`.
    queued: usize,
    /// Something was handed to the socket that it may not have written yet.
    unflushed: bool,
    /// When the socket last took something, or there was nothing to take.
    taken_at: Instant,
    reads: u32,
    _place: (Place, Share),
}

impl WebSocket {
    /// `largest`: bytes a message may have.
    pub(crate) async fn new(
        transport: Transport,
        read_already: &[u8],
        largest: usize,
        place: (Place, Share),
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER)
            .write_buffer_size(limits::WRITE_BUFFER)
            .max_message_size(Some(largest))
            .max_frame_size(Some(largest));
        let part = read_already.to_vec();
        let socket = WebSocketStream::from_partially_read(transport, part, Role::Server, Some(config)).await;
        Self {
            socket,
            outgoing: VecDeque::new(),
            queued: 0,
            unflushed: false,
            taken_at: Instant::now(),
            reads: 0,
            _place: place,
        }
    }

    /// Queues a message.
    pub(crate) fn send(&mut self, text: String) {
        self.begin_waiting();
        self.queued += text.len();
        self.outgoing.push_back(text);
    }

    /// Bytes that wait for the socket.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// Since when the peer takes nothing; `None` while nothing waits for it.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        (!self.is_drained()).then_some(self.taken_at)
    }

    fn begin_waiting(&mut self) {
        if self.is_drained() {
            self.taken_at = Instant::now();
        }
    }

    fn is_drained(&self) -> bool {
        self.outgoing.is_empty() && !self.unflushed
    }

    /// The next thing that comes. Writes what is queued meanwhile. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Incoming {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Writes what is queued without reading anything, until the connection breaks. Cancel-safe.
    pub(crate) async fn write(&mut self) -> Incoming {
        poll_fn(|cx| match self.poll_write(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(Incoming::Gone),
            _ => Poll::Pending,
        })
        .await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        // Writes come after the reads that are ready, so that answers share a write.
        if self.reads >= limits::READS_PER_WRITE && !self.is_drained() {
            self.reads = 0;
            if let Poll::Ready(Err(_)) = self.poll_write(cx) {
                return Poll::Ready(Incoming::Gone);
            }
        }
        match self.poll_read(cx) {
            Poll::Ready(incoming) => {
                self.reads += 1;
                Poll::Ready(incoming)
            }
            Poll::Pending => {
                self.reads = 0;
                match self.poll_write(cx) {
                    Poll::Ready(Err(_)) => Poll::Ready(Incoming::Gone),
                    _ => Poll::Pending,
                }
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        Poll::Ready(match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
            Some(Ok(Message::Text(text))) => Incoming::Text(text),
            Some(Ok(Message::Binary(bytes))) => Incoming::Audio(bytes),
            Some(Ok(Message::Close(_))) => Incoming::Closed,
            Some(Ok(Message::Ping(_))) => {
                // The answer is in the socket's buffer.
                self.begin_waiting();
                self.unflushed = true;
                Incoming::Traffic
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Incoming::Traffic,
            Some(Err(Error::Capacity(_))) => Incoming::TooLarge,
            Some(Err(_)) | None => Incoming::Gone,
        })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.outgoing.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            let Some(text) = self.outgoing.pop_front() else { break };
            self.queued -= text.len();
            self.taken_at = Instant::now();
            self.unflushed = true;
            Pin::new(&mut self.socket).start_send(Message::text(text))?;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            self.taken_at = Instant::now();
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what is queued and the close, and waits for the peer's.
    pub(crate) async fn close(&mut self, code: CloseCode) {
        self.close_with(code.code(), "").await;
    }

    /// The same with a code and a reason, of at most 123 bytes, of another protocol.
    pub(crate) async fn close_with(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: WireCode::from(code), reason: Utf8Bytes::from_static(reason) };
        let _ = self.farewell(frame).await;
    }

    async fn farewell(&mut self, frame: CloseFrame) -> Result<(), Error> {
        poll_fn(|cx| self.poll_write(cx)).await?;
        self.socket.close(Some(frame)).await?;
        loop {
            match poll_fn(|cx| self.poll_read(cx)).await {
                Incoming::Closed => return Ok(()),
                Incoming::Gone | Incoming::TooLarge => break,
                _ => {}
            }
        }
        // A socket that is dropped with bytes unread is reset, and its peer loses what it has not read yet.
        let transport = self.socket.get_mut();
        transport.shutdown().await?;
        let mut unread = [0; 1024];
        while transport.read(&mut unread).await? > 0 {}
        Ok(())
    }
}
