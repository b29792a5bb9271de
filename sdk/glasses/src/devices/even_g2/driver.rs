use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::device::{AUDIO_BYTES, FRAME_BYTES, FRAMES};
use super::envelope::{Assembly, Direction, Envelope, Piece};
use super::messages;
use crate::continuity::Continuity;
use crate::wire::protobuf::Fields;
use crate::{Arm, Driver, Event, Gesture, Outcome, Received, ReplyKey, Screen, ShowError, Step};

const REPLY: Duration = Duration::from_secs(1);
/// Between packets, and between the messages of the opening.
const PACE: Duration = Duration::from_millis(6);
const SETTLE: Duration = Duration::from_millis(200);
const PACKET: Duration = Duration::from_millis(50);
/// One arm may lag behind the other by so many packets, 1.6 s.
const LAG: u64 = 32;

pub(super) struct G2Driver {
    /// Of the last message; the magic number in it, too.
    sequence: u8,
    page: bool,
    assembly: [Assembly; 4],
    audio: Continuity<Vec<Vec<u8>>>,
}

impl G2Driver {
    pub(super) fn new() -> Self {
        Self {
            sequence: 0,
            page: false,
            assembly: Default::default(),
            audio: Continuity::new(256, PACKET).with_late(LAG),
        }
    }

    /// The steps of a message, answered by a reply of the same magic number.
    fn message(&mut self, build: impl FnOnce(u8) -> Envelope) -> Vec<Step> {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        steps(&build(sequence), sequence)
    }

    fn hub(&mut self, fields: &Fields, out: &mut Vec<Received>) {
        if fields.number(1) != messages::EVENT {
            return out.push(reply(messages::HUB, fields));
        }
        let Some(event) = fields.message(13) else { return };
        let (kind, source) = if let Some(system) = event.message(3) {
            (system.number(1), system.number(2))
        } else if let Some(text) = event.message(2) {
            (text.number(3), 0)
        } else if let Some(list) = event.message(1) {
            (list.number(5), 0)
        } else {
            return;
        };
        let arm = if source == 3 { Arm::Left } else { Arm::Right };
        let gesture = match kind {
            0 => Gesture::Tap(arm),
            1 => Gesture::ScrollUp,
            2 => Gesture::ScrollDown,
            3 => Gesture::DoubleTap(arm),
            // The page left the foreground or died, and the microphone with it.
            5..=7 => {
                self.page = false;
                return out.push(Received::Ended { screen: true, microphone: true });
            }
            _ => return,
        };
        out.push(Received::Event(Event::Gesture(gesture)));
    }

    fn audio(&mut self, value: &[u8], now: Duration, out: &mut Vec<Received>) {
        let frames = value.chunks_exact(FRAME_BYTES).take(FRAMES).map(<[u8]>::to_vec).collect();
        let counter = value[AUDIO_BYTES - 1];
        let mut runs = Vec::new();
        self.audio.arrived(u64::from(counter), frames, now, &mut runs);
        hand_on(runs, out);
    }
}

/// The packets of a message as steps; the last is answered.
fn steps(envelope: &Envelope, sequence: u8) -> Vec<Step> {
    let characteristic =
        if envelope.service == messages::HUB { messages::RENDER_WRITE } else { messages::CONTROL_WRITE };
    let mut steps: Vec<Step> = envelope
        .encode(Direction::ToGlasses, sequence)
        .into_iter()
        .map(|packet| Step::send(characteristic, packet).then_pause(PACE))
        .collect();
    if let Some(last) = steps.pop() {
        steps.push(last.answered_by(key(envelope.service, u64::from(sequence)), REPLY, 1));
    }
    steps
}

fn key(service: u8, magic: u64) -> ReplyKey {
    ReplyKey(u32::from(service) << 8 | (magic & 0xFF) as u32)
}

/// The code of a reply is the first field of its one sub-message.
fn reply(service: u8, fields: &Fields) -> Received {
    let (field, failures): (u32, &[u64]) = match fields.number(1) {
        1 => (4, &[1, 2, 3]),
        4 => (6, &[5]),
        6 => (10, &[9]),
        8 => (8, &[7]),
        10 => (12, &[11]),
        16 => (19, &[14]),
        _ => (0, &[]),
    };
    let code = fields.message(field).map(|body| body.number(1));
    let failed = service == messages::HUB && code.is_some_and(|code| failures.contains(&code));
    let outcome = if failed { Outcome::Refused } else { Outcome::Done };
    Received::Reply { key: key(service, fields.number(2)), outcome }
}

