use glasslink_session::{LinkState, Timestamp, defaults};

/// How a client may try again (P6).
#[derive(Debug, Default)]
pub(crate) struct Retries {
    /// Of the present outage.
    attempt: u32,
    live_since: Option<Timestamp>,
    /// The relay wants to be left alone until then.
    not_before: Option<Timestamp>,
}

impl Retries {
    pub(crate) fn asked_to_wait(&mut self, until: Timestamp) {
        self.not_before = Some(until);
    }

    /// A person, or a network that came up, ends every wait.
    pub(crate) fn asked_to_hurry(&mut self) {
        self.not_before = None;
    }

    pub(crate) fn attempt(&mut self, now: Timestamp) -> Result<(), String> {
        match self.not_before.take() {
            Some(earliest) if now < earliest => {
                Err(format!("tried again {:?} before the relay wanted it", earliest.since(now)))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn state_changed(&mut self, now: Timestamp, state: LinkState) -> Result<(), String> {
        match state {
            LinkState::Waiting { attempt, retry_in, .. } => {
                if retry_in > defaults::BACKOFF_CAP {
                    return Err(format!("{retry_in:?} is longer than the cap"));
                }
                let live = self.live_since.take();
                let was_healthy = live.is_some_and(|since| now.since(since) >= defaults::HEALTHY_AFTER);
                if attempt <= self.attempt && !was_healthy {
                    return Err(format!(
                        "attempt {attempt} after attempt {}: the back-off was reset",
                        self.attempt
                    ));
                }
                self.attempt = attempt;
            }
            LinkState::Live => self.live_since = Some(now),
            // What is asked for explicitly starts over.
            LinkState::Idle | LinkState::Refused { .. } | LinkState::Closed => *self = Self::default(),
            LinkState::Connecting { .. } | LinkState::Resuming { .. } => {}
        }
        Ok(())
    }
}
