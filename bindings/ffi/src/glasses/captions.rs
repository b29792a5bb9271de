use std::sync::{Arc, Mutex, PoisonError};

use glasslink::{Event, Events, TranscriptEvent};
use glasslink_glasses::{Captions, Glasses};
use tokio::time::{Instant, sleep_until};

use crate::task_handle::TaskHandle;

/// Carries what is said to the lenses, each page when it is due.
pub(super) fn show(
    glasses: Arc<Mutex<Option<Glasses>>>,
    mut captions: Captions,
    mut events: Events,
) -> Arc<TaskHandle> {
    TaskHandle::spawn(async move {
        let start = Instant::now();
        loop {
            let due = captions.next().map(|due| start + due);
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(Event::Partial(heard))) => captions.partial(&heard, start.elapsed()),
                    Some(Ok(Event::Transcript { event: TranscriptEvent::Final(said), .. })) => {
                        captions.settled(&said, start.elapsed());
                    }
                    Some(_) => continue,
                    None => return,
                },
                () = sleep_until(due.unwrap_or(start)), if due.is_some() => {}
            }
            let Some(page) = captions.page(start.elapsed()) else { continue };
            let glasses = glasses.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(glasses) = &*glasses else { return };
            if let Err(error) = glasses.show(page) {
                tracing::warn!(%error, "a page of captions is not shown");
            }
        }
    })
}
