use glasslink_protocol::{Epoch, EventNumber, FrameIndex, GapCause, StreamFormat, StreamId};

use crate::Timestamp;
use crate::client::buffer::Kind;
use crate::client::stream::SendStream;
use crate::client::{ClientSession, StreamOptions};

/// A stream that another process captured and journaled. It has ended: a new process opens a stream that continues
/// it rather than append to it.
#[derive(Clone, Debug)]
pub struct JournaledStream {
    pub stream: StreamId,
    pub format: StreamFormat,
    pub label: String,
    pub continues: Option<StreamId>,
    /// Every frame before this one was acknowledged.
    pub kept: FrameIndex,
    /// The finals of the frames before this one are known.
    pub transcribed: FrameIndex,
    /// What lies between `kept` and the end, in order.
    pub runs: Vec<JournaledRun>,
    /// Of the indices before `kept`: frames, frames lost, and time without a source.
    pub acknowledged: u64,
    pub lost: u64,
    pub absent: u64,
}

/// Consecutive indices that are all frames in the journal, or all a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournaledRun {
    pub frames: u64,
    pub gap: Option<GapCause>,
}

impl ClientSession {
    /// Goes on where another process stopped: transcript events up to `last` of `epoch` are known.
    pub fn resume_events(&mut self, epoch: Epoch, last: EventNumber) {
        self.epoch = Some(epoch);
        self.last_event = last;
    }

    /// Takes up a stream of another process, to send what the relay does not have. Its gaps are part of the ledger
    /// and are not told again.
    pub fn restore_stream(&mut self, now: Timestamp, journaled: JournaledStream) {
        let options = StreamOptions {
            label: journaled.label,
            continues: journaled.continues,
            from: journaled.kept,
            transcribed: journaled.transcribed,
            ..StreamOptions::default()
        };
        let mut stream = SendStream::new(journaled.stream, journaled.format, options);
        stream.restore_ledger(journaled.acknowledged, journaled.lost, journaled.absent);
        for run in journaled.runs {
            match run.gap {
                None => stream.adopt(run.frames),
                Some(cause) => stream.adopt_gap(run.frames, cause),
            }
        }
        stream.end = Some(stream.buffer.next());
        stream.waiting_since = Some(now);
        self.streams.insert(journaled.stream, stream);
        self.skip_stream_ids(journaled.stream);
        self.sums_changed = true;
        self.pump(now);
    }
}

impl SendStream {
    /// Counts what was settled before this process.
    fn restore_ledger(&mut self, acknowledged: u64, lost: u64, absent: u64) {
        self.captured = acknowledged + lost;
        self.acknowledged = acknowledged;
        self.lost = lost;
        self.absent = absent;
    }

    /// Frames that the journal holds and memory does not.
    fn adopt(&mut self, frames: u64) {
        self.buffer.extend(frames, Kind::Journal);
        self.captured += frames;
        self.journaled = self.buffer.next();
    }

    fn adopt_gap(&mut self, frames: u64, cause: GapCause) {
        self.buffer.extend(frames, Kind::Gap(cause));
        if cause.is_loss() {
            self.captured += frames;
            self.lost += frames;
        } else {
            self.absent += frames;
        }
    }
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::{Durability, RelayMessage, ResumedStream, SessionId};

    use super::*;
    use crate::client::{Action, ClientConfig};

    #[test]
    fn what_the_relay_kept_beyond_the_journals_marks_is_acknowledged_by_its_welcome() {
        let now = Timestamp::ZERO;
        let stream = StreamId(1);
        let mut client = ClientSession::new(ClientConfig::default(), SessionId(1), 1);
        client.restore_stream(
            now,
            JournaledStream {
                stream,
                format: StreamFormat::lc3(16_000, 20).unwrap(),
                label: String::new(),
                continues: None,
                kept: FrameIndex(50),
                transcribed: FrameIndex(0),
                runs: vec![JournaledRun { frames: 50, gap: None }],
                acknowledged: 50,
                lost: 0,
                absent: 0,
            },
        );
        client.connect(now);
        let connect = std::iter::from_fn(|| client.poll_action()).find_map(|action| match action {
            Action::Connect { connection } => Some(connection),
            _ => None,
        });
        let connection = connect.unwrap();
        client.opened(now, connection);
        let marks = ResumedStream {
            stream,
            received: FrameIndex(120),
            kept: FrameIndex(120),
            transcribed: FrameIndex(0),
            limit: None,
            ended: false,
        };
        let welcome = RelayMessage::Welcome {
            session: SessionId(1),
            epoch: Epoch(1),
            durability: Durability::Disk,
            streams: vec![marks],
            events_from: EventNumber(1),
            keep_ms: 0,
            relay: String::new(),
        };
        client.text(now, connection, &welcome.encode()).unwrap();
        let sums = client.sums(stream).unwrap();
        assert_eq!((sums.captured, sums.acknowledged, sums.buffered), (100, 100, 0));
    }
}
