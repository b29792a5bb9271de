use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use glasslink::audio::journal::{Found, JournalStore, Recording};
use glasslink::transcript::{Transcript, export};
use glasslink::{ClientConfig, Events, Link, LinkBuilder, RelayAddress};
use glasslink_relay::RelayHandle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::args::Args;
use crate::audience::{Audience, Played};
use crate::cutter::Cutter;
use crate::ledger::{Report, faults};
use crate::network::{self, Replayed};
use crate::player;
use crate::relay;

/// How a run ended that had what it needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Whole,
    NotWhole,
}

/// What a run needs beside files: a relay, and a way to it.
struct Stage {
    builder: LinkBuilder,
    address: RelayAddress,
    local: Option<RelayHandle>,
}

/// Errors are wrong input or a relay that was not there.
pub(crate) async fn run(args: Args) -> Result<Outcome> {
    match &args.resume {
        Some(folder) => resume(&args, folder).await,
        None => play(&args).await,
    }
}

async fn play(args: &Args) -> Result<Outcome> {
    let tracks = player::open(&args.files, args.speed)?;
    for path in [&args.output, &args.timeline_out].into_iter().flatten() {
        // Now rather than after minutes of speech.
        OpenOptions::new().create(true).append(true).open(path).with_context(|| {
            format!("{} cannot be written: check the folder and its permissions", path.display())
        })?;
    }
    let timeline = args.timeline.as_deref().map(network::read).transpose()?;
    let mut stage = Stage::set(args).await?;
    if let Some(folder) = &args.journal {
        stage.builder = stage.builder.journal(&JournalStore::open(folder)?);
    }
    let mut audience = Audience::new(args.output_is_taken());
    let mut replayed = None;
    if let Some(timeline) = &timeline {
        let (network, left_out) = Replayed::new(timeline, &stage.address, args.connect_timeout.0).await?;
        for what in left_out {
            audience.screen.note(&what);
        }
        stage.builder = stage.builder.through(network.address()).no_proxy();
        replayed = Some(network);
    }
    audience.screen.connecting(&stage.address);
    let (link, events, mut cuts) = stage.connect(args, LinkBuilder::connect).await?;
    let began = Instant::now();
    if let Some(network) = &replayed {
        cuts.spawn(network.run(began, link.clone()));
    }
    let until = replayed.as_ref().map(|network| began + network.length);
    let played = audience.attend(&link, events, args, tracks, until).await?;
    let left = replayed.as_ref().map_or(0, |network| network.left_at(began.elapsed()));
    if left > 0 {
        audience
            .screen
            .note(&format!("the audio ended before the timeline did: {left} troubles were not met"));
    }
    link.close().await;
    let written = write_timeline(args, &link);

    let longest_outage = replayed.as_ref().map_or(args.outage, |network| network.longest_outage);
    let faults = faults(&played, args.live && longest_outage.as_secs() > 60);
    audience.screen.ledger(&played.stats, &played.finished, &faults);
    stage.strike().await;
    let exported = write_transcript(args, &played.transcript);
    let measure = args.speed.is_real_time().then_some(&audience.measure);
    report(args, &Report::new(&played.stats, played.transcript.text(), measure))?;
    exported?;
    written?;
    match played.problems.into_iter().next() {
        Some(problem) => Err(problem),
        None => Ok(if faults.is_empty() { Outcome::Whole } else { Outcome::NotWhole }),
    }
}

/// One recording after the other, each over a link of its own.
async fn resume(args: &Args, folder: &Path) -> Result<Outcome> {
    fs::read_dir(folder).with_context(|| format!("{} cannot be read: check its name", folder.display()))?;
    let store = JournalStore::open(folder)?;
    let stage = Stage::set(args).await?;
    let mut audience = Audience::new(args.output_is_taken());
    let (mut outcome, mut sums, mut texts) = (Outcome::Whole, Report::default(), Vec::new());
    for found in store.recordings()? {
        let recording = match found {
            Found::Recording(recording) if recording.is_finished()? => continue,
            Found::Recording(recording) => recording,
            Found::InUse(session) => {
                audience.screen.note(&format!("{session}: left alone, a program is writing it"));
                continue;
            }
            Found::Unreadable { session, error } => {
                audience.screen.fault(&format!("{session}: {error}"));
                outcome = Outcome::NotWhole;
                continue;
            }
        };
        let (played, faults) = go_on(args, &stage, &mut audience, recording).await?;
        audience.screen.ledger(&played.stats, &played.finished, &faults);
        if !faults.is_empty() {
            outcome = Outcome::NotWhole;
        }
        sums.add(&played.stats);
        texts.push(played.transcript.text());
    }
    if texts.is_empty() && outcome == Outcome::Whole {
        audience.screen.note(&format!("nothing is left to do in {}", folder.display()));
    }
    stage.strike().await;
    sums.transcript = texts.join(" ");
    report(args, &sums)?;
    Ok(outcome)
}

