use std::sync::Arc;
use std::time::Duration;

use glasslink_audio::FrameDecoder;
use glasslink_audio::journal::{FullQuality, RecordedStream, Recording, RecordingError};
use glasslink_protocol::GapCause;

use super::track::Track;
use crate::content::{Missing, Placed, SourceInfo, place};

/// The audio of a recording as 16-bit mono samples, its sources mixed where they overlap.
///
/// Gaps are silence of their length. Reads what is asked for and a little more, never the whole recording.
#[derive(Debug)]
pub struct RecordedAudio {
    tracks: Vec<Track>,
    rate: u32,
    /// In samples.
    length: u64,
    position: u64,
    gaps: Vec<Missing>,
    unplayable: Vec<String>,
    mix: Vec<i32>,
}

/// Samples that a read yields at most: a quarter of a second is soon there.
const READS_A_SECOND: u32 = 4;

impl RecordedAudio {
    /// `sources`: where the index knows the streams to lie; others are placed by their clock marks.
    pub(crate) fn open(recording: &Arc<Recording>, sources: &[SourceInfo]) -> Result<Self, RecordingError> {
        let streams = recording.streams()?;
        let known = |stream: &RecordedStream| {
            let source = sources.iter().find(|source| source.stream == stream.stream)?;
            Some(Placed { stream: stream.clone(), from: source.from })
        };
        let placed = match streams.iter().map(known).collect() {
            Some(placed) => placed,
            None => place(streams, &recording.clock_marks()?),
        };
        let full = recording.full_quality()?;
        let rates = placed
            .iter()
            .map(|placed| full.as_ref().map_or(Ok(None), |full| full.sample_rate(placed.stream.stream)))
            .collect::<Result<Vec<Option<u32>>, _>>()?;
        // Sources of one rate are mixed at that rate; of several, at the one that each of them was sent with.
        let rate = match rates.split_first() {
            Some((Some(rate), others)) if others.iter().all(|other| *other == Some(*rate)) => Some(*rate),
            _ => None,
        };
        let of_track = |full: Option<&FullQuality>| full.cloned().zip(rate);
        let (mut tracks, mut unplayable) = (Vec::new(), Vec::new());
        for placed in placed {
            let track = Track::new(recording, placed, of_track(full.as_ref()))?;
            match track.check() {
                Ok(()) => tracks.push(track),
                Err(error) => unplayable.push(error.to_string()),
            }
        }
        let rate = rate.unwrap_or(FrameDecoder::SAMPLE_RATE);
        let end = tracks.iter().map(|track| track.placed().end()).max().unwrap_or_default();
        let mut gaps: Vec<Missing> = tracks.iter().flat_map(gaps).collect();
        gaps.sort_by_key(|gap| gap.from);
        Ok(Self { tracks, rate, length: samples(end, rate), position: 0, gaps, unplayable, mix: Vec::new() })
    }

    /// Hertz.
    pub fn sample_rate(&self) -> u32 {
        self.rate
    }

    /// Samples there are.
    pub fn len(&self) -> u64 {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.length as f64 / f64::from(self.rate))
    }

    /// Where the audio of a source is missing, and silence stands for it.
    pub fn gaps(&self) -> &[Missing] {
        &self.gaps
    }

    /// Why sources are not heard at all, for a person.
    pub fn unplayable(&self) -> &[String] {
        &self.unplayable
    }

    /// The next read begins at `at`, or at the end if that is later.
    pub fn seek(&mut self, at: Duration) {
        self.position = samples(at, self.rate).min(self.length);
    }

    /// Where the next read begins.
    pub fn position(&self) -> Duration {
        Duration::from_secs_f64(self.position as f64 / f64::from(self.rate))
    }

    /// Appends the next quarter of a second, or what is left; `false` at the end.
    pub fn read(&mut self, into: &mut Vec<i16>) -> Result<bool, RecordingError> {
        let wanted = u64::from(self.rate / READS_A_SECOND).min(self.length - self.position);
        if wanted == 0 {
            return Ok(false);
        }
        self.mix.clear();
        self.mix.resize(wanted as usize, 0);
        for track in &mut self.tracks {
            let starts = samples(track.placed().from, self.rate);
            let ends = self.position + wanted;
            if ends <= starts || self.position >= samples(track.placed().end(), self.rate) {
                continue;
            }
            let silent = starts.saturating_sub(self.position);
            track.add(self.position.saturating_sub(starts), &mut self.mix[silent as usize..])?;
        }
        let limit = |sample: &i32| (*sample).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        into.extend(self.mix.iter().map(limit));
        self.position += wanted;
        Ok(true)
    }
}

fn gaps(track: &Track) -> impl Iterator<Item = Missing> {
    let placed = track.placed();
    let format = placed.stream.info.format;
    // Such frames are on the disk all the same, or told as missing from it.
    let missing = |cause: &GapCause| !matches!(cause, GapCause::Rejected);
    track.runs().iter().filter_map(move |run| {
        let cause = run.gap.filter(missing)?;
        let at = |index| placed.from + format.stream_time(index);
        Some(Missing { stream: placed.stream.stream, from: at(run.from), to: at(run.to), cause })
    })
}

fn samples(time: Duration, rate: u32) -> u64 {
    let samples = (time.as_nanos() * u128::from(rate) + 500_000_000) / 1_000_000_000;
    u64::try_from(samples).unwrap_or(u64::MAX)
}
