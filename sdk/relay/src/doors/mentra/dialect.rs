use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glasslink_protocol::{
    AppAudio, AppEvent, DeviceEvent, FrameIndex, StreamFormat, StreamId, TranscriptEvent, Wanted,
};
use serde_json::{Value, json};

use super::device;
use super::messages::{capabilities_update, data_stream, device_state};
use super::subscriptions::{LANGUAGE, Subscriptions};
use crate::doors::app::Dialect;

/// Streams whose format is remembered: more are never open at once.
const STREAMS: usize = 64;

/// What an app wants, as its connection and whoever tells it something both know it.
#[derive(Clone, Default)]
pub(super) struct Wants(Arc<Mutex<Wanting>>);

#[derive(Default)]
struct Wanting {
    /// What the app calls its part in the session.
    session: String,
    subscriptions: Subscriptions,
}

impl Wants {
    /// Of an app that was let in.
    pub(super) fn of(&self, session: &str) {
        session.clone_into(&mut self.lock().session);
    }

    /// Whether what is wanted now, and was not before, says how the device is.
    pub(super) fn replace(&self, subscriptions: Subscriptions) -> bool {
        let mut wanting = self.lock();
        let is_new = |word: &&str| subscriptions.has(word) && !wanting.subscriptions.has(word);
        let news = device::STATES.iter().any(is_new);
        wanting.subscriptions = subscriptions;
        news
    }

    fn lock(&self) -> MutexGuard<'_, Wanting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a session has for apps, in the words of Mentra.
pub(super) struct Words {
    wants: Wants,
    /// Of the streams that have a transcript.
    formats: BTreeMap<StreamId, StreamFormat>,
    /// The one stream that is heard: there is no telling two apart.
    heard: Option<StreamId>,
    /// The device's, as its maker writes it.
    model: String,
}

impl Words {
    pub(super) fn new(wants: Wants) -> Self {
        Self { wants, formats: BTreeMap::new(), heard: None, model: String::new() }
    }

    fn ms(&self, stream: StreamId, at: FrameIndex) -> u64 {
        let ten_ms = |at: FrameIndex| at.0.saturating_mul(10);
        self.formats.get(&stream).map_or_else(
            || ten_ms(at),
            |format| u64::try_from(format.duration(at.0).as_millis()).unwrap_or(u64::MAX),
        )
    }

    /// What the wearer or the device did: those who subscribed to it are told, and everybody how the device is.
    fn device(&self, event: &DeviceEvent) -> Vec<String> {
        let Wanting { session, subscriptions } = &*self.wants.lock();
        let told = device::told(event, &self.model).into_iter().filter(|(word, _)| subscriptions.has(word));
        let mut said: Vec<_> = told.map(|(word, data)| data_stream(session, &word, &data)).collect();
        match event {
            DeviceEvent::Connection { connected } => {
                let state = json!({ "connected": connected, "modelName": self.model });
                said.push(device_state(&state, true));
            }
            DeviceEvent::Battery { level, charging } => {
                said.push(device_state(&json!({ "batteryLevel": level, "charging": charging }), false));
            }
            _ => {}
        }
        said
    }

    /// To each subscription that it is for.
    fn said(&self, data: &Value) -> Vec<String> {
        let Wanting { session, subscriptions } = &*self.wants.lock();
        subscriptions.transcriptions().map(|word| data_stream(session, word, data)).collect()
    }
}

impl Dialect for Words {
    fn event(&mut self, event: &AppEvent) -> Vec<String> {
        match event {
            AppEvent::Partial { partial, .. } => {
                let start = self.ms(partial.stream, partial.from);
                self.said(&json!({
                    "type": "transcription",
                    "text": partial.text,
                    "isFinal": false,
                    "utteranceId": utterance(partial.stream, partial.from),
                    "startTime": start,
                    "endTime": start,
                    "transcribeLanguage": LANGUAGE,
                    "provider": "glasslink",
                }))
            }
            AppEvent::Transcript { event: TranscriptEvent::Final(said), .. } => {
                let (start, end) = (self.ms(said.stream, said.from), self.ms(said.stream, said.to));
                self.said(&json!({
                    "type": "transcription",
                    "text": said.text,
                    "isFinal": true,
                    "utteranceId": utterance(said.stream, said.from),
                    "startTime": start,
                    "endTime": end,
                    "duration": end - start,
                    "transcribeLanguage": LANGUAGE,
                    "provider": "glasslink",
                }))
            }
            AppEvent::Stream { stream, continues, .. } => {
                if self.heard.is_none() || *continues == self.heard {
                    self.heard = Some(*stream);
                }
                Vec::new()
            }
            AppEvent::DeviceEvent { event, .. } => self.device(event),
            AppEvent::Client { attached, .. } => {
                self.device(&DeviceEvent::Connection { connected: *attached })
            }
            AppEvent::Capabilities { capabilities, .. } => {
                self.model.clone_from(&capabilities.model);
                let capabilities = device::capabilities(capabilities);
                vec![capabilities_update(&capabilities)]
            }
            AppEvent::Ended { stream, .. } => {
                self.heard.take_if(|heard| heard == stream);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn audio(&mut self, audio: &AppAudio<'_>) -> Option<Vec<u8>> {
        let is_heard = *self.heard.get_or_insert(audio.stream) == audio.stream;
        (is_heard && !audio.body.is_empty() && self.wants.lock().subscriptions.wants(Wanted::Pcm))
            .then(|| audio.body.to_vec())
    }

    fn stream(&mut self, stream: StreamId, format: StreamFormat) {
        if self.formats.len() >= STREAMS {
            self.formats.pop_first();
        }
        self.formats.insert(stream, format);
    }
}

/// Partials and the final of an utterance have it in common.
fn utterance(stream: StreamId, from: FrameIndex) -> String {
    format!("{stream}-{from}")
}
