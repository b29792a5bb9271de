//! Where the supervisor's requests to the sound system go: a thread of their own, that may hang.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use super::capture::{CaptureReader, ErrorSink, ring};
use super::{DeviceCause, DeviceId, HostError, InputDevice, InputHost, NativeFormat, OpenDevice};

/// Makes a host on the thread that uses it.
pub(super) type MakeHost = Box<dyn Fn() -> Box<dyn InputHost> + Send + Sync>;

#[derive(Clone, Debug)]
pub(super) enum Request {
    List,
    Open(DeviceId),
    Close,
}

#[derive(Debug)]
pub(super) enum Reply {
    Listed(Result<Vec<InputDevice>, HostError>),
    Opened(Result<Opened, HostError>),
}

/// A device that was opened: what it gives comes out here.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) reader: CaptureReader,
    pub(super) errors: ErrorSink,
    pub(super) format: NativeFormat,
}

/// Takes requests and gives their replies, in order; none to `Close`.
pub(super) trait Port: Send {
    fn request(&mut self, request: Request);

    fn reply(&mut self) -> Option<Reply>;

    /// What was requested hangs: lets go of it, and of what is open. What comes next is asked elsewhere.
    fn abandon(&mut self);
}

/// A thread that owns the host and what is open.
pub(super) struct ThreadPort {
    make: std::sync::Arc<MakeHost>,
    thread: Option<(Sender<Request>, Receiver<Reply>)>,
}

impl ThreadPort {
    pub(super) fn new(make: MakeHost) -> Self {
        Self { make: std::sync::Arc::new(make), thread: None }
    }

    fn start(&self) -> Option<(Sender<Request>, Receiver<Reply>)> {
        let (requests, requested) = channel();
        let (reply, replies) = channel();
        let make = std::sync::Arc::clone(&self.make);
        let work = move || {
            let mut desk = Desk::new(make());
            // It ends when nobody asks any more.
            while let Ok(request) = requested.recv() {
                if let Some(answer) = desk.take(request)
                    && reply.send(answer).is_err()
                {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("glasslink-microphone".into()).spawn(work).ok()?;
        Some((requests, replies))
    }
}

impl Port for ThreadPort {
    fn request(&mut self, request: Request) {
        if self.thread.is_none() {
            self.thread = self.start();
        }
        let sent = self.thread.as_ref().is_some_and(|(requests, _)| requests.send(request).is_ok());
        if !sent {
            self.thread = None;
        }
    }

    fn reply(&mut self) -> Option<Reply> {
        let (_, replies) = self.thread.as_ref()?;
        match replies.try_recv() {
            Ok(reply) => Some(reply),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                // The host panicked; what was asked is asked again.
                self.thread = None;
                None
            }
        }
    }

    fn abandon(&mut self) {
        self.thread = None;
    }
}

/// Does what is requested, one thing after the other.
pub(super) struct Desk {
    host: Box<dyn InputHost>,
    open: Option<Box<dyn OpenDevice>>,
}

impl Desk {
    pub(super) fn new(host: Box<dyn InputHost>) -> Self {
        Self { host, open: None }
    }

    pub(super) fn take(&mut self, request: Request) -> Option<Reply> {
        match request {
            Request::List => Some(Reply::Listed(self.host.devices())),
            Request::Open(id) => Some(Reply::Opened(self.open(&id))),
            Request::Close => {
                self.open = None;
                None
            }
        }
    }

    fn open(&mut self, id: &DeviceId) -> Result<Opened, HostError> {
        self.open = None;
        let format = self.host.native_format(id)?;
        if !(1_000..=768_000).contains(&format.sample_rate) || format.channels == 0 {
            let message = format!("{} Hz, {} channels", format.sample_rate, format.channels);
            return Err(HostError { cause: DeviceCause::Unsupported, message });
        }
        let (sink, reader) = ring(format);
        let errors = ErrorSink::default();
        self.open = Some(self.host.open(id, sink, errors.clone())?);
        Ok(Opened { reader, errors, format })
    }
}
