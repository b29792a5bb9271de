//! The Friend pendant: LC3 in packets without a counter, so that losses are told by the clock.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use glasslink_protocol::StreamFormat;
use uuid::{Uuid, uuid};

use crate::virtual_glasses::{
    Characteristic, Emission, Firmware, FirmwareOptions, FrameEncoder, Peripheral, Service, Voice,
};
use crate::{
    Advert, Arm, Device, Driver, Event, MicrophoneModel, Model, PeripheralId, Received, Screen, ShowError,
    Sighting, Step,
};

pub(crate) struct Friend;

const SERVICE: Uuid = uuid!("1a3fd0e7-b1f3-ac9e-2e49-b647b2c4f8da");
const AUDIO: Uuid = uuid!("01000000-1111-1111-1111-111111111111");

/// Bytes of an LC3 frame: 10 ms at 24 kbit/s.
const FRAME_BYTES: usize = 30;
const FRAMES: usize = 3;
/// Bytes after the frames whose meaning is not known.
const FOOTER: usize = 5;
const PACKET: Duration = Duration::from_millis(30);

static MODEL: LazyLock<Model> = LazyLock::new(|| Model {
    id: "friend",
    name: "Friend pendant",
    arms: &[Arm::Only],
    bonded: false,
    mtu: 247,
    display: None,
    microphone: Some(MicrophoneModel {
        arm: Arm::Only,
        carriers: &[Arm::Only],
        format: StreamFormat::lc3(16_000, FRAME_BYTES as u32).expect("a format LC3 has"),
        mtu: (FRAMES * FRAME_BYTES + FOOTER + 3) as u16,
        refresh: None,
    }),
    battery: false,
    case: false,
    touch: false,
    head_up: false,
    wear: false,
    heartbeat: None,
});

impl Device for Friend {
    fn model(&self) -> &Model {
        &MODEL
    }

    fn recognise(&self, advert: &Advert) -> Option<Sighting> {
        let known = advert.services.contains(&SERVICE);
        known.then(|| Sighting { arm: Arm::Only, pair: advert.id.0.clone() })
    }

    fn driver(&self) -> Box<dyn Driver> {
        Box::new(FriendDriver { clock: PacketClock::default() })
    }

    fn firmware(&self, options: &FirmwareOptions) -> Box<dyn Firmware> {
        Box::new(FriendFirmware {
            number: options.number,
            subscribed: false,
            frames: 0,
            encoder: FrameEncoder::lc3(FRAME_BYTES),
        })
    }
}

/// Counts packets that never came, by how late those after them are.
///
/// A late packet is late once; after a missing one every packet is. What counts is therefore the least lateness of
/// the last packets against the least of those before them, which follows the drift between the two clocks, too.
#[derive(Debug, Default)]
struct PacketClock {
    /// Packets that came or were counted as missing.
    count: u32,
    first: Duration,
    /// How late the last packets were against an even stream, the newest last.
    lateness: VecDeque<Duration>,
}

impl PacketClock {
    /// Packets compared with as many before them: half a second each.
    const WINDOW: usize = 16;
    /// How much earlier than the first packet's time a packet may come.
    const MARGIN: Duration = Duration::from_secs(1);

    /// A packet came; how many are missing before it, told up to half a second after they were.
    fn arrived(&mut self, now: Duration) -> u64 {
        if self.lateness.is_empty() {
            self.first = now;
        }
        // The first packet may have been a late one itself.
        self.lateness.push_back((now + Self::MARGIN).saturating_sub(self.first + PACKET * self.count));
        self.count += 1;
        if self.lateness.len() > 2 * Self::WINDOW {
            self.lateness.pop_front();
        }
        if self.lateness.len() <= Self::WINDOW {
            return 0;
        }
        self.missing(self.lateness.len() - Self::WINDOW)
    }

    /// No more packets: what the last ones tell.
    fn over(&mut self) -> u64 {
        let missing = match self.lateness.len() {
            0 | 1 => 0,
            len => self.missing(len - 1),
        };
        *self = Self::default();
        missing
    }

    /// Compares the packets from `from` on with those before.
    fn missing(&mut self, from: usize) -> u64 {
        let least = |packets: &mut dyn Iterator<Item = &Duration>| packets.min().copied().unwrap_or_default();
        let before = least(&mut self.lateness.range(..from));
        let after = least(&mut self.lateness.range(from..));
        let steps = (after.saturating_sub(before) + PACKET / 2).as_micros() / PACKET.as_micros();
        let missing = u32::try_from(steps).unwrap_or(u32::MAX);
        if missing > 0 {
            self.count += missing;
            for late in self.lateness.range_mut(from..) {
                // A packet before the loss that was late itself does not become an early one.
                *late = late.saturating_sub(PACKET * missing).max(before);
            }
        }
        u64::from(missing)
    }
}

struct FriendDriver {
    clock: PacketClock,
}

impl Driver for FriendDriver {
    fn subscriptions(&self, _: Arm) -> Vec<Uuid> {
        Vec::new()
    }

