use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::lane::LaneTask;
use super::shared::Shared;
use super::status::Status;
use crate::{Device, Event, Microphone, Model, Remembered, Screen, ShowError, Transport};

/// A pair of glasses that is kept connected, and in the state that is wanted.
///
/// Nothing here waits for the radio: what is wanted is said, and reached as soon as it can be, again after every
/// reconnect. Dropping the handle lets go of the glasses at once; [`Glasses::close`] turns them off first.
pub struct Glasses {
    shared: Arc<Shared>,
    lanes: JoinSet<()>,
}

impl Glasses {
    /// Longest time [`Glasses::close`] takes.
    const CLOSE: Duration = Duration::from_secs(5);

    /// Starts to connect to glasses that were found before. Needs a tokio runtime.
    ///
    /// Arms of the model that are not remembered are left out.
    #[allow(clippy::needless_pass_by_value, reason = "shared from here on")]
    pub fn open(transport: Arc<dyn Transport>, device: Arc<dyn Device>, remembered: &Remembered) -> Self {
        let shared = Arc::new(Shared::new(Arc::clone(&device)));
        let mut lanes = JoinSet::new();
        for &arm in device.model().arms {
            if let Some(id) = remembered.arms.get(&arm) {
                let lane = LaneTask {
                    shared: Arc::clone(&shared),
                    transport: Arc::clone(&transport),
                    arm,
                    id: id.clone(),
                };
                lanes.spawn(lane.run());
            }
        }
        Self { shared, lanes }
    }

    pub fn model(&self) -> &Model {
        self.shared.device.model()
    }

    /// How the glasses are, and every change of it.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.watch()
    }

    /// What the wearer and the device do from now on. A receiver that falls behind by 64 events misses the oldest.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events()
    }

    /// Turns the microphone on, and off when the last [`Microphone`] is dropped. `None` where there is none.
    pub fn microphone(&self) -> Option<Microphone> {
        self.model().microphone?;
        let shared = Arc::downgrade(&self.shared);
        self.shared.ear.listen(move |on| {
            if let Some(shared) = shared.upgrade() {
                shared.want(|wanted| (wanted.microphone, wanted.deaf) = (on, false));
            }
        })
    }

    /// Turns the microphone off. What it heard is still taken from the [`Microphone`], which ends then.
    pub fn stop_listening(&self) {
        self.shared.want(|wanted| (wanted.microphone, wanted.deaf) = (false, true));
        let model = self.model().microphone;
        if model.is_none_or(|model| !self.shared.lane(model.arm).up) {
            self.shared.ear.end();
        }
    }

    /// Shows `screen` in place of what was shown. Only the newest one counts: those not sent yet are skipped.
    pub fn show(&self, screen: Screen) -> Result<(), ShowError> {
        self.check(&screen)?;
        self.shared.want(|wanted| {
            wanted.screen = screen;
            wanted.revision += 1;
        });
        Ok(())
    }

    /// Whether every arm that is up shows what was last asked for.
    pub fn shows_latest(&self) -> bool {
        let revision = self.shared.wanted().revision;
        self.model().arms.iter().filter(|arm| self.model().displays_on(**arm)).all(|&arm| {
            let lane = self.shared.lane(arm);
            !lane.up || lane.screen == Some(revision)
        })
    }

    /// Tries arms that are down at once, those too that wait for the person's help.
    pub fn retry(&self) {
        self.shared.retry.notify_waiters();
    }

    /// Turns microphone and display off, and disconnects.
    pub async fn close(mut self) {
        self.shared.want(|wanted| wanted.closing = true);
        let lanes = async { while self.lanes.join_next().await.is_some() {} };
        let _ = timeout(Self::CLOSE, lanes).await;
    }

    fn check(&self, screen: &Screen) -> Result<(), ShowError> {
        let model = self.model();
        let display = model.display.as_ref().ok_or(ShowError::Unsupported(model.name))?;
        match screen {
            Screen::Blank => Ok(()),
            Screen::Text(lines) => {
                let bytes = lines.iter().map(|line| line.len() + 1).sum();
                if lines.len() > display.text.lines {
                    Err(ShowError::TooManyLines { lines: lines.len(), max: display.text.lines })
                } else if bytes > display.text.page_bytes + 1 {
                    Err(ShowError::TooLong { bytes, max: display.text.page_bytes })
                } else {
                    Ok(())
                }
            }
            Screen::Bitmap(bitmap) => match display.bitmap {
                Some(format) if bitmap.format() == format => Ok(()),
                Some(format) => Err(ShowError::BitmapFormat {
                    width: format.width,
                    height: format.height,
                    depth: format.depth,
                }),
                None => Err(ShowError::Unsupported(model.name)),
            },
        }
    }
}

impl Drop for Glasses {
    fn drop(&mut self) {
        self.shared.ear.end();
    }
}
