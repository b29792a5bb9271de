//! What a wearer's device can do and what happens to it, for apps; and what apps show.

mod support;

use glasslink_protocol::{
    AppEvent, AppMessage, Capabilities, ClientMessage, DeviceEvent, Layout, RelayMessage, SessionId,
    SubscriptionId, Touch, View, Wanted,
};
use glasslink_relay::Relay;
use support::app::{App, Heard, app_request};
use support::{Client, hello};

fn glasses() -> Capabilities {
    Capabilities { model: "Even Realities G1".into(), battery: true, ..Capabilities::default() }
}

fn show(session: u128, text: &str) -> AppMessage {
    AppMessage::Display {
        session: SessionId(session),
        view: View::Main,
        layout: Layout::TextWall { text: text.into() },
        duration_ms: None,
    }
}

// SPEC P21.3
#[tokio::test]
async fn an_app_is_told_how_the_device_is_what_happens_and_when_the_client_goes() {
    let relay = Relay::builder().start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Capabilities(glasses())).await;
    let battery = DeviceEvent::Battery { level: 80, charging: true };
    client.say(&ClientMessage::DeviceEvent(battery.clone())).await;
    client.say(&ClientMessage::Ping { id: 1 }).await;
    client.until(|message| matches!(message, RelayMessage::Pong { id: 1 })).await;

    let mut app = App::plain(&relay.url()).await;
    app.subscribe(7, 1, Wanted::Device).await;
    let subscription = SubscriptionId(7);
    let is_battery = |heard: &Heard| matches!(heard, Heard::Event(AppEvent::DeviceEvent { .. }));
    let heard = app.until(is_battery).await;
    let known = [
        AppEvent::Client { subscription, attached: true },
        AppEvent::Capabilities { subscription, capabilities: glasses() },
        AppEvent::DeviceEvent { subscription, event: battery },
    ];
    assert_eq!(heard, known.map(Heard::Event));

    let tap = DeviceEvent::Touch { gesture: Touch::DoubleTap };
    client.say(&ClientMessage::DeviceEvent(tap.clone())).await;
    let heard = app.until(is_battery).await;
    assert_eq!(heard, [Heard::Event(AppEvent::DeviceEvent { subscription, event: tap })]);
    drop(client);
    let gone = |heard: &Heard| matches!(heard, Heard::Event(AppEvent::Client { attached: false, .. }));
    app.until(gone).await;
}

// SPEC P21.4
#[tokio::test]
async fn an_app_shows_something_to_those_whom_it_may_see_alone() {
    let relay = Relay::builder().token("owner").start().await.unwrap();
    let authorized = |mut request: tokio_tungstenite::tungstenite::handshake::client::Request, key: &str| {
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        request
    };
    let mut client = Client::connect(support::request(&relay.url(), Some("owner"))).await.unwrap();
    client.greet(hello(1)).await;
    let sees_all = relay.keys().add_app("captions", true).unwrap();
    let sees_none = relay.keys().add_app("stranger", false).unwrap();
    let app = |key: String| App::connect(authorized(app_request(&relay.url(), "glasslink.v1"), &key));
    let mut stranger = app(sees_none.key).await.unwrap();
    stranger.say(&show(1, "from a stranger")).await;
    stranger.say(&AppMessage::Ping { id: 1 }).await;
    stranger.until(|heard| matches!(heard, Heard::Event(AppEvent::Pong { id: 1 }))).await;
    let mut captions = app(sees_all.key).await.unwrap();
    captions.say(&show(1, "Hello")).await;
    let seen = client.until(|message| matches!(message, RelayMessage::Display(_))).await;
    let RelayMessage::Display(display) = seen else { panic!("{seen:?}") };
    assert_eq!(display.layout, Layout::TextWall { text: "Hello".into() });
    assert_eq!(display.app, format!("app:{}", sees_all.app.id));
}
