use std::sync::LazyLock;
use std::time::Duration;

use glasslink_protocol::StreamFormat;
use uuid::Uuid;

use super::{FRAME_BYTES, NOTIFY, SERVICE, WRITE, audio_frames};
use crate::continuity::Continuity;
use crate::virtual_glasses::{
    Characteristic, Emission, Firmware, FirmwareOptions, FrameEncoder, Lens, Peripheral, Service, Voice,
};
use crate::wire::protobuf::{Fields, Message};
use crate::{
    Advert, Arm, Device, Display, Driver, Event, Metrics, MicrophoneModel, Model, Outcome, PeripheralId,
    Received, ReplyKey, Screen, ShowError, Sighting, Step, TextArea, WriteKind,
};

/// Mentra Nex, sold as Mentra Display.
pub(crate) struct MentraNex;

const PROTOBUF: u8 = 0x02;
const AUDIO: u8 = 0xA0;
/// Frames of the packets the virtual glasses send.
const FRAMES: usize = 1;

/// Fields of the two oneofs.
mod field {
    pub(super) const BATTERY_QUERY: u32 = 11;
    pub(super) const PING: u32 = 16;
    pub(super) const MICROPHONE: u32 = 20;
    pub(super) const TEXT: u32 = 30;
    pub(super) const BATTERY: u32 = 10;
    pub(super) const CHARGING: u32 = 11;
    pub(super) const HEAD: u32 = 13;
    pub(super) const PONG: u32 = 15;
}

const PONG: ReplyKey = ReplyKey(1);
const REPLY: Duration = Duration::from_secs(2);
const WHITE: u64 = 0xFFFF;

static MODEL: LazyLock<Model> = LazyLock::new(|| Model {
    id: "mentra-nex",
    name: "Mentra Nex",
    arms: &[Arm::Only],
    bonded: false,
    mtu: 517,
    display: Some(Display {
        arms: &[Arm::Only],
        width: 640,
        height: 200,
        // Neither the panel's size nor its font is public; these are the makers' own placeholders, a G1's.
        text: TextArea { width: 560, lines: 5, page_bytes: 400, metrics: Metrics::monospaced(14) },
        bitmap: None,
        refresh: Duration::from_millis(250),
    }),
    microphone: Some(MicrophoneModel {
        arm: Arm::Only,
        carriers: &[Arm::Only],
        format: StreamFormat::lc3(16_000, FRAME_BYTES as u32).expect("a format LC3 has"),
        mtu: (2 + FRAMES * FRAME_BYTES + 3) as u16,
        refresh: None,
    }),
    battery: true,
    case: false,
    touch: false,
    head_up: true,
    wear: false,
    heartbeat: Some(Duration::from_secs(10)),
});

impl Device for MentraNex {
    fn model(&self) -> &Model {
        &MODEL
    }

    fn recognise(&self, advert: &Advert) -> Option<Sighting> {
        let name = advert.name.as_deref()?;
        let known = name.contains("Nex1-") || name.contains("MENTRA_DISPLAY_");
        known.then(|| Sighting { arm: Arm::Only, pair: name.to_owned() })
    }

    fn driver(&self) -> Box<dyn Driver> {
        Box::new(NexDriver {
            pinged: false,
            audio: Continuity::new(256, Duration::from_millis(10 * FRAMES as u64)),
        })
    }

    fn firmware(&self, options: &FirmwareOptions) -> Box<dyn Firmware> {
        Box::new(NexFirmware {
            name: format!("MENTRA_DISPLAY_{:02X}", options.number),
            battery: options.battery,
            text: String::new(),
            microphone: None,
            connected: false,
            ping_due: OWN_PING,
        })
    }
}

fn packet(field: u32, body: &Message) -> Vec<u8> {
    let mut packet = vec![PROTOBUF];
    packet.extend(Message::new().message(field, body).into_bytes());
    packet
}

fn microphone(on: bool) -> Vec<u8> {
    packet(field::MICROPHONE, &Message::new().number(1, u64::from(on)))
}

fn text(text: &str) -> Vec<u8> {
    let body =
        Message::new().text(1, text).number(2, WHITE).number(3, 0).number(4, 0).number(5, 0).number(6, 1);
    packet(field::TEXT, &body)
}

struct NexDriver {
    /// A ping of ours is not answered yet.
    pinged: bool,
    audio: Continuity<Vec<Vec<u8>>>,
}

fn hand_on(runs: Vec<(u64, Vec<Vec<u8>>)>, out: &mut Vec<Received>) {
    out.extend(
        runs.into_iter().map(|(lost, frames)| Received::Audio { lost: lost * frames.len() as u64, frames }),
    );
}

