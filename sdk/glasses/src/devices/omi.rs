//! The Omi pendant: Opus in counted notifications, always on while somebody is subscribed.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use glasslink_protocol::StreamFormat;
use uuid::{Uuid, uuid};

use crate::continuity::Continuity;
use crate::virtual_glasses::{
    Characteristic, Emission, Firmware, FirmwareOptions, FrameEncoder, Peripheral, Service, Voice,
};
use crate::{
    Advert, Arm, Device, Driver, Event, MicrophoneModel, Model, Outcome, PeripheralId, Received, ReplyKey,
    Screen, ShowError, Sighting, Step,
};

pub(crate) struct Omi;

const SERVICE: Uuid = uuid!("19b10000-e8f2-537e-4f6c-d104768a1214");
const AUDIO: Uuid = uuid!("19b10001-e8f2-537e-4f6c-d104768a1214");
const CODEC: Uuid = uuid!("19b10002-e8f2-537e-4f6c-d104768a1214");
const TIME_SERVICE: Uuid = uuid!("19b10030-e8f2-537e-4f6c-d104768a1214");
const TIME: Uuid = uuid!("19b10031-e8f2-537e-4f6c-d104768a1214");
const BATTERY_SERVICE: Uuid = uuid!("0000180f-0000-1000-8000-00805f9b34fb");
const BATTERY: Uuid = uuid!("00002a19-0000-1000-8000-00805f9b34fb");

/// Counter and fragment.
const HEADER: usize = 3;
/// Opus with frames of 10 and of 20 ms at 16 kHz.
const OPUS: u8 = 20;
const OPUS_20_MS: u8 = 21;
const RATE: u32 = 16_000;

const KNOWN_CODEC: ReplyKey = ReplyKey(1);

static MODEL: LazyLock<Model> = LazyLock::new(|| Model {
    id: "omi",
    name: "Omi",
    arms: &[Arm::Only],
    bonded: false,
    mtu: 247,
    display: None,
    microphone: Some(MicrophoneModel {
        arm: Arm::Only,
        carriers: &[Arm::Only],
        format: StreamFormat::opus(RATE, 320).expect("a format Opus has"),
        // The firmware sends no audio below.
        mtu: 100,
        refresh: None,
    }),
    battery: true,
    case: false,
    touch: false,
    head_up: false,
    wear: false,
    heartbeat: Some(Duration::from_mins(1)),
});

impl Device for Omi {
    fn model(&self) -> &Model {
        &MODEL
    }

    fn recognise(&self, advert: &Advert) -> Option<Sighting> {
        let known = advert.services.contains(&SERVICE) || advert.name.as_deref() == Some("Omi");
        known.then(|| Sighting { arm: Arm::Only, pair: advert.id.0.clone() })
    }

    fn driver(&self) -> Box<dyn Driver> {
        Box::new(OmiDriver::new())
    }

    fn firmware(&self, options: &FirmwareOptions) -> Box<dyn Firmware> {
        Box::new(OmiFirmware {
            number: options.number,
            battery: options.battery,
            mtu: 23,
            subscribed: false,
            counter: 0,
            frames: 0,
            encoder: FrameEncoder::opus(),
        })
    }
}

struct Fragment {
    index: u8,
    bytes: Vec<u8>,
    /// Shorter than a fragment can be: the frame ends with it.
    last: bool,
}

struct OmiDriver {
    mtu: usize,
    audio: Continuity<Fragment>,
    counter: Option<u16>,
    /// The frame under way and the fragment it waits for.
    pending: Option<(Vec<u8>, u8)>,
    /// Fragments of the last whole frame.
    fragments: u64,
}

impl OmiDriver {
    fn new() -> Self {
        Self {
            mtu: 23,
            audio: Continuity::new(1 << 16, Duration::from_millis(20)),
            counter: None,
            pending: None,
            fragments: 1,
        }
    }

    fn fragment(&mut self, missing: u64, fragment: Fragment, out: &mut Vec<Received>) {
        let mut lost = missing / self.fragments;
        if missing > 0 && self.pending.take().is_some() {
            lost = lost.max(1);
        }
        let frame = match (self.pending.take(), fragment.index) {
            (Some((whole, _)), 0) => {
                Self::finish(lost, whole, out);
                lost = 0;
                Some((fragment.bytes, 1))
            }
            (None, 0) => Some((fragment.bytes, 1)),
            (Some((mut whole, next)), index) if index == next => {
                whole.extend_from_slice(&fragment.bytes);
                Some((whole, next.saturating_add(1)))
            }
            // The rest of a frame whose beginning is gone.
            (pending, _) => {
                lost = lost.max(u64::from(pending.is_some() || missing > 0));
                None
            }
        };
        match frame {
            Some((whole, next)) if fragment.last => {
                self.fragments = u64::from(next);
                Self::finish(lost, whole, out);
            }
            Some(frame) => {
                self.pending = Some(frame);
                if lost > 0 {
                    out.push(Received::Audio { lost, frames: Vec::new() });
                }
            }
            None => out.push(Received::Audio { lost, frames: Vec::new() }),
        }
    }

