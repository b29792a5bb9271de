use uuid::{Uuid, uuid};

use super::envelope::Envelope;
use crate::wire::protobuf::Message;

pub(super) const CONTROL_WRITE: Uuid = uuid!("00002760-08c2-11e1-9073-0e8ac72e5401");
pub(super) const CONTROL_NOTIFY: Uuid = uuid!("00002760-08c2-11e1-9073-0e8ac72e5402");
pub(super) const RENDER_WRITE: Uuid = uuid!("00002760-08c2-11e1-9073-0e8ac72e6401");
pub(super) const RENDER_NOTIFY: Uuid = uuid!("00002760-08c2-11e1-9073-0e8ac72e6402");
pub(super) const CONTROL_SERVICE: Uuid = uuid!("00002760-08c2-11e1-9073-0e8ac72e5450");
pub(super) const RENDER_SERVICE: Uuid = uuid!("00002760-08c2-11e1-9073-0e8ac72e6450");

/// Services inside the envelope.
pub(super) const DEVICE: u8 = 0x80;
pub(super) const HUB: u8 = 0xE0;
pub(super) const ONBOARDING: u8 = 0x10;

pub(super) const REQUEST: u8 = 0x20;
pub(super) const PLAIN: u8 = 0x00;
pub(super) const ASYNC: u8 = 0x01;

pub(super) const AUTH: u64 = 4;
pub(super) const ROLE: u64 = 5;
pub(super) const BASE_HEARTBEAT: u64 = 14;
pub(super) const TIME: u64 = 128;

pub(super) const CREATE: u64 = 0;
pub(super) const EVENT: u64 = 2;
pub(super) const TEXT: u64 = 5;
pub(super) const HUB_HEARTBEAT: u64 = 12;
pub(super) const AUDIO: u64 = 15;

/// An Android phone; no secret is involved.
const PHONE: u64 = 4;
const RIGHT: u64 = 1;
/// The text container that fills the display.
pub(super) const CONTAINER: u64 = 1;
pub(super) const WIDTH: u64 = 576;
pub(super) const HEIGHT: u64 = 288;

fn device(command: u64, magic: u8, body: impl FnOnce(Message) -> Message) -> Envelope {
    let payload = body(Message::new().number(1, command).number(2, u64::from(magic))).into_bytes();
    Envelope { service: DEVICE, flag: PLAIN, payload }
}

fn hub(command: u64, magic: u8, body: impl FnOnce(Message) -> Message) -> Envelope {
    Envelope { service: HUB, flag: REQUEST, ..device(command, magic, body) }
}

pub(super) fn auth(magic: u8) -> Envelope {
    device(AUTH, magic, |message| message.message(3, &Message::new().number(1, 1).number(2, PHONE)))
}

/// Commands and audio go by the right arm.
pub(super) fn role(magic: u8) -> Envelope {
    device(ROLE, magic, |message| message.message(4, &Message::new().number(1, RIGHT)))
}

/// `unix` in seconds, local.
pub(super) fn time(magic: u8, unix: u64) -> Envelope {
    device(TIME, magic, |message| message.message(128, &Message::new().number(1, unix)))
}

pub(super) fn onboarding_done(magic: u8) -> Envelope {
    let done = Message::new().number(1, 4);
    let payload = Message::new().number(1, 1).number(2, u64::from(magic)).message(3, &done).into_bytes();
    Envelope { service: ONBOARDING, flag: REQUEST, payload }
}

pub(super) fn base_heartbeat(magic: u8) -> Envelope {
    device(BASE_HEARTBEAT, magic, |message| message.message(13, &Message::new()))
}

pub(super) fn hub_heartbeat(magic: u8) -> Envelope {
    hub(HUB_HEARTBEAT, magic, |message| message.message(14, &Message::new()))
}

/// A page of one text container over the whole display.
pub(super) fn page(magic: u8, text: &str) -> Envelope {
    let container = Message::new()
        .number(1, 0)
        .number(2, 0)
        .number(3, WIDTH)
        .number(4, HEIGHT)
        .number(5, 0)
        .number(6, 0)
        .number(7, 0)
        .number(8, 4)
        .number(9, CONTAINER)
        .text(10, "main")
        .number(11, 1)
        .text(12, text);
    let page = Message::new().number(1, 1).message(3, &container);
    hub(CREATE, magic, |message| message.message(3, &page))
}

/// Other text for the page that is there.
pub(super) fn text(magic: u8, text: &str) -> Envelope {
    let upgrade = Message::new().number(1, CONTAINER).number(3, 0).number(4, text.len() as u64).text(5, text);
    hub(TEXT, magic, |message| message.message(9, &upgrade))
}

pub(super) fn microphone(magic: u8, on: bool) -> Envelope {
    hub(AUDIO, magic, |message| message.message(18, &Message::new().number(1, u64::from(on))))
}

/// A reply of the glasses: `field` holds `code` as its first field.
pub(super) fn reply(service: u8, command: u64, magic: u64, field: u32, code: u64) -> Envelope {
    let payload = Message::new()
        .number(1, command)
        .number(2, magic)
        .message(field, &Message::new().number(1, code))
        .into_bytes();
    Envelope { service, flag: PLAIN, payload }
}

/// A touch or a change of screen: `kind` from `source`.
pub(super) fn event(kind: u64, source: u64) -> Envelope {
    let system = Message::new().number(1, kind).number(2, source);
    let payload = Message::new()
        .number(1, EVENT)
        .number(2, 0)
        .message(13, &Message::new().message(3, &system))
        .into_bytes();
    Envelope { service: HUB, flag: ASYNC, payload }
}
