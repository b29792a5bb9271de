use glasslink_protocol::{FrameIndex, StreamId};

use crate::client::session::Phase;
use crate::client::stream::SendStream;
use crate::client::{Action, ClientSession, Event, StreamOptions, WhenFull};
use crate::defaults::MAX_STREAMS;

/// After a long outage captions go on at once, and what was captured meanwhile is filled in behind.
impl ClientSession {
    /// To be asked by whoever captures, before each frame of a live source: whether the stream is to go on as another
    /// one. It is when the link came back to a backlog of more than [`crate::ClientConfig::longest_backlog`]. The
    /// stream then ends behind its last frame, and the one returned, which is open, continues it and goes first.
    ///
    /// Who never asks has one stream, in order.
    pub fn continuation(&mut self, stream: StreamId) -> Option<StreamId> {
        if !matches!(self.phase, Phase::Live { .. }) || self.streams.len() >= MAX_STREAMS {
            return None;
        }
        let sender = self.streams.get_mut(&stream)?;
        if !std::mem::take(&mut sender.overdue) || sender.end.is_some() {
            return None;
        }
        let at = sender.buffer.next();
        sender.end = Some(at);
        let options = StreamOptions {
            continues: Some(stream),
            from: FrameIndex(0),
            transcribed: FrameIndex(0),
            ..sender.options.clone()
        };
        let (format, watch) = (sender.format, sender.watch);
        let by = self.next_stream_id();
        self.streams.insert(by, SendStream { watch, ..SendStream::new(by, format, options) });
        self.act(Action::Event(Event::Continued { stream, at, by }));
        Some(by)
    }

    /// The link is back: finds the streams whose backlog nobody should wait for. A file has nobody waiting.
    pub(crate) fn judge_backlogs(&mut self) {
        let longest = self.config.longest_backlog;
        for stream in self.streams.values_mut() {
            let backlog = stream.format.duration(stream.buffer.frames_behind(stream.cursor));
            stream.overdue =
                stream.end.is_none() && stream.options.when_full == WhenFull::DropOldest && backlog > longest;
        }
    }
}