    fn finish(lost: u64, frame: Vec<u8>, out: &mut Vec<Received>) {
        if frame.is_empty() {
            out.push(Received::Malformed("an audio packet without audio"));
        } else {
            out.push(Received::Audio { lost, frames: vec![frame] });
        }
    }

    fn packet(&mut self, value: &[u8], now: Duration, out: &mut Vec<Received>) {
        let Some((&[low, high, index], bytes)) = value.split_first_chunk::<HEADER>() else {
            return out.push(Received::Malformed("an audio packet is cut short"));
        };
        let counter = u16::from_le_bytes([low, high]);
        let fragment = Fragment { index, bytes: bytes.to_vec(), last: value.len() + 3 < self.mtu };
        // Some firmware counts frames, not notifications: the fragments of one have the same number.
        let same_frame = self.counter == Some(counter)
            && self.pending.as_ref().is_some_and(|(_, next)| index > 0 && *next == index);
        self.counter = Some(counter);
        if same_frame {
            return self.fragment(0, fragment, out);
        }
        let mut runs = Vec::new();
        self.audio.arrived(u64::from(counter), fragment, now, &mut runs);
        for (missing, fragment) in runs {
            self.fragment(missing, fragment, out);
        }
    }

    fn codec(value: &[u8], out: &mut Vec<Received>) {
        let samples = match value.first() {
            Some(&OPUS) => Some(160),
            Some(&OPUS_20_MS) => Some(320),
            _ => None,
        };
        let format = samples.and_then(|samples| StreamFormat::opus(RATE, samples).ok());
        out.extend(format.map(Received::Format));
        let outcome = if format.is_some() { Outcome::Done } else { Outcome::Refused };
        out.push(Received::Reply { key: KNOWN_CODEC, outcome });
    }
}

impl Driver for OmiDriver {
    fn subscriptions(&self, _: Arm) -> Vec<Uuid> {
        Vec::new()
    }

    fn opening(&mut self, _: Arm, mtu: u16, stage: u32) -> Vec<Step> {
        if stage > 0 {
            return Vec::new();
        }
        self.mtu = usize::from(mtu);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as u32);
        vec![
            Step::read(CODEC).answered_by(KNOWN_CODEC, Duration::from_secs(2), 2),
            Step::request(TIME, unix.to_le_bytes()),
            Step::read(BATTERY),
        ]
    }

    fn microphone(&mut self, _: Arm, on: bool) -> Vec<Step> {
        if on {
            self.audio.restart();
            (self.counter, self.pending) = (None, None);
        }
        vec![Step::notify(AUDIO, on)]
    }

    fn show(&mut self, _: Arm, _: &Screen, _: u64) -> Result<Vec<Step>, ShowError> {
        Err(ShowError::Unsupported(MODEL.name))
    }

    fn heartbeat(&mut self, _: Arm) -> Vec<Step> {
        vec![Step::read(BATTERY)]
    }

    fn receive(
        &mut self,
        arm: Arm,
        characteristic: Uuid,
        value: &[u8],
        now: Duration,
        out: &mut Vec<Received>,
    ) {
        match characteristic {
            AUDIO => self.packet(value, now, out),
            CODEC => Self::codec(value, out),
            BATTERY => match value.first() {
                Some(&percent) => {
                    out.push(Received::Event(Event::Battery { arm, percent: percent.min(100) }));
                }
                None => out.push(Received::Malformed("a battery without a level")),
            },
            _ => out.push(Received::Malformed("a value nobody asked for")),
        }
    }

    fn audio_paused(&mut self, out: &mut Vec<Received>) {
        let mut runs = Vec::new();
        self.audio.flush(&mut runs);
        for (missing, fragment) in runs {
            self.fragment(missing, fragment, out);
        }
        if let Some((whole, _)) = self.pending.take() {
            Self::finish(0, whole, out);
        }
    }

    fn disconnected(&mut self, _: Arm) {
        self.audio.restart();
        (self.counter, self.pending) = (None, None);
    }
}

struct OmiFirmware {
    number: u8,
    battery: u8,
    mtu: u16,
    subscribed: bool,
    counter: u16,
    frames: u64,
    encoder: FrameEncoder,
}

