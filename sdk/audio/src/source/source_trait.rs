use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use glasslink_protocol::{GapCause, StreamFormat};

use crate::FileError;

/// Something that yields the codec frames of one stream, in order: a microphone, glasses, a file.
///
/// What it yields is numbered from 0 by whoever takes it: a frame counts one, a gap as many as it has frames. A source
/// that keeps time yields a gap for the time in which it had nothing, so that the index moves with the clock.
pub trait Source: Send {
    /// What the frames are; the same until [`give_pcm`](Self::give_pcm) says otherwise.
    fn format(&self) -> StreamFormat;

    /// Yields what was captured next; its bytes are put into `frame`, whose content is replaced and whose capacity is
    /// used again, so that a frame costs no allocation. `None` is the end, and stays so.
    ///
    /// After an error the source is at its end, unless it says otherwise.
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>>;

    /// The source is meant to give frames, and has given none for 3 s: if there is a device behind it, it is to be armed
    /// again. Called at most three times in a row, 30 s apart.
    fn rearm(&mut self) {}

    /// Stands still, or goes on. Says whether it does that by itself, as one with a device to close: the time until it
    /// goes on is then a gap of cause `absent`. What another one yields meanwhile, whoever asked leaves out.
    fn pause(&mut self, _paused: bool) -> bool {
        false
    }

    /// Whoever gets the frames cannot decode them: gives samples from the next frame on, if it has them, and says so.
    /// [`format`](Self::format) is another one then.
    fn give_pcm(&mut self) -> bool {
        false
    }
}

/// What a source yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captured {
    /// One frame, whose first sample was captured at `captured_at`.
    Frame { captured_at: Instant },
    /// The next `frames` frames do not exist; at least one. The buffer is empty.
    Gap { frames: u64, cause: GapCause },
}

/// Why a source stopped.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file; what could be read of it came before.
    #[error(transparent)]
    File(#[from] FileError),
    /// A codec refused what a source gave it: the source does not keep to its format.
    #[error("the {codec} codec refused a frame: {problem}")]
    Codec { codec: &'static str, problem: String },
    /// A device or another source outside this crate; its own message says what to do.
    #[error("{0}")]
    Device(#[source] Box<dyn std::error::Error + Send + Sync>),
}

macro_rules! source_behind {
    ($pointer:ty) => {
        impl<S: Source + ?Sized> Source for $pointer {
            fn format(&self) -> StreamFormat {
                (**self).format()
            }

            fn poll_next(
                &mut self,
                cx: &mut Context<'_>,
                frame: &mut Vec<u8>,
            ) -> Poll<Result<Option<Captured>, SourceError>> {
                (**self).poll_next(cx, frame)
            }

            fn rearm(&mut self) {
                (**self).rearm();
            }

            fn pause(&mut self, paused: bool) -> bool {
                (**self).pause(paused)
            }

            fn give_pcm(&mut self) -> bool {
                (**self).give_pcm()
            }
        }
    };
}

source_behind!(Box<S>);
source_behind!(&mut S);

/// `await` for sources.
pub trait SourceExt: Source {
    /// [`poll_next`](Source::poll_next) as a future. Nothing is lost when it is dropped.
    fn next<'a>(&'a mut self, frame: &'a mut Vec<u8>) -> NextFrame<'a, Self> {
        NextFrame { source: self, frame }
    }
}

impl<S: Source + ?Sized> SourceExt for S {}

/// See [`SourceExt::next`].
#[derive(Debug)]
pub struct NextFrame<'a, S: ?Sized> {
    source: &'a mut S,
    frame: &'a mut Vec<u8>,
}

impl<S: Source + ?Sized> Future for NextFrame<'_, S> {
    type Output = Result<Option<Captured>, SourceError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.source.poll_next(cx, this.frame)
    }
}
