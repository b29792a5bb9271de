use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use glasslink_protocol::{Cause, SessionId};
use tokio::sync::mpsc;
use tracing::info;

use super::Ask;
use super::keeper::Keeper;
use crate::identity::{App, Hash, Identity, PeerId, Webhook};
use crate::server::Refusal;
use crate::shared::Shared;

/// The apps that the relay calls, and who looks after each.
#[derive(Default)]
pub(crate) struct Mentra(Mutex<HashMap<PeerId, Known>>);

struct Known {
    keeper: mpsc::UnboundedSender<Ask>,
    app: App,
    webhook: Arc<Webhook>,
    signing: Option<Hash>,
}

impl Mentra {
    /// Looks after the apps there are, and those that will be, until the relay stops. `url`: where it is reached.
    pub(crate) fn start(shared: &Arc<Shared>, url: &str) {
        let address: Arc<str> = format!("{}/app-ws", url.replacen("http", "ws", 1)).into();
        let of_task = Arc::clone(shared);
        reconcile(shared, &address, true);
        tokio::spawn(async move {
            let mut changes = of_task.credentials.changes();
            loop {
                tokio::select! {
                    told = changes.changed() => if told.is_err() { return },
                    () = of_task.stopping.cancelled() => return,
                }
                reconcile(&of_task, &address, false);
            }
        });
    }

    /// There is a session; `found`: it was there before this relay.
    pub(crate) fn began(&self, session: SessionId, owner: &Identity, found: bool) {
        for known in self.lock().values() {
            let _ = known.keeper.send(Ask::Began { session, owner: owner.clone(), found });
        }
    }

    pub(crate) fn over(&self, session: SessionId) {
        for known in self.lock().values() {
            let _ = known.keeper.send(Ask::Over { session });
        }
    }

    /// The wearer of a session starts an app, or stops it.
    pub(crate) fn run_app(&self, session: SessionId, app: &str, wanted: bool) {
        if let Some(known) = self.lock().values().find(|known| known.webhook.package == app) {
            let _ = known.keeper.send(Ask::Wanted { session, wanted });
        }
    }

    /// Who looks after an app.
    pub(super) fn keeper(&self, identity: &Identity) -> Option<mpsc::UnboundedSender<Ask>> {
        let Identity::App(app) = identity else { return None };
        self.lock().get(&app.id).map(|known| known.keeper.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PeerId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a keeper for each app that is to be called, and for no other. At the start of a relay, apps may come back to its
/// sessions by themselves.
fn reconcile(shared: &Arc<Shared>, address: &Arc<str>, is_start: bool) {
    let wanted = shared.credentials.webhooks();
    let mut keepers = shared.mentra.lock();
    keepers.retain(|id, known| {
        let stays = wanted.iter().any(|(app, ..)| app.id == *id && app.sees_all == known.app.sees_all);
        if !stays {
            let _ = known.keeper.send(Ask::Revoked);
        }
        stays
    });
    for (app, webhook, signing) in wanted {
        if let Some(known) = keepers.get_mut(&app.id) {
            if known.webhook != webhook || known.signing != signing {
                let _ = known.keeper.send(Ask::Changed(Arc::clone(&webhook), signing));
                (known.webhook, known.signing) = (webhook, signing);
            }
            continue;
        }
        info!(app = webhook.package, url = webhook.url, "app is looked after");
        let (keeper, inbox) = mpsc::unbounded_channel();
        for (session, owner) in shared.registry.owners() {
            let _ = keeper.send(Ask::Began { session, owner, found: is_start });
        }
        let task = Keeper::new(Arc::clone(shared), app, (Arc::clone(&webhook), signing), Arc::clone(address));
        tokio::spawn(task.live(inbox));
        keepers.insert(app.id, Known { keeper, app, webhook, signing });
    }
}

/// Answers `POST /api/glasslink/ready`: an app says that it has just started, with `Authorization: Bearer KEY`, or
/// `Bearer PACKAGE:KEY` as its SDK writes it.
pub(super) async fn ready(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = shown.rsplit([' ', ':']).next().unwrap_or_default();
    let grant = shared.credentials.identify(Some(format!("Bearer {key}").as_bytes()));
    let keeper = grant.and_then(|grant| shared.mentra.keeper(&grant.identity));
    let keeper = keeper.ok_or(Refusal::new(Cause::Unauthorized))?;
    let _ = keeper.send(Ask::Ready);
    Ok(StatusCode::NO_CONTENT)
}