fn hand_on(runs: Vec<(u64, Vec<Vec<u8>>)>, out: &mut Vec<Received>) {
    out.extend(runs.into_iter().map(|(lost, frames)| Received::Audio { lost: lost * FRAMES as u64, frames }));
}

impl Driver for G2Driver {
    fn subscriptions(&self, _: Arm) -> Vec<Uuid> {
        vec![messages::CONTROL_NOTIFY, messages::RENDER_NOTIFY]
    }

    fn opening(&mut self, arm: Arm, _: u16, stage: u32) -> Vec<Step> {
        if stage > 0 {
            return Vec::new();
        }
        let mut steps = self.message(messages::auth);
        let settle = |steps: &mut Vec<Step>| steps.push(Step::wait().then_pause(SETTLE));
        settle(&mut steps);
        if arm == Arm::Right {
            steps.extend(self.message(messages::role).into_iter().map(Step::or_not));
            settle(&mut steps);
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
            steps.extend(self.message(|magic| messages::time(magic, unix)).into_iter().map(Step::or_not));
            steps.extend(self.message(messages::onboarding_done).into_iter().map(Step::or_not));
            // Without a page there is no microphone.
            steps.extend(self.message(|magic| messages::page(magic, " ")));
            self.page = true;
        }
        steps
    }

    fn microphone(&mut self, _: Arm, on: bool) -> Vec<Step> {
        if on {
            self.audio.restart();
        }
        let mut steps = Vec::new();
        if on && !self.page {
            steps.extend(self.message(|magic| messages::page(magic, " ")));
            self.page = true;
        }
        steps.extend(self.message(|magic| messages::microphone(magic, on)));
        steps
    }

    fn show(&mut self, _: Arm, screen: &Screen, _: u64) -> Result<Vec<Step>, ShowError> {
        let text = match screen {
            // Closing the page would close the microphone.
            Screen::Blank => " ".to_owned(),
            Screen::Text(lines) => lines.join("\n"),
            Screen::Bitmap(_) => return Err(ShowError::Unsupported("Even Realities G2")),
        };
        if std::mem::replace(&mut self.page, true) {
            Ok(self.message(|magic| messages::text(magic, &text)))
        } else {
            Ok(self.message(|magic| messages::page(magic, &text)))
        }
    }

    fn heartbeat(&mut self, arm: Arm) -> Vec<Step> {
        let mut steps = self.message(messages::base_heartbeat);
        if arm == Arm::Right {
            steps.extend(self.message(messages::hub_heartbeat));
        }
        steps
    }

    fn receive(
        &mut self,
        arm: Arm,
        characteristic: Uuid,
        value: &[u8],
        now: Duration,
        out: &mut Vec<Received>,
    ) {
        let render = characteristic == messages::RENDER_NOTIFY;
        if render && value.len() == AUDIO_BYTES {
            return self.audio(value, now, out);
        }
        let assembly = &mut self.assembly[usize::from(arm == Arm::Right) * 2 + usize::from(render)];
        // The firmware echoes heartbeats with the request's checksum.
        match assembly.take(value, |service| service == messages::DEVICE) {
            Ok(Piece::Whole(envelope)) => match (envelope.service, Fields::read(&envelope.payload)) {
                (messages::HUB, Ok(fields)) => self.hub(&fields, out),
                (service @ (messages::DEVICE | messages::ONBOARDING), Ok(fields)) => {
                    out.push(reply(service, &fields));
                }
                (_, Ok(_)) => {}
                (_, Err(_)) => out.push(Received::Malformed("a message is no protobuf")),
            },
            Ok(Piece::Part | Piece::Acknowledged) => {}
            Err(what) => out.push(Received::Malformed(what)),
        }
    }

    fn audio_paused(&mut self, out: &mut Vec<Received>) {
        let mut runs = Vec::new();
        self.audio.flush(&mut runs);
        hand_on(runs, out);
    }

    fn disconnected(&mut self, arm: Arm) {
        let first = usize::from(arm == Arm::Right) * 2;
        self.assembly[first] = Assembly::default();
        self.assembly[first + 1] = Assembly::default();
        self.audio.restart();
        if arm == Arm::Right {
            self.page = false;
        }
    }
}
