use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::program::Variant;
use super::protocol;
use crate::virtual_glasses::{
    Characteristic, Emission, Firmware, FirmwareOptions, FrameEncoder, Lens, Peripheral, Service, Voice,
};
use crate::{Advert, Arm, Event, Gesture, PeripheralId};

/// The prompt, the files, and the program of ours when exactly that was uploaded. Other Lua is refused.
pub(super) struct LuaFirmware {
    variant: &'static Variant,
    number: u8,
    battery: u8,
    files: HashMap<String, String>,
    /// The file that is being written.
    open: Option<String>,
    running: bool,
    shown: Vec<String>,
    message: Option<(u8, usize, Vec<u8>)>,
    microphone: Option<Microphone>,
    /// Bytes of a notification.
    room: usize,
}

/// What a connection carries before its MTU is agreed on.
const SMALLEST_MTU: u16 = 23;
const NOTIFICATION_HEADER: u16 = 3;

struct Microphone {
    counter: u8,
    packets: u64,
    encoder: Option<FrameEncoder>,
}

impl LuaFirmware {
    pub(super) fn new(variant: &'static Variant, options: &FirmwareOptions) -> Self {
        Self {
            variant,
            number: options.number,
            battery: options.battery,
            files: HashMap::new(),
            open: None,
            running: false,
            shown: Vec::new(),
            message: None,
            microphone: None,
            room: usize::from(SMALLEST_MTU - NOTIFICATION_HEADER),
        }
    }

    /// Runs a line at the prompt; what it prints, or the error.
    fn lua(&mut self, line: &str) -> Option<String> {
        let error =
            || Some(format!("[string \"{}\"]:1: syntax error", line.chars().take(20).collect::<String>()));
        let (statement, print) = match line.rsplit_once(";print(") {
            Some((statement, number)) => (statement, number.strip_suffix(')')),
            None => (line, None),
        };
        let between = |start: &str, end: &str| statement.strip_prefix(start)?.strip_suffix(end);
        if let Some(name) = between("f=frame.file.open('", "','w')") {
            self.files.insert(name.to_owned(), String::new());
            self.open = Some(name.to_owned());
        } else if let Some(text) = between("f:write('", "')") {
            let Some(file) = self.open.as_ref().and_then(|name| self.files.get_mut(name)) else {
                return Some("attempt to index a nil value (global 'f')".into());
            };
            file.push_str(&protocol::unquote(text));
        } else if statement == "f:close()" {
            self.open = None;
        } else if let Some(name) = between("require('", "')") {
            return match self.files.get(&format!("{name}.lua")) {
                Some(file) if *file == self.variant.program() => {
                    self.running = true;
                    None
                }
                Some(_) => Some("these virtual glasses run no other program".into()),
                None => Some(format!("module '{name}' not found")),
            };
        } else if let Some(text) = statement
            .strip_prefix("frame.display.text('")
            .and_then(|rest| rest.split_once('\''))
            .filter(|(_, rest)| rest.ends_with("frame.display.show()"))
        {
            self.shown = vec![text.0.to_owned()];
        } else {
            return error();
        }
        print.map(str::to_owned)
    }

    fn data(&mut self, data: &[u8], out: &mut Vec<Emission>) {
        let Some((&code, rest)) = data.split_first() else { return };
        let (code, missing, mut body) = match self.message.take() {
            Some((known, missing, body)) if known == code => (known, missing, body),
            _ => match *rest {
                [high, low, ref rest @ ..] => {
                    let length = usize::from(u16::from_be_bytes([high, low]));
                    self.message = Some((code, length, Vec::new()));
                    return self.data(&[&[code], rest].concat(), out);
                }
                _ => return,
            },
        };
        let rest = if body.is_empty() && missing == 0 { &[][..] } else { rest };
        body.extend_from_slice(rest);
        let missing = missing.saturating_sub(rest.len());
        if missing > 0 {
            self.message = Some((code, missing, body));
            return;
        }
        let mut send = |bytes: &[u8]| {
            out.push(Emission::reply(Arm::Only, protocol::NOTIFY, [&[protocol::DATA], bytes].concat()));
        };
        match (code, body.split_first()) {
            (protocol::TEXT, Some((&revision, text))) => {
                let text = String::from_utf8_lossy(text).into_owned();
                self.shown = text.lines().map(str::to_owned).collect();
                send(&[protocol::SHOWN, revision]);
            }
            (protocol::MICROPHONE, Some((&on, _))) => {
                let lc3 = self.variant.packet > self.variant.frame;
                self.microphone = (on == 1).then(|| Microphone {
                    counter: 0,
                    packets: 0,
                    encoder: lc3.then(|| FrameEncoder::lc3(self.variant.frame)),
                });
                send(&[protocol::LISTENS, on]);
            }
            (protocol::BATTERY_QUERY, _) => send(&[protocol::BATTERY, self.battery]),
            _ => {}
        }
    }
}

