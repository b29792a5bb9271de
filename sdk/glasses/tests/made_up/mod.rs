//! A device nobody makes: everything about it is in this file.

use std::sync::LazyLock;
use std::time::Duration;

use glasslink_glasses::virtual_glasses::{
    Characteristic, Emission, Firmware, FirmwareOptions, Lens, Peripheral, Service, Voice,
};
use glasslink_glasses::{
    Advert, Arm, Device, Display, Driver, Event, Metrics, MicrophoneModel, Model, PeripheralId, Received,
    Screen, ShowError, Sighting, Step, TextArea,
};
use glasslink_protocol::StreamFormat;
use uuid::{Uuid, uuid};

const SERVICE: Uuid = uuid!("ad3e0000-0000-4000-8000-000000000000");
const WRITE: Uuid = uuid!("ad3e0001-0000-4000-8000-000000000000");
const NOTIFY: Uuid = uuid!("ad3e0002-0000-4000-8000-000000000000");

static MODEL: LazyLock<Model> = LazyLock::new(|| Model {
    id: "made-up",
    name: "Made Up",
    arms: &[Arm::Only],
    bonded: false,
    mtu: 517,
    display: Some(Display {
        arms: &[Arm::Only],
        width: 100,
        height: 20,
        text: TextArea { width: 100, lines: 2, page_bytes: 64, metrics: Metrics::monospaced(5) },
        bitmap: None,
        refresh: Duration::from_millis(100),
    }),
    microphone: Some(MicrophoneModel {
        arm: Arm::Only,
        carriers: &[Arm::Only],
        format: StreamFormat::pcm(16_000).unwrap(),
        mtu: 324,
        refresh: None,
    }),
    battery: false,
    case: false,
    touch: false,
    head_up: false,
    wear: false,
    heartbeat: None,
});

pub(crate) struct MadeUp;

impl Device for MadeUp {
    fn model(&self) -> &Model {
        &MODEL
    }

    fn recognise(&self, advert: &Advert) -> Option<Sighting> {
        (advert.name.as_deref() == Some("Made Up")).then(|| Sighting { arm: Arm::Only, pair: "1".into() })
    }

    fn driver(&self) -> Box<dyn Driver> {
        Box::new(MadeUpDriver)
    }

    fn firmware(&self, _: &FirmwareOptions) -> Box<dyn Firmware> {
        Box::new(MadeUpFirmware::default())
    }
}

struct MadeUpDriver;

impl Driver for MadeUpDriver {
    fn subscriptions(&self, _: Arm) -> Vec<Uuid> {
        vec![NOTIFY]
    }

    fn opening(&mut self, _: Arm, _: u16, _: u32) -> Vec<Step> {
        Vec::new()
    }

    fn microphone(&mut self, _: Arm, on: bool) -> Vec<Step> {
        vec![Step::send(WRITE, [b'm', u8::from(on)])]
    }

    fn show(&mut self, _: Arm, screen: &Screen, _: u64) -> Result<Vec<Step>, ShowError> {
        match screen {
            Screen::Blank => Ok(vec![Step::send(WRITE, [b't'])]),
            Screen::Text(lines) => Ok(vec![Step::send(WRITE, format!("t{}", lines.join("\n")))]),
            Screen::Bitmap(_) => Err(ShowError::Unsupported(MODEL.name)),
        }
    }

    fn heartbeat(&mut self, _: Arm) -> Vec<Step> {
        Vec::new()
    }

    fn receive(&mut self, _: Arm, _: Uuid, value: &[u8], _: Duration, out: &mut Vec<Received>) {
        out.push(match value.len() {
            320 => Received::Audio { lost: 0, frames: vec![value.to_vec()] },
            _ => Received::Malformed("not a frame"),
        });
    }
}

#[derive(Default)]
struct MadeUpFirmware {
    listening: bool,
    frames: u64,
    text: String,
}

impl Firmware for MadeUpFirmware {
    fn peripherals(&self) -> Vec<Peripheral> {
        vec![Peripheral {
            arm: Arm::Only,
            advert: Advert {
                id: PeripheralId("made-up".into()),
                name: Some("Made Up".into()),
                rssi: None,
                services: vec![SERVICE],
                manufacturer_data: Vec::new(),
            },
            services: vec![Service {
                uuid: SERVICE,
                characteristics: vec![Characteristic::written(WRITE), Characteristic::notified(NOTIFY)],
            }],
        }]
    }

    fn connected(&mut self, _: Arm, _: u16) {}

    fn disconnected(&mut self, _: Arm) {
        *self = Self::default();
    }

    fn written(&mut self, _: Arm, _: Uuid, value: &[u8], _: Duration, _: &mut Vec<Emission>) {
        match value {
            [b'm', on] => self.listening = *on == 1,
            [b't', text @ ..] => self.text = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }

    fn period(&self) -> Duration {
        Duration::from_millis(10)
    }

    fn tick(&mut self, now: Duration, voice: &Voice, out: &mut Vec<Emission>) {
        if self.listening {
            let pcm: Vec<u8> = voice.until(now, 160).iter().flat_map(|sample| sample.to_le_bytes()).collect();
            out.push(Emission::audio(Arm::Only, NOTIFY, pcm, self.frames, 1));
            self.frames += 1;
        }
    }

    fn act(&mut self, _: Event, _: &mut Vec<Emission>) {}

    fn lenses(&self) -> Vec<Lens> {
        vec![Lens { arm: Arm::Only, lines: self.text.lines().map(str::to_owned).collect(), bitmap: None }]
    }
}
