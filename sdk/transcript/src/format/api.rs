use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use super::{json, markdown, srt, txt, vtt};
use crate::Transcript;

/// A file format for transcripts.
///
/// Every format carries the times and texts of speech, and the times and causes of gaps. What is written, read and
/// written again is the same to the byte. Only [`Json`](Self::Json) carries words with their times and texts as they
/// are; in the others a run of white space and control characters is one space, and speech without text is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    Txt,
    Markdown,
    Json,
    Srt,
    Vtt,
}

/// Known are `txt`, `md` (or `markdown`), `json`, `srt` and `vtt`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a transcript format; there are txt, md, json, srt and vtt")]
pub struct UnknownFormat(String);

/// Why a transcript could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file could not be read; the cause says why.
    #[error("the transcript could not be read: {0}")]
    Io(#[from] io::Error),
    /// More than 64 MiB, which no transcript has; it is another kind of file.
    #[error("the file is larger than {} MiB: not a transcript", MAX_IMPORT_BYTES >> 20)]
    TooLarge,
    /// Text in another encoding, or no text; save it as UTF-8.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// Written by a newer version of Glasslink; update to read it.
    #[error("the transcript has version {0}, this program reads version {known}: update it", known = json::VERSION)]
    Newer(u64),
    /// Not in the format it was taken for; the line is the place to look at.
    #[error("line {line}: {problem}")]
    Malformed { line: usize, problem: &'static str },
    /// Not the JSON of a transcript; the message says where.
    #[error("not a transcript in JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// 8 hours of speech with word times is about 10 MiB of JSON.
const MAX_IMPORT_BYTES: u64 = 64 << 20;

/// Writes `transcript` in `format`, UTF-8.
pub fn export(transcript: &Transcript, format: Format, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Txt => txt::write(transcript, out),
        Format::Markdown => markdown::write(transcript, out),
        Format::Json => json::write(transcript, out),
        Format::Srt => srt::write(transcript, out),
        Format::Vtt => vtt::write(transcript, out),
    }
}

/// Reads a transcript written by [`export`]; SRT and VTT also as other programs write them. At most 64 MiB.
pub fn import(format: Format, input: &mut impl Read) -> Result<Transcript, ImportError> {
    let mut bytes = Vec::new();
    input.take(MAX_IMPORT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_IMPORT_BYTES {
        return Err(ImportError::TooLarge);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| ImportError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let entries = match format {
        Format::Txt => txt::read(text)?,
        Format::Markdown => markdown::read(text)?,
        Format::Json => json::read(text)?,
        Format::Srt => srt::read(text)?,
        Format::Vtt => vtt::read(text)?,
    };
    Ok(Transcript::new(entries))
}

impl Format {
    pub const ALL: [Self; 5] = [Self::Txt, Self::Markdown, Self::Json, Self::Srt, Self::Vtt];

    /// The file extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Markdown => "md",
            Self::Json => "json",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
        }
    }

    /// The format that the extension of `path` names.
    pub fn of_path(path: &Path) -> Result<Self, UnknownFormat> {
        path.extension().unwrap_or_default().to_string_lossy().parse()
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name.to_ascii_lowercase().as_str() {
            "txt" => Ok(Self::Txt),
            "md" | "markdown" => Ok(Self::Markdown),
            "json" => Ok(Self::Json),
            "srt" => Ok(Self::Srt),
            "vtt" => Ok(Self::Vtt),
            _ => Err(UnknownFormat(name.to_owned())),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.extension())
    }
}
