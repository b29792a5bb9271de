//! What is shown to the wearer, and the apps that take part.

use std::collections::BTreeMap;
use std::time::Duration;

use glasslink_protocol::{AppStatus, Display, MAX_TEXT_BYTES, MessageError, RelayMessage, View};

use crate::Timestamp;
use crate::defaults::MAX_APPS;
use crate::relay::{RelayAction, RelaySession};

/// What a client is told again on every connection.
#[derive(Debug, Default)]
pub(crate) struct Wearing {
    /// The last of each view, and until when it holds.
    displays: BTreeMap<View, (Display, Option<Timestamp>)>,
    apps: BTreeMap<String, AppStatus>,
}

impl RelaySession {
    /// Shows something to the wearer, now or when the client is back, unless its time is over then. What is larger than
    /// a message may be is not shown.
    pub fn display(&mut self, now: Timestamp, display: Display) -> Result<(), MessageError> {
        let text = RelayMessage::Display(display.clone()).encode();
        if text.len() > MAX_TEXT_BYTES {
            return Err(MessageError::TooLarge(text.len()));
        }
        if let Some(attachment) = self.attachment() {
            self.act(RelayAction::SendText { attachment, text });
        }
        let until = display.duration_ms.map(|ms| now + Duration::from_millis(ms.min(u32::MAX.into())));
        self.wearing.displays.insert(display.view, (display, until));
        Ok(())
    }

    /// Tells the client how an app is.
    pub fn app(&mut self, status: AppStatus) {
        let apps = &mut self.wearing.apps;
        if apps.get(&status.app) == Some(&status) {
            return;
        }
        if apps.len() >= MAX_APPS && !apps.contains_key(&status.app) {
            apps.pop_first();
        }
        apps.insert(status.app.clone(), status.clone());
        self.send(&RelayMessage::App(status));
    }

    /// A connection is attached.
    pub(crate) fn tell_wearing(&mut self, now: Timestamp) {
        self.wearing.displays.retain(|_, (_, until)| until.is_none_or(|until| now < until));
        let apps: Vec<_> = self.wearing.apps.values().cloned().map(RelayMessage::App).collect();
        let displays = self.wearing.displays.values();
        let displays: Vec<_> = displays.map(|(display, _)| RelayMessage::Display(display.clone())).collect();
        for message in apps.iter().chain(&displays) {
            self.send(message);
        }
    }
}
