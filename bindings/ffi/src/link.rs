use std::sync::Arc;
use std::time::Duration;

use glasslink::transcript::export;

use crate::attach::{AttachedSource, FileOptions};
use crate::builder::{LinkOptions, LinkTransport};
use crate::credentials::TokenProvider;
use crate::error::{AudioError, ConnectError, WaitError};
use crate::events::{EventListener, Subscription, tell};
use crate::journal::JournalStatus;
use crate::runtime;
use crate::state::{EngineStatus, LinkState, LinkStats};
use crate::stream::{AudioFormat, AudioStream, StreamOptions, Streams};
use crate::transcript::{TranscriptEntry, TranscriptFormat};

/// A link to a relay: one session that outlives its connections.
///
/// It connects, notices within 2 s when the connection died, comes back, sends what the relay did not keep, and accounts
/// for every frame: `captured = acknowledged + buffered + lost`. It never gives up by itself. When the last reference is
/// dropped the link ends as if the program had been killed; `end` says goodbye instead.
#[derive(Debug, uniffi::Object)]
pub struct Link {
    link: glasslink::Link,
    streams: Arc<Streams>,
}

impl Link {
    #[cfg(feature = "glasses")]
    pub(crate) fn core(&self) -> &glasslink::Link {
        &self.link
    }
}

#[uniffi::export]
impl Link {
    /// Starts the link and returns at once: whether the relay is there or not, audio may be pushed from now on.
    ///
    /// `listener` hears of everything from the very beginning, for as long as there is the link.
    #[uniffi::constructor(default(tokens = None, listener = None))]
    pub fn connect(
        options: LinkOptions,
        tokens: Option<Arc<dyn TokenProvider>>,
        listener: Option<Arc<dyn EventListener>>,
    ) -> Result<Arc<Self>, ConnectError> {
        let _in_runtime = runtime::handle().enter();
        let (link, events) = options.builder(tokens)?.connect()?;
        if let Some(listener) = listener {
            // It ends with the link's events.
            tell(events, listener).detach();
        }
        Ok(Arc::new(Self { link, streams: Arc::default() }))
    }

    /// Tells `listener` what happens from now on, until the handle is cancelled or dropped, or the link ends.
    pub fn subscribe(&self, listener: Arc<dyn EventListener>) -> Arc<Subscription> {
        tell(self.link.events(), listener)
    }

    /// Opens a stream of audio of the program's own, to be pushed.
    #[uniffi::method(default(options = None))]
    pub fn open(
        &self,
        format: AudioFormat,
        options: Option<StreamOptions>,
    ) -> Result<Arc<AudioStream>, AudioError> {
        let _in_runtime = runtime::handle().enter();
        AudioStream::open(&self.link, &self.streams, &format, options.unwrap_or_default())
    }

    /// Opens a stream of what is in an audio file: WAV, FLAC, MP3 or Ogg Vorbis.
    #[uniffi::method(default(file = None, options = None))]
    pub async fn attach_file(
        &self,
        path: String,
        file: Option<FileOptions>,
        options: Option<StreamOptions>,
    ) -> Result<Arc<AttachedSource>, AudioError> {
        let link = self.link.clone();
        runtime::run(async move {
            let source = file.unwrap_or_default().open(&path)?;
            AttachedSource::attach(&link, source, options.unwrap_or_default())
        })
        .await
    }

    /// Waits until the link is live. It goes on trying when this gives up, `within` being over.
    #[uniffi::method(default(within = None))]
    pub async fn wait_live(&self, within: Option<Duration>) -> Result<(), WaitError> {
        let link = self.link.clone();
        runtime::run(async move { Ok(link.wait_live(within).await?) }).await
    }

    /// Ends every stream, and waits until the relay keeps all of it and the last final is in. May be given up and called
    /// again.
    pub async fn finish(&self) -> Result<(), WaitError> {
        let (link, streams) = (self.link.clone(), Arc::clone(&self.streams));
        runtime::run(async move {
            streams.end().await;
            Ok(link.finish().await?)
        })
        .await
    }

    /// Ends the session: the relay may forget it, and what it does not keep yet is lost. Call `finish` first to lose
    /// nothing.
    pub async fn end(&self) {
        let link = self.link.clone();
        runtime::run(async move { link.close().await }).await;
    }

    pub fn state(&self) -> LinkState {
        self.link.state().into()
    }

    pub fn stats(&self) -> LinkStats {
        self.link.stats().into()
    }

    /// What carries the link's messages now; nothing while there is no connection.
    pub fn transport(&self) -> Option<LinkTransport> {
        self.link.transport().map(Into::into)
    }

    /// What the relay last said of its speech engine; nothing before it did.
    pub fn engine(&self) -> Option<EngineStatus> {
        self.link.engine().map(Into::into)
    }

    /// The session's name, 32 hexadecimal digits.
    pub fn session(&self) -> String {
        self.link.session().to_string()
    }

    /// What was said and what is missing so far, of all streams, in the order of time.
    pub fn transcript(&self) -> Vec<TranscriptEntry> {
        self.link.transcript().entries().iter().map(Into::into).collect()
    }

    /// The same as a text, with its gaps.
    pub fn export_transcript(&self, format: TranscriptFormat) -> String {
        let mut text = Vec::new();
        export(&self.link.transcript(), format.into(), &mut text).expect("memory takes what is written");
        String::from_utf8(text).expect("transcripts are text")
    }

    /// Whether what is captured is on disk; nothing without a journal.
    pub fn journal(&self) -> Option<JournalStatus> {
        self.link.journal().map(|journal| journal.state().into())
    }

    /// What the link saw and did, as a field report in JSON: neither speech, nor secrets, nor addresses.
    pub fn report(&self) -> String {
        self.link.link_timeline().to_json()
    }

    /// Takes the session back from the program that superseded this one.
    pub fn take_over(&self) {
        self.link.take_over();
    }

    /// Tries again after a refusal, for other reasons than credentials.
    pub fn retry(&self) {
        self.link.retry();
    }

    /// The provider has other tokens: a link that was refused for the old ones goes on, a live one shows them.
    pub fn credentials_changed(&self) {
        self.link.credentials_changed();
    }

    /// The network came up or changed, or the device woke: the link tries, or checks, at once.
    pub fn network_changed(&self) {
        self.link.network_changed();
    }

    /// The program went to the background, where an idle link spares the radio, or came back.
    pub fn set_background(&self, is_background: bool) {
        self.link.set_background(is_background);
    }

    /// How often an idle link asks whether the relay is there.
    pub fn set_ping_interval(&self, interval: Duration) {
        self.link.set_ping_interval(interval);
    }
}
