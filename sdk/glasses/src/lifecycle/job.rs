use tokio::time::{sleep, timeout};

use super::lane::{LaneTask, Session};
use crate::{Action, Expect, Outcome, Step, TransportError, WriteKind};

/// Why a job was not done.
pub(super) enum JobError {
    Refused,
    NoAnswer,
    Link,
}

/// Steps, one after the other, each with its reply.
impl LaneTask {
    pub(super) async fn job(&self, session: &Session, steps: Vec<Step>) -> Result<(), JobError> {
        for step in steps {
            match step.expect {
                None => self.act(session, &step.action, 0).await?,
                Some(expect) => self.exchange(session, &step.action, expect).await?,
            }
            if !step.pause.is_zero() {
                sleep(step.pause).await;
            }
        }
        Ok(())
    }

    async fn exchange(&self, session: &Session, action: &Action, expect: Expect) -> Result<(), JobError> {
        for turn in 0..expect.tries {
            let reply = self.shared.expect(self.arm, expect.reply);
            self.act(session, action, turn).await?;
            match timeout(expect.within, reply).await {
                Ok(Ok(Outcome::Done)) => return Ok(()),
                Ok(Ok(Outcome::Refused)) if expect.optional => return Ok(()),
                Ok(Ok(Outcome::Refused)) => return Err(JobError::Refused),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        if expect.optional { Ok(()) } else { Err(JobError::NoAnswer) }
    }

    async fn act(&self, session: &Session, action: &Action, turn: u32) -> Result<(), JobError> {
        let done = match action {
            Action::Wait => Ok(()),
            Action::Notify { characteristic, on } => session.link.notify(*characteristic, *on).await,
            Action::Either { characteristic, first, second } => {
                let value = if turn.is_multiple_of(2) { first } else { second };
                session.link.write(*characteristic, value.clone(), WriteKind::WithoutResponse).await
            }
            Action::Write { characteristic, value, kind } => {
                session.link.write(*characteristic, value.clone(), *kind).await
            }
            Action::Read { characteristic } => match session.link.read(*characteristic).await {
                Ok(value) => {
                    self.shared.receive(self.arm, *characteristic, &value);
                    Ok(())
                }
                // A characteristic that this firmware does not have is one answer less.
                Err(TransportError::NoCharacteristic(_)) => Ok(()),
                Err(error) => Err(error),
            },
        };
        done.map_err(|error| {
            tracing::debug!(arm = %self.arm, %error, "write failed");
            JobError::Link
        })
    }
}
