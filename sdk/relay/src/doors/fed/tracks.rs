use std::ops::{Deref, DerefMut};
use std::time::Duration;

use glasslink_protocol::{FrameIndex, StreamId};
use tokio::time::timeout;

use super::{Feed, Said, Split, Track};

/// An engine that settles nothing for this long is not waited for any longer.
pub(in crate::doors) const PROGRESS: Duration = Duration::from_secs(30);

/// Streams that wait for their text. A session has no more than 256.
const AWAITED: usize = 64;

/// A client's sources, in the order of their channels.
pub(in crate::doors) struct Tracks(Vec<Track>);

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doors) struct At {
    pub(in crate::doors) channel: usize,
    pub(in crate::doors) time: Duration,
}

impl Tracks {
    /// One for each label.
    pub(in crate::doors) fn new(labels: impl IntoIterator<Item = String>) -> Self {
        Self(labels.into_iter().map(Track::new).collect())
    }

    /// What came so far is to be settled; what is awaited then, by channel.
    pub(in crate::doors) fn split(&mut self, feed: &mut Feed) -> Vec<Split> {
        self.0.iter_mut().map(|track| track.split(feed)).collect()
    }

    /// The channel that a stream is of, and where in its audio a frame is; `None` for what is settled.
    pub(in crate::doors) fn at(&self, stream: StreamId, frame: FrameIndex) -> Option<At> {
        let at =
            |(channel, track): (usize, &Track)| track.time(stream, frame).map(|time| At { channel, time });
        self.0.iter().enumerate().find_map(at)
    }

    /// Every final of a stream before `to` was said. Whether that is all of it.
    pub(in crate::doors) fn transcribed(&mut self, stream: StreamId, to: FrameIndex) -> bool {
        self.0.iter_mut().any(|track| track.transcribed(stream, to))
    }

    /// Whether the text of all that came is settled.
    pub(in crate::doors) fn is_settled(&self) -> bool {
        self.0.iter().all(Track::is_settled)
    }

    /// Whether so much waits for its text that no more is to be ended.
    pub(in crate::doors) fn are_behind(&self) -> bool {
        self.0.iter().map(Track::awaited).sum::<usize>() > AWAITED
    }

    /// How much audio came.
    pub(in crate::doors) fn lasts(&self) -> Duration {
        self.0.iter().map(Track::lasts).max().unwrap_or_default()
    }

    /// What came is transcribed although nobody listens any more: it is in the session, which is over then.
    pub(in crate::doors) async fn settle(mut self, mut feed: Feed) {
        self.split(&mut feed);
        while !self.is_settled() {
            match timeout(PROGRESS, feed.next()).await {
                Ok(Said::Transcribed { stream, to }) => drop(self.transcribed(stream, to)),
                Ok(Said::Closed(..)) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

impl Deref for Tracks {
    type Target = [Track];

    fn deref(&self) -> &[Track] {
        &self.0
    }
}

impl DerefMut for Tracks {
    fn deref_mut(&mut self) -> &mut [Track] {
        &mut self.0
    }
}
