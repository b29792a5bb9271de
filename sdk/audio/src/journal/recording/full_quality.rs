use std::ops::Range;

use glasslink_protocol::StreamId;

use super::RecordingError;
use super::kinds::{PCM, PcmPayload, STREAM};
use crate::journal::log::Log;

/// The full-quality audio of a recording, signed 16-bit and mono.
#[derive(Clone, Debug)]
pub struct FullQuality {
    log: Log,
}

impl FullQuality {
    pub(super) fn new(log: Log) -> Self {
        Self { log }
    }

    /// Hertz of a stream's samples; `None` if it has none.
    pub fn sample_rate(&self, stream: StreamId) -> Result<Option<u32>, RecordingError> {
        let sticky = self
            .log
            .sticky()
            .map_err(|cause| RecordingError::Io { path: self.log.dir().to_owned(), cause })?;
        let payload = sticky.get(&(STREAM, stream.0)).map(|record| &record.payload);
        let payload = payload.and_then(|payload| serde_json::from_slice::<PcmPayload>(payload).ok());
        Ok(payload.map(|payload| payload.sample_rate))
    }

    /// The samples of a stream that are there, ordered.
    pub fn coverage(&self, stream: StreamId) -> Vec<Range<u64>> {
        self.log.coverage(PCM, stream.0)
    }

    /// Hands out the samples of `range`, and those round them: the place of the first, and their bytes. What turns out
    /// damaged is left out.
    pub fn samples(
        &self,
        stream: StreamId,
        range: &Range<u64>,
        mut take: impl FnMut(u64, &[u8]),
    ) -> Result<(), RecordingError> {
        let read = self.log.bulk(PCM, stream.0, range, |record| take(record.from, record.payload));
        read.map_err(|cause| RecordingError::Io { path: self.log.dir().to_owned(), cause })
    }
}
