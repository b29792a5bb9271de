use glasslink_protocol::Cause;
use glasslink_session::{Action, ClientSession};

use crate::network::Payload;
use crate::world::{OTHER, World};

/// The client that takes the session from ours.
impl World {
    pub(crate) fn other_turn(&mut self) -> Result<(), String> {
        let now = self.now;
        while let Some((connection, payload)) = self.next_down(OTHER) {
            let Some(other) = &mut self.other else { continue };
            match payload {
                Payload::Opened => other.opened(now, connection),
                Payload::Text(text) => {
                    other.text(now, connection, &text).map_err(|error| error.to_string())?;
                }
                Payload::Audio(_) => {}
                Payload::Closed(cause, retry) => other.closed(now, connection, cause, retry),
            }
        }
        if let Some(other) = &mut self.other {
            if now >= self.other_until {
                self.other = None;
                if let Some(connection) = self.other_connection.take() {
                    self.network.kill(now, (OTHER, connection), 0);
                }
                return Ok(());
            }
            if other.poll_timeout().is_some_and(|at| at <= now) {
                other.handle_timeout(now);
            }
        }
        while let Some(action) = self.other.as_mut().and_then(ClientSession::poll_action) {
            match action {
                Action::Connect { connection } => {
                    self.other_connection = Some(connection);
                    self.network.connect(now, OTHER, connection, &mut self.random);
                }
                Action::SendText { connection, text } => {
                    self.network.send_up(now, (OTHER, connection), Payload::Text(text), &mut self.random);
                }
                Action::Close { connection, .. } => {
                    let closed = Payload::Closed(Cause::Reset, None);
                    self.network.send_up(now, (OTHER, connection), closed, &mut self.random);
                }
                Action::SendAudio { .. } | Action::Fetch { .. } | Action::Event(_) => {}
            }
        }
        Ok(())
    }
}
