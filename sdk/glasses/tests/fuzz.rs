//! Packets of every kind, into every driver and every virtual device: read or refused, never a panic.
//!
//! An ordinary run takes seconds. `FUZZ_SECONDS=600 cargo test --release -p glasslink-glasses --test fuzz` gives each
//! device ten minutes in each direction; `FUZZ_SEED` chooses others than usual, `FUZZ_DEVICES=halo,frame` only these
//! devices.

use std::sync::Arc;
use std::time::{Duration, Instant};

use glasslink_glasses::virtual_glasses::{EmissionKind, Firmware, FirmwareOptions, Voice};
use glasslink_glasses::{Action, Arm, Device, Received, Registry, Screen};
use uuid::Uuid;

/// `xorshift64*`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 40) as u8
    }
}

fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

fn devices() -> Vec<Arc<dyn Device>> {
    let chosen = std::env::var("FUZZ_DEVICES").ok();
    let is_chosen = |device: &&Arc<dyn Device>| {
        chosen.as_ref().is_none_or(|chosen| chosen.split(',').any(|id| id == device.model().id))
    };
    Registry::standard().devices().filter(is_chosen).cloned().collect()
}

type Packets = Vec<(Arm, Uuid, Vec<u8>)>;

/// What driver and firmware say to each other when all goes well: written, and notified.
fn conversation(device: &dyn Device) -> (Packets, Packets) {
    let model = device.model();
    let mut driver = device.driver();
    let mut firmware = device.firmware(&FirmwareOptions::default());
    let (mut written, mut notified) = (Vec::new(), Vec::new());
    for &arm in model.arms {
        firmware.connected(arm, 247);
        for characteristic in driver.subscriptions(arm) {
            firmware.subscribed(arm, characteristic, true);
        }
    }
    let text = Screen::Text(vec!["several words".into(), "on lines".into()]);
    for round in 0..6 {
        for &arm in model.arms {
            let mut steps = driver.opening(arm, 247, round);
            steps.extend(driver.heartbeat(arm));
            if model.listens_on(arm) {
                steps.extend(driver.microphone(arm, true));
            }
            steps.extend(driver.show(arm, &text, u64::from(round)).unwrap_or_default());
            for step in steps {
                let (characteristic, value) = match step.action {
                    Action::Write { characteristic, value, .. }
                    | Action::Either { characteristic, first: value, .. } => (characteristic, value),
                    Action::Notify { characteristic, on } => {
                        firmware.subscribed(arm, characteristic, on);
                        continue;
                    }
                    Action::Read { .. } | Action::Wait => continue,
                };
                let mut out = Vec::new();
                firmware.written(arm, characteristic, &value, Duration::ZERO, &mut out);
                written.push((arm, characteristic, value));
                notified.extend(out.into_iter().map(|sent| (sent.arm, sent.characteristic, sent.value)));
            }
        }
        let mut out = Vec::new();
        firmware.tick(Duration::from_millis(u64::from(round) * 100), &Voice::default(), &mut out);
        notified.extend(out.into_iter().map(|sent| (sent.arm, sent.characteristic, sent.value)));
    }
    (written, notified)
}

fn mutate(random: &mut Random, corpus: &Packets) -> (Arm, Uuid, Vec<u8>) {
    let (arm, characteristic, mut value) = corpus[random.below(corpus.len())].clone();
    for _ in 0..random.below(4) {
        match random.below(6) {
            0 => value.truncate(random.below(value.len() + 1)),
            1 => value.extend((0..random.below(40)).map(|_| 0)),
            2 => value = (0..random.below(300)).map(|_| random.byte()).collect(),
            3 => {
                let other = &corpus[random.below(corpus.len())].2;
                value.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
            4 => {
                let at = random.below(value.len() + 1);
                value.insert(at, random.byte());
            }
            _ => {
                let at = random.below(value.len());
                if let Some(byte) = value.get_mut(at) {
                    *byte = random.byte();
                }
            }
        }
    }
    // No stack writes or notifies more.
    value.truncate(512);
    (arm, characteristic, value)
}

/// Runs `one` for the time there is, and says how often.
fn run(name: &str, mut one: impl FnMut(&mut Random)) {
    let time = Duration::from_millis(from_environment("FUZZ_SECONDS", 0).max(1) * 1000).min(
        if std::env::var_os("FUZZ_SECONDS").is_some() { Duration::MAX } else { Duration::from_millis(300) },
    );
    let mut random = Random(from_environment("FUZZ_SEED", 1) | 1);
    let (start, mut count) = (Instant::now(), 0_u64);
    while start.elapsed() < time {
        for _ in 0..100 {
            one(&mut random);
        }
        count += 100;
    }
    println!("{name}: {count} packets");
}

#[test]
fn drivers_read_or_refuse_any_packet() {
    for device in devices() {
        let model = device.model();
        let (_, notified) = conversation(&*device);
        assert!(!notified.is_empty(), "{} says nothing", model.id);
        let mut driver = device.driver();
        let mut now = Duration::ZERO;
        let mut out = Vec::new();
        run(model.id, |random| {
            let (arm, characteristic, value) = mutate(random, &notified);
            now += Duration::from_millis(random.below(200) as u64);
            driver.receive(arm, characteristic, &value, now, &mut out);
            match random.below(200) {
                0 => driver.audio_paused(&mut out),
                1 => driver.disconnected(arm),
                2 => drop(driver.microphone(arm, true)),
                _ => {}
            }
            for received in out.drain(..) {
                if let Received::Audio { lost, frames } = received {
                    assert!(lost < 1_000_000, "{}: {lost} frames lost", model.id);
                    let format = model.microphone.expect("audio has a microphone").format;
                    assert!(frames.iter().all(|frame| format.accepts(frame.len())), "{}", model.id);
                }
            }
        });
    }
}

#[test]
fn virtual_glasses_take_or_refuse_any_write() {
    for device in devices() {
        let (mut written, notified) = conversation(&*device);
        // Devices that are never written to get what others would.
        written.extend(notified);
        let mut firmware: Box<dyn Firmware> = device.firmware(&FirmwareOptions::default());
        let mut now = Duration::ZERO;
        let mut out = Vec::new();
        run(device.model().id, |random| {
            let (arm, characteristic, value) = mutate(random, &written);
            now += Duration::from_millis(1);
            firmware.written(arm, characteristic, &value, now, &mut out);
            if random.below(500) == 0 {
                firmware.tick(now, &Voice::default(), &mut out);
            }
            for sent in out.drain(..) {
                let audio = matches!(sent.kind, EmissionKind::Audio { .. });
                assert!(audio || sent.value.len() <= 512, "{} bytes", sent.value.len());
            }
        });
    }
}
