use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args as ClapArgs, CommandFactory, FromArgMatches, Parser, Subcommand};
use etcetera::BaseStrategy;
use glasslink::RelayAddress;
use glasslink::audio::Pace;
use glasslink::transcript::Format;
use glasslink_library::Library;

use crate::time::parse_clock;

/// Record what is said, with live captions, and find it again
///
/// `record` alone records from the microphone until Ctrl-C, `record --from talk.wav` a file; what is heard is on the
/// disk at once, whatever becomes of the network, the captions or this program. Everything else works on what was recorded:
///
///   record list                     what there is
///   record search "moon rise"       where it was said
///   record show last                what was said
///   record play last --at 1:02      listen to it
///   record export last talk.srt     take it elsewhere
///
/// RECORDING is `last`, the beginning of an id as `list` shows it, or a part of a title.
///
/// Exit code 0: done. 1: not all of it, and what is missing was said. 2: wrong input, or nothing done.
#[derive(Parser, Debug)]
#[command(
    name = "record",
    version,
    max_term_width = 110,
    verbatim_doc_comment,
    subcommand_negates_reqs = true
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) record: NewOptions,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Global {
    /// The folder of the recordings; without it, `glasslink/recordings` in your data folder
    #[arg(long, global = true, value_name = "DIR", env = "GLASSLINK_LIBRARY")]
    pub(crate) library: Option<PathBuf>,

    /// Answer with one JSON object on standard output; everything else goes to standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Record: the same as no command at all
    New(NewOptions),
    /// List what there is to record from
    Devices,
    /// List the recordings, the last one first
    List(ListOptions),
    /// Find words in what was said, in notes, markers and titles
    Search(SearchOptions),
    /// Show what was said, what is missing, and the notes
    Show(ShowOptions),
    /// Play a recording, or a part of it
    Play(PlayOptions),
    /// Write audio (wav, flac) or transcript (txt, md, json, srt, vtt) to files, gaps and all
    Export(ExportOptions),
    /// Make recordings of WAV, FLAC, MP3 or Ogg Vorbis files
    Import(ImportOptions),
    /// Transcribe a recording again, or a part of it; `undo` brings the words back that there were
    Transcribe(TranscribeOptions),
    /// Finish what a killed program left: the recording, and its transcript
    Recover(RecoverOptions),
    /// Give a recording a title
    Title(TitleOptions),
    /// Note something about a recording, or about a place in it
    Note(NoteOptions),
    /// Take back the last title, note or transcript
    Undo(One),
    /// Do again what was undone
    Redo(One),
    /// Put recordings into the trash, or with `--for-good` delete them
    Delete(DeleteOptions),
    /// Take recordings out of the trash
    Undelete(Several),
    /// Say what is wrong with recordings, index, speech model and relay, and what to do
    Doctor(DoctorOptions),
}

#[derive(ClapArgs, Debug, Clone)]
pub(crate) struct RelayOptions {
    /// The relay that captions; without it, one within this program if the speech model is installed
    #[arg(long, value_name = "URL", env = "GLASSLINK_RELAY")]
    pub(crate) relay: Option<RelayAddress>,

    /// The token the relay wants
    #[arg(long, env = "GLASSLINK_TOKEN", hide_env_values = true, requires = "relay")]
    pub(crate) token: Option<String>,

