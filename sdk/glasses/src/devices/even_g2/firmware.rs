use std::time::Duration;

use uuid::Uuid;

use super::device::{FRAME_BYTES, FRAMES};
use super::envelope::{Assembly, Direction, Envelope, Piece};
use super::messages;
use crate::virtual_glasses::{
    Characteristic, Emission, Firmware, FirmwareOptions, FrameEncoder, Lens, Peripheral, Service, Voice,
};
use crate::wire::protobuf::Fields;
use crate::{Advert, Arm, Event, Gesture, PeripheralId};

/// The display's task dies this long after the last message to it, and the microphone with it.
const WATCHDOG: Duration = Duration::from_secs(10);
/// Characters a page may have when it is created.
const CONTENT: usize = 1000;

#[derive(Default)]
struct ArmState {
    authorised: bool,
    control: Assembly,
    render: Assembly,
}

pub(super) struct G2Firmware {
    number: u8,
    arms: [ArmState; 2],
    page: Option<String>,
    hub_at: Duration,
    microphone: Option<(u8, u64, FrameEncoder)>,
    refuse_microphone: bool,
    sequence: u8,
}

impl G2Firmware {
    pub(super) fn new(options: &FirmwareOptions) -> Self {
        Self {
            number: options.number,
            arms: Default::default(),
            page: None,
            hub_at: Duration::ZERO,
            microphone: None,
            refuse_microphone: options.microphone_refused,
            sequence: 0x21,
        }
    }

    fn arm(&mut self, arm: Arm) -> &mut ArmState {
        &mut self.arms[usize::from(arm == Arm::Right)]
    }

    fn device(&mut self, arm: Arm, fields: &Fields) -> Option<Envelope> {
        let (command, magic) = (fields.number(1), fields.number(2));
        if command == messages::AUTH {
            self.arm(arm).authorised = true;
        }
        // Nothing is answered before the phone has said who it is.
        self.arm(arm).authorised.then(|| messages::reply(messages::DEVICE, command, magic, 3, 1))
    }

    fn hub(&mut self, fields: &Fields, now: Duration) -> Option<Envelope> {
        self.hub_at = now;
        let (command, magic) = (fields.number(1), fields.number(2));
        let reply = |command, field, code| Some(messages::reply(messages::HUB, command, magic, field, code));
        match command {
            messages::CREATE => {
                if self.page.is_some() {
                    return None;
                }
                let container = fields.message(3).and_then(|page| page.messages(3).next());
                let Some(container) = container else { return reply(1, 4, 1) };
                let text = container.bytes(12).unwrap_or_default();
                if text.len() > CONTENT {
                    return reply(1, 4, 2);
                }
                self.page = Some(String::from_utf8_lossy(text).into_owned());
                reply(1, 4, 0)
            }
            messages::TEXT => {
                let (Some(page), Some(upgrade)) = (&mut self.page, fields.message(9)) else {
                    return reply(6, 10, 9);
                };
                let text = upgrade.bytes(5).unwrap_or_default();
                if upgrade.number(1) != messages::CONTAINER || upgrade.number(4) != text.len() as u64 {
                    return reply(6, 10, 9);
                }
                *page = String::from_utf8_lossy(text).into_owned();
                reply(6, 10, 8)
            }
            messages::HUB_HEARTBEAT => reply(13, 15, 12),
            messages::AUDIO => {
                let on = fields.message(18).is_some_and(|audio| audio.number(1) == 1);
                if on && (self.page.is_none() || self.refuse_microphone) {
                    return reply(16, 19, 14);
                }
                self.microphone = on.then(|| (0, 0, FrameEncoder::lc3(FRAME_BYTES)));
                reply(16, 19, u64::from(on))
            }
            _ => None,
        }
    }

    fn send(
        &mut self,
        arm: Arm,
        characteristic: Uuid,
        envelope: &Envelope,
        event: bool,
        out: &mut Vec<Emission>,
    ) {
        self.sequence = self.sequence.wrapping_add(1);
        for packet in envelope.encode(Direction::FromGlasses, self.sequence) {
            out.push(if event {
                Emission::event(arm, characteristic, packet)
            } else {
                Emission::reply(arm, characteristic, packet)
            });
        }
    }
}