impl NexDriver {
    fn ping(&mut self) -> Step {
        self.pinged = true;
        Step::send(WRITE, packet(field::PING, &Message::new())).answered_by(PONG, REPLY, 2)
    }
}

impl Driver for NexDriver {
    fn subscriptions(&self, _: Arm) -> Vec<Uuid> {
        vec![NOTIFY]
    }

    fn opening(&mut self, _: Arm, _: u16, stage: u32) -> Vec<Step> {
        if stage > 0 {
            return Vec::new();
        }
        vec![self.ping(), Step::send(WRITE, packet(field::BATTERY_QUERY, &Message::new()))]
    }

    fn microphone(&mut self, _: Arm, on: bool) -> Vec<Step> {
        if on {
            self.audio.restart();
        }
        vec![Step::request(WRITE, microphone(on))]
    }

    fn show(&mut self, _: Arm, screen: &Screen, _: u64) -> Result<Vec<Step>, ShowError> {
        match screen {
            Screen::Blank => Ok(vec![Step::request(WRITE, text(" "))]),
            Screen::Text(lines) => Ok(vec![Step::request(WRITE, text(&lines.join("\n")))]),
            Screen::Bitmap(_) => Err(ShowError::Unsupported(MODEL.name)),
        }
    }

    fn heartbeat(&mut self, _: Arm) -> Vec<Step> {
        vec![self.ping()]
    }

    fn receive(&mut self, _: Arm, _: Uuid, value: &[u8], now: Duration, out: &mut Vec<Received>) {
        match value.first() {
            Some(&AUDIO) => match audio_frames(value) {
                Some((counter, frames)) => {
                    let mut runs = Vec::new();
                    self.audio.arrived(u64::from(counter), frames, now, &mut runs);
                    hand_on(runs, out);
                }
                None => out.push(Received::Malformed("an audio packet is not whole frames")),
            },
            Some(&PROTOBUF) => match Fields::read(&value[1..]) {
                Ok(fields) => self.message(&fields, out),
                Err(_) => out.push(Received::Malformed("a message is no protobuf")),
            },
            _ => out.push(Received::Malformed("a packet of no known kind")),
        }
    }

    fn audio_paused(&mut self, out: &mut Vec<Received>) {
        let mut runs = Vec::new();
        self.audio.flush(&mut runs);
        hand_on(runs, out);
    }

    fn disconnected(&mut self, _: Arm) {
        self.audio.restart();
    }
}

impl NexDriver {
    fn message(&mut self, fields: &Fields, out: &mut Vec<Received>) {
        if let Some(battery) = fields.message(field::BATTERY) {
            let percent = battery.number(1).min(100) as u8;
            out.push(Received::Event(Event::Battery { arm: Arm::Only, percent }));
        }
        if let Some(charging) = fields.message(field::CHARGING) {
            out.push(Received::Event(Event::Charging(charging.number(1) == 1)));
        }
        if let Some(head) = fields.message(field::HEAD) {
            out.push(Received::Event(Event::HeadUp(head.number(1) == 1)));
        }
        if fields.has(field::PONG) {
            if std::mem::take(&mut self.pinged) {
                out.push(Received::Reply { key: PONG, outcome: Outcome::Done });
            } else {
                // The glasses ping with the same field, and want an answer.
                out.push(Received::Respond {
                    characteristic: WRITE,
                    value: packet(field::PING, &Message::new()),
                    kind: WriteKind::WithoutResponse,
                });
            }
        }
    }
}

struct NexFirmware {
    name: String,
    battery: u8,
    text: String,
    /// Off after power-up.
    microphone: Option<(u8, u64, FrameEncoder)>,
    connected: bool,
    ping_due: Duration,
}

/// The glasses ping this often.
const OWN_PING: Duration = Duration::from_secs(10);

impl Firmware for NexFirmware {
    fn peripherals(&self) -> Vec<Peripheral> {
        vec![Peripheral {
            arm: Arm::Only,
            advert: Advert {
                id: PeripheralId(self.name.clone()),
                name: Some(self.name.clone()),
                rssi: Some(-58),
                services: vec![SERVICE],
                manufacturer_data: Vec::new(),
            },
            services: vec![Service {
                uuid: SERVICE,
                characteristics: vec![Characteristic::written(WRITE), Characteristic::notified(NOTIFY)],
            }],
        }]
    }

    fn connected(&mut self, _: Arm, _: u16) {
        self.connected = true;
    }