    fn opening(&mut self, _: Arm, _: u16, _: u32) -> Vec<Step> {
        Vec::new()
    }

    fn microphone(&mut self, _: Arm, on: bool) -> Vec<Step> {
        if on {
            self.clock = PacketClock::default();
        }
        vec![Step::notify(AUDIO, on)]
    }

    fn show(&mut self, _: Arm, _: &Screen, _: u64) -> Result<Vec<Step>, ShowError> {
        Err(ShowError::Unsupported(MODEL.name))
    }

    fn heartbeat(&mut self, _: Arm) -> Vec<Step> {
        Vec::new()
    }

    fn receive(&mut self, _: Arm, _: Uuid, value: &[u8], now: Duration, out: &mut Vec<Received>) {
        if value.len() != FRAMES * FRAME_BYTES + FOOTER {
            return out.push(Received::Malformed("an audio packet is not 95 bytes"));
        }
        let lost = self.clock.arrived(now) * FRAMES as u64;
        let frames = value[..FRAMES * FRAME_BYTES].chunks(FRAME_BYTES).map(<[u8]>::to_vec).collect();
        out.push(Received::Audio { lost, frames });
    }

    fn audio_paused(&mut self, out: &mut Vec<Received>) {
        let lost = self.clock.over() * FRAMES as u64;
        if lost > 0 {
            out.push(Received::Audio { lost, frames: Vec::new() });
        }
    }

    fn disconnected(&mut self, _: Arm) {
        self.clock = PacketClock::default();
    }
}

struct FriendFirmware {
    number: u8,
    subscribed: bool,
    frames: u64,
    encoder: FrameEncoder,
}

impl Firmware for FriendFirmware {
    fn peripherals(&self) -> Vec<Peripheral> {
        vec![Peripheral {
            arm: Arm::Only,
            advert: Advert {
                id: PeripheralId(format!("F0:0D:0A:12:00:{:02X}", self.number)),
                name: Some("Friend".into()),
                rssi: Some(-63),
                services: vec![SERVICE],
                manufacturer_data: Vec::new(),
            },
            services: vec![Service { uuid: SERVICE, characteristics: vec![Characteristic::notified(AUDIO)] }],
        }]
    }

    fn connected(&mut self, _: Arm, _: u16) {}

    fn disconnected(&mut self, _: Arm) {
        self.subscribed = false;
    }

    fn subscribed(&mut self, _: Arm, characteristic: Uuid, on: bool) {
        if characteristic == AUDIO {
            (self.subscribed, self.frames) = (on, 0);
        }
    }

    fn written(&mut self, _: Arm, _: Uuid, _: &[u8], _: Duration, _: &mut Vec<Emission>) {}

    fn period(&self) -> Duration {
        PACKET
    }

    fn tick(&mut self, now: Duration, voice: &Voice, out: &mut Vec<Emission>) {
        if !self.subscribed {
            return;
        }
        let pcm = voice.until(now, FRAMES * 160);
        let mut packet: Vec<u8> = pcm.chunks(160).flat_map(|frame| self.encoder.encode(frame)).collect();
        packet.extend_from_slice(&[0; FOOTER]);
        out.push(Emission::audio(Arm::Only, AUDIO, packet, self.frames, FRAMES as u64));
        self.frames += FRAMES as u64;
    }

    fn act(&mut self, _: Event, _: &mut Vec<Emission>) {}
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_is_three_frames_and_a_footer_to_drop() {
        let mut driver = Friend.driver();
        let packet: Vec<u8> = (0..95).collect();
        let mut out = Vec::new();
        driver.receive(Arm::Only, AUDIO, &packet, Duration::ZERO, &mut out);
        let frames = vec![(0..30).collect(), (30..60).collect(), (60..90).collect()];
        assert_eq!(out, [Received::Audio { lost: 0, frames }]);
        out.clear();
        driver.receive(Arm::Only, AUDIO, &packet[..94], Duration::ZERO, &mut out);
        assert!(matches!(out[..], [Received::Malformed(_)]));
    }

    proptest! {
        /// Jitter of up to two packets and 100 ppm of drift are no loss, and no loss is missed.
        #[test]
        fn the_clock_counts_what_is_missing(
            kept in prop::collection::vec(prop::bool::weighted(0.97), 400),
            jitter in prop::collection::vec(0_u64..60, 400),
            drift in -100_i64..100,
        ) {
            let mut clock = PacketClock::default();
            let mut missing = 0;
            let mut last = Duration::ZERO;
            let mut lost = 0;
            for (at, (kept, jitter)) in kept.iter().zip(&jitter).enumerate() {
                // Loss at the ends cannot be seen; two packets of three are on time.
                if !kept && (40..360).contains(&at) {
                    lost += 1;
                    continue;
                }
                let even = 1_000_000 + at as i64 * (30_000 + drift * 3 / 100);
                let late = if at % 3 == 0 && at < 380 { jitter * 1000 } else { 0 };
                last = last.max(Duration::from_micros(even as u64 + late));
                missing += clock.arrived(last);
            }
            missing += clock.over();
            prop_assert_eq!(missing, lost);
        }
    }
}
