use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use glasslink_audio::journal::RecordingError;
use glasslink_audio::{FlacWriter, MAX_WAV_SAMPLES, write_wav_head};
use glasslink_protocol::SessionId;
use glasslink_transcript::Format;

use super::recorded::RecordedAudio;
use crate::content::Missing;
use crate::error::LibraryError;
use crate::library::Library;

/// A file format for audio: 16-bit, mono.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioFormat {
    Wav,
    Flac,
}

/// Known are `wav` and `flac`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an audio format; there are wav and flac")]
pub struct UnknownAudioFormat(String);

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedAudio {
    pub duration: Duration,
    /// Hertz.
    pub sample_rate: u32,
    /// What was not recorded; silence of its length stands for it, and the file's comment says so.
    pub gaps: Vec<Missing>,
    /// Why sources are not in it, for a person.
    pub unplayable: Vec<String>,
}

/// Why nothing, or not all, was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no such recording, or it cannot be read.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The audio cannot be read to its end.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The file cannot be written; the cause says why.
    #[error("the file cannot be written: {0}")]
    Write(#[from] io::Error),
    /// No WAV file is as long: export FLAC.
    #[error("{:.1} hours do not fit into a WAV file: export FLAC", .0.as_secs_f64() / 3600.0)]
    TooLong(Duration),
}

/// Gaps a comment names one by one; of the others it says how many they are.
const NAMED_GAPS: usize = 100;

impl Library {
    /// Writes the audio of a recording, gaps as silence.
    pub fn export_audio(
        &self,
        id: SessionId,
        format: AudioFormat,
        out: &mut impl Write,
    ) -> Result<ExportedAudio, ExportError> {
        let mut audio = self.audio(id)?;
        let (rate, length) = (audio.sample_rate(), audio.len());
        let comments: Vec<String> = comments(&audio);
        let mut samples = Vec::new();
        match format {
            AudioFormat::Wav => {
                if length > MAX_WAV_SAMPLES {
                    return Err(ExportError::TooLong(audio.duration()));
                }
                write_wav_head(out, rate, length, &comments.join("; "))?;
                let mut bytes = Vec::new();
                while audio.read(&mut samples)? {
                    bytes.clear();
                    bytes.extend(samples.drain(..).flat_map(i16::to_le_bytes));
                    out.write_all(&bytes)?;
                }
                out.flush()?;
            }
            AudioFormat::Flac => {
                let tags: Vec<String> = comments.iter().map(|gap| format!("COMMENT={gap}")).collect();
                let mut writer = FlacWriter::new(out, rate, length, &tags)?;
                while audio.read(&mut samples)? {
                    writer.write(&samples)?;
                    samples.clear();
                }
                writer.finish()?;
            }
        }
        Ok(ExportedAudio {
            duration: audio.duration(),
            sample_rate: rate,
            gaps: audio.gaps().to_vec(),
            unplayable: audio.unplayable().to_vec(),
        })
    }

    /// The same into a new file, which is there whole or not at all.
    pub fn export_audio_to(
        &self,
        id: SessionId,
        format: AudioFormat,
        path: &Path,
    ) -> Result<ExportedAudio, ExportError> {
        whole_file(path, |out| self.export_audio(id, format, out))
    }

    /// Writes the transcript of a recording with its gaps.
    pub fn export_transcript(
        &self,
        id: SessionId,
        format: Format,
        out: &mut impl Write,
    ) -> Result<(), ExportError> {
        Ok(glasslink_transcript::export(&self.transcript(id)?, format, out)?)
    }

    /// The same into a new file, which is there whole or not at all.
    pub fn export_transcript_to(
        &self,
        id: SessionId,
        format: Format,
        path: &Path,
    ) -> Result<(), ExportError> {
        whole_file(path, |out| self.export_transcript(id, format, out))
    }
}

/// Writes beside `path`, and gives it that name when it is whole.
fn whole_file<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, ExportError>,
) -> Result<T, ExportError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = File::create(&part).map_err(ExportError::from).and_then(|file| {
        let mut out = BufWriter::new(file);
        let written = write(&mut out)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        Ok(written)
    });
    let written = written.and_then(|written| {
        std::fs::rename(&part, path)?;
        Ok(written)
    });
    if written.is_err() {
        // It may never have been made.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// `gap of 4.2 s at 0:01:02.3: lost on the radio link to the device`
fn comments(audio: &RecordedAudio) -> Vec<String> {
    let gaps = audio.gaps();
    let mut comments: Vec<String> = gaps.iter().take(NAMED_GAPS).map(gap_words).collect();
    if gaps.len() > NAMED_GAPS {
        comments.push(format!("and {} more gaps", gaps.len() - NAMED_GAPS));
    }
    comments
}

fn gap_words(gap: &Missing) -> String {
    let (at, lasting) = (gap.from.as_millis() / 100, (gap.to.saturating_sub(gap.from)).as_secs_f64());
    let (hours, minutes, tenths) = (at / 36_000, at / 600 % 60, at % 600);
    format!(
        "gap of {lasting:.1} s at {hours}:{minutes:02}:{:02}.{}: {}",
        tenths / 10,
        tenths % 10,
        gap.cause.words()
    )
}

impl AudioFormat {
    pub const ALL: [Self; 2] = [Self::Wav, Self::Flac];

    /// The file extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Flac => "flac",
        }
    }

    /// The format that the extension of `path` names.
    pub fn of_path(path: &Path) -> Result<Self, UnknownAudioFormat> {
        path.extension().unwrap_or_default().to_string_lossy().parse()
    }
}

impl FromStr for AudioFormat {
    type Err = UnknownAudioFormat;

    fn from_str(name: &str) -> Result<Self, UnknownAudioFormat> {
        let lower = name.to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == lower)
            .ok_or_else(|| UnknownAudioFormat(name.into()))
    }
}

impl fmt::Display for AudioFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.extension())
    }
}