    fn disconnected(&mut self, _: Arm) {
        (self.microphone, self.connected) = (None, false);
        self.text.clear();
    }

    fn written(&mut self, _: Arm, characteristic: Uuid, value: &[u8], _: Duration, out: &mut Vec<Emission>) {
        let Some((&PROTOBUF, body)) = value.split_first() else { return };
        let Ok(fields) = Fields::read(body) else { return };
        if characteristic != WRITE {
            return;
        }
        let reply = |field, body: &Message| Emission::reply(Arm::Only, NOTIFY, packet(field, body));
        if let Some(microphone) = fields.message(field::MICROPHONE) {
            self.microphone = (microphone.number(1) == 1).then(|| (0, 0, FrameEncoder::lc3(FRAME_BYTES)));
        }
        if let Some(text) = fields.message(field::TEXT) {
            String::from_utf8_lossy(text.bytes(1).unwrap_or_default()).trim().clone_into(&mut self.text);
        }
        if fields.has(field::BATTERY_QUERY) {
            out.push(reply(field::BATTERY, &Message::new().number(1, u64::from(self.battery))));
        }
        if fields.has(field::PING) {
            out.push(reply(field::PONG, &Message::new()));
        }
    }

    fn period(&self) -> Duration {
        Duration::from_millis(10 * FRAMES as u64)
    }

    fn tick(&mut self, now: Duration, voice: &Voice, out: &mut Vec<Emission>) {
        if self.connected && now >= self.ping_due {
            self.ping_due = now + OWN_PING;
            out.push(Emission::event(Arm::Only, NOTIFY, packet(field::PONG, &Message::new())));
        }
        let Some((counter, frames, encoder)) = &mut self.microphone else { return };
        let mut packet = vec![AUDIO, *counter];
        packet.extend(voice.until(now, FRAMES * 160).chunks(160).flat_map(|frame| encoder.encode(frame)));
        out.push(Emission::audio(Arm::Only, NOTIFY, packet, *frames, FRAMES as u64));
        *counter = counter.wrapping_add(1);
        *frames += FRAMES as u64;
    }

    fn act(&mut self, event: Event, out: &mut Vec<Emission>) {
        let (field, value) = match event {
            Event::Battery { percent, .. } => {
                self.battery = percent;
                (field::BATTERY, u64::from(percent))
            }
            Event::Charging(charging) => (field::CHARGING, u64::from(charging)),
            Event::HeadUp(up) => (field::HEAD, u64::from(up)),
            _ => return,
        };
        out.push(Emission::event(Arm::Only, NOTIFY, packet(field, &Message::new().number(1, value))));
    }

    fn lenses(&self) -> Vec<Lens> {
        let lines = self.text.lines().map(str::to_owned).collect();
        vec![Lens { arm: Arm::Only, lines, bitmap: None }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::hex;

    #[test]
    fn messages_start_with_their_kind_and_have_the_fields_of_the_schema() {
        assert_eq!(microphone(true), hex("02 A2 01 02 08 01"));
        assert_eq!(text("Hi")[..4], hex("02 F2 01 10"));
        assert_eq!(text("Hi")[4..8], hex("0A 02 48 69"));
        assert_eq!(packet(field::PING, &Message::new()), hex("02 82 01 00"));
    }

    #[test]
    fn a_ping_of_the_glasses_is_answered_and_an_answer_is_not() {
        let mut driver = NexDriver { pinged: false, audio: Continuity::new(256, Duration::from_millis(10)) };
        let pong = packet(field::PONG, &Message::new());
        let mut out = Vec::new();
        driver.receive(Arm::Only, NOTIFY, &pong, Duration::ZERO, &mut out);
        assert!(matches!(out.pop(), Some(Received::Respond { .. })));
        driver.heartbeat(Arm::Only);
        driver.receive(Arm::Only, NOTIFY, &pong, Duration::ZERO, &mut out);
        assert_eq!(out, [Received::Reply { key: PONG, outcome: Outcome::Done }]);
    }

    #[test]
    fn an_audio_packet_is_a_counter_and_whole_frames() {
        let mut driver = MentraNex.driver();
        let mut out = Vec::new();
        let packet = [vec![AUDIO, 7], vec![1; 80]].concat();
        driver.receive(Arm::Only, NOTIFY, &packet, Duration::ZERO, &mut out);
        assert_eq!(out, [Received::Audio { lost: 0, frames: vec![vec![1; 40]; 2] }]);
        out.clear();
        driver.receive(Arm::Only, NOTIFY, &packet[..81], Duration::ZERO, &mut out);
        assert!(matches!(out[..], [Received::Malformed(_)]));
    }
}
