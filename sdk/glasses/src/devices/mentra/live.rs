use std::sync::LazyLock;
use std::time::Duration;

use glasslink_protocol::StreamFormat;
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::live_frames::{self as frames, Endian};
use super::{FRAME_BYTES, NOTIFY, SERVICE, WRITE, audio_frames};
use crate::continuity::Continuity;
use crate::virtual_glasses::{
    Characteristic, Emission, Firmware, FirmwareOptions, FrameEncoder, Peripheral, Service, Voice,
};
use crate::{
    Advert, Arm, Device, Driver, Event, MicrophoneModel, Model, Outcome, PeripheralId, Received, ReplyKey,
    Screen, ShowError, Sighting, Step, WriteKind,
};

/// Mentra Live: camera glasses without a display.
pub(crate) struct MentraLive;

/// The UART's service, its two characteristics the other way round.
const AUDIO_SERVICE: Uuid = uuid!("6e400001-b5a3-f393-e0a9-e50e24dcca9e");
const AUDIO_NOTIFY: Uuid = uuid!("6e400002-b5a3-f393-e0a9-e50e24dcca9e");
const AUDIO: u8 = 0xF1;
/// Frames of the packets the virtual glasses send; real ones send a multiple of 40 bytes.
const FRAMES: usize = 5;

const READY: ReplyKey = ReplyKey(1);
const STATE: ReplyKey = ReplyKey(2);
const STARTED: ReplyKey = ReplyKey(3);
/// How often glasses that are still starting are asked.
const POLL: Duration = Duration::from_millis(2500);
/// Between messages: the firmware drops what comes faster.
const SPACING: Duration = Duration::from_millis(160);

static MODEL: LazyLock<Model> = LazyLock::new(|| Model {
    id: "mentra-live",
    name: "Mentra Live",
    arms: &[Arm::Only],
    bonded: false,
    mtu: 512,
    display: None,
    microphone: Some(MicrophoneModel {
        arm: Arm::Only,
        carriers: &[Arm::Only],
        format: StreamFormat::lc3(16_000, FRAME_BYTES as u32).expect("a format LC3 has"),
        mtu: (2 + FRAMES * FRAME_BYTES + 3) as u16,
        refresh: Some(Duration::from_mins(30)),
    }),
    battery: true,
    case: false,
    touch: false,
    head_up: false,
    wear: false,
    heartbeat: Some(Duration::from_secs(30)),
});

impl Device for MentraLive {
    fn model(&self) -> &Model {
        &MODEL
    }

    fn recognise(&self, advert: &Advert) -> Option<Sighting> {
        let name = advert.name.as_deref()?;
        let known = name == "Xy_A"
            || name.starts_with("XyBLE_")
            || name.to_ascii_lowercase().starts_with("mentra_live");
        known.then(|| Sighting { arm: Arm::Only, pair: name.to_owned() })
    }

    fn driver(&self) -> Box<dyn Driver> {
        Box::new(LiveDriver::new())
    }

    fn firmware(&self, options: &FirmwareOptions) -> Box<dyn Firmware> {
        Box::new(LiveFirmware::new(options, Endian::Big))
    }
}

struct LiveDriver {
    endian: Endian,
    audio: Continuity<Vec<Vec<u8>>>,
}

impl LiveDriver {
    fn new() -> Self {
        Self { endian: Endian::Big, audio: Continuity::new(256, Duration::from_millis(10 * FRAMES as u64)) }
    }

    fn poll() -> String {
        frames::chip("cs_hrt", None)
    }

    fn enable(on: bool) -> String {
        frames::chip("enable_custom_audio_tx", Some(&json!({ "enable": on })))
    }

    fn send(&self, json: &str) -> Step {
        Step::send(WRITE, frames::encode(json, self.endian)).then_pause(SPACING)
    }

    fn message(&mut self, value: &Value, out: &mut Vec<Received>) {
        let command = value["C"].as_str().unwrap_or_default();
        if command == "sr_hrt" {
            let Some(state) = frames::unwrap(&value["B"]) else { return };
            if let Some(percent) = state["pt"].as_u64() {
                out.push(Received::Event(Event::Battery { arm: Arm::Only, percent: percent.min(100) as u8 }));
            }
            if let Some(charging) = state["charg"].as_u64() {
                out.push(Received::Event(Event::Charging(charging == 1)));
            }
            let key = if state["ready"].as_u64() == Some(1) { READY } else { STATE };
            out.push(Received::Reply { key, outcome: Outcome::Done });
        } else if let Some(inner) = frames::unwrap(&value["C"]) {
            if inner["type"] == "glasses_ready" {
                out.push(Received::Reply { key: STARTED, outcome: Outcome::Done });
            }
            if inner["mId"].is_u64() {
                let receipt = frames::system(&json!({ "type": "msg_ack", "mId": inner["mId"] }));
                out.push(Received::Respond {
                    characteristic: WRITE,
                    value: frames::encode(&receipt, self.endian),
                    kind: WriteKind::WithoutResponse,
                });
            }
        }
    }
}