    /// An authority to trust beside the system's, PEM
    #[arg(long, value_name = "FILE", requires = "relay")]
    pub(crate) ca: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct NewOptions {
    /// Record a file (WAV, FLAC, MP3, Ogg Vorbis) as if it were heard
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,

    /// Record from this device: an id or a part of a name, as `devices` shows them
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    pub(crate) device: Option<String>,

    /// Record what the computer plays
    #[arg(long, conflicts_with_all = ["from", "device"])]
    pub(crate) system: bool,

    /// With --from: how many times faster than real time, or `max`
    #[arg(long, default_value = "1", value_name = "N|max", requires = "from")]
    pub(crate) speed: Speed,

    /// Call the recording this
    #[arg(long)]
    pub(crate) title: Option<String>,

    /// Do not keep the full quality, only what is sent: 8 MiB an hour instead of 340
    #[arg(long)]
    pub(crate) small: bool,

    /// Record without captions; `transcribe` makes them later
    #[arg(long, conflicts_with = "relay")]
    pub(crate) no_relay: bool,

    #[command(flatten)]
    pub(crate) relay: RelayOptions,

    /// How long to wait at the end for the rest of the transcript, seconds
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "60")]
    pub(crate) finish_timeout: Duration,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ListOptions {
    /// List what is in the trash
    #[arg(long)]
    pub(crate) trash: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct SearchOptions {
    /// All of these words; words between quotation marks, one behind the other
    #[arg(required = true)]
    pub(crate) words: Vec<String>,

    /// Only in this recording
    #[arg(long, value_name = "RECORDING")]
    pub(crate) within: Option<String>,

    /// How many places to show
    #[arg(long, value_name = "N", default_value = "20")]
    pub(crate) most: usize,

    /// Begin with this one
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) from: usize,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct One {
    #[arg(value_name = "RECORDING", default_value = "last")]
    pub(crate) recording: String,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Several {
    #[arg(value_name = "RECORDING", required = true)]
    pub(crate) recordings: Vec<String>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ShowOptions {
    #[command(flatten)]
    pub(crate) one: One,

    /// Show what was done to it, and what of that was undone
    #[arg(long)]
    pub(crate) history: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct PlayOptions {
    #[command(flatten)]
    pub(crate) one: One,

    /// Begin here: seconds, m:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = parse_clock, default_value = "0")]
    pub(crate) at: Duration,

    /// Play so much of it
    #[arg(long = "for", value_name = "TIME", value_parser = parse_clock)]
    pub(crate) lasting: Option<Duration>,

    /// Write it as WAV instead: a file, or - for standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ExportOptions {
    #[arg(value_name = "RECORDING")]
    pub(crate) recording: String,

    /// Where to write; the extension says as what
    #[arg(value_name = "FILE", required_unless_present = "format")]
    pub(crate) files: Vec<PathBuf>,

    /// Write the transcript to standard output: txt, md, json, srt or vtt
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["files", "json"])]
    pub(crate) format: Option<Format>,

    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ImportOptions {
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Do not keep the full quality, only what is transcribed: 8 MiB an hour instead of 340
    #[arg(long)]
    pub(crate) small: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct TranscribeOptions {
    #[command(flatten)]
    pub(crate) one: One,

    /// Only from here: seconds, m:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = parse_clock)]
    pub(crate) from: Option<Duration>,

    /// Only up to here
    #[arg(long, value_name = "TIME", value_parser = parse_clock)]
    pub(crate) to: Option<Duration>,

    #[command(flatten)]
    pub(crate) relay: RelayOptions,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct RecoverOptions {
    /// Only make the recordings whole; `transcribe` does the rest later
    #[arg(long, conflicts_with = "relay")]
    pub(crate) no_relay: bool,

    #[command(flatten)]
    pub(crate) relay: RelayOptions,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct TitleOptions {
    #[arg(value_name = "RECORDING")]
    pub(crate) recording: String,
    pub(crate) title: String,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct NoteOptions {
    #[arg(value_name = "RECORDING")]
    pub(crate) recording: String,
    pub(crate) text: String,

    /// About this place: seconds, m:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = parse_clock)]
    pub(crate) at: Option<Duration>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct DeleteOptions {
    #[command(flatten)]
    pub(crate) several: Several,

    /// At once and without a way back: audio, transcript, notes and what the index has
    #[arg(long)]
    pub(crate) for_good: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct DoctorOptions {
    #[command(flatten)]
    pub(crate) relay: RelayOptions,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed(pub(crate) Pace);

impl Args {
    /// What was asked for; options of a recording have no place before another command.
    pub(crate) fn from_line<T: Into<OsString> + Clone>(
        line: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(line)?;
        let of_recording = NewOptions::augment_args(clap::Command::new("new"));
        let misplaced = of_recording.get_arguments().find(|argument| {
            matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
        });
        if let (Some((name, _)), Some(misplaced)) = (matches.subcommand(), misplaced) {
            let option = misplaced.get_long().unwrap_or_default();
            let message = format!("--{option} does not go with `{name}`, or belongs behind it");
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
        Self::from_arg_matches(&matches)
    }
}

impl Global {
    pub(crate) fn open(&self) -> Result<Library> {
        let folder = match &self.library {
            Some(folder) => folder.clone(),
            None => etcetera::choose_base_strategy()
                .context("there is no home folder: name one with --library")?
                .data_dir()
                .join("glasslink")
                .join("recordings"),
        };
        Library::open(&folder).with_context(|| format!("the recordings in {}", folder.display()))
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self(Pace::UNPACED));
        }
        let speed: f64 = text.parse().map_err(|_| "a number, or max".to_owned())?;
        Pace::times(speed).map(Self).map_err(|error| error.to_string())
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds".to_owned())?;
    // A day is longer than this makes sense for.
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err("a number of seconds, 86400 at most".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::from_line(std::iter::once("record").chain(line.split(' ')))
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_records() {
        let args = parse("--from a.wav --speed 4 --library x").unwrap();
        assert!(args.command.is_none() && args.record.from.is_some() && args.global.library.is_some());
        assert!(matches!(parse("new --from a.wav").unwrap().command, Some(Command::New(_))));
        assert!(matches!(parse("list --json").unwrap().command, Some(Command::List(_))));
        let args = parse("--library x list --json").unwrap();
        assert!(args.global.library.is_some() && args.global.json, "before the command and behind it");
        for wrong in [
            "--speed 4",
            "--from a.wav --speed 0",
            "--from a.wav list",
            "--no-relay --relay http://127.0.0.1:1",
            "search",
            "export last",
            "play last --at soon",
            "delete",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
