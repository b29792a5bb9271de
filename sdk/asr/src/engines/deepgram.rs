//! Any server that speaks the Deepgram live protocol: a WebSocket that takes samples and gives results as it hears.

mod live;
mod results;

use std::sync::Arc;

use crate::engine::{Engine, EngineError, EventSink, Recognition};
use crate::remote::{Feed, Remote, RemoteError, Site, Worker};

use live::Live;

/// The path of the live protocol.
const PATH: &str = "/v1/listen";

/// A server that speaks the Deepgram live protocol, Deepgram's own or another.
///
/// A stretch of audio without a gap is one connection; while nobody sends audio it is kept alive for a while, then given
/// back. The server is taken at its word: what it calls final is.
pub struct Deepgram {
    site: Arc<Site>,
    query: Arc<str>,
    worker: Worker,
}

impl Deepgram {
    /// The server that `remote` names; `/v1/listen` is added to its address. The model is `nova-3` unless it says
    /// another.
    pub fn new(remote: &Remote) -> Result<Self, RemoteError> {
        let site = remote.site(PATH)?;
        let model = encoded(remote.model.as_deref().unwrap_or("nova-3"));
        let mut query = format!(
            "model={model}&encoding=linear16&sample_rate=16000&channels=1&interim_results=true&punctuate=true"
        );
        if let Some(language) = &remote.language {
            query.push_str("&language=");
            query.push_str(&encoded(language));
        }
        Ok(Self { site: Arc::new(site), query: query.into(), worker: Worker::default() })
    }
}

impl Engine for Deepgram {
    fn name(&self) -> &str {
        &self.site.name
    }

    /// Transcribes a tenth of a second of silence: that shows the way, the key and the model.
    fn load(&self) -> Result<(), EngineError> {
        self.worker.wait(live::probe(&self.site, &self.query))
    }

    fn host(&self) -> Option<&str> {
        self.site.host.as_deref()
    }

    fn hears_again(&self) -> bool {
        false
    }

    fn open(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        let (site, query) = (Arc::clone(&self.site), Arc::clone(&self.query));
        let handle = self.worker.handle()?;
        Ok(Feed::open(&handle, events, |feed| Live::new(site, query, feed).run()))
    }
}

/// As a value in a query.
fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
