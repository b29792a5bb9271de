use std::time::Instant;

use tokio::sync::watch;
use tokio::time::sleep_until;

use crate::hub::{Hub, Life};
use crate::log::By;
use crate::rule::How;

/// Until a rule or a hand ends the connection.
pub(crate) async fn ends(hub: &Hub, life: &Life) -> (By, How) {
    let mut changes = hub.changes();
    loop {
        let verdict = hub.look(life, None);
        if let Some(end) = verdict.ends {
            return end;
        }
        until_changed(&mut changes, verdict.again).await;
    }
}

/// Until nothing holds the connection up.
pub(crate) async fn no_hole(hub: &Hub, life: &Life) {
    let mut changes = hub.changes();
    loop {
        let verdict = hub.look(life, None);
        if !verdict.hole {
            return;
        }
        until_changed(&mut changes, verdict.again).await;
    }
}

/// Until the rules may say something else.
pub(crate) async fn until_changed(changes: &mut watch::Receiver<()>, again: Option<Instant>) {
    let time = async {
        match again {
            Some(again) => sleep_until(again.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        told = changes.changed() => {
            if told.is_err() {
                // Without its hub a connection has no rules any more.
                std::future::pending::<()>().await;
            }
        }
        () = time => {}
    }
}