/// The packets that went missing had as many frames as the one that tells.
fn hand_on(runs: Vec<(u64, Vec<Vec<u8>>)>, out: &mut Vec<Received>) {
    out.extend(
        runs.into_iter().map(|(lost, frames)| Received::Audio { lost: lost * frames.len() as u64, frames }),
    );
}

impl Driver for LiveDriver {
    fn subscriptions(&self, _: Arm) -> Vec<Uuid> {
        vec![NOTIFY, AUDIO_NOTIFY]
    }

    fn opening(&mut self, _: Arm, _: u16, stage: u32) -> Vec<Step> {
        match stage {
            0 => {
                let poll = |endian| frames::encode(&Self::poll(), endian);
                vec![
                    Step::either(WRITE, poll(Endian::Big), poll(Endian::Little)).answered_by(READY, POLL, 12),
                ]
            }
            1 => {
                let ready = frames::system(&json!({ "type": "phone_ready" }));
                vec![self.send(&ready).answered_by(STARTED, Duration::from_secs(2), 3)]
            }
            _ => Vec::new(),
        }
    }

    fn microphone(&mut self, _: Arm, on: bool) -> Vec<Step> {
        if on {
            self.audio.restart();
        }
        // Not answered, and missed at times: said three times, as the makers' app does.
        (0..3).map(|_| self.send(&Self::enable(on))).collect()
    }

    fn show(&mut self, _: Arm, _: &Screen, _: u64) -> Result<Vec<Step>, ShowError> {
        Err(ShowError::Unsupported(MODEL.name))
    }

    fn heartbeat(&mut self, _: Arm) -> Vec<Step> {
        vec![self.send(&Self::poll()).answered_by(READY, POLL, 2)]
    }

