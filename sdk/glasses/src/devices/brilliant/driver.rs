use std::time::Duration;

use uuid::Uuid;

use super::program::{NAME, Variant};
use super::protocol;
use crate::continuity::Continuity;
use crate::{Arm, Driver, Event, Gesture, Outcome, Received, ReplyKey, Screen, ShowError, Step};

const REPLY: Duration = Duration::from_secs(2);
/// What the prompt needs after a break.
const BREAK_PAUSE: Duration = Duration::from_millis(200);

const PRINTED: u32 = 0x1000;
const SHOWN: u32 = 0x2000;
const LISTENS: u32 = 0x3000;
const BATTERY: ReplyKey = ReplyKey(1);
const STARTED: ReplyKey = ReplyKey(2);

pub(super) struct LuaDriver {
    variant: &'static Variant,
    mtu: usize,
    audio: Continuity<(u8, Vec<u8>)>,
    halves: Halves,
    /// What the prompt was last asked to print.
    asked: u32,
}

impl LuaDriver {
    pub(super) fn new(variant: &'static Variant) -> Self {
        let packet = Duration::from_millis(10) * variant.packet as u32 / variant.frame as u32;
        Self { variant, mtu: 23, audio: Continuity::new(256, packet), halves: Halves::default(), asked: 0 }
    }

    fn message(&self, code: u8, data: &[u8], reply: ReplyKey) -> Vec<Step> {
        let packets = protocol::message(code, data, self.mtu);
        let mut steps: Vec<Step> =
            packets.into_iter().map(|packet| Step::request(protocol::WRITE, packet)).collect();
        if let Some(last) = steps.pop() {
            steps.push(last.answered_by(reply, REPLY, 1));
        }
        steps
    }

    fn hand_on(&mut self, runs: Vec<(u64, (u8, Vec<u8>))>, out: &mut Vec<Received>) {
        for (missing, (counter, bytes)) in runs {
            let (frame, packet) = (self.variant.frame, self.variant.packet);
            if packet < frame {
                let (lost, whole) = self.halves.take(missing, counter % 2 == 1, bytes);
                if lost > 0 || whole.is_some() {
                    out.push(Received::Audio { lost, frames: whole.into_iter().collect() });
                }
            } else {
                let lost = missing * (packet / frame) as u64;
                let frames = bytes.chunks(frame).map(<[u8]>::to_vec).collect();
                out.push(Received::Audio { lost, frames });
            }
        }
    }

    fn data(&mut self, data: &[u8], now: Duration, out: &mut Vec<Received>) {
        let reply = |key| Received::Reply { key, outcome: Outcome::Done };
        match *data {
            [protocol::AUDIO, counter, ref bytes @ ..] if bytes.len() == self.variant.packet => {
                let mut runs = Vec::new();
                self.audio.arrived(u64::from(counter), (counter, bytes.to_vec()), now, &mut runs);
                self.hand_on(runs, out);
            }
            [protocol::AUDIO, ..] => out.push(Received::Malformed("an audio packet of the wrong size")),
            [protocol::TAP] => out.push(Received::Event(Event::Gesture(Gesture::Tap(Arm::Only)))),
            [protocol::BATTERY, percent] => {
                out.push(Received::Event(Event::Battery { arm: Arm::Only, percent: percent.min(100) }));
                out.push(reply(BATTERY));
            }
            [protocol::SHOWN, revision] => out.push(reply(ReplyKey(SHOWN + u32::from(revision)))),
            [protocol::LISTENS, on] => out.push(reply(ReplyKey(LISTENS + u32::from(on)))),
            [protocol::STARTED, _] => out.push(reply(STARTED)),
            _ => out.push(Received::Malformed("a message of no known kind")),
        }
    }
}

/// Puts the halves of a frame together. Packets are counted from a first half, so that the second ones are odd.
#[derive(Debug, Default)]
struct Halves {
    started: bool,
    first: Option<Vec<u8>>,
}

impl Halves {
    /// Takes half a frame with `missing` halves before it; frames lost before, and the frame if it is whole.
    fn take(&mut self, missing: u64, second: bool, half: Vec<u8>) -> (u64, Option<Vec<u8>>) {
        let first = self.first.take();
        // The missing halves end the frame whose first half is here, and begin the one whose second came.
        let touched = missing + u64::from(first.is_some() && missing > 0) + u64::from(second && missing > 0);
        let started = std::mem::replace(&mut self.started, true);
        match (first, second) {
            (Some(mut whole), true) if missing == 0 => {
                whole.extend_from_slice(&half);
                (0, Some(whole))
            }
            (_, true) => (if started { touched / 2 } else { 0 }, None),
            (_, false) => {
                self.first = Some(half);
                (touched / 2, None)
            }
        }
    }
}

