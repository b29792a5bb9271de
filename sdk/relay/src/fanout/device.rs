use glasslink_protocol::{AppEvent, Capabilities, ClosedReason, DeviceEvent};
use tokio::time::Instant;

use super::told::Subscriber;
use crate::doors::app::Queue;

/// The wearer's device as apps know it, and those who listen.
#[derive(Default)]
pub(super) struct Device {
    listeners: Vec<Subscriber>,
    pub(super) capabilities: Option<Box<Capabilities>>,
    /// The last of each that says how something is.
    states: Vec<DeviceEvent>,
    attached: bool,
}

/// Something that happened to it.
enum Told<'a> {
    Event(&'a DeviceEvent),
    Capabilities(&'a Capabilities),
    Client(bool),
}

impl Device {
    /// A newcomer is told how things are.
    pub(super) fn join(&mut self, listener: Subscriber) {
        listener.outbox.deliver(|queue| {
            tell(queue, &listener, &Told::Client(self.attached));
            if let Some(capabilities) = &self.capabilities {
                tell(queue, &listener, &Told::Capabilities(capabilities));
            }
            for state in &self.states {
                tell(queue, &listener, &Told::Event(state));
            }
        });
        self.listeners.push(listener);
    }

    pub(super) fn leave(&mut self, leaves: impl Fn(&Subscriber) -> bool) {
        self.listeners.retain(|listener| !leaves(listener));
    }

    pub(super) fn event(&mut self, event: &DeviceEvent) {
        if event.is_state() {
            self.states.retain(|known| !known.is_like(event));
            self.states.push(event.clone());
        }
        tell_all(&mut self.listeners, &Told::Event(event));
    }

    pub(super) fn capable(&mut self, capabilities: &Capabilities) {
        if self.capabilities.as_deref() != Some(capabilities) {
            self.capabilities = Some(Box::new(capabilities.clone()));
            tell_all(&mut self.listeners, &Told::Capabilities(capabilities));
        }
    }

    /// The client came, or went.
    pub(super) fn client(&mut self, attached: bool) {
        if self.attached != attached {
            self.attached = attached;
            tell_all(&mut self.listeners, &Told::Client(attached));
        }
    }

    /// Nothing follows.
    pub(super) fn close(&mut self, reason: ClosedReason) {
        for Subscriber { outbox, subscription } in self.listeners.drain(..) {
            outbox.deliver(|queue| queue.close(Instant::now(), subscription, reason));
        }
    }
}

fn tell_all(listeners: &mut Vec<Subscriber>, told: &Told<'_>) {
    listeners.retain(|listener| listener.outbox.deliver(|queue| tell(queue, listener, told)));
}

fn tell(queue: &mut Queue, listener: &Subscriber, told: &Told<'_>) {
    let subscription = listener.subscription;
    queue.control(&match told {
        Told::Event(event) => AppEvent::DeviceEvent { subscription, event: (*event).clone() },
        Told::Capabilities(capabilities) => {
            AppEvent::Capabilities { subscription, capabilities: (*capabilities).clone() }
        }
        Told::Client(attached) => AppEvent::Client { subscription, attached: *attached },
    });
}
