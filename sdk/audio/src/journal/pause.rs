use std::task::{Context, Poll, ready};

use glasslink_protocol::GapCause;

use crate::{Captured, Source, SourceError};

/// Frames of a gap that are told together while it lasts.
const TOLD_TOGETHER: u64 = 100;

/// A source that can be paused, whether or not it can stand still by itself.
#[derive(Debug)]
pub(super) struct Pausable<S> {
    pub(super) source: S,
    state: State,
    /// Frames left out and not yet told.
    left_out: u64,
    was_told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Goes,
    /// The source stands still by itself.
    Still,
    /// It goes on, and is not listened to.
    Ignored,
}

impl<S: Source> Pausable<S> {
    pub(super) fn new(source: S) -> Self {
        Self { source, state: State::Goes, left_out: 0, was_told: false }
    }

    pub(super) fn pause(&mut self, paused: bool) {
        if paused == (self.state != State::Goes) {
            return;
        }
        self.was_told = false;
        self.state = match (self.source.pause(paused), paused) {
            (_, false) => State::Goes,
            (true, true) => State::Still,
            (false, true) => State::Ignored,
        };
    }

    /// What the source yields; of what is left out, the length.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        loop {
            let is_ignored = self.state == State::Ignored;
            let together = if !is_ignored || !self.was_told { 1 } else { TOLD_TOGETHER };
            if self.left_out >= together {
                self.was_told = is_ignored;
                frame.clear();
                let frames = std::mem::take(&mut self.left_out);
                return Poll::Ready(Ok(Some(Captured::Gap { frames, cause: GapCause::Absent })));
            }
            match ready!(self.source.poll_next(cx, frame)) {
                Ok(Some(Captured::Frame { .. })) if is_ignored => self.left_out += 1,
                Ok(None) if self.left_out > 0 => self.state = State::Goes,
                other => return Poll::Ready(other),
            }
        }
    }
}
