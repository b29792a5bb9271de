use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use glasslink::transcript::{Transcript, export};
use glasslink::{ClientConfig, Event, Events, FinishError, Lagged, Link, LinkBuilder, RelayAddress};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::args::Args;
use crate::cutter::Cutter;
use crate::ledger::{Report, faults};
use crate::measure::Measure;
use crate::player::{self, Began};
use crate::relay;
use crate::screen::Screen;

/// How a run ended that had what it needed.
pub(crate) enum Outcome {
    Whole,
    NotWhole,
}

/// A run's parts that listen while it plays.
struct Audience {
    screen: Screen,
    measure: Measure,
    lagged: u64,
}

/// Errors are wrong input or a relay that was not there.
pub(crate) async fn run(args: Args) -> Result<Outcome> {
    let tracks = player::open(&args.files, args.speed)?;
    if let Some(path) = &args.output {
        // Now rather than after minutes of speech.
        OpenOptions::new().create(true).append(true).open(path).with_context(|| {
            format!("{} cannot be written: check the folder and its permissions", path.display())
        })?;
    }
    let mut background = JoinSet::new();
    let local = if args.relay.is_none() { Some(relay::start().await?) } else { None };
    let address = match (&args.relay, &local) {
        (Some(address), _) => address.clone(),
        (None, Some(relay)) => relay.url().parse()?,
        (None, None) => unreachable!("one of the two is there"),
    };
    let mut builder = builder(&args, &address)?;
    let mut cutter = None;
    if let Some(every) = args.drop_every {
        let between = Cutter::new(address.host(), address.port(), every, args.outage).await?;
        builder = builder.through(between.address()?);
        cutter = Some(between);
    }
    let mut audience =
        Audience { screen: Screen::new(args.output_is_taken()), measure: Measure::default(), lagged: 0 };
    audience.screen.connecting(&address);
    let (link, mut events) = builder.connect()?;
    if let Some(cutter) = cutter {
        background.spawn(cutter.run(link.watch_state()));
    }
    if let Err(error) = link.wait_live(args.connect_timeout.0).await {
        audience.screen.clear();
        return Err(error.into());
    }

    let (problems, finished) = audience.attend(&link, &mut events, &args, tracks).await;
    let (stats, transcript) = (link.stats(), link.transcript());
    link.close().await;
    let may_lose = args.live && args.outage.as_secs() > 60;
    let mut faults = faults(&stats, &transcript, &finished, may_lose);
    if audience.lagged > 0 {
        faults.push(format!("{} events were not shown in time", audience.lagged));
    }
    audience.screen.ledger(&stats, &finished, &faults);
    if let Some(relay) = local {
        relay.shutdown().await;
    }
    let exported = write_transcript(&args, &transcript);
    if args.json {
        let measure = args.speed.is_real_time().then_some(&audience.measure);
        println!("{}", serde_json::to_string(&Report::new(&stats, &transcript, measure))?);
    }
    exported?;
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem);
    }
    Ok(if faults.is_empty() { Outcome::Whole } else { Outcome::NotWhole })
}

fn builder(args: &Args, address: &RelayAddress) -> Result<LinkBuilder> {
    let catch_up_rate = args.speed.0.speed().map(|speed| (speed * 4.0).ceil() as u32);
    let mut builder = Link::builder(address.to_string())
        .client_name(concat!("replay ", env!("CARGO_PKG_VERSION")))
        .config(ClientConfig { catch_up_rate, ..ClientConfig::default() });
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

impl Audience {
    /// Plays everything and waits until it is kept and transcribed, or until the person has enough.
    async fn attend(
        &mut self,
        link: &Link,
        events: &mut Events,
        args: &Args,
        tracks: Vec<player::Track>,
    ) -> (Vec<anyhow::Error>, Result<(), FinishError>) {
        let (began, mut beginnings) = mpsc::unbounded_channel();
        let mut stats = link.watch_stats();
        let playing = async {
            let problems = player::play(link, args, tracks, began).await;
            (problems, link.finish().await)
        };
        let mut playing = std::pin::pin!(playing);
        let result = loop {
            tokio::select! {
                biased;
                Some(began) = beginnings.recv() => self.began(began),
                Some(event) = events.next() => self.event(event),
                result = &mut playing => break result,
                Ok(()) = stats.changed() => self.screen.figures(&stats.borrow_and_update()),
                _ = tokio::signal::ctrl_c() => break (vec![], Err(FinishError::Closed)),
            }
        };
        while let Some(event) = events.try_next() {
            self.event(event);
        }
        self.screen.clear();
        result
    }

    fn began(&mut self, began: Began) {
        self.screen.began(began.stream, &began.name, began.duration, began.format);
        self.measure.follow(began.stream, began.format, began.started);
    }

    fn event(&mut self, event: Result<Event, Lagged>) {
        match event {
            Ok(event) => {
                self.measure.event(&event, Instant::now());
                self.screen.event(&event);
            }
            Err(Lagged { missed }) => self.lagged += missed,
        }
    }
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
