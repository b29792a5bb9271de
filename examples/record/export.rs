use std::path::Path;

use anyhow::{Context, Result, bail};
use glasslink::transcript::Format;
use glasslink_library::{AudioFormat, Library};
use serde_json::json;

use crate::Outcome;
use crate::args::{ExportOptions, Global, ImportOptions};
use crate::json::{ms, summary as summary_json};
use crate::pick::{pick, short};
use crate::style::{BAD, DIM, GAP, Out};
use crate::time::{clock, utc_offset_min};

/// What a file's extension says it is to be.
enum As {
    Audio(AudioFormat),
    Transcript(Format),
}

pub(crate) fn export(library: &Library, global: &Global, options: &ExportOptions) -> Result<Outcome> {
    let summary = pick(library, &options.recording)?;
    if let Some(format) = options.format {
        library.export_transcript(summary.id, format, &mut std::io::stdout().lock())?;
        return Ok(Outcome::Done);
    }
    // What is wrong with one of them is said before any is written.
    let wanted = options.files.iter().map(|path| kind(path, options.force)).collect::<Result<Vec<As>>>()?;
    let mut out = Out::new(global.json);
    let (mut written, mut outcome) = (Vec::new(), Outcome::Done);
    for (path, kind) in options.files.iter().zip(wanted) {
        let name = path.display();
        match kind {
            As::Transcript(format) => {
                library.export_transcript_to(summary.id, format, path).with_context(|| name.to_string())?;
                out.line(DIM, &format!("{name}: the transcript"));
                written.push(json!({ "file": path, "format": format.extension() }));
            }
            As::Audio(format) => {
                let exported =
                    library.export_audio_to(summary.id, format, path).with_context(|| name.to_string())?;
                let (rate, lasting) = (exported.sample_rate, clock(exported.duration));
                out.line(DIM, &format!("{name}: {lasting} at {rate} Hz"));
                for gap in &exported.gaps {
                    let silent = gap.to.saturating_sub(gap.from).as_secs_f64();
                    let (at, cause) = (clock(gap.from), gap.cause.words());
                    out.line(GAP, &format!("{at}  {silent:.1} s of silence: {cause}"));
                }
                for problem in &exported.unplayable {
                    out.line(BAD, problem);
                    outcome = Outcome::NotAll;
                }
                let gaps = exported
                    .gaps
                    .iter()
                    .map(|gap| json!({ "from_ms": ms(gap.from), "to_ms": ms(gap.to), "cause": gap.cause }));
                written.push(json!({
                    "file": path, "format": format.extension(), "sample_rate": rate,
                    "duration_ms": ms(exported.duration), "gaps": gaps.collect::<Vec<_>>(),
                }));
            }
        }
    }
    if global.json {
        crate::json::say(&json!({ "id": summary.id.to_string(), "written": written }))?;
    }
    Ok(outcome)
}

fn kind(path: &Path, force: bool) -> Result<As> {
    if !force && path.exists() {
        bail!("{} is there already: --force replaces it", path.display());
    }
    if let Ok(format) = AudioFormat::of_path(path) {
        return Ok(As::Audio(format));
    }
    match Format::of_path(path) {
        Ok(format) => Ok(As::Transcript(format)),
        Err(_) => bail!("{}: end the name in .wav, .flac, .txt, .md, .json, .srt or .vtt", path.display()),
    }
}

pub(crate) fn import(library: &Library, global: &Global, options: &ImportOptions) -> Result<Outcome> {
    let mut out = Out::new(global.json);
    let (mut imported, mut outcome) = (Vec::new(), Outcome::Done);
    let how =
        glasslink_library::ImportOptions { full_quality: !options.small, utc_offset_min: utc_offset_min() };
    for path in &options.files {
        match library.import(path, how) {
            Ok(done) => {
                let summary = library.recording(done.id)?;
                out.line(DIM, &format!("{}  {}  {}", short(&summary), clock(done.duration), path.display()));
                imported.push(summary_json(&summary));
                if let Some(problem) = done.problem {
                    out.line(BAD, &problem.to_string());
                    outcome = Outcome::NotAll;
                }
            }
            Err(error) if options.files.len() == 1 => return Err(error.into()),
            Err(error) => {
                out.line(BAD, &error.to_string());
                outcome = Outcome::NotAll;
            }
        }
    }
    if global.json {
        crate::json::say(&json!({ "imported": imported }))?;
    }
    Ok(outcome)
}