    fn receive(
        &mut self,
        _: Arm,
        characteristic: Uuid,
        value: &[u8],
        now: Duration,
        out: &mut Vec<Received>,
    ) {
        if characteristic == AUDIO_NOTIFY {
            match audio_frames(value).filter(|_| value[0] == AUDIO) {
                Some((counter, frames)) => {
                    let mut runs = Vec::new();
                    self.audio.arrived(u64::from(counter), frames, now, &mut runs);
                    hand_on(runs, out);
                }
                None => out.push(Received::Malformed("an audio packet is not whole frames")),
            }
            return;
        }
        match frames::decode(value) {
            Ok((message, endian)) => {
                self.endian = endian;
                self.message(&message, out);
            }
            Err(what) => out.push(Received::Malformed(what)),
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

struct LiveFirmware {
    name: String,
    battery: u8,
    endian: Endian,
    /// Polls until the system behind the chip has started.
    starting: u8,
    microphone: Option<(u8, u64, FrameEncoder)>,
}

impl LiveFirmware {
    fn new(options: &FirmwareOptions, endian: Endian) -> Self {
        Self {
            name: format!("MENTRA_LIVE_BLE_{:02X}", options.number),
            battery: options.battery,
            endian,
            starting: 1,
            microphone: None,
        }
    }

    fn state(&mut self) -> String {
        let ready = u8::from(self.starting == 0);
        self.starting = self.starting.saturating_sub(1);
        json!({ "C": "sr_hrt", "B": { "ready": ready, "pt": self.battery, "vt": 3900, "charg": 0 } })
            .to_string()
    }

    fn reply(&self, json: &str, out: &mut Vec<Emission>) {
        out.push(Emission::reply(Arm::Only, NOTIFY, frames::encode(json, self.endian)));
    }
}

impl Firmware for LiveFirmware {
    fn peripherals(&self) -> Vec<Peripheral> {
        vec![Peripheral {
            arm: Arm::Only,
            advert: Advert {
                id: PeripheralId(self.name.clone()),
                name: Some(self.name.clone()),
                rssi: Some(-60),
                services: vec![SERVICE],
                manufacturer_data: Vec::new(),
            },
            services: vec![
                Service {
                    uuid: SERVICE,
                    characteristics: vec![Characteristic::written(WRITE), Characteristic::notified(NOTIFY)],
                },
                Service {
                    uuid: AUDIO_SERVICE,
                    characteristics: vec![Characteristic::notified(AUDIO_NOTIFY)],
                },
            ],
        }]
    }

    fn connected(&mut self, _: Arm, _: u16) {}

    fn disconnected(&mut self, _: Arm) {
        self.microphone = None;
    }

    fn written(&mut self, _: Arm, characteristic: Uuid, value: &[u8], _: Duration, out: &mut Vec<Emission>) {
        let Ok((message, endian)) = frames::decode(value) else { return };
        // Firmware reads the one form it knows. Of a frame that both readings fit, either is right.
        let known = frames::encode(&"x".repeat(value.len() - 7), self.endian);
        if characteristic != WRITE || (endian != self.endian && known[3..5] != value[3..5]) {
            return;
        }
        match message["C"].as_str() {
            Some("cs_hrt") => {
                let state = self.state();
                self.reply(&state, out);
            }
            Some("enable_custom_audio_tx") => {
                let on = frames::unwrap(&message["B"]).is_some_and(|body| body["enable"] == true);
                if on != self.microphone.is_some() {
                    self.microphone = on.then(|| (0, 0, FrameEncoder::lc3(FRAME_BYTES)));
                }
            }
            Some(inner) if inner.contains("phone_ready") && self.starting == 0 => {
                let ready = frames::system(&json!({ "type": "glasses_ready", "mId": 7 }));
                self.reply(&ready, out);
            }
            _ => {}
        }
    }

    fn period(&self) -> Duration {
        Duration::from_millis(10 * FRAMES as u64)
    }

    fn tick(&mut self, now: Duration, voice: &Voice, out: &mut Vec<Emission>) {
        let Some((counter, frames, encoder)) = &mut self.microphone else { return };
        let mut packet = vec![AUDIO, *counter];
        packet.extend(voice.until(now, FRAMES * 160).chunks(160).flat_map(|frame| encoder.encode(frame)));
        out.push(Emission::audio(Arm::Only, AUDIO_NOTIFY, packet, *frames, FRAMES as u64));
        *counter = counter.wrapping_add(1);
        *frames += FRAMES as u64;
    }

    fn act(&mut self, event: Event, out: &mut Vec<Emission>) {
        if let Event::Battery { percent, .. } = event {
            self.battery = percent;
            let state = self.state();
            self.reply(&state, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_microphone_command_is_the_54_bytes_known_in_either_form() {
        let json = LiveDriver::enable(true);
        assert_eq!(json, r#"{"C":"enable_custom_audio_tx","B":"{\"enable\":true}"}"#);
        for (endian, length) in [(Endian::Big, [0x00, 0x36]), (Endian::Little, [0x36, 0x00])] {
            let frame = frames::encode(&json, endian);
            assert_eq!(frame[..3], [0x23, 0x23, 0x30]);
            assert_eq!(frame[3..5], length);
            assert_eq!((frame[5], &frame[frame.len() - 3..]), (0x7B, [0x7D, 0x24, 0x24].as_slice()));
            assert_eq!(frames::decode(&frame).unwrap().1, endian);
            let mut firmware = LiveFirmware::new(&FirmwareOptions::default(), endian);
            firmware.written(Arm::Only, WRITE, &frame, Duration::ZERO, &mut Vec::new());
            assert!(firmware.microphone.is_some());
            let mut other = LiveFirmware::new(
                &FirmwareOptions::default(),
                match endian {
                    Endian::Big => Endian::Little,
                    Endian::Little => Endian::Big,
                },
            );
            other.written(Arm::Only, WRITE, &frame, Duration::ZERO, &mut Vec::new());
            assert!(other.microphone.is_none());
        }
    }

    #[test]
    fn the_driver_takes_on_the_form_that_the_glasses_use() {
        let mut driver = LiveDriver::new();
        let mut firmware = LiveFirmware::new(&FirmwareOptions::default(), Endian::Little);
        firmware.starting = 0;
        let mut out = Vec::new();
        let Some(crate::Action::Either { second, .. }) =
            driver.opening(Arm::Only, 247, 0).into_iter().map(|step| step.action).next()
        else {
            panic!()
        };
        firmware.written(Arm::Only, WRITE, &second, Duration::ZERO, &mut out);
        let mut received = Vec::new();
        driver.receive(Arm::Only, NOTIFY, &out[0].value, Duration::ZERO, &mut received);
        assert!(received.contains(&Received::Reply { key: READY, outcome: Outcome::Done }));
        assert_eq!(driver.endian, Endian::Little);
    }
}
