use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::Ask;
use super::device::capabilities as capabilities_of;
use super::messages::{Acknowledged, AppSays, refused};
use super::run::RunId;
use super::upgrade::Headers;
use crate::doors::app::{FromApp, Outbox};
use crate::identity::{AuditEvent, AuditNote, Identity, Webhook};
use crate::session::Command;
use crate::shared::Shared;

/// An app that was let in.
pub(super) struct Entered {
    pub(super) run: RunId,
    pub(super) identity: Identity,
    pub(super) keeper: mpsc::UnboundedSender<Ask>,
    pub(super) webhook: Arc<Webhook>,
    pub(super) session: mpsc::Sender<Command>,
}

/// Why one was not. Before the acknowledgement its SDK does not come back, whatever the code.
type Refused = Option<(Option<String>, u16, &'static str)>;

/// Waits for the first message, looks who it is, and says so.
pub(super) async fn enter(
    shared: &Arc<Shared>,
    outbox: &Arc<Outbox>,
    headers: &Headers,
) -> Result<Entered, Refused> {
    let (is_back, session, package, key) = loop {
        let text = match outbox.next().await {
            FromApp::Text(text) => text,
            FromApp::Traffic | FromApp::Audio => continue,
            FromApp::TooLarge => return Err(Some((None, 1009, "a message is too large"))),
            FromApp::Gone | FromApp::Overrun => return Err(None),
        };
        match serde_json::from_str(&text) {
            Ok(AppSays::TpaConnectionInit { session_id, package_name, api_key }) => {
                let session = session_id.or_else(|| headers.session.clone());
                break (false, session, package_name, api_key);
            }
            Ok(AppSays::Reconnect { session_id }) => {
                let session = session_id.or_else(|| headers.session.clone());
                let (package, key) = headers.package.clone().zip(headers.key.clone()).unwrap_or_default();
                break (true, session, package, key);
            }
            // It says so again when it is in.
            Ok(_) => {}
            Err(_) => {
                return Err(Some(refuse("MALFORMED_MESSAGE", "the first message is tpa_connection_init")));
            }
        }
    };
    let authorization: Cow<'_, [u8]> = format!("Bearer {key}").into_bytes().into();
    let grant = shared.credentials.identify(Some(&authorization));
    let Some((identity, webhook)) =
        grant.and_then(|grant| Some((grant.identity.clone(), shared.credentials.webhook(&grant.identity)?)))
    else {
        let note = AuditNote::new(AuditEvent::Unauthorized).saying("an app's key");
        shared.credentials.audit().note(note);
        return Err(Some(refuse("INVALID_API_KEY", "no app has this key")));
    };
    if webhook.package != package {
        return Err(Some(refuse("INVALID_API_KEY", "the key is another app's")));
    }
    let run = RunId::from(session.unwrap_or_default());
    let accepted = match shared.mentra.keeper(&identity) {
        Some(keeper) => {
            let (answer, answered) = oneshot::channel();
            let _ = keeper.send(Ask::Connected { run: run.clone(), answer });
            answered.await.ok().flatten().map(|accepted| (keeper, accepted))
        }
        None => None,
    };
    let found = accepted.and_then(|(keeper, accepted)| {
        let commands = shared.registry.commands(&identity, accepted.session)?;
        Some((keeper, accepted, commands))
    });
    let Some((keeper, accepted, commands)) = found else {
        return Err(Some(if is_back {
            (Some(reconnect_rejected()), 1000, "session not found")
        } else {
            refuse("SESSION_NOT_FOUND", "there is no such session")
        }));
    };
    let settings: Value = serde_json::from_str(&accepted.webhook.settings).unwrap_or_default();
    let inspected = shared.registry.inspect(accepted.session).await;
    let capabilities = inspected.and_then(|inspection| inspection.capabilities);
    let capabilities = capabilities.as_ref().map(capabilities_of);
    let acknowledged = Acknowledged { session: run.as_str(), settings: &settings, capabilities };
    outbox.deliver(|queue| queue.say(acknowledged.say(is_back)));
    let webhook = accepted.webhook;
    Ok(Entered { run, identity, keeper, webhook, session: commands })
}

fn refuse(code: &str, message: &'static str) -> (Option<String>, u16, &'static str) {
    (Some(refused(code, message)), 1008, message)
}

fn reconnect_rejected() -> String {
    super::messages::said(serde_json::json!({
        "type": "reconnect_rejected",
        "code": "NOT_RUNNING",
        "message": "the app is not running in this session",
    }))
}