impl Firmware for OmiFirmware {
    fn peripherals(&self) -> Vec<Peripheral> {
        vec![Peripheral {
            arm: Arm::Only,
            advert: Advert {
                id: PeripheralId(format!("F0:0D:0A:11:00:{:02X}", self.number)),
                name: Some("Omi".into()),
                rssi: Some(-61),
                services: vec![SERVICE],
                manufacturer_data: Vec::new(),
            },
            services: vec![
                Service {
                    uuid: SERVICE,
                    characteristics: vec![Characteristic::notified(AUDIO), Characteristic::readable(CODEC)],
                },
                Service { uuid: TIME_SERVICE, characteristics: vec![Characteristic::written(TIME)] },
                Service { uuid: BATTERY_SERVICE, characteristics: vec![Characteristic::readable(BATTERY)] },
            ],
        }]
    }

    fn connected(&mut self, _: Arm, mtu: u16) {
        self.mtu = mtu;
    }

    fn disconnected(&mut self, _: Arm) {
        self.subscribed = false;
    }

    fn subscribed(&mut self, _: Arm, characteristic: Uuid, on: bool) {
        if characteristic == AUDIO {
            (self.subscribed, self.frames) = (on, 0);
        }
    }

    fn written(&mut self, _: Arm, _: Uuid, _: &[u8], _: Duration, _: &mut Vec<Emission>) {}

    fn read(&mut self, _: Arm, characteristic: Uuid) -> Vec<u8> {
        match characteristic {
            CODEC => vec![OPUS_20_MS],
            BATTERY => vec![self.battery],
            _ => Vec::new(),
        }
    }

    fn period(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn tick(&mut self, now: Duration, voice: &Voice, out: &mut Vec<Emission>) {
        if !self.subscribed || self.mtu < 100 {
            return;
        }
        let frame = self.encoder.encode(&voice.until(now, 320));
        let room = usize::from(self.mtu) - 3 - HEADER;
        let last = frame.len().div_ceil(room) - 1;
        for (index, bytes) in (0_u8..).zip(frame.chunks(room)) {
            let [low, high] = self.counter.to_le_bytes();
            let packet = [&[low, high, index], bytes].concat();
            let emission = Emission::audio(Arm::Only, AUDIO, packet, self.frames, 1);
            out.push(if usize::from(index) < last { emission.incomplete() } else { emission });
            self.counter = self.counter.wrapping_add(1);
        }
        self.frames += 1;
    }

    fn act(&mut self, event: Event, _: &mut Vec<Emission>) {
        if let Event::Battery { percent, .. } = event {
            self.battery = percent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(mtu: u16, packets: &[&[u8]]) -> Vec<Received> {
        let mut driver = OmiDriver::new();
        driver.mtu = usize::from(mtu);
        let mut out = Vec::new();
        for (tick, packet) in (0_u32..).zip(packets) {
            driver.receive(Arm::Only, AUDIO, packet, Duration::from_millis(20) * tick, &mut out);
        }
        driver.audio_paused(&mut out);
        out
    }

    fn frame(lost: u64, bytes: &[u8]) -> Received {
        Received::Audio { lost, frames: vec![bytes.to_vec()] }
    }

    #[test]
    fn counters_wrap_at_16_bits_and_losses_are_counted() {
        let out = run(247, &[&[0xFF, 0xFF, 0, 1], &[0, 0, 0, 2], &[2, 0, 0, 3], &[3, 0, 0, 4]]);
        assert_eq!(out, [frame(0, &[1]), frame(0, &[2]), frame(1, &[3]), frame(0, &[4])]);
    }

    #[test]
    fn fragments_are_joined_whether_they_are_counted_or_their_frames_are() {
        // An MTU of 11 leaves five bytes of audio in a notification.
        let counted: [&[u8]; 3] = [&[7, 0, 0, 1, 2, 3, 4, 5], &[8, 0, 1, 6], &[9, 0, 0, 9]];
        let shared: [&[u8]; 3] = [&[7, 0, 0, 1, 2, 3, 4, 5], &[7, 0, 1, 6], &[8, 0, 0, 9]];
        for packets in [counted, shared] {
            assert_eq!(run(11, &packets), [frame(0, &[1, 2, 3, 4, 5, 6]), frame(0, &[9])]);
        }
    }

    #[test]
    fn a_frame_whose_beginning_is_lost_is_lost() {
        let out = run(11, &[&[1, 0, 0, 9], &[3, 0, 1, 6], &[4, 0, 0, 8]]);
        let lost: u64 =
            out.iter().map(|item| if let Received::Audio { lost, .. } = item { *lost } else { 0 }).sum();
        assert_eq!(lost, 1);
        assert_eq!(out.last(), Some(&frame(0, &[8])));
    }

    #[test]
    fn the_codec_is_what_the_device_says() {
        let mut out = Vec::new();
        OmiDriver::codec(&[20], &mut out);
        assert_eq!(out[0], Received::Format(StreamFormat::opus(16_000, 160).unwrap()));
        out.clear();
        OmiDriver::codec(&[11], &mut out);
        assert_eq!(out, [Received::Reply { key: KNOWN_CODEC, outcome: Outcome::Refused }]);
    }
}
