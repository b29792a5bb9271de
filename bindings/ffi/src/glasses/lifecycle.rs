use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glasslink_glasses as core;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::spawn_blocking;

use super::captions;
use super::discovery::RememberedGlasses;
use super::event::{Arm, GlassesEvent};
use super::transport::{BluetoothTransport, Foreign};
use crate::attach::AttachedSource;
use crate::error::{AudioError, error, errors};
use crate::events::ListenerError;
use crate::link::Link;
use crate::runtime;
use crate::stream::StreamOptions;
use crate::task_handle::TaskHandle;

errors! {
    /// Why glasses do not do what is asked.
    GlassesError {
        /// There is no driver for the model.
        UnknownModel,
        /// The device cannot do this.
        Unsupported,
        /// The page does not fit the display.
        TooLong,
        /// The glasses were let go of.
        Closed,
    }
}

/// How the glasses are.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct GlassesStatus {
    pub state: GlassesState,
    pub arms: Vec<ArmStatus>,
    pub microphone: MicrophoneState,
    /// What is wrong now.
    pub troubles: Vec<GlassesTrouble>,
}

/// What keeps the glasses from doing their whole job.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct GlassesTrouble {
    /// One sentence for a person.
    pub words: String,
    /// What the person can do.
    pub remedy: String,
}

#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ArmStatus {
    pub arm: Arm,
    pub state: ArmState,
    /// Percent, as last told.
    pub battery: Option<u8>,
}

/// Where the link to one arm stands.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ArmState {
    Connecting,
    /// Connected; the opening sequence is under way.
    Opening,
    Ready,
    /// Down; the next attempt comes after `retry_in`.
    Waiting {
        attempt: u32,
        retry_in: Duration,
    },
    /// Down until `retry`: only the person can help.
    Blocked,
    Closed,
    Unknown {
        code: String,
    },
}

/// All arms in one word.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum GlassesState {
    Connecting,
    Ready,
    /// One arm is up, the other is not.
    Degraded,
    /// No arm is up; they are tried again.
    Away,
    /// No arm is up, and only the person can help.
    Blocked,
    Closed,
    Unknown {
        code: String,
    },
}

/// What the microphone does.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum MicrophoneState {
    Off,
    /// Wanted, and not on.
    Starting,
    On,
    /// On, and no audio comes.
    Silent,
    /// The device would not, or the packets do not fit.
    Unavailable,
    Unknown {
        code: String,
    },
}

/// Hears how the glasses are and what their wearer does. Called on a thread of this library, never two at a time.
#[uniffi::export(foreign)]
pub trait GlassesListener: Send + Sync {
    /// How they are now: at once, and whenever it changes.
    fn status(&self, status: GlassesStatus) -> Result<(), ListenerError>;

    fn event(&self, event: GlassesEvent) -> Result<(), ListenerError>;
}

/// A pair of glasses that is kept connected, and in the state that is wanted.
///
/// Nothing here waits for the radio: what is wanted is said, and reached as soon as it can be, again after every
/// reconnect. Dropping it lets go of the glasses at once; `disconnect` turns them off first.
#[derive(uniffi::Object)]
pub struct Glasses {
    /// `None` once they were let go of.
    glasses: Arc<Mutex<Option<core::Glasses>>>,
}

impl Glasses {
    fn with<T>(
        &self,
        call: impl FnOnce(&core::Glasses) -> Result<T, GlassesError>,
    ) -> Result<T, GlassesError> {
        let glasses = self.glasses.lock().unwrap_or_else(PoisonError::into_inner);
        call(glasses.as_ref().ok_or_else(closed)?)
    }
}

#[uniffi::export]
impl Glasses {
    /// Starts to connect to glasses that were found before, over the program's Bluetooth stack.
    #[uniffi::constructor]
    pub fn open(
        transport: Arc<dyn BluetoothTransport>,
        remembered: RememberedGlasses,
    ) -> Result<Arc<Self>, GlassesError> {
        let _in_runtime = runtime::handle().enter();
        let device = core::Registry::standard().get(&remembered.model).ok_or_else(|| {
            error!(
                GlassesError::UnknownModel,
                "unknown_model",
                format!("there is no driver for {}", remembered.model),
                "Update Glasslink, or use other glasses."
            )
        })?;
        let glasses = core::Glasses::open(Arc::new(Foreign(transport)), device, &remembered.into());
        Ok(Arc::new(Self { glasses: Arc::new(Mutex::new(Some(glasses))) }))
    }

    /// How they are.
    pub fn status(&self) -> Result<GlassesStatus, GlassesError> {
        self.with(|glasses| Ok(glasses.status().borrow().clone().into()))
    }

    /// Tells `listener` how they are and what happens, until the handle is cancelled or dropped.
    pub fn subscribe(&self, listener: Arc<dyn GlassesListener>) -> Result<Arc<TaskHandle>, GlassesError> {
        self.with(|glasses| {
            let (mut status, mut events) = (glasses.status(), glasses.events());
            status.mark_changed();
            Ok(TaskHandle::spawn(async move {
                loop {
                    let heard = tokio::select! {
                        biased;
                        changed = status.changed() => match changed {
                            Ok(()) => Heard::Status(status.borrow_and_update().clone().into()),
                            Err(_) => return,
                        },
                        event = events.recv() => match event {
                            Ok(event) => Heard::Event(event.into()),
                            Err(RecvError::Lagged(missed)) => {
                                tracing::warn!(missed, "a listener is too slow for the glasses");
                                continue;
                            }
                            Err(RecvError::Closed) => return,
                        },
                    };
                    tell(&listener, heard).await;
                }
            }))
        })
    }