impl Driver for LuaDriver {
    fn subscriptions(&self, _: Arm) -> Vec<Uuid> {
        vec![protocol::NOTIFY]
    }

    fn opening(&mut self, _: Arm, mtu: u16, stage: u32) -> Vec<Step> {
        if stage > 0 {
            return Vec::new();
        }
        self.mtu = usize::from(mtu);
        // Whatever ran before is ended; the prompt takes over.
        let mut steps = vec![Step::request(protocol::WRITE, [protocol::BREAK]).then_pause(BREAK_PAUSE)];
        let upload = protocol::upload(NAME, &self.variant.program(), self.mtu.saturating_sub(3).max(60));
        steps.extend((PRINTED..).zip(upload).map(|(key, statement)| {
            Step::request(protocol::WRITE, statement).answered_by(ReplyKey(key), REPLY, 1)
        }));
        let run = format!("require('{NAME}')");
        steps.push(Step::request(protocol::WRITE, run).answered_by(STARTED, REPLY, 1));
        steps.extend(self.message(protocol::BATTERY_QUERY, &[], BATTERY).into_iter().map(Step::or_not));
        steps
    }

    fn microphone(&mut self, _: Arm, on: bool) -> Vec<Step> {
        if on {
            self.audio.restart();
            self.halves = Halves::default();
        }
        self.message(protocol::MICROPHONE, &[u8::from(on)], ReplyKey(LISTENS + u32::from(on)))
    }

    fn show(&mut self, _: Arm, screen: &Screen, revision: u64) -> Result<Vec<Step>, ShowError> {
        let text = match screen {
            Screen::Blank => String::new(),
            Screen::Text(lines) => lines.join("\n"),
            Screen::Bitmap(_) => return Err(ShowError::Unsupported("Brilliant Labs' glasses")),
        };
        let revision = revision as u8;
        let data = [&[revision], text.as_bytes()].concat();
        Ok(self.message(protocol::TEXT, &data, ReplyKey(SHOWN + u32::from(revision))))
    }

    fn heartbeat(&mut self, _: Arm) -> Vec<Step> {
        self.message(protocol::BATTERY_QUERY, &[], BATTERY)
    }

    fn receive(&mut self, _: Arm, _: Uuid, value: &[u8], now: Duration, out: &mut Vec<Received>) {
        match value.split_first() {
            Some((&protocol::DATA, data)) => self.data(data, now, out),
            Some(_) => match str::from_utf8(value).ok().map(str::trim) {
                Some(text) => match text.parse::<u32>() {
                    Ok(number) if number < 0x1000 => {
                        self.asked = number + 1;
                        out.push(Received::Reply { key: ReplyKey(PRINTED + number), outcome: Outcome::Done });
                    }
                    // What the prompt prints and nobody asked for is an error message.
                    _ => {
                        let key = ReplyKey(PRINTED + self.asked);
                        out.push(Received::Reply { key, outcome: Outcome::Refused });
                    }
                },
                None => out.push(Received::Malformed("neither text nor data")),
            },
            None => out.push(Received::Malformed("an empty packet")),
        }
    }

    fn audio_paused(&mut self, out: &mut Vec<Received>) {
        let mut runs = Vec::new();
        self.audio.flush(&mut runs);
        self.hand_on(runs, out);
    }

    fn disconnected(&mut self, _: Arm) {
        self.audio.restart();
        self.halves = Halves::default();
        self.asked = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_half_is_one_lost_frame() {
        let run = |arrivals: &[(u64, bool)]| {
            let mut halves = Halves::default();
            let taken = arrivals.iter().map(|&(missing, second)| halves.take(missing, second, vec![0; 2]));
            taken.map(|(lost, whole)| (lost, whole.is_some())).collect::<Vec<_>>()
        };
        let whole = [(0, false), (0, true), (0, false), (0, true)];
        assert_eq!(run(&[(0, false), (0, true), (0, false), (0, true)]), whole);
        // The second half is lost: the frame is counted when the next one begins.
        assert_eq!(run(&[(0, false), (1, false), (0, true)]), [(0, false), (1, false), (0, true)]);
        // The first half of the second frame is lost.
        assert_eq!(
            run(&[(0, false), (0, true), (1, true), (0, false)]),
            [(0, false), (0, true), (1, false), (0, false)]
        );
        // A second half and the next first one: both frames.
        assert_eq!(run(&[(0, false), (2, true), (0, false)]), [(0, false), (2, false), (0, false)]);
        // What came before the first packet was never heard of.
        assert_eq!(run(&[(0, true), (0, false), (0, true)]), [(0, false), (0, false), (0, true)]);
    }
}
