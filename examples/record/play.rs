use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use glasslink_library::{Library, RecordedAudio};
use serde_json::json;

use crate::Outcome;
use crate::args::{Global, PlayOptions};
use crate::json::ms;
use crate::pick::pick;
use crate::style::{BAD, DIM, GAP, Out};
use crate::time::clock;

/// Standard output, where a file is wanted.
const STDOUT: &str = "-";

pub(crate) async fn run(library: &Library, global: &Global, options: &PlayOptions) -> Result<Outcome> {
    let summary = pick(library, &options.one.recording)?;
    let mut audio = library.audio(summary.id)?;
    let from = options.at.min(audio.duration());
    let to = options.lasting.map_or(audio.duration(), |lasting| (from + lasting).min(audio.duration()));
    if from >= to {
        bail!("{} is behind the end: it lasts {}", clock(options.at), clock(audio.duration()));
    }
    let piped = !std::io::stdout().is_terminal() && !global.json;
    let to_stdout = options.to.as_deref().map_or(piped, |path| path == Path::new(STDOUT));
    let mut out = Out::new(global.json || to_stdout);
    for gap in audio.gaps().iter().filter(|gap| gap.from < to && gap.to > from) {
        let silent = gap.to.saturating_sub(gap.from).as_secs_f64();
        let (at, cause) = (clock(gap.from), gap.cause.words());
        out.line(GAP, &format!("{at}  {silent:.1} s of silence: {cause}"));
    }
    let mut outcome = Outcome::Done;
    for problem in audio.unplayable() {
        out.line(BAD, problem);
        outcome = Outcome::NotAll;
    }
    audio.seek(from);
    match &options.to {
        _ if to_stdout => write_wav(&mut audio, to, &mut std::io::stdout().lock())?,
        Some(path) => {
            let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
            write_wav(&mut audio, to, &mut BufWriter::new(file))?;
            out.line(DIM, &format!("{}: {} to {}", path.display(), clock(from), clock(to)));
        }
        None => listen(&mut audio, to, &mut out).await?,
    }
    if global.json {
        crate::json::say(&json!({ "id": summary.id.to_string(), "from_ms": ms(from), "to_ms": ms(to) }))?;
    }
    Ok(outcome)
}

#[cfg(feature = "microphone")]
async fn listen(audio: &mut RecordedAudio, to: Duration, out: &mut Out) -> Result<()> {
    let end = clock(to);
    let played = crate::speaker::play(audio, to, |at| {
        if out.live {
            out.raw(&format!("\r\x1b[2K{} of {end}", clock(at)));
        }
    });
    played.await?;
    if out.live {
        out.raw("\r\x1b[2K");
    }
    Ok(())
}

#[cfg(not(feature = "microphone"))]
#[expect(clippy::unused_async, reason = "the other one waits for the loudspeaker")]
async fn listen(_: &mut RecordedAudio, _: Duration, _: &mut Out) -> Result<()> {
    bail!(
        "this build plays no sound: write a file with --to FILE, pipe it to a player, or build with `--features microphone`"
    )
}

fn write_wav(audio: &mut RecordedAudio, to: Duration, out: &mut impl Write) -> Result<()> {
    let rate = audio.sample_rate();
    let mut left = samples(to, rate) - samples(audio.position(), rate);
    let data = u32::try_from(left * 2).ok().context("that is too long for a WAV file: use --for")?;
    let mut head = Vec::new();
    head.extend(b"RIFF");
    head.extend(data.saturating_add(36).to_le_bytes());
    head.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    head.extend(rate.to_le_bytes());
    head.extend((rate * 2).to_le_bytes());
    head.extend(b"\x02\0\x10\0data");
    head.extend(data.to_le_bytes());
    out.write_all(&head)?;
    let (mut part, mut bytes) = (Vec::new(), Vec::new());
    while left > 0 && audio.read(&mut part)? {
        let wanted = part.len().min(left as usize);
        bytes.clear();
        bytes.extend(part.drain(..).take(wanted).flat_map(i16::to_le_bytes));
        left -= wanted as u64;
        match out.write_all(&bytes) {
            // The player has enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    Ok(out.flush()?)
}

fn samples(time: Duration, rate: u32) -> u64 {
    (time.as_secs_f64() * f64::from(rate)).round() as u64
}
