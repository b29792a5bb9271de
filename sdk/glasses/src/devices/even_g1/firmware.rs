use std::collections::VecDeque;
use std::time::Duration;

use uuid::Uuid;

use super::{bitmap, protocol};
use crate::virtual_glasses::{
    Characteristic, Emission, Firmware, FirmwareOptions, FrameEncoder, Lens, Peripheral, Service, Voice,
};
use crate::{Advert, Arm, Bitmap, BitmapFormat, CaseState, Event, Gesture, PeripheralId};

/// Audio packets the glasses hold for a radio that is busy; the oldest goes first.
const QUEUE: usize = 8;
/// Packets the radio sends back to back.
const BURST: usize = 4;

pub(super) struct G1Firmware {
    number: u8,
    battery: u8,
    refuse_microphone: bool,
    left: ArmState,
    right: ArmState,
    microphone: Option<Microphone>,
}

#[derive(Default)]
struct ArmState {
    connected: bool,
    page: PageBuffer,
    shown: Shown,
    /// The highest page completed, by its sequence.
    completed: Option<u8>,
    bitmap: Vec<u8>,
    bitmap_index: Option<u8>,
    /// Showing what Even AI answers, the state that the later screen codes need.
    ai: bool,
}

#[derive(Default)]
struct PageBuffer {
    sequence: u8,
    next: u8,
    text: Vec<u8>,
}

#[derive(Default)]
enum Shown {
    #[default]
    Nothing,
    Text(String),
    Bitmap(Bitmap),
}

struct Microphone {
    counter: u8,
    frames: u64,
    queue: VecDeque<Emission>,
}

impl G1Firmware {
    pub(super) fn new(options: &FirmwareOptions) -> Self {
        Self {
            number: options.number,
            battery: options.battery,
            refuse_microphone: options.microphone_refused,
            left: ArmState::default(),
            right: ArmState::default(),
            microphone: None,
        }
    }

    fn arm(&mut self, arm: Arm) -> &mut ArmState {
        if arm == Arm::Left { &mut self.left } else { &mut self.right }
    }

    fn command(&mut self, arm: Arm, value: &[u8]) -> Vec<Vec<u8>> {
        let Some(&command) = value.first() else { return Vec::new() };
        let byte = |at: usize| value.get(at).copied().unwrap_or(0);
        match command {
            // These carry their length, and are dropped without a word when it is not what was written.
            0x1E | 0x22 | 0x24 | protocol::HEARTBEAT | 0x3D | 0x50
                if usize::from(u16::from_le_bytes([byte(1), byte(2)])) != value.len() =>
            {
                Vec::new()
            }
            protocol::HEARTBEAT | 0x3D | 0x50 => vec![value.to_vec()],
            0x26 => {
                let fits = usize::from(u16::from_le_bytes([byte(1), byte(2)])) == value.len();
                let status = if fits { protocol::OK } else { protocol::FAILED };
                vec![vec![0x26, 6, 0, byte(3), byte(4), status]]
            }
            0x06 => vec![Self::dashboard(value)],
            0x39 => {
                let fits = usize::from(u16::from_le_bytes([byte(1), byte(2)])) == value.len();
                vec![vec![0x39, 5, 0, byte(3), 1, if fits { 0 } else { 0xFF }]]
            }
            protocol::MICROPHONE if arm == Arm::Right => vec![self.microphone(byte(1))],
            protocol::TEXT => self.text(arm, value),
            protocol::BITMAP => self.bitmap(arm, value),
            protocol::BITMAP_END => vec![padded(&[command, protocol::OK])],
            protocol::CHECKSUM => vec![self.checksum(arm, value)],
            protocol::EXIT => {
                let state = self.arm(arm);
                state.shown = Shown::Nothing;
                state.ai = false;
                vec![padded(&[command, protocol::OK])]
            }
            protocol::BATTERY => {
                vec![padded(&[command, 0x66, self.battery])]
            }
            0x29 => vec![padded(&[command, 0x65, 0x20, 0])],
            0x2B => vec![padded(&[command, 0x69, 0x0A, 6])],
            0x01 | 0x03 | 0x0B | 0x27 | protocol::INIT | 0x4C | 0x4F | 0xF4 => {
                vec![padded(&[command, protocol::OK])]
            }
            0x04 | 0x4B => {
                let (total, index) = if command == 0x04 { (byte(1), byte(2)) } else { (byte(2), byte(3)) };
                let last = index >= total.saturating_sub(1);
                vec![padded(&[command, if last { protocol::OK } else { protocol::MORE }])]
            }
            // No reply to a reboot, and none to what would harm the device.
            0x17 | 0x23 | 0x47 => Vec::new(),
            _ => {
                let mut reply = vec![command, protocol::FAILED];
                reply.extend_from_slice(b"unknown command");
                vec![padded(&reply)]
            }
        }
    }

