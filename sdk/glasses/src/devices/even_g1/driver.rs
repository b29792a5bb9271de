use std::time::Duration;

use uuid::Uuid;

use super::bitmap;
use super::protocol::{self, Packet, Status};
use crate::continuity::Continuity;
use crate::{Arm, CaseState, Driver, Event, Gesture, Outcome, Received, ReplyKey, Screen, ShowError, Step};

const REPLY: Duration = Duration::from_secs(1);
/// A page's last reply from the right arm waits for the left one.
const PAGE_REPLY: Duration = Duration::from_secs(2);
const BITMAP_REPLY: Duration = Duration::from_secs(3);
/// Between packets of a bitmap, which are not answered: the makers' own apps leave 5 to 8 ms.
const BITMAP_PACE: Duration = Duration::from_millis(8);
/// Before the first write to a fresh link.
const SETTLE: Duration = Duration::from_millis(350);
/// Starts and stops are sent twice now and then; the second within this time is no second press.
const BOUNCE: Duration = Duration::from_millis(500);
/// Asks for the battery with every so manieth heartbeat.
const BATTERY_EVERY: u8 = 8;
const PACKET: Duration = Duration::from_millis(100);

pub(super) struct G1Driver {
    heartbeats: u8,
    audio: Continuity<Vec<Vec<u8>>>,
    last_event: Option<(Arm, u8, Duration)>,
}

impl G1Driver {
    pub(super) fn new() -> Self {
        Self { heartbeats: 0, audio: Continuity::new(256, PACKET), last_event: None }
    }

    fn battery() -> Step {
        Step::send(protocol::WRITE, [protocol::BATTERY, 1])
            .answered_by(key(protocol::BATTERY, 0), REPLY, 1)
            .or_not()
    }

    fn event(&mut self, arm: Arm, code: u8, parameter: u8, now: Duration) -> Option<Event> {
        let repeated = self.last_event.is_some_and(|(last_arm, last, at)| {
            (last_arm, last) == (arm, code) && now.saturating_sub(at) < BOUNCE
        });
        self.last_event = Some((arm, code, now));
        if repeated {
            return None;
        }
        Some(match code {
            0x00 | 0x20 => Event::Gesture(Gesture::DoubleTap(arm)),
            0x01 => Event::Gesture(Gesture::Tap(arm)),
            0x02 => Event::HeadUp(true),
            0x03 => Event::HeadUp(false),
            0x04 | 0x05 => Event::Gesture(Gesture::TripleTap(arm)),
            0x06 => Event::Worn(true),
            0x07 => Event::Worn(false),
            0x08 => Event::Case(CaseState::InOpen),
            0x0B => Event::Case(CaseState::InClosed),
            0x09 => Event::Charging(parameter == 1),
            0x0A => Event::Battery { arm, percent: parameter.min(100) },
            0x0F => Event::CaseBattery(parameter.min(100)),
            0x12 | 0x17 => Event::Gesture(Gesture::Hold(arm)),
            0x18 => Event::Gesture(Gesture::Release(arm)),
            _ => return None,
        })
    }

    fn audio(runs: Vec<(u64, Vec<Vec<u8>>)>, out: &mut Vec<Received>) {
        out.extend(
            runs.into_iter()
                .map(|(lost, frames)| Received::Audio { lost: lost * protocol::FRAMES as u64, frames }),
        );
    }
}

fn key(command: u8, detail: u16) -> ReplyKey {
    ReplyKey(u32::from(command) << 16 | u32::from(detail))
}

impl Driver for G1Driver {
    fn subscriptions(&self, _: Arm) -> Vec<Uuid> {
        vec![protocol::NOTIFY]
    }

    fn opening(&mut self, _: Arm, _: u16, stage: u32) -> Vec<Step> {
        if stage > 0 {
            return Vec::new();
        }
        vec![
            Step::wait().then_pause(SETTLE),
            Step::send(protocol::WRITE, [protocol::INIT, 0xFB]).answered_by(key(protocol::INIT, 0), REPLY, 3),
            Self::battery(),
        ]
    }

    fn microphone(&mut self, _: Arm, on: bool) -> Vec<Step> {
        if on {
            self.audio.restart();
        }
        let value = u8::from(on);
        vec![Step::send(protocol::WRITE, [protocol::MICROPHONE, value]).answered_by(
            key(protocol::MICROPHONE, u16::from(value)),
            REPLY,
            3,
        )]
    }

