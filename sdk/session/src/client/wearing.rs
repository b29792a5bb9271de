//! The wearer's device, and the apps that take part.

use std::collections::BTreeMap;

use glasslink_protocol::{AppState, AppStatus, Capabilities, ClientMessage, DeviceEvent};

use crate::client::session::Phase;
use crate::client::{Action, ClientSession, ConnectionId, Event};
use crate::defaults::MAX_APPS;

/// What the relay is told again on every connection, and what was told of apps.
#[derive(Debug, Default)]
pub(crate) struct Wearing {
    capabilities: Option<Capabilities>,
    /// The last of each that says how something is.
    states: Vec<DeviceEvent>,
    apps: BTreeMap<String, AppState>,
}

/// A press or a touch means something at once, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link is not live")]
pub struct NotLive;

impl ClientSession {
    /// Tells what the wearer or the device did. What says how something is is kept, and told when the link is live;
    /// anything else is refused while it is not.
    pub fn device_event(&mut self, event: DeviceEvent) -> Result<(), NotLive> {
        let connection = self.live_connection();
        if event.is_state() {
            let states = &mut self.wearing.states;
            states.retain(|known| !known.is_like(&event));
            states.push(event.clone());
        }
        match connection {
            Some(connection) => self.send(connection, &ClientMessage::DeviceEvent(event)),
            None if event.is_state() => {}
            None => return Err(NotLive),
        }
        Ok(())
    }

    /// Tells what the device can do, now and on every connection.
    pub fn set_capabilities(&mut self, capabilities: Capabilities) {
        if self.wearing.capabilities.as_ref() == Some(&capabilities) {
            return;
        }
        if let Some(connection) = self.live_connection() {
            self.send(connection, &ClientMessage::Capabilities(capabilities.clone()));
        }
        self.wearing.capabilities = Some(capabilities);
    }

    /// Starts an app, or stops it.
    pub fn run_app(&mut self, app: String, run: bool) -> Result<(), NotLive> {
        let connection = self.live_connection().ok_or(NotLive)?;
        self.send(connection, &ClientMessage::RunApp { app, run });
        Ok(())
    }

    /// The link is live again.
    pub(crate) fn tell_wearing(&mut self, connection: ConnectionId) {
        if let Some(capabilities) = self.wearing.capabilities.clone() {
            self.send(connection, &ClientMessage::Capabilities(capabilities));
        }
        for event in self.wearing.states.clone() {
            self.send(connection, &ClientMessage::DeviceEvent(event));
        }
    }

    pub(crate) fn app(&mut self, status: AppStatus) {
        let apps = &mut self.wearing.apps;
        if apps.get(&status.app) == Some(&status.state) {
            return;
        }
        if apps.len() >= MAX_APPS && !apps.contains_key(&status.app) {
            apps.pop_first();
        }
        apps.insert(status.app.clone(), status.state);
        self.act(Action::Event(Event::App(status)));
    }

    fn live_connection(&self) -> Option<ConnectionId> {
        match self.phase {
            Phase::Live { connection } => Some(connection),
            _ => None,
        }
    }
}
