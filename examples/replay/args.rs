use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use glasslink::audio::Pace;
use glasslink::transcript::Format;
use glasslink::{RelayAddress, Transport};

/// Replay audio files through the whole system, one behind the other, and account for every frame
///
/// Exit code 0: the ledger balances, nothing was lost that should not have been, and everything was transcribed if the
/// relay has a speech engine. 1: it was not so. 2: wrong input, or no relay in time.
#[derive(Parser, Debug)]
#[command(name = "replay", version, max_term_width = 110)]
pub(crate) struct Args {
    /// WAV, FLAC, MP3 or Ogg Vorbis, of any rate
    #[arg(required_unless_present = "resume", conflicts_with = "resume", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// The relay's address; without it, one is started within this program
    #[arg(long, value_name = "URL", env = "GLASSLINK_RELAY")]
    pub(crate) relay: Option<RelayAddress>,

    /// The token the relay wants
    #[arg(long, env = "GLASSLINK_TOKEN", hide_env_values = true, requires = "relay")]
    pub(crate) token: Option<String>,

    /// An authority to trust beside the system's, PEM
    #[arg(long, value_name = "FILE", requires = "relay")]
    pub(crate) ca: Option<PathBuf>,

    /// Carry the link over HTTP: where WebSocket is blocked, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) http: Http,

    /// How many times faster than real time, or `max`
    #[arg(long, default_value = "1", value_name = "N|max")]
    pub(crate) speed: Speed,

    /// As a microphone: into a full buffer, the oldest frames are dropped instead of the file waiting
    #[arg(long)]
    pub(crate) live: bool,

    /// Record in this folder before anything is sent: what is killed is gone on with by `--resume`
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(crate) journal: Option<PathBuf>,

    /// Upload and finish what earlier runs left in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) resume: Option<PathBuf>,

    /// Cut the link this often, seconds by the clock on the wall
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) drop_every: Option<Duration>,

    /// How long the link stays cut, seconds
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "2", requires = "drop_every")]
    pub(crate) outage: Duration,

    /// Play the network of a field report: what a link's timeline saw (sdk/client/TIMELINE.md), when it saw it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["drop_every", "resume"])]
    pub(crate) timeline: Option<PathBuf>,

    /// Write what this run's link saw and did, for `--timeline`
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub(crate) timeline_out: Option<PathBuf>,

    /// Write the transcript: txt, md, json, srt or vtt
    #[arg(long, value_name = "FORMAT", conflicts_with = "resume")]
    pub(crate) export: Option<Format>,

    /// Where to write it; without it, standard output
    #[arg(long, value_name = "FILE", requires = "export")]
    pub(crate) output: Option<PathBuf>,

    /// End with one JSON object on standard output; everything else goes to standard error
    #[arg(long)]
    pub(crate) json: bool,

    /// Give up if the relay is not reached within this many seconds; 0: never
    #[arg(long, value_name = "S", value_parser = seconds_or_never, default_value = "10")]
    pub(crate) connect_timeout: Timeout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Http {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed(pub(crate) Pace);

/// `None`: never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeout(pub(crate) Option<Duration>);

impl Args {
    /// What a person reads goes to standard error when a program reads standard output.
    pub(crate) fn output_is_taken(&self) -> bool {
        self.json || (self.export.is_some() && self.output.is_none())
    }
}

impl Http {
    /// The only transport there is to be.
    pub(crate) fn only(self) -> Option<Transport> {
        match self {
            Self::Auto => None,
            Self::Always => Some(Transport::Http),
            Self::Never => Some(Transport::WebSocket),
        }
    }
}

impl Speed {
    pub(crate) fn is_real_time(self) -> bool {
        self.0 == Pace::REAL_TIME
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
    match seconds_or_never(text)?.0 {
        Some(time) => Ok(time),
        None => Err("more than 0 seconds".into()),
    }
}

fn seconds_or_never(text: &str) -> Result<Timeout, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds".to_owned())?;
    // A day is longer than any of these makes sense for.
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err("a number of seconds, 86400 at most".into());
    }
    Ok(Timeout((seconds > 0.0).then(|| Duration::from_secs_f64(seconds))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("replay").chain(line.split(' ')))
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn speeds_and_times_are_checked() {
        assert!(parse("a.wav").unwrap().speed.is_real_time());
        assert_eq!(parse("a.wav --speed max").unwrap().speed.0, Pace::UNPACED);
        assert_eq!(parse("a.wav --connect-timeout 0").unwrap().connect_timeout.0, None);
        assert_eq!(parse("a.wav").unwrap().http, Http::Auto);
        assert_eq!(parse("a.wav --http always").unwrap().http.only(), Some(Transport::Http));
        for wrong in [
            "",
            "a.wav --http sometimes",
            "a.wav --speed 0",
            "a.wav --speed fast",
            "a.wav --drop-every -1",
            "a.wav --outage 3",
            "a.wav --relay relay.example",
            "a.wav --output b.srt",
            "a.wav --export doc",
            "a.wav --drop-every 1 --timeline b.json",
            "--resume folder --timeline-out b.json",
            "a.wav --resume folder",
            "--resume folder --export txt",
            "a.wav --connect-timeout NaN",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
