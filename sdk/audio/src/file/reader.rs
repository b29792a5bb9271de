use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use glasslink_protocol::StreamFormat;
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use super::FileError;
use super::wav::WavLengths;
use crate::Resampler;

/// An audio file, read as 16-bit mono samples of one rate: channels are averaged, other rates resampled.
pub struct AudioFile {
    path: PathBuf,
    format: StreamFormat,
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    /// Hertz in the file; 0 until the first packet is decoded.
    rate: u32,
    /// In the file's rate: what its header says, and what was decoded.
    expected: Option<u64>,
    decoded: u64,
    damaged: Option<Damage>,
    /// Where the next packet belongs, in samples of the file's rate.
    next_packet_at: Option<i64>,
    resampler: Option<Resampler>,
    mono: Vec<f32>,
    resampled: Vec<f32>,
    ended: bool,
}

/// In samples of the file's rate.
#[derive(Clone, Copy, Debug)]
struct Damage {
    at: u64,
    missing: u64,
}

/// Rates that exist; beyond them a header is damaged.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

impl AudioFile {
    /// Opens `path`, to be read at `sample_rate` hertz (8,000 to 48,000).
    pub fn open(path: impl AsRef<Path>, sample_rate: u32) -> Result<Self, FileError> {
        let path = path.as_ref().to_owned();
        let not_audio = |problem: String| FileError::NotAudio { path: path.clone(), problem };
        let format = StreamFormat::pcm(sample_rate).map_err(|error| not_audio(error.to_string()))?;
        let file = File::open(&path).map_err(|cause| FileError::Open { path: path.clone(), cause })?;
        let metadata = file.metadata().map_err(|cause| FileError::Open { path: path.clone(), cause })?;
        if metadata.is_dir() {
            let cause = io::ErrorKind::IsADirectory.into();
            return Err(FileError::Open { path, cause });
        }
        if metadata.is_file() && metadata.len() == 0 {
            return Err(FileError::Empty { path });
        }

        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let (source, cut): (Box<dyn MediaSource>, _) = if metadata.is_file() {
            let (source, cut) = WavLengths::new(file).map_err(|cause| match cause.kind() {
                io::ErrorKind::InvalidData => not_audio(cause.to_string()),
                _ => FileError::Open { path: path.clone(), cause },
            })?;
            (Box::new(source), cut)
        } else {
            // A pipe cannot be looked through before it is read.
            (Box::new(file), None)
        };
        let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
        let reader = symphonia::default::get_probe()
            .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| not_audio(problem(&error)))?;
        let track =
            reader.default_track(TrackType::Audio).ok_or_else(|| not_audio("no audio track".into()))?;
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio())
            .ok_or_else(|| not_audio("unknown codec".into()))?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| not_audio(problem(&error)))?;
        let expected = cut.map_or(track.num_frames, |cut| Some(cut.declared));
        let (track, rate) = (track.id, parameters.sample_rate.unwrap_or(0));
        Ok(Self {
            path,
            format,
            reader,
            decoder,
            track,
            rate,
            expected,
            decoded: 0,
            damaged: None,
            next_packet_at: None,
            resampler: None,
            mono: Vec::new(),
            resampled: Vec::new(),
            ended: false,
        })
    }

    /// What the samples are, as a stream of PCM frames.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// How long the file says it is; `None` where it does not.
    pub fn duration(&self) -> Option<Duration> {
        self.expected.filter(|_| self.rate > 0).map(|samples| self.time(samples))
    }

    /// Appends the next samples; `false` at the end. What a damaged file has comes before the error that says so.
    pub fn read(&mut self, samples: &mut Vec<i16>) -> Result<bool, FileError> {
        if self.ended {
            return Ok(false);
        }
        match self.decode_packet() {
            Ok(true) => {}
            Ok(false) => {
                self.finish();
                samples.extend(self.resampled.drain(..).map(quantised));
                return self.verdict().map_or(Ok(false), Err);
            }
            Err(error) => {
                self.finish();
                samples.extend(self.resampled.drain(..).map(quantised));
                return Err(error);
            }
        }
        samples.extend(self.resampled.drain(..).map(quantised));
        Ok(true)
    }

    /// Decodes one packet into `resampled`; `false` at the end of the file.
    fn decode_packet(&mut self) -> Result<bool, FileError> {
        let packet = loop {
            match self.reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => break packet,
                Ok(Some(_)) => {}
                // A chained Ogg file goes on with another track, which no program we know writes for speech.
                Ok(None) | Err(Error::ResetRequired) => return Ok(false),
                Err(error) => return Err(self.failed(error)),
            }
        };
        // A Vorbis stream's first packet has a time and no samples.
        if let Some(due) = self.next_packet_at
            && self.decoded > 0
            && packet.pts.get() > due
        {
            self.silence(packet.pts.get().abs_diff(due))?;
        }
        self.next_packet_at = packet.pts.get().checked_add_unsigned(packet.dur.get());
        match self.decoder.decode(&packet) {
            Ok(audio) => mix(&audio, &mut self.mono, &mut self.rate),
            Err(Error::DecodeError(_) | Error::IoError(_)) => {
                self.silence(packet.dur.get())?;
                return Ok(true);
            }
            Err(error) => return Err(self.failed(error)),
        }
        self.decoded += self.mono.len() as u64;
        self.resample()?;
        Ok(true)
    }

    /// Puts silence where `missing` samples could not be decoded, so that what follows keeps its time.
    fn silence(&mut self, missing: u64) -> Result<(), FileError> {
        self.damaged.get_or_insert(Damage { at: self.decoded, missing: 0 }).missing += missing;
        // More is a damaged time rather than damaged audio.
        let filled = missing.min(10 * u64::from(self.rate));
        self.mono.clear();
        self.mono.resize(filled as usize, 0.0);
        self.decoded += filled;
        self.resample()
    }

    fn resample(&mut self) -> Result<(), FileError> {
        if self.mono.is_empty() {
            return Ok(());
        }
        if !RATES.contains(&self.rate) {
            return Err(self.not_audio(format!("{} samples a second", self.rate)));
        }
        let resampler = match &mut self.resampler {
            Some(resampler) if resampler.from_rate() == self.rate => resampler,
            // The first packet, or the rate changed.
            unfit => {
                if let Some(old) = unfit {
                    old.finish(&mut self.resampled);
                }
                let fresh = Resampler::new(self.rate, self.format.sample_rate());
                match fresh {
                    Ok(fresh) => unfit.insert(fresh),
                    Err(error) => return Err(self.not_audio(error.to_string())),
                }
            }
        };
        resampler.process(&self.mono, &mut self.resampled);
        Ok(())
    }

    fn finish(&mut self) {
        self.ended = true;
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(&mut self.resampled);
        }
    }

    /// What was wrong with the file, seen from its end.
    fn verdict(&self) -> Option<FileError> {
        let path = self.path.clone();
        if self.decoded == 0 {
            return Some(FileError::Empty { path });
        }
        if self.expected.is_some_and(|expected| self.decoded < expected) {
            return Some(FileError::Truncated { path, at: self.time(self.decoded) });
        }
        self.damaged.map(|damage| FileError::Damaged {
            path,
            at: self.time(damage.at),
            missing: self.time(damage.missing),
        })
    }

    fn failed(&self, error: Error) -> FileError {
        let (path, at) = (self.path.clone(), self.time(self.decoded));
        match error {
            Error::IoError(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => match self.decoded {
                0 => FileError::Empty { path },
                _ => FileError::Truncated { path, at },
            },
            Error::IoError(cause) => FileError::Read { path, at, cause },
            _ if self.decoded > 0 => FileError::Truncated { path, at },
            other => FileError::NotAudio { path, problem: problem(&other) },
        }
    }

    fn not_audio(&self, problem: String) -> FileError {
        FileError::NotAudio { path: self.path.clone(), problem }
    }

    fn time(&self, samples: u64) -> Duration {
        let nanos = u128::from(samples) * 1_000_000_000 / u128::from(self.rate.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl std::fmt::Debug for AudioFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, format, rate, expected, decoded, .. } = self;
        f.debug_struct("AudioFile")
            .field("path", path)
            .field("format", format)
            .field("rate", rate)
            .field("expected", expected)
            .field("decoded", decoded)
            .finish_non_exhaustive()
    }
}

/// The average of the channels, in `mono`.
fn mix(audio: &GenericAudioBufferRef<'_>, mono: &mut Vec<f32>, rate: &mut u32) {
    *rate = audio.spec().rate();
    let channels = audio.num_planes().max(1);
    audio.copy_to_vec_interleaved::<f32>(mono);
    if channels > 1 {
        let frames = mono.len() / channels;
        for frame in 0..frames {
            let sum: f32 = mono[frame * channels..][..channels].iter().sum();
            mono[frame] = sum / channels as f32;
        }
        mono.truncate(frames);
    }
}

fn quantised(sample: f32) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

/// What is wrong, for a person.
fn problem(error: &Error) -> String {
    match error {
        Error::IoError(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            "it ends before any audio".to_owned()
        }
        other => other.to_string(),
    }
}