impl Firmware for LuaFirmware {
    fn peripherals(&self) -> Vec<Peripheral> {
        let (name, kind) = if self.variant.id == "halo" { ("Halo", 0x13) } else { ("Frame", 0x14) };
        vec![Peripheral {
            arm: Arm::Only,
            advert: Advert {
                id: PeripheralId(format!("F0:0D:0A:{kind:02X}:00:{:02X}", self.number)),
                name: Some(format!("{name} {:02X}", self.number)),
                rssi: Some(-57),
                services: vec![protocol::SERVICE],
                manufacturer_data: Vec::new(),
            },
            services: vec![Service {
                uuid: protocol::SERVICE,
                characteristics: vec![
                    Characteristic::written(protocol::WRITE),
                    Characteristic::notified(protocol::NOTIFY),
                ],
            }],
        }]
    }

    fn connected(&mut self, _: Arm, mtu: u16) {
        self.room = usize::from(mtu.max(SMALLEST_MTU) - NOTIFICATION_HEADER);
    }

    fn disconnected(&mut self, _: Arm) {
        // The program runs on, as on the real glasses; its microphone's data goes nowhere.
        self.microphone = None;
        self.message = None;
    }

    fn written(&mut self, _: Arm, characteristic: Uuid, value: &[u8], _: Duration, out: &mut Vec<Emission>) {
        if characteristic != protocol::WRITE {
            return;
        }
        match *value {
            [protocol::BREAK] => (self.running, self.microphone, self.message) = (false, None, None),
            // A reset starts `main.lua`, and there is none.
            [0x04] => (self.running, self.open) = (false, None),
            [protocol::DATA, ref data @ ..] if self.running => self.data(data, out),
            [first, ..] if !self.running && first != protocol::DATA => {
                let Ok(line) = str::from_utf8(value) else { return };
                if let Some(printed) = self.lua(line) {
                    let mut printed = printed.into_bytes();
                    printed.truncate(self.room);
                    out.push(Emission::reply(Arm::Only, protocol::NOTIFY, printed));
                }
                if self.running {
                    let started = [protocol::DATA, protocol::STARTED, 1];
                    out.push(Emission::reply(Arm::Only, protocol::NOTIFY, started));
                }
            }
            _ => {}
        }
    }

    fn period(&self) -> Duration {
        Duration::from_millis(10) * self.variant.packet as u32 / self.variant.frame as u32
    }

    fn tick(&mut self, now: Duration, voice: &Voice, out: &mut Vec<Emission>) {
        let Some(microphone) = &mut self.microphone else { return };
        let mut packet = vec![protocol::DATA, protocol::AUDIO, microphone.counter];
        let (first, count) = if let Some(encoder) = &mut microphone.encoder {
            let frames = self.variant.packet / self.variant.frame;
            let pcm = voice.until(now, frames * 160);
            packet.extend(pcm.chunks(160).flat_map(|frame| encoder.encode(frame)));
            (microphone.packets * frames as u64, frames as u64)
        } else {
            let pcm = voice.until(now, self.variant.packet / 2);
            packet.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes()));
            (microphone.packets / 2, 1)
        };
        let emission = Emission::audio(Arm::Only, protocol::NOTIFY, packet, first, count);
        let half = self.variant.packet < self.variant.frame && microphone.packets.is_multiple_of(2);
        out.push(if half { emission.incomplete() } else { emission });
        microphone.counter = microphone.counter.wrapping_add(1);
        microphone.packets += 1;
    }

    fn act(&mut self, event: Event, out: &mut Vec<Emission>) {
        let data = match event {
            Event::Battery { percent, .. } => {
                self.battery = percent;
                vec![protocol::DATA, protocol::BATTERY, percent]
            }
            Event::Gesture(Gesture::Tap(_)) => vec![protocol::DATA, protocol::TAP],
            _ => return,
        };
        if self.running {
            out.push(Emission::event(Arm::Only, protocol::NOTIFY, data));
        }
    }

    fn lenses(&self) -> Vec<Lens> {
        vec![Lens { arm: Arm::Only, lines: self.shown.clone(), bitmap: None }]
    }
}

#[cfg(test)]
impl LuaFirmware {
    pub(super) fn running(&self) -> bool {
        self.running
    }

    pub(super) fn file(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(String::as_str)
    }
}
