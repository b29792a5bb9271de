use std::time::Duration;

use glasslink_protocol::{Cause, EngineState, GapCause};
use glasslink_session::{ClientSession, LinkState};
use glasslink_transcript::Entry;

use crate::address::RelayAddress;
use crate::shared::{Engine, Shared};

/// Why the link is not live. Unless it is closed it goes on as before; what was pushed is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitLiveError {
    /// The relay was not reached in time; the link goes on trying.
    #[error("no relay at {address} within {} s: {}", within.as_secs_f32(), cause_words(*cause))]
    NotInTime {
        address: String,
        within: Duration,
        /// Why the last attempt failed; `None` when the first is still under way.
        cause: Option<Cause>,
    },
    /// No attempt is made until somebody does what the cause's remedy says.
    #[error("{address}: {cause}. {}", cause.remedy())]
    Refused { address: String, cause: Cause },
    /// The link was closed.
    #[error("the link is closed")]
    Closed,
}

/// Why not everything is kept and transcribed. Unless the link is closed, nothing that was pushed is lost, and
/// finishing may be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinishError {
    /// Everything is kept, and the relay has no speech engine to transcribe it with.
    #[error("kept, but not transcribed: {}. {}", .0.message, .0.remedy)]
    NoEngine(Engine),
    /// No attempt is made until somebody does what the cause's remedy says.
    #[error("{cause}. {}", cause.remedy())]
    Refused { cause: Cause },
    /// The link was closed before everything was kept.
    #[error("the link is closed")]
    Closed,
}

fn cause_words(cause: Option<Cause>) -> String {
    match cause {
        Some(cause) => format!("{cause}. {}", cause.remedy()),
        None => "it does not answer. Check the address and the network.".into(),
    }
}

pub(crate) async fn live(
    shared: &Shared,
    address: &RelayAddress,
    within: Option<Duration>,
) -> Result<(), WaitLiveError> {
    let settled = shared.wait_for(|shared| match shared.look(ClientSession::state) {
        LinkState::Live => Some(Ok(())),
        LinkState::Refused { cause, .. } => {
            Some(Err(WaitLiveError::Refused { address: address.to_string(), cause }))
        }
        LinkState::Closed => Some(Err(WaitLiveError::Closed)),
        _ => None,
    });
    let Some(within) = within else { return settled.await };
    tokio::time::timeout(within, settled).await.unwrap_or_else(|_| {
        let cause = shared.trouble();
        Err(WaitLiveError::NotInTime { address: address.to_string(), within, cause })
    })
}

pub(crate) async fn finish(shared: &Shared) -> Result<(), FinishError> {
    shared.with(ClientSession::end_streams);
    shared.wait_for(finished).await?;
    if let Some(keeper) = &shared.keeper {
        keeper.finish().await;
    }
    Ok(())
}

fn finished(shared: &Shared) -> Option<Result<(), FinishError>> {
    let (transcribed, kept, state) =
        shared.look(|session| (session.is_transcribed(), session.is_kept(), session.state()));
    let engine = shared
        .engine()
        .filter(|engine| matches!(engine.state, EngineState::NotInstalled | EngineState::Disabled));
    if transcribed && (engine.is_none() || !was_let_go(shared)) {
        return Some(Ok(()));
    }
    match state {
        LinkState::Closed => Some(Err(FinishError::Closed)),
        LinkState::Refused { cause, .. } => Some(Err(FinishError::Refused { cause })),
        _ => engine.filter(|_| kept).map(|engine| Err(FinishError::NoEngine(engine))),
    }
}

/// Whether a relay that has no engine went on without a transcript.
fn was_let_go(shared: &Shared) -> bool {
    let transcript = shared.timeline(|timeline| timeline.transcript());
    let let_go = |entry: &Entry| matches!(entry, Entry::Gap(gap) if gap.cause == GapCause::NotTranscribed);
    transcript.entries().iter().any(let_go)
}
