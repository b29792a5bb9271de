use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_util::{Sink, Stream};
use glasslink_protocol::CloseCode;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::{Dialect, Queue, limits};
use crate::server::{Place, Transport};

/// An app's connection and what waits for it. Those who have something for the app write it themselves, without a task
/// between, as long as the socket takes it; the app's own task, which reads, writes what is left when it does.
///
/// Nobody waits here: a write that would is left, and holding the lock costs at most one write.
pub(crate) struct Outbox(Mutex<State>);

struct State {
    /// None once it is over.
    socket: Option<Box<WebSocketStream<Transport>>>,
    queue: Queue,
    /// The app's own task, which the socket wakes whoever wrote last.
    reader: Option<Waker>,
    unflushed: bool,
    /// Nothing more is queued.
    over: bool,
    /// When the app last said something. What its system takes for it says nothing about the app.
    alive_at: Instant,
    place: Option<Place>,
}

/// What an app's connection brought.
#[derive(Debug)]
pub(crate) enum FromApp {
    Text(Utf8Bytes),
    /// A sign of life.
    Traffic,
    TooLarge,
    /// What an app may not send.
    Audio,
    /// It closed, or broke.
    Gone,
    /// It fell too far behind.
    Overrun,
}

impl Outbox {
    pub(super) async fn new(transport: Transport, read_already: &[u8], place: Place) -> Arc<Self> {
        Self::speaking(transport, read_already, place, (limits::MESSAGE_BYTES, None)).await
    }

    /// For an app that speaks something else, whose messages have at most so many bytes.
    pub(crate) async fn speaking(
        transport: Transport,
        read_already: &[u8],
        place: Place,
        (largest, dialect): (usize, Option<Box<dyn Dialect>>),
    ) -> Arc<Self> {
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER)
            .write_buffer_size(limits::BURST)
            .max_message_size(Some(largest))
            .max_frame_size(Some(largest));
        let part = read_already.to_vec();
        let socket = WebSocketStream::from_partially_read(transport, part, Role::Server, Some(config)).await;
        Arc::new(Self(Mutex::new(State {
            socket: Some(Box::new(socket)),
            queue: Queue::new(dialect),
            reader: None,
            unflushed: false,
            over: false,
            alive_at: Instant::now(),
            place: Some(place),
        })))
    }

    /// Queues what `fill` pushes, and writes what the socket takes. Whether the app is still there.
    pub(crate) fn deliver(&self, fill: impl FnOnce(&mut Queue)) -> bool {
        let mut state = self.state();
        if state.over {
            return false;
        }
        fill(&mut state.queue);
        // Without a reader its task has not begun; it writes first.
        if let Some(reader) = state.reader.clone() {
            let written = state.poll_write(&mut Context::from_waker(&reader), 1);
            if matches!(written, Poll::Ready(Err(_))) || state.queue.is_overrun() {
                reader.wake();
            }
        }
        true
    }

    /// The next thing that comes. Writes what is queued meanwhile. Cancel-safe.
    pub(crate) async fn next(&self) -> FromApp {
        poll_fn(|cx| self.state().poll_next(cx)).await
    }

    /// Asks the app whether it is there.
    pub(crate) fn ping(&self) {
        self.deliver(Queue::ping);
    }

    /// When the app last gave a sign of life.
    pub(crate) fn alive_at(&self) -> Instant {
        self.state().alive_at
    }

    /// Nothing more is taken. What is queued is written, and the close, and the app's is waited for.
    pub(super) async fn close(&self, code: CloseCode) {
        self.close_saying(code.code(), "").await;
    }

    /// The same in another protocol's codes and words.
    pub(crate) async fn close_saying(&self, code: u16, reason: &'static str) {
        let reason = Utf8Bytes::from_static(reason);
        let mut frame = Some(CloseFrame { code: WireCode::from(code), reason });
        let farewell = poll_fn(|cx| {
            let mut state = self.state();
            state.over = true;
            ready!(state.poll_write(cx, usize::MAX))?;
            let socket = state.socket.as_mut().ok_or(Error::AlreadyClosed)?;
            if let Some(frame) = frame.take() {
                Pin::new(&mut *socket).start_send(Message::Close(Some(frame)))?;
            }
            Pin::new(&mut *socket).poll_flush(cx)
        });
        if farewell.await.is_ok() {
            while matches!(self.next().await, FromApp::Text(_) | FromApp::Audio | FromApp::Traffic) {}
        }
    }

    /// Lets go of socket and queue, whoever still knows this outbox.
    pub(crate) fn over(&self) {
        let mut state = self.state();
        state.over = true;
        state.queue = Queue::default();
        (state.reader, state.socket, state.place) = (None, None, None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<FromApp> {
        if !self.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            self.reader = Some(cx.waker().clone());
        }
        if self.queue.is_overrun() {
            return Poll::Ready(FromApp::Overrun);
        }
        if let Poll::Ready(Err(_)) = self.poll_write(cx, limits::BURSTS) {
            return Poll::Ready(FromApp::Gone);
        }
        // What it asked for goes first.
        if self.queue.text_bytes() > limits::TEXT_BEFORE_MORE && !self.over {
            self.alive_at = Instant::now();
            return Poll::Pending;
        }
        self.poll_read(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<FromApp> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(FromApp::Gone) };
        let read = ready!(Pin::new(socket).poll_next(cx));
        self.alive_at = Instant::now();
        Poll::Ready(match read {
            Some(Ok(Message::Text(text))) => FromApp::Text(text),
            Some(Ok(Message::Binary(_))) => FromApp::Audio,
            Some(Ok(Message::Ping(_))) => {
                // The answer is in the socket's buffer.
                self.unflushed = true;
                FromApp::Traffic
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => FromApp::Traffic,
            Some(Err(Error::Capacity(_))) => FromApp::TooLarge,
            Some(Ok(Message::Close(_)) | Err(_)) | None => FromApp::Gone,
        })
    }

    /// Writes what is queued; what is left after `bursts` the reader is woken for.
    fn poll_write(&mut self, cx: &mut Context<'_>, bursts: usize) -> Poll<Result<(), Error>> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(Err(Error::AlreadyClosed)) };
        for _ in 0..bursts {
            let mut burst = 0;
            while burst < limits::BURST && !self.queue.is_empty() {
                ready!(Pin::new(&mut *socket).poll_ready(cx))?;
                let Some(message) = self.queue.pop() else { break };
                burst += message.len();
                self.unflushed = true;
                Pin::new(&mut *socket).start_send(message)?;
            }
            if !self.unflushed {
                return Poll::Ready(Ok(()));
            }
            ready!(Pin::new(&mut *socket).poll_flush(cx))?;
            self.unflushed = false;
        }
        if !self.queue.is_empty() {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }
}