    fn show(&mut self, _: Arm, screen: &Screen, revision: u64) -> Result<Vec<Step>, ShowError> {
        let sequence = revision as u8;
        match screen {
            Screen::Blank => {
                let exit = Step::send(protocol::WRITE, [protocol::EXIT]);
                Ok(vec![exit.answered_by(key(protocol::EXIT, 0), REPLY, 3)])
            }
            Screen::Text(lines) => {
                let text = lines.join("\n");
                if text.len() > protocol::PAGE_BYTES {
                    return Err(ShowError::TooLong { bytes: text.len(), max: protocol::PAGE_BYTES });
                }
                let packets = protocol::text(sequence, protocol::PLAIN_TEXT, 1, 1, text.as_bytes());
                Ok((0_u8..)
                    .zip(packets)
                    .map(|(index, packet)| {
                        let reply = key(protocol::TEXT, u16::from_be_bytes([sequence, index]));
                        Step::send(protocol::WRITE, packet).answered_by(reply, PAGE_REPLY, 1)
                    })
                    .collect())
            }
            Screen::Bitmap(picture) => {
                let file = bitmap::encode(picture);
                let mut steps: Vec<_> = protocol::bitmap(&file)
                    .into_iter()
                    .map(|packet| Step::send(protocol::WRITE, packet).then_pause(BITMAP_PACE))
                    .collect();
                steps.push(Step::send(protocol::WRITE, [protocol::BITMAP_END, 0x0D, 0x0E]).answered_by(
                    key(protocol::BITMAP_END, 0),
                    BITMAP_REPLY,
                    3,
                ));
                steps.push(Step::send(protocol::WRITE, protocol::checksum(&file)).answered_by(
                    key(protocol::CHECKSUM, 0),
                    BITMAP_REPLY,
                    1,
                ));
                Ok(steps)
            }
        }
    }

    fn heartbeat(&mut self, _: Arm) -> Vec<Step> {
        let sequence = self.heartbeats;
        // 255 is left out, as the makers' app does.
        self.heartbeats = (sequence + 1) % 255;
        let beat = Step::send(protocol::WRITE, protocol::heartbeat(sequence)).answered_by(
            key(protocol::HEARTBEAT, u16::from(sequence)),
            Duration::from_millis(1500),
            1,
        );
        if sequence.is_multiple_of(BATTERY_EVERY) { vec![beat, Self::battery()] } else { vec![beat] }
    }

    fn receive(&mut self, arm: Arm, _: Uuid, value: &[u8], now: Duration, out: &mut Vec<Received>) {
        match protocol::parse(value) {
            // Only the right arm's microphone is on; what the left one sends is not ours.
            Ok(Packet::Audio { counter, frames }) if arm == Arm::Right => {
                let frames = frames.chunks(protocol::FRAME_BYTES).map(<[u8]>::to_vec).collect();
                let mut runs = Vec::new();
                self.audio.arrived(u64::from(counter), frames, now, &mut runs);
                Self::audio(runs, out);
            }
            Ok(Packet::Audio { .. } | Packet::Other) => {}
            Ok(Packet::Event { code, parameter }) => {
                out.extend(self.event(arm, code, parameter, now).map(Received::Event));
            }
            Ok(Packet::Battery { percent }) => {
                out.push(Received::Event(Event::Battery { arm, percent: percent.min(100) }));
                out.push(Received::Reply { key: key(protocol::BATTERY, 0), outcome: Outcome::Done });
            }
            Ok(Packet::Reply { command, detail, status }) => {
                let outcome = match status {
                    Status::Done => Outcome::Done,
                    Status::Failed => Outcome::Refused,
                };
                out.push(Received::Reply { key: key(command, detail), outcome });
            }
            Err(what) => out.push(Received::Malformed(what)),
        }
    }

    fn audio_paused(&mut self, out: &mut Vec<Received>) {
        let mut runs = Vec::new();
        self.audio.flush(&mut runs);
        Self::audio(runs, out);
    }

    fn disconnected(&mut self, arm: Arm) {
        if arm == Arm::Right {
            self.audio.restart();
        }
    }
}