    fn dashboard(value: &[u8]) -> Vec<u8> {
        let byte = |at: usize| value.get(at).copied().unwrap_or(0);
        let wrong = u8::from(usize::from(u16::from_le_bytes([byte(1), byte(2)])) != value.len());
        match byte(4) {
            3 | 4 | 5 | 7 => vec![0x06, byte(1), 0, byte(3), byte(4), byte(5), 0, byte(7), 0, wrong],
            sub => padded(&[0x06, byte(1), 0, byte(3), sub, wrong]),
        }
    }

    fn microphone(&mut self, enable: u8) -> Vec<u8> {
        let refused = enable == 1 && self.refuse_microphone;
        if !refused {
            let on = || Microphone { counter: 0, frames: 0, queue: VecDeque::new() };
            self.microphone = (enable == 1).then(on);
        }
        let status = if refused { protocol::FAILED } else { protocol::OK };
        padded(&[protocol::MICROPHONE, status, enable])
    }

    fn text(&mut self, arm: Arm, value: &[u8]) -> Vec<Vec<u8>> {
        let [_, sequence, total, index, screen, _, _, _, _, text @ ..] = value else {
            return vec![padded(&[protocol::TEXT, protocol::FAILED])];
        };
        let (sequence, total, index) = (*sequence, *total, *index);
        let reply = |status| padded(&[protocol::TEXT, status, sequence, total, index]);
        let left_completed = self.left.connected.then_some(self.left.completed);
        let state = self.arm(arm);
        if index == 0 {
            state.page = PageBuffer { sequence, next: 0, text: Vec::new() };
        }
        if state.page.sequence != sequence || state.page.next != index {
            return vec![reply(protocol::FAILED)];
        }
        state.page.next += 1;
        state.page.text.extend_from_slice(text);
        // The real buffer has no bounds check. This one says so.
        if state.page.text.len() > protocol::PAGE_BYTES {
            return vec![reply(protocol::FAILED)];
        }
        if index + 1 < total {
            return vec![reply(protocol::MORE)];
        }
        let honoured = match screen & 0xF0 {
            0x30 => {
                state.ai = true;
                true
            }
            0x40 | 0x50 | 0x60 => state.ai,
            0x70 => true,
            _ => false,
        };
        if !honoured {
            return vec![reply(protocol::FAILED)];
        }
        let text = String::from_utf8_lossy(&state.page.text).into_owned();
        state.completed = Some(sequence);
        state.shown = Shown::Text(text);
        match (arm, left_completed) {
            // The right arm is done only when the left one has the page too, and else says nothing.
            (Arm::Right, Some(left)) if left != Some(sequence) => Vec::new(),
            _ => vec![reply(protocol::OK)],
        }
    }

    fn bitmap(&mut self, arm: Arm, value: &[u8]) -> Vec<Vec<u8>> {
        let [_, index, data @ ..] = value else { return Vec::new() };
        let state = self.arm(arm);
        let expected = state.bitmap_index.map_or(0, |last| last.wrapping_add(1));
        let data =
            if state.bitmap_index.is_none() || (*index == 0 && data.starts_with(&protocol::BITMAP_ADDRESS)) {
                state.bitmap.clear();
                data.strip_prefix(&protocol::BITMAP_ADDRESS).unwrap_or(data)
            } else if *index == expected {
                data
            } else {
                return vec![padded(&[protocol::BITMAP, expected, protocol::FAILED])];
            };
        state.bitmap_index = Some(*index);
        state.bitmap.extend_from_slice(data);
        Vec::new()
    }

    fn checksum(&mut self, arm: Arm, value: &[u8]) -> Vec<u8> {
        let state = self.arm(arm);
        let file = std::mem::take(&mut state.bitmap);
        state.bitmap_index = None;
        let right = protocol::checksum(&file) == value;
        if right && let Some(picture) = bitmap::decode(&file, BITMAP) {
            state.shown = Shown::Bitmap(picture);
        }
        let mut reply = value[..value.len().min(5)].to_vec();
        reply.resize(5, 0);
        reply.push(if right { protocol::OK } else { protocol::FAILED });
        reply
    }
}

const BITMAP: BitmapFormat = BitmapFormat { width: 576, height: 136, depth: 1 };

/// Replies have 20 bytes, whatever they say.
fn padded(reply: &[u8]) -> Vec<u8> {
    let mut reply = reply.to_vec();
    reply.resize(20.max(reply.len()), 0);
    reply
}

