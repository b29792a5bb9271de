use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use glasslink_protocol::{Display, EventNumber, SubscriptionId, Wanted};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info};

use super::dialect::{Wants, Words};
use super::entry::{Entered, enter};
use super::layouts::NotShown;
use super::messages::{self, AppSays};
use super::run::{Order, RunId};
use super::subscriptions::Subscriptions;
use super::upgrade::Headers;
use super::{Ask, limits};
use crate::doors::app::{FromApp, Outbox, command};
use crate::fanout::{Subscribe, Unsubscribe};
use crate::identity::{Identity, Webhook};
use crate::limits::CLOSING;
use crate::server::{Place, Transport};
use crate::session::Command;
use crate::shared::Shared;

/// What is wanted of a session, each by its number.
const WANTED: [(SubscriptionId, Wanted); 3] = [
    (SubscriptionId(1), Wanted::Transcript),
    (SubscriptionId(2), Wanted::Pcm),
    (SubscriptionId(3), Wanted::Device),
];

/// Which of them is the device.
const DEVICE: usize = 2;

/// Why a connection ends: a last word, a code and a reason. `None`: it is gone.
type End = Option<(Option<String>, u16, &'static str)>;

/// From its upgrade to its end.
pub(super) async fn serve(
    shared: Arc<Shared>,
    headers: Headers,
    transport: Transport,
    read_already: &[u8],
    place: Place,
) {
    let wants = Wants::default();
    let words = Box::new(Words::new(wants.clone()));
    let manner = (limits::MESSAGE_BYTES, Some(words as _));
    let outbox = Outbox::speaking(transport, read_already, place, manner).await;
    let entered = tokio::select! {
        entered = timeout(limits::INIT, enter(&shared, &outbox, &headers)) => entered.unwrap_or(Err(None)),
        () = shared.draining.cancelled() => Err(Some((None, 1012, "restarting"))),
    };
    let end = match entered {
        Ok(entered) => {
            wants.of(entered.run.as_str());
            Connection::new(Arc::clone(&shared), Arc::clone(&outbox), entered, wants).run().await
        }
        Err(end) => end,
    };
    if let Some((word, code, reason)) = end {
        if let Some(word) = word {
            outbox.deliver(|queue| queue.say(word));
        }
        let _ = timeout(CLOSING, Box::pin(outbox.close_saying(code, reason))).await;
    }
    outbox.over();
}

struct Connection {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    number: u64,
    run: RunId,
    identity: Identity,
    keeper: mpsc::UnboundedSender<Ask>,
    webhook: Arc<Webhook>,
    session: mpsc::Sender<Command>,
    wants: Wants,
    /// What the app said that it wants, and when that counts.
    said: Option<(Vec<Value>, Instant)>,
    since: Instant,
    subscribed: [bool; WANTED.len()],
}

impl Connection {
    fn new(shared: Arc<Shared>, outbox: Arc<Outbox>, entered: Entered, wants: Wants) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let Entered { run, identity, keeper, webhook, session } = entered;
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let (said, since, subscribed) = (None, Instant::now(), [false; WANTED.len()]);
        Self {
            shared,
            outbox,
            number,
            run,
            identity,
            keeper,
            webhook,
            session,
            wants,
            said,
            since,
            subscribed,
        }
    }

    async fn run(mut self) -> End {
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let (run, connection) = (self.run.clone(), self.number);
        // The keeper is gone where the relay ends.
        let _ = self.keeper.send(Ask::Acknowledged { run: run.clone(), connection, orders });
        // The app is told of the device whether it asks or not; the rest follows what it says it wants.
        self.said = Some((Vec::new(), Instant::now()));
        let end = self.listen(&mut ordered).await;
        let _ = self.keeper.send(Ask::Gone { run, connection });
        for (number, (subscription, _)) in WANTED.into_iter().enumerate() {
            if self.subscribed[number] {
                self.unsubscribe(subscription).await;
            }
        }
        end
    }

    async fn listen(&mut self, ordered: &mut mpsc::UnboundedReceiver<Order>) -> End {
        let draining = self.shared.draining.clone();
        let (shared, identity) = (Arc::clone(&self.shared), self.identity.clone());
        let mut revoked = pin!(shared.credentials.revoked(&identity));
        let mut look = Instant::now() + limits::PING;
        loop {
            let due = self.said.as_ref().map_or(look, |(_, at)| look.min(*at));
            tokio::select! {
                incoming = self.outbox.next() => match incoming {
                    FromApp::Text(text) => self.text(&text).await,
                    // Audio is what SDK 3 would have played.
                    FromApp::Traffic | FromApp::Audio => {}
                    FromApp::TooLarge => {
                        info!(run = %self.run, "a message of the app is too large");
                        return Some((None, 1009, "a message is too large"));
                    }
                    FromApp::Overrun => {
                        info!(run = %self.run, "the app is too far behind; connection closed");
                        return Some((None, 1013, "too far behind"));
                    }
                    FromApp::Gone => return None,
                },
                order = ordered.recv() => match order {
                    Some(Order::Say(text)) => self.say(text),
                    Some(Order::Close(word, code, reason)) => return Some((word, code, reason)),
                    None => return Some((None, 1012, "restarting")),
                },
                () = draining.cancelled() => return Some((None, 1012, "restarting")),
                () = &mut revoked => return Some((None, 1000, "App stopped")),
                () = sleep_until(due) => {
                    let now = Instant::now();
                    if now >= look {
                        let alive_at = self.outbox.alive_at();
                        if now >= alive_at + limits::LOST {
                            info!(run = %self.run, "the app is silent; connection dropped");
                            return None;
                        }
                        self.outbox.ping();
                        look = now + limits::PING;
                    }
                    if self.said.as_ref().is_some_and(|(_, at)| now >= *at) {
                        self.settle().await;
                    }
                }
            }
        }
    }

    async fn text(&mut self, text: &str) {
        let message = match serde_json::from_str(text) {
            Ok(message) => message,
            // One bad request is no reason to end a session.
            Err(error) => return debug!(run = %self.run, %error, "a message of the app is passed over"),
        };
        match message {
            AppSays::SubscriptionUpdate { subscriptions } => {
                let now = Instant::now();
                if subscriptions.is_empty() && now < self.since + limits::EMPTY_MEANS_NOTHING {
                    return;
                }
                self.said = Some((subscriptions, now + limits::SETTLE));
            }
            AppSays::DisplayEvent(event) => self.show(event.display(&self.webhook.package)).await,
            AppSays::DashboardContentUpdate(content) => {
                self.show(content.display(&self.webhook.package)).await;
            }
            AppSays::Ping => self.say(messages::pong()),
            AppSays::AudioPlayRequest(request) => {
                self.say(messages::cannot("audio_play_response", &request, "no sound is played here"));
            }
            AppSays::PhotoRequest(request) => {
                self.say(messages::cannot("photo_response", &request, "no pictures are taken here"));
            }
            AppSays::RgbLedControl(request) => {
                self.say(messages::cannot("rgb_led_control_response", &request, "there is no such light"));
            }
            AppSays::TpaConnectionInit { .. } | AppSays::Reconnect { .. } | AppSays::Other => {}
        }
    }

    async fn show(&self, display: Result<Display, NotShown>) {
        match display {
            // A session that has no room for it shows the next one.
            Ok(display) => drop(command(&self.session, Command::Display(Box::new(display))).await),
            Err(why) => info!(run = %self.run, ?why, "what the app shows is passed over"),
        }
    }

    /// What the app last said that it wants counts from here on.
    async fn settle(&mut self) {
        let Some((said, _)) = self.said.take() else { return };
        let (subscriptions, denied) = Subscriptions::new(&said, &self.webhook);
        if !denied.is_empty() {
            self.say(messages::permission_error(&denied));
        }
        let wanted = WANTED.map(|(_, want)| subscriptions.wants(want));
        if self.wants.replace(subscriptions) && self.subscribed[DEVICE] {
            // Whoever asks how the device is only now is told now.
            self.unsubscribe(WANTED[DEVICE].0).await;
            self.subscribed[DEVICE] = false;
        }
        for (number, (subscription, want)) in WANTED.into_iter().enumerate() {
            match (self.subscribed[number], wanted[number]) {
                (false, true) => self.subscribed[number] = self.subscribe(subscription, want).await,
                (true, false) => {
                    self.unsubscribe(subscription).await;
                    self.subscribed[number] = false;
                }
                _ => {}
            }
        }
    }

    async fn subscribe(&self, subscription: SubscriptionId, want: Wanted) -> bool {
        let outbox = Arc::clone(&self.outbox);
        let subscribe = Subscribe { subscription, want, epoch: None, since: EventNumber(0), outbox };
        command(&self.session, Command::Subscribe(Box::new(subscribe))).await.is_ok()
    }

    async fn unsubscribe(&self, subscription: SubscriptionId) {
        let outbox = Arc::clone(&self.outbox);
        // A session that is over has forgotten it.
        let _ = self.session.send(Command::Unsubscribe(Unsubscribe { subscription, outbox })).await;
    }

    fn say(&self, text: String) {
        self.outbox.deliver(|queue| queue.say(text));
    }
}
