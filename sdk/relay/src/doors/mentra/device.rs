//! The wearer's device, from our words into Mentra's.

use glasslink_protocol::{Capabilities, DeviceEvent, Press, Touch};
use serde_json::{Value, json};

/// Subscriptions to how a device is, rather than to what happens.
pub(super) const STATES: [&str; 3] = ["glasses_connection_state", "glasses_battery_update", "head_position"];

/// What a device can do, as apps ask for it.
pub(super) fn capabilities(device: &Capabilities) -> Value {
    let display = device.display.map(|display| {
        json!({
            "count": 1,
            "isColor": false,
            "canDisplayBitmap": display.bitmaps,
            "resolution": { "width": display.width, "height": display.height },
            "maxTextLines": display.lines,
            "adjustBrightness": false,
        })
    });
    json!({
        "modelName": device.model,
        "hasCamera": device.camera,
        "camera": null,
        "hasDisplay": display.is_some(),
        "display": display,
        "hasMicrophone": device.microphone,
        "microphone": device.microphone.then(|| json!({ "count": 1, "hasVAD": false })),
        "hasSpeaker": device.speaker,
        "speaker": null,
        "hasIMU": device.head,
        "imu": null,
        "hasButton": device.buttons,
        "button": null,
        "hasLight": false,
        "light": null,
        "hasWifi": false,
        "power": { "hasExternalBattery": false },
    })
}

/// The subscriptions that an event is for, and what each is told.
pub(super) fn told(event: &DeviceEvent, model: &str) -> Vec<(String, Value)> {
    let one = |stream: &str, data: Value| vec![(stream.to_owned(), data)];
    match event {
        DeviceEvent::Connection { connected } => {
            let status = if *connected { "CONNECTED" } else { "DISCONNECTED" };
            let data = json!({ "type": "glasses_connection_state", "modelName": model, "status": status });
            one("glasses_connection_state", data)
        }
        DeviceEvent::Battery { level, charging } => {
            let data = json!({ "type": "glasses_battery_update", "level": level, "charging": charging });
            one("glasses_battery_update", data)
        }
        DeviceEvent::Head { up } => {
            let position = if *up { "up" } else { "down" };
            one("head_position", json!({ "type": "head_position", "position": position }))
        }
        DeviceEvent::Button { button, press } => {
            let press = match press {
                Press::Short => "short",
                Press::Long => "long",
            };
            one("button_press", json!({ "type": "button_press", "buttonId": button, "pressType": press }))
        }
        DeviceEvent::Touch { gesture } => {
            let Some(gesture) = named(*gesture) else { return Vec::new() };
            let data = json!({ "type": "touch_event", "device_model": model, "gesture_name": gesture });
            vec![("touch_event".to_owned(), data.clone()), (format!("touch_event:{gesture}"), data)]
        }
        DeviceEvent::Unknown => Vec::new(),
    }
}

fn named(gesture: Touch) -> Option<&'static str> {
    Some(match gesture {
        Touch::SingleTap => "single_tap",
        Touch::DoubleTap => "double_tap",
        Touch::TripleTap => "triple_tap",
        Touch::LongPress => "long_press",
        Touch::ForwardSwipe => "forward_swipe",
        Touch::BackwardSwipe => "backward_swipe",
        Touch::UpSwipe => "up_swipe",
        Touch::DownSwipe => "down_swipe",
        Touch::Unknown => return None,
    })
}