impl Firmware for G1Firmware {
    fn peripherals(&self) -> Vec<Peripheral> {
        [(Arm::Left, "L"), (Arm::Right, "R")]
            .map(|(arm, letter)| {
                let last = if arm == Arm::Left { 0xA7 } else { 0xCB };
                let suffix = format!("{:02X}F1{last:02X}", self.number);
                Peripheral {
                    arm,
                    advert: Advert {
                        id: PeripheralId(format!("EA:A4:A5:{:02X}:F1:{last:02X}", self.number)),
                        name: Some(format!("Even G1_{}_{letter}_{suffix}", self.number)),
                        rssi: Some(-52),
                        // The UART's service is not advertised.
                        services: Vec::new(),
                        manufacturer_data: vec![(0x5331, b"10LAAL103842".to_vec())],
                    },
                    services: vec![Service {
                        uuid: protocol::SERVICE,
                        characteristics: vec![
                            Characteristic::written(protocol::WRITE),
                            Characteristic::notified(protocol::NOTIFY),
                        ],
                    }],
                }
            })
            .into()
    }

    fn connected(&mut self, arm: Arm, _: u16) {
        self.arm(arm).connected = true;
    }

    fn disconnected(&mut self, arm: Arm) {
        *self.arm(arm) = ArmState::default();
        if arm == Arm::Right {
            self.microphone = None;
        }
    }

    fn written(
        &mut self,
        arm: Arm,
        characteristic: Uuid,
        value: &[u8],
        _: Duration,
        out: &mut Vec<Emission>,
    ) {
        if characteristic == protocol::WRITE {
            let replies = self.command(arm, value);
            out.extend(replies.into_iter().map(|reply| Emission::reply(arm, protocol::NOTIFY, reply)));
        }
    }

    fn period(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn tick(&mut self, now: Duration, voice: &Voice, out: &mut Vec<Emission>) {
        let Some(microphone) = &mut self.microphone else { return };
        let pcm = voice.until(now, protocol::FRAMES * 160);
        // The glasses start a fresh encoder for every packet.
        let mut encoder = FrameEncoder::lc3(protocol::FRAME_BYTES);
        let mut packet = vec![protocol::AUDIO, microphone.counter];
        packet.extend(pcm.chunks(160).flat_map(|frame| encoder.encode(frame)));
        let frames = protocol::FRAMES as u64;
        microphone.queue.push_back(Emission::audio(
            Arm::Right,
            protocol::NOTIFY,
            packet,
            microphone.frames,
            frames,
        ));
        microphone.counter = microphone.counter.wrapping_add(1);
        microphone.frames += frames;
        while microphone.queue.len() > QUEUE {
            microphone.queue.pop_front();
        }
        out.extend(microphone.queue.drain(..microphone.queue.len().min(BURST)));
    }

    fn act(&mut self, event: Event, out: &mut Vec<Emission>) {
        let (arm, code, parameter) = match event {
            Event::Gesture(Gesture::DoubleTap(arm)) => (arm, 0x00, 0),
            Event::Gesture(Gesture::Tap(arm)) => (arm, 0x01, 0),
            Event::Gesture(Gesture::TripleTap(arm)) => (arm, 0x04, 0),
            Event::Gesture(Gesture::Hold(arm)) => (arm, if arm == Arm::Left { 0x17 } else { 0x12 }, 0),
            Event::Gesture(Gesture::Release(arm)) => (arm, 0x18, 0),
            Event::HeadUp(up) => (Arm::Right, if up { 0x02 } else { 0x03 }, 0),
            Event::Worn(worn) => (Arm::Right, if worn { 0x06 } else { 0x07 }, 0),
            Event::Case(CaseState::InOpen) => (Arm::Right, 0x08, 0),
            Event::Case(CaseState::InClosed) => (Arm::Right, 0x0B, 0),
            Event::Case(CaseState::Out) => (Arm::Right, 0x07, 0),
            Event::Charging(charging) => (Arm::Right, 0x09, u8::from(charging)),
            Event::CaseBattery(percent) => (Arm::Right, 0x0F, percent),
            Event::Battery { arm, percent } => {
                self.battery = percent;
                (arm, 0x0A, percent)
            }
            Event::Gesture(Gesture::ScrollUp | Gesture::ScrollDown) | Event::LeftPage => return,
        };
        out.push(Emission::event(arm, protocol::NOTIFY, padded(&[protocol::EVENT, code, parameter])));
    }

    fn lenses(&self) -> Vec<Lens> {
        [(Arm::Left, &self.left), (Arm::Right, &self.right)]
            .map(|(arm, state)| match &state.shown {
                Shown::Nothing => Lens { arm, lines: Vec::new(), bitmap: None },
                Shown::Text(text) => {
                    Lens { arm, lines: text.lines().map(str::to_owned).collect(), bitmap: None }
                }
                Shown::Bitmap(bitmap) => Lens { arm, lines: Vec::new(), bitmap: Some(bitmap.clone()) },
            })
            .into()
    }
}
