use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use glasslink::{
    AttachedSource, Event, Events, Gap, Link, LinkBuilder, LinkState, StreamFormat, StreamId, StreamOptions,
    TranscriptEvent,
};
use serde_json::{Value, json};

use crate::ticks::{Switch, Ticks};

/// The stream of the source; those that continue it follow.
const FIRST_STREAM: StreamId = StreamId(1);

/// One link and what it carries.
pub(crate) struct Client {
    number: usize,
    link: Link,
    source: Option<AttachedSource>,
    switch: Arc<Switch>,
}

impl Client {
    pub(crate) fn start(number: usize, builder: LinkBuilder, idle: bool) -> Result<Self> {
        let (link, events) = builder.connect()?;
        tokio::spawn(follow(number, events, link.session().to_string()));
        let switch = Arc::new(Switch::default());
        let source = if idle {
            None
        } else {
            let ticks = Ticks::new(StreamFormat::lc3(16_000, 20)?, Arc::clone(&switch));
            Some(link.attach(ticks, StreamOptions::default())?)
        };
        Ok(Self { number, link, source, switch })
    }

    pub(crate) async fn obey(&mut self, command: &str) -> Result<()> {
        match command {
            "network" => self.link.network_changed(),
            "pause" => self.switch.paused.store(true, Ordering::Relaxed),
            "play" => self.switch.paused.store(false, Ordering::Relaxed),
            "stats" => self.tell("stats", Value::Bool(true)),
            "finish" => self.finish().await,
            other => bail!("{other} is no command"),
        }
        Ok(())
    }

    /// Ends the source, and waits until the relay keeps everything.
    async fn finish(&mut self) {
        let began = Instant::now();
        self.switch.over.store(true, Ordering::Relaxed);
        if let Some(source) = self.source.take()
            && let Err(error) = source.ended().await
        {
            self.tell("problem", error.to_string().into());
        }
        // Without an engine it is kept and not transcribed.
        let finished = self.link.finish().await.map_or_else(|error| error.to_string(), |()| "ok".into());
        self.tell("finished", finished.into());
        say(&json!({ "client": self.number, "finish_ms": began.elapsed().as_millis() as u64 }));
    }

    fn tell(&self, name: &str, value: Value) {
        let stats = self.link.stats();
        let mut line = json!({
            "client": self.number,
            "captured": stats.captured,
            "acknowledged": stats.acknowledged,
            "buffered": stats.buffered,
            "lost": stats.lost,
            "absent": stats.absent,
            "buffered_bytes": stats.buffered_bytes,
            "reconnects": stats.reconnects,
            "rtt_ms": stats.rtt.map(|rtt| rtt.as_secs_f64() * 1_000.0),
        });
        line[name] = value;
        say(&line);
    }
}

/// A line of output. Nobody reading it is no reason to stop.
pub(crate) fn say(line: &Value) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn follow(number: usize, mut events: Events, session: String) {
    say(&json!({ "client": number, "session": session }));
    // A stream's frames are on the beat of the clock, so its start tells the age of each.
    let mut starts = BTreeMap::from([(FIRST_STREAM, Instant::now())]);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::State(state)) => say(&state_line(number, state)),
            Ok(Event::Continued { by, .. }) => {
                starts.insert(by, Instant::now());
            }
            Ok(Event::Gap(gap)) => say(&json!({
                "client": number, "stream": gap.stream.0, "gap": gap.cause.words(), "from": gap.from.0,
                "to": gap.to.0, "ms": gap.ms,
                "youngest_ms": starts.get(&gap.stream).map(|start| age(*start, &gap).as_millis() as u64),
            })),
            Ok(Event::Kept { stream, next }) => {
                say(&json!({ "client": number, "stream": stream.0, "kept": next.0 }));
            }
            Ok(Event::StreamKept(stream)) => say(&json!({ "client": number, "stream_kept": stream.0 })),
            Ok(Event::Epoch(epoch)) => say(&json!({ "client": number, "epoch": epoch.0 })),
            Ok(Event::Transcript { event: TranscriptEvent::Gap(gap), .. }) => say(&json!({
                "client": number, "transcript_gap": gap.cause.words(), "from": gap.from.0, "to": gap.to.0,
                "ms": gap.ms,
            })),
            Ok(_) => {}
            Err(lagged) => say(&json!({ "client": number, "lagged": lagged.missed })),
        }
    }
}

/// How old the last frame of the gap is.
fn age(start: Instant, gap: &Gap) -> Duration {
    start.elapsed().saturating_sub(Duration::from_millis(gap.to.0 * gap.ms / gap.frames().max(1)))
}

fn state_line(number: usize, state: LinkState) -> Value {
    let mut line = json!({ "client": number, "state": state.name() });
    match state {
        LinkState::Connecting { attempt } | LinkState::Resuming { attempt } => {
            line["attempt"] = attempt.into();
        }
        LinkState::Waiting { attempt, retry_in, cause } => {
            line["attempt"] = attempt.into();
            line["retry_ms"] = (retry_in.as_secs_f64() * 1_000.0).into();
            line["cause"] = cause.to_string().into();
        }
        LinkState::Refused { cause, .. } => line["cause"] = cause.to_string().into(),
        _ => {}
    }
    line
}