impl Firmware for G2Firmware {
    fn peripherals(&self) -> Vec<Peripheral> {
        [(Arm::Left, "L", 0x40), (Arm::Right, "R", 0x41)]
            .map(|(arm, letter, last)| {
                let address = [0xD0, 0x21, self.number, 0x0E, 0x5A, last];
                let mut data = b"S200LACA040040".to_vec();
                data.extend(address.iter().rev());
                data.push(0);
                Peripheral {
                    arm,
                    advert: Advert {
                        id: PeripheralId(address.map(|byte| format!("{byte:02X}")).join(":")),
                        name: Some(format!("Even G2_{}_{letter}_{last:02X}5A0E", self.number)),
                        rssi: Some(-55),
                        services: Vec::new(),
                        // "ER" reads as the company identifier.
                        manufacturer_data: vec![(u16::from_le_bytes(*b"ER"), data)],
                    },
                    services: vec![
                        Service {
                            uuid: messages::CONTROL_SERVICE,
                            characteristics: vec![
                                Characteristic::written(messages::CONTROL_WRITE),
                                Characteristic::notified(messages::CONTROL_NOTIFY),
                            ],
                        },
                        Service {
                            uuid: messages::RENDER_SERVICE,
                            characteristics: vec![
                                Characteristic::written(messages::RENDER_WRITE),
                                Characteristic::notified(messages::RENDER_NOTIFY),
                            ],
                        },
                    ],
                }
            })
            .into()
    }

    fn connected(&mut self, _: Arm, _: u16) {}

    fn disconnected(&mut self, arm: Arm) {
        *self.arm(arm) = ArmState::default();
        if arm == Arm::Right {
            self.page = None;
            self.microphone = None;
        }
    }

    fn written(
        &mut self,
        arm: Arm,
        characteristic: Uuid,
        value: &[u8],
        now: Duration,
        out: &mut Vec<Emission>,
    ) {
        let render = characteristic == messages::RENDER_WRITE;
        let state = self.arm(arm);
        let assembly = if render { &mut state.render } else { &mut state.control };
        let Ok(Piece::Whole(envelope)) = assembly.take(value, |_| false) else { return };
        let Ok(fields) = Fields::read(&envelope.payload) else { return };
        let (reply, notify) = match envelope.service {
            messages::DEVICE => (self.device(arm, &fields), messages::CONTROL_NOTIFY),
            _ if !self.arm(arm).authorised => return,
            messages::ONBOARDING => {
                let reply = messages::reply(messages::ONBOARDING, 1, fields.number(2), 3, 4);
                (Some(reply), messages::CONTROL_NOTIFY)
            }
            // The left arm takes no part in the display.
            messages::HUB if arm == Arm::Right => (self.hub(&fields, now), messages::RENDER_NOTIFY),
            _ => return,
        };
        if let Some(reply) = reply {
            self.send(arm, notify, &reply, false, out);
        }
    }

    fn period(&self) -> Duration {
        Duration::from_millis(50)
    }

    fn tick(&mut self, now: Duration, voice: &Voice, out: &mut Vec<Emission>) {
        if self.page.is_some() && now > self.hub_at + WATCHDOG {
            self.page = None;
            self.microphone = None;
            self.send(Arm::Right, messages::RENDER_NOTIFY, &messages::event(6, 1), true, out);
        }
        // The left arm carries the audio while it is in the session.
        let arm = if self.arms[0].authorised { Arm::Left } else { Arm::Right };
        let Some((counter, frames, encoder)) = &mut self.microphone else { return };
        let pcm = voice.until(now, FRAMES * 160);
        let mut packet: Vec<u8> = pcm.chunks(160).flat_map(|frame| encoder.encode(frame)).collect();
        packet.extend_from_slice(&[0, 0, 0, 0, *counter]);
        out.push(Emission::audio(arm, messages::RENDER_NOTIFY, packet, *frames, FRAMES as u64));
        *counter = counter.wrapping_add(1);
        *frames += FRAMES as u64;
    }

    fn act(&mut self, event: Event, out: &mut Vec<Emission>) {
        let source = |arm| if arm == Arm::Left { 3 } else { 1 };
        let (kind, source) = match event {
            Event::Gesture(Gesture::Tap(arm)) => (0, source(arm)),
            Event::Gesture(Gesture::ScrollUp) => (1, 1),
            Event::Gesture(Gesture::ScrollDown) => (2, 1),
            Event::Gesture(Gesture::DoubleTap(arm)) => (3, source(arm)),
            Event::LeftPage => {
                self.page = None;
                self.microphone = None;
                (5, 1)
            }
            _ => return,
        };
        self.send(Arm::Right, messages::RENDER_NOTIFY, &messages::event(kind, source), true, out);
    }

    fn lenses(&self) -> Vec<Lens> {
        let lines: Vec<String> =
            self.page.iter().flat_map(|page| page.trim().lines()).map(str::to_owned).collect();
        [Arm::Left, Arm::Right].map(|arm| Lens { arm, lines: lines.clone(), bitmap: None }).into()
    }
}
