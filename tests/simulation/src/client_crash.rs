use std::time::Duration;

use glasslink_protocol::{Cause, SessionId};
use glasslink_session::{ClientConfig, ClientSession, LinkState, Timestamp};

use crate::journal::Record;
use crate::network::Payload;
use crate::retries::Retries;
use crate::world::{FRAME, OURS, World, format};

/// The client's process dies, and another goes on from its journal.
impl World {
    pub(crate) fn write(&mut self, record: Record) {
        if let Some(journal) = &mut self.journal {
            journal.write(self.now, record);
        }
    }

    /// The client's process dies and a new one starts, at once. Without a journal there is nothing to go on with.
    pub(crate) fn kill_client(&mut self, unsynced: Duration) -> Result<(), String> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.cut(self.now - unsynced, &mut self.ledger);
        let found = journal.recover(format()?, &self.ledger);
        let mut died = 0;
        for source in &self.sources {
            let end = found.ends.get(&source.stream).copied().unwrap_or_default();
            died += self.ledger.cut(source.stream, end);
        }
        let most = unsynced.as_millis() / FRAME.as_millis() + 1;
        if u128::from(died) > most * self.sources.len() as u128 {
            return Err(format!("{died} frames died with the process"));
        }
        self.coverage.count("frames_died", died);
        for key in self.network.keys().into_iter().filter(|(peer, _)| *peer == OURS) {
            let closed = Payload::Closed(Cause::Reset, None);
            self.relay.receive(self.now, &mut self.network, key, closed, &mut self.random);
            self.network.wires.remove(&key);
        }
        self.relay.drain(self.now, &mut self.network, &mut self.random)?;
        self.connection = None;
        self.processes += 1;
        self.fetches.clear();
        self.done.clear();
        self.client = ClientSession::new(ClientConfig::default(), SessionId(1), self.processes << 32);
        if let Some((epoch, last)) = found.resume_at {
            self.client.resume_events(epoch, last);
        }
        for stream in found.streams {
            self.client.restore_stream(self.now, stream);
        }
        self.state = LinkState::Idle;
        self.retries = Retries::default();
        self.client.connect(self.now);
        // What it was capturing it goes on capturing, as new streams.
        let ends: Vec<Timestamp> = self
            .sources
            .iter_mut()
            .filter(|source| !source.ended)
            .map(|source| {
                source.ended = true;
                source.end
            })
            .collect();
        for end in ends {
            self.open_source(end)?;
        }
        let stats = self.client.stats();
        self.lost = stats.lost;
        self.drain()
    }
}