async fn go_on(
    args: &Args,
    stage: &Stage,
    audience: &mut Audience,
    recording: Recording,
) -> Result<(Played, Vec<String>)> {
    audience.screen.note(&format!("going on with {}", recording.session()));
    for damage in recording.damage() {
        let done = if damage.cut { "cut off" } else { "passed over" };
        let bytes = damage.bytes.end.saturating_sub(damage.bytes.start);
        audience.screen.note(&format!("{bytes} bytes of it were damaged and {done}"));
    }
    audience.screen.connecting(&stage.address);
    let (link, events, _cuts) = stage.connect(args, |builder| builder.resume(recording)).await?;
    let played = audience.attend(&link, events, args, Vec::new(), None).await?;
    // Without a transcript the relay is to keep the session: the next run asks again.
    if played.finished.is_ok() {
        link.close().await;
    }
    let faults = faults(&played, true);
    Ok((played, faults))
}

impl Stage {
    async fn set(args: &Args) -> Result<Self> {
        let local = if args.relay.is_none() { Some(relay::start().await?) } else { None };
        let address = match (&args.relay, &local) {
            (Some(address), _) => address.clone(),
            (None, Some(relay)) => relay.url().parse()?,
            (None, None) => unreachable!("one of the two is there"),
        };
        Ok(Self { builder: builder(args, &address)?, address, local })
    }

    /// A link, and what cuts it as long as it is held.
    async fn connect<E: Into<anyhow::Error>>(
        &self,
        args: &Args,
        connect: impl FnOnce(LinkBuilder) -> Result<(Link, Events), E>,
    ) -> Result<(Link, Events, JoinSet<()>)> {
        let mut builder = self.builder.clone();
        let mut cutter = None;
        if let Some(every) = args.drop_every {
            let between = Cutter::new(self.address.host(), self.address.port(), every, args.outage).await?;
            builder = builder.through(between.address()?);
            cutter = Some(between);
        }
        let (link, events) = connect(builder).map_err(Into::into)?;
        let mut cuts = JoinSet::new();
        if let Some(cutter) = cutter {
            cuts.spawn(cutter.run(link.watch_state()));
        }
        Ok((link, events, cuts))
    }

    async fn strike(self) {
        if let Some(relay) = self.local {
            relay.shutdown().await;
        }
    }
}

fn builder(args: &Args, address: &RelayAddress) -> Result<LinkBuilder> {
    let catch_up_rate = args.speed.0.speed().map(|speed| (speed * 4.0).ceil() as u32);
    let mut builder = Link::builder(address.to_string())
        .client_name(concat!("replay ", env!("CARGO_PKG_VERSION")))
        .config(ClientConfig { catch_up_rate, ..ClientConfig::default() });
    if let Some(transport) = args.http.only() {
        builder = builder.transport(transport);
    }
    if let Some(token) = &args.token {
        builder = builder.token(token);
    }
    if let Some(path) = &args.ca {
        let pem = fs::read(path)
            .with_context(|| format!("{} cannot be read: check the name of the --ca file", path.display()))?;
        builder = builder.extra_root(pem);
    }
    Ok(builder)
}

fn report(args: &Args, report: &Report) -> Result<()> {
    if args.json {
        println!("{}", serde_json::to_string(report)?);
    }
    Ok(())
}

fn write_timeline(args: &Args, link: &Link) -> Result<()> {
    let Some(path) = &args.timeline_out else { return Ok(()) };
    fs::write(path, link.link_timeline().to_json())
        .with_context(|| format!("{} could not be written: check the disk", path.display()))
}

fn write_transcript(args: &Args, transcript: &Transcript) -> Result<()> {
    let Some(format) = args.export else { return Ok(()) };
    let Some(path) = &args.output else {
        return export(transcript, format, &mut std::io::stdout()).context("standard output was closed");
    };
    let written = File::create(path).and_then(|file| {
        let mut file = BufWriter::new(file);
        export(transcript, format, &mut file)?;
        file.flush()
    });
    written.with_context(|| format!("{} could not be written: check the disk", path.display()))
}
