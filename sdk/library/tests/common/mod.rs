//! Recordings for tests, made as a program makes them.
#![allow(dead_code, reason = "each test file uses what it needs")]

use std::time::{Duration, Instant};

use glasslink_audio::journal::{Journal, Marker, StreamInfo};
use glasslink_audio::{Lc3Source, Pace, SampleSource, Source, clock_mark};
use glasslink_library::{Library, Passage, Utterance};
use glasslink_protocol::{
    Epoch, EventNumber, Final, FrameIndex, Gap, GapCause, SessionId, StreamFormat, StreamId, TranscriptEvent,
    Word,
};
use tempfile::TempDir;

pub(crate) const STREAM: StreamId = StreamId(1);

pub(crate) fn library() -> (TempDir, Library) {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path().join("recordings")).unwrap();
    (folder, library)
}

pub(crate) fn format() -> StreamFormat {
    StreamFormat::lc3(16_000, 20).unwrap()
}

/// A tone of `hertz`, whose loudness says which second it is.
pub(crate) fn tone(seconds: u32, hertz: f64) -> Vec<i16> {
    let sample = |n: u32| {
        let loud = 2_000.0 + 1_500.0 * f64::from(n / 16_000 % 10);
        ((f64::from(n) * hertz * std::f64::consts::TAU / 16_000.0).sin() * loud) as i16
    };
    (0..seconds * 16_000).map(sample).collect()
}

/// The same as LC3 frames.
pub(crate) fn frames(samples: Vec<i16>) -> Vec<Vec<u8>> {
    let source = SampleSource::new(samples, 16_000, Pace::UNPACED).unwrap();
    let mut source = Lc3Source::new(source, 20).unwrap();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let (mut frame, mut frames) = (Vec::new(), Vec::new());
    while let std::task::Poll::Ready(Ok(Some(_))) = source.poll_next(&mut cx, &mut frame) {
        frames.push(frame.clone());
    }
    frames
}

/// A recording that is being made.
pub(crate) struct Making {
    pub(crate) journal: Journal,
    pub(crate) id: SessionId,
    events: u64,
}

impl Making {
    pub(crate) fn begin(library: &Library) -> Self {
        let journal = library.begin("test 1.0").unwrap();
        let id = journal.recording().session();
        Self { journal, id, events: 0 }
    }

    pub(crate) fn open(&self, stream: StreamId, label: &str, continues: Option<StreamId>) {
        let info = StreamInfo { format: format(), continues, label: label.into() };
        let now = Instant::now();
        let _ = self.journal.open_stream(stream, &info, now).unwrap();
    }

    /// Ties frame `index` to the clock, `after` the process began.
    pub(crate) fn clock(&self, stream: StreamId, index: u64, at: Instant) {
        let _ = self.journal.clock(&clock_mark(stream, FrameIndex(index), at, 60), at).unwrap();
    }

    pub(crate) fn append(&self, stream: StreamId, first: u64, frames: &[Vec<u8>]) {
        for (index, frame) in (first..).zip(frames) {
            let _ = self.journal.append(stream, FrameIndex(index), &[frame], Instant::now()).unwrap();
        }
    }

    pub(crate) fn gap(&self, stream: StreamId, from: u64, to: u64, cause: GapCause) {
        let gap = Gap::new(stream, FrameIndex(from), FrameIndex(to), cause, &format());
        let _ = self.journal.gap(&gap, Instant::now()).unwrap();
    }

    pub(crate) fn marker(&self, at: u64, label: &str) {
        let marker = Marker { stream: STREAM, at: FrameIndex(at), label: label.into() };
        let _ = self.journal.marker(&marker, Instant::now()).unwrap();
    }

    pub(crate) fn said(&mut self, stream: StreamId, from: u64, to: u64, text: &str) {
        self.events += 1;
        let event = TranscriptEvent::Final(said(stream, from, to, text));
        let number = EventNumber(self.events);
        let _ = self.journal.event(Epoch(1), number, &event, Instant::now()).unwrap();
    }

    pub(crate) fn transcribed(&self, stream: StreamId, to: u64) {
        let _ = self.journal.transcribed(stream, FrameIndex(to), Instant::now()).unwrap();
    }

    pub(crate) fn end(self, ends: &[(StreamId, u64)]) -> SessionId {
        for (stream, at) in ends {
            let _ = self.journal.end(*stream, FrameIndex(*at), Instant::now()).unwrap();
        }
        self.id
    }
}

/// Its words share its time.
pub(crate) fn said(stream: StreamId, from: u64, to: u64, text: &str) -> Final {
    let words: Vec<&str> = text.split(' ').collect();
    let each = (to - from) / words.len() as u64;
    let word = |(place, text): (u64, &&str)| Word {
        text: (*text).into(),
        from: FrameIndex(from + place * each),
        to: FrameIndex(from + (place + 1) * each),
        estimated: false,
    };
    let words = (0..).zip(&words).map(word).collect();
    Final { stream, from: FrameIndex(from), to: FrameIndex(to), text: text.into(), words }
}

/// Ten seconds with a hole from 4 to 6 s, two things said, and a marker.
pub(crate) fn ten_seconds(library: &Library) -> SessionId {
    let mut making = Making::begin(library);
    making.open(STREAM, "Microphone", None);
    let frames = frames(tone(10, 440.0));
    making.clock(STREAM, 0, Instant::now());
    making.append(STREAM, 0, &frames[..400]);
    making.gap(STREAM, 400, 600, GapCause::Radio);
    making.append(STREAM, 600, &frames[600..]);
    making.said(STREAM, 100, 300, "The tide is out");
    making.marker(650, "important");
    making.said(STREAM, 700, 900, "And the moon is up");
    making.transcribed(STREAM, 1000);
    let id = making.end(&[(STREAM, 1000)]);
    library.refresh().unwrap();
    id
}

pub(crate) fn utterances(library: &Library, id: SessionId) -> Vec<Utterance> {
    let passages = library.passages(id).unwrap();
    let speech = passages.into_iter().filter_map(|passage| match passage {
        Passage::Speech(said) => Some(said),
        _ => None,
    });
    speech.collect()
}

pub(crate) fn texts(library: &Library, id: SessionId) -> Vec<String> {
    utterances(library, id).into_iter().map(|said| said.text).collect()
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How loud samples are.
pub(crate) fn rms(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}