    /// Shows these lines in place of what was shown; none blanks the display. Only the newest page counts.
    pub fn show(&self, lines: Vec<String>) -> Result<(), GlassesError> {
        let screen = if lines.is_empty() { core::Screen::Blank } else { core::Screen::Text(lines) };
        self.with(|glasses| Ok(glasses.show(screen)?))
    }

    /// Sends what the glasses' microphone hears over `link`, and turns it on. It ends with `stop_listening`.
    pub fn attach_microphone(
        &self,
        link: &Link,
        options: Option<StreamOptions>,
    ) -> Result<Arc<AttachedSource>, AudioError> {
        let _in_runtime = runtime::handle().enter();
        let glasses = self.glasses.lock().unwrap_or_else(PoisonError::into_inner);
        let microphone = glasses.as_ref().and_then(core::Glasses::microphone).ok_or_else(|| {
            error!(
                AudioError::Source,
                "no_microphone",
                "these glasses have no microphone, or were let go of",
                "Use the phone's microphone."
            )
        })?;
        AttachedSource::attach(link.core(), microphone, options.unwrap_or_default())
    }

    /// Turns the microphone off. What it heard is still sent.
    pub fn stop_listening(&self) -> Result<(), GlassesError> {
        self.with(|glasses| {
            glasses.stop_listening();
            Ok(())
        })
    }

    /// Shows what is said on `link` on the lenses, until the handle is cancelled or dropped.
    pub fn show_captions(&self, link: &Link) -> Result<Arc<TaskHandle>, GlassesError> {
        let events = link.core().events();
        self.with(|glasses| {
            let display = glasses.model().display.as_ref();
            let display = display.ok_or_else(|| unsupported(glasses.model().name))?;
            let captions = core::Captions::new(display.text.clone(), display.refresh);
            Ok(captions::show(Arc::clone(&self.glasses), captions, events))
        })
    }

    /// Tries arms that are down at once, those too that wait for the person's help.
    pub fn retry(&self) -> Result<(), GlassesError> {
        self.with(|glasses| {
            glasses.retry();
            Ok(())
        })
    }

    /// Turns microphone and display off, and disconnects. Once more is nothing.
    pub async fn disconnect(&self) {
        let glasses = self.glasses.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(glasses) = glasses {
            runtime::run(async move { glasses.close().await }).await;
        }
    }
}

enum Heard {
    Status(GlassesStatus),
    Event(GlassesEvent),
}

async fn tell(listener: &Arc<dyn GlassesListener>, heard: Heard) {
    let listener = Arc::clone(listener);
    let told = spawn_blocking(move || match heard {
        Heard::Status(status) => listener.status(status),
        Heard::Event(event) => listener.event(event),
    });
    match told.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "a listener failed"),
        Err(error) => tracing::error!(%error, "a listener panicked"),
    }
}

fn closed() -> GlassesError {
    error!(GlassesError::Closed, "closed", "the glasses were let go of", "Open them again.")
}

fn unsupported(name: &str) -> GlassesError {
    error!(GlassesError::Unsupported, "unsupported", format!("{name} cannot show this"), "Use other glasses.")
}

impl From<core::ShowError> for GlassesError {
    fn from(error: core::ShowError) -> Self {
        use core::ShowError as Core;
        match &error {
            Core::Unsupported(_) | Core::BitmapFormat { .. } => {
                error!(Self::Unsupported, "unsupported", error, "Show text, or use other glasses.")
            }
            Core::TooManyLines { .. } | Core::TooLong { .. } => {
                error!(Self::TooLong, "too_long", error, "Show less at a time.")
            }
        }
    }
}

impl From<core::Status> for GlassesStatus {
    fn from(status: core::Status) -> Self {
        Self {
            state: status.state().into(),
            arms: status.arms.into_iter().map(ArmStatus::from).collect(),
            microphone: status.microphone.into(),
            troubles: status.troubles.into_iter().map(GlassesTrouble::from).collect(),
        }
    }
}

impl From<core::Trouble> for GlassesTrouble {
    fn from(trouble: core::Trouble) -> Self {
        Self { words: trouble.words(), remedy: trouble.remedy().into() }
    }
}

impl From<core::ArmStatus> for ArmStatus {
    fn from(status: core::ArmStatus) -> Self {
        Self { arm: status.arm.into(), state: status.state.into(), battery: status.battery }
    }
}

impl From<core::ArmState> for ArmState {
    fn from(state: core::ArmState) -> Self {
        use core::ArmState as Core;
        match state {
            Core::Connecting => Self::Connecting,
            Core::Opening => Self::Opening,
            Core::Ready => Self::Ready,
            Core::Waiting { attempt, retry_in } => Self::Waiting { attempt, retry_in },
            Core::Blocked => Self::Blocked,
            Core::Closed => Self::Closed,
        }
    }
}

impl From<core::GlassesState> for GlassesState {
    fn from(state: core::GlassesState) -> Self {
        use core::GlassesState as Core;
        match state {
            Core::Connecting => Self::Connecting,
            Core::Ready => Self::Ready,
            Core::Degraded => Self::Degraded,
            Core::Away => Self::Away,
            Core::Blocked => Self::Blocked,
            Core::Closed => Self::Closed,
        }
    }
}

impl From<core::MicrophoneState> for MicrophoneState {
    fn from(state: core::MicrophoneState) -> Self {
        use core::MicrophoneState as Core;
        match state {
            Core::Off => Self::Off,
            Core::Starting => Self::Starting,
            Core::On => Self::On,
            Core::Silent => Self::Silent,
            Core::Unavailable => Self::Unavailable,
        }
    }
}
