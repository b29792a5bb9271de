use std::time::{Duration, Instant as StdInstant};

use anyhow::{Error, Result};
use glasslink::transcript::Transcript;
use glasslink::{Event, Events, FinishError, Lagged, Link, LinkStats, Transport};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::args::Args;
use crate::measure::Measure;
use crate::player::{self, Began, Track};
use crate::screen::Screen;

/// What listens while a link is played over.
pub(crate) struct Audience {
    pub(crate) screen: Screen,
    pub(crate) measure: Measure,
    carried: Transport,
    lagged: u64,
}

/// What is still refused this long after the last of a record was refused by the relay itself.
const AT_THE_END: Duration = Duration::from_secs(1);

/// What came of it.
pub(crate) struct Played {
    pub(crate) stats: LinkStats,
    pub(crate) transcript: Transcript,
    pub(crate) finished: Result<(), FinishError>,
    /// What was wrong with the files.
    pub(crate) problems: Vec<Error>,
    /// Events that came faster than they were shown.
    pub(crate) lagged: u64,
}

impl Audience {
    pub(crate) fn new(output_is_taken: bool) -> Self {
        let (screen, measure) = (Screen::new(output_is_taken), Measure::default());
        Self { screen, measure, carried: Transport::WebSocket, lagged: 0 }
    }

    /// Waits for the relay, plays everything and waits until it is kept and transcribed, or until the person has
    /// enough. An error is a relay that was not there. Refusals are part of a network that is played `until` then.
    pub(crate) async fn attend(
        &mut self,
        link: &Link,
        mut events: Events,
        args: &Args,
        tracks: Vec<Track>,
        until: Option<Instant>,
    ) -> Result<Played> {
        // Where a network is played, audio is captured from the beginning, as it was.
        if until.is_none()
            && let Err(error) = link.wait_live(args.connect_timeout.0).await
        {
            self.screen.pause();
            return Err(error.into());
        }
        let (began, mut beginnings) = mpsc::unbounded_channel();
        let (mut stats, mut transport) = (link.watch_stats(), link.watch_transport());
        self.carried(*transport.borrow_and_update());
        let playing = async {
            let problems = player::play(link, args, tracks, began).await;
            (problems, finish(link, until).await)
        };
        let mut playing = std::pin::pin!(playing);
        let (problems, finished) = loop {
            tokio::select! {
                biased;
                Some(event) = events.next() => self.event(event),
                Some(began) = beginnings.recv() => self.began(began),
                result = &mut playing => break result,
                Ok(()) = stats.changed() => self.screen.figures(&stats.borrow_and_update()),
                Ok(()) = transport.changed() => self.carried(*transport.borrow_and_update()),
                _ = tokio::signal::ctrl_c() => break (vec![], Err(FinishError::Closed)),
            }
        };
        while let Some(event) = events.try_next() {
            self.event(event);
        }
        self.screen.pause();
        let (stats, transcript) = (link.stats(), link.transcript());
        Ok(Played { stats, transcript, finished, problems, lagged: self.lagged })
    }

    fn carried(&mut self, transport: Option<Transport>) {
        let Some(transport) = transport else { return };
        match (transport == Transport::Http, std::mem::replace(&mut self.carried, transport)) {
            (true, Transport::WebSocket) => self.screen.note("no WebSocket gets through: going on over HTTP"),
            (false, Transport::Http) => self.screen.note("WebSocket gets through again"),
            _ => {}
        }
    }

    fn began(&mut self, began: Began) {
        self.screen.began(began.stream, &began.name, began.duration, began.format);
        self.measure.follow(began.stream, began.format, began.started);
    }

    fn event(&mut self, event: Result<Event, Lagged>) {
        match event {
            Ok(event) => {
                self.measure.event(&event, StdInstant::now());
                self.screen.event(&event);
            }
            Err(Lagged { missed }) => self.lagged += missed,
        }
    }
}

/// Waits until everything is kept and transcribed, through refusals that the network is made to give.
async fn finish(link: &Link, until: Option<Instant>) -> Result<(), FinishError> {
    let mut state = link.watch_state();
    loop {
        state.mark_unchanged();
        let finished = link.finish().await;
        let Some(until) = until.filter(|until| *until > Instant::now()) else { return finished };
        if !matches!(finished, Err(FinishError::Refused { .. })) {
            return finished;
        }
        // Somebody acts when the record says so, and at its end.
        let _ = tokio::time::timeout_at(until + AT_THE_END, state.changed()).await;
    }
}
