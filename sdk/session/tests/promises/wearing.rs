use glasslink_protocol::{
    AppState, AppStatus, Capabilities, DeviceEvent, Display, Layout, MAX_TEXT_BYTES, Press, View,
};
use glasslink_session::{Event, NotLive, RelayEvent};

use crate::pair::{Network, Pair, seconds};

fn wall(text: &str, view: View, duration_ms: Option<u64>) -> Display {
    let layout = Layout::TextWall { text: text.into() };
    Display { app: "com.example.captions".into(), view, layout, duration_ms }
}

fn status(state: AppState) -> AppStatus {
    AppStatus { app: "com.example.captions".into(), name: "Captions".into(), state }
}

fn shown(pair: &Pair) -> Vec<Display> {
    let shown = pair.events.iter().filter_map(|event| match event {
        Event::Display(display) => Some(display.clone()),
        _ => None,
    });
    shown.collect()
}

fn told(pair: &Pair) -> Vec<AppState> {
    let told = pair.events.iter().filter_map(|event| match event {
        Event::App(status) => Some(status.state),
        _ => None,
    });
    told.collect()
}

fn devices(pair: &Pair) -> Vec<DeviceEvent> {
    let told = pair.relay_events.iter().filter_map(|event| match event {
        RelayEvent::Device(event) => Some(event.clone()),
        _ => None,
    });
    told.collect()
}

// SPEC P21.1
#[test]
fn who_comes_back_is_told_what_is_shown_and_not_what_is_over() {
    let (mut pair, _) = Pair::live();
    pair.cut(Network::Refusing(glasslink_protocol::Cause::ConnectionRefused, None));
    let (old, main) = (wall("old", View::Main, None), wall("main", View::Main, None));
    let over = wall("over", View::Dashboard, Some(1_000));
    for display in [old, main.clone(), over] {
        pair.relay.display(pair.now, display).unwrap();
    }
    pair.advance(seconds(2));
    assert_eq!(shown(&pair), []);
    pair.network = Network::Up;
    pair.advance(seconds(30));
    assert_eq!(shown(&pair), [main]);
}

// SPEC P21.1 P21.5
#[test]
fn how_an_app_is_is_told_once_however_often_the_client_comes_back() {
    let (mut pair, _) = Pair::live();
    pair.relay.app(status(AppState::Running));
    pair.relay.app(status(AppState::Away));
    pair.relay.app(status(AppState::Away));
    pair.settle();
    for _ in 0..3 {
        pair.cut(Network::Up);
        pair.advance(seconds(30));
    }
    pair.cut(Network::Refusing(glasslink_protocol::Cause::ConnectionRefused, None));
    pair.relay.app(status(AppState::Running));
    pair.network = Network::Up;
    pair.advance(seconds(30));
    assert_eq!(told(&pair), [AppState::Running, AppState::Away, AppState::Running]);
}

// SPEC P21.2
#[test]
fn how_the_device_is_is_told_again_and_a_press_is_now_or_never() {
    let (mut pair, _) = Pair::live();
    let battery = |level| DeviceEvent::Battery { level, charging: false };
    let press = DeviceEvent::Button { button: "main".into(), press: Press::Short };
    let glasses = Capabilities { model: "Even Realities G1".into(), ..Capabilities::default() };
    pair.client.set_capabilities(glasses.clone());
    pair.client.device_event(battery(80)).unwrap();
    pair.client.device_event(press.clone()).unwrap();
    pair.settle();
    assert_eq!(devices(&pair), [battery(80), press.clone()]);

    pair.cut(Network::Refusing(glasslink_protocol::Cause::ConnectionRefused, None));
    pair.client.device_event(battery(79)).unwrap();
    pair.client.device_event(battery(78)).unwrap();
    assert_eq!(pair.client.device_event(press.clone()), Err(NotLive));
    assert_eq!(pair.client.run_app("com.example.captions".into(), false), Err(NotLive));
    pair.relay_events.clear();
    pair.network = Network::Up;
    pair.advance(seconds(30));
    assert_eq!(devices(&pair), [battery(78)]);
    assert!(pair.relay_events.contains(&RelayEvent::Capabilities(glasses)));
}

// SPEC P21.4
#[test]
fn what_is_larger_than_a_message_is_not_sent() {
    let (mut pair, _) = Pair::live();
    let large = wall(&"x".repeat(MAX_TEXT_BYTES), View::Main, None);
    assert!(pair.relay.display(pair.now, large).is_err());
    pair.settle();
    pair.cut(Network::Up);
    pair.advance(seconds(30));
    assert_eq!(shown(&pair), []);
}
