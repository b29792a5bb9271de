//! Microphones on a real sound server, which is unplugged from, killed, silent, and gone.
//!
//! Each runs in a process with a server of its own. Times are strict with `GLASSLINK_NIGHTLY=1`.

mod rig;

use std::time::Duration;

use glasslink_audio::microphone::{
    DeviceCause, DeviceChoice, DeviceId, InputKind, Microphone, MicrophoneState, OpenMicrophoneError,
    input_devices,
};
use rig::{Heard, Server};

async fn id_of(name: &str) -> DeviceId {
    let devices = input_devices().await.unwrap();
    let found = devices.iter().find(|device| device.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {devices:?}")).id.clone()
}

async fn open(name: &str) -> Heard {
    let choice = DeviceChoice::Device(id_of(name).await);
    Heard::from(Microphone::open(choice, 48_000).await.unwrap())
}

fn is_from(name: &str, is_instead: bool) -> impl Fn(&MicrophoneState) -> bool {
    move |state| {
        matches!(state, MicrophoneState::Capturing { device, instead }
            if device.name == name && *instead == is_instead)
    }
}

/// A tone that rises from 200 to 2,000 Hz: each half second of it is like no other.
fn chirp(seconds: f64) -> Vec<i16> {
    let sample = |n: usize| {
        let t = n as f64 / 48_000.0;
        let phase = std::f64::consts::TAU * (200.0 * t + 900.0 * t * t / seconds);
        (phase.sin() * 16_000.0) as i16
    };
    (0..(seconds * 48_000.0) as usize).map(sample).collect()
}

fn tone(seconds: usize) -> Vec<i16> {
    (0..seconds * 48_000).map(|n| ((n as f64 * 0.05).sin() * 8_000.0) as i16).collect()
}

fn correlation(a: &[i16], b: &[i16]) -> f64 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// Where `piece` lies in `heard`.
fn find(piece: &[i16], heard: &[i16]) -> Option<usize> {
    const STEP: usize = 8;
    let thin = |samples: &[i16]| samples.iter().step_by(STEP).copied().collect::<Vec<_>>();
    let (short, long) = (thin(piece), thin(heard));
    let at = |place: usize| correlation(&short, &long[place..]);
    let last = long.len().checked_sub(short.len())?;
    let coarse = (0..=last).max_by(|a, b| at(*a).total_cmp(&at(*b)))? * STEP;
    let near = coarse.saturating_sub(STEP)..=(coarse + STEP).min(heard.len() - piece.len());
    near.max_by(|a, b| correlation(piece, &heard[*a..]).total_cmp(&correlation(piece, &heard[*b..])))
}

/// How much each half second of `played` is like what was heard where it has to be.
fn likeness(played: &[i16], heard: &[i16]) -> Vec<f64> {
    const HALF: usize = 24_000;
    let Some(place) = find(&played[HALF..HALF * 2], heard) else { return Vec::new() };
    let halves = played.chunks_exact(HALF).enumerate().skip(1);
    let like = |(n, half): (usize, &[i16])| {
        let at = place + (n - 1) * HALF;
        heard.get(at..at + HALF).map_or(0.0, |heard| correlation(half, heard))
    };
    halves.map(like).collect()
}

#[test]
fn devices_have_names_for_a_person_and_ids_that_find_them_again() {
    rig::run("devices_have_names_for_a_person_and_ids_that_find_them_again", |dir| async move {
        let _server = Server::start(&dir);
        let _plug = rig::plug("desk");
        rig::set_default("desk");
        let devices = input_devices().await.unwrap();
        let known: Vec<_> =
            devices.iter().map(|device| (device.name.as_str(), device.kind, device.is_default)).collect();
        let expected = [
            ("Monitor of Speaker", InputKind::SystemAudio, true),
            ("desk microphone", InputKind::Microphone, true),
        ];
        assert_eq!(known, expected);
        for device in &devices {
            let choice = DeviceChoice::Device(DeviceId::new(device.id.as_str()));
            let microphone = Microphone::open(choice, 16_000).await.unwrap();
            assert!(is_from(&device.name, false)(&microphone.control().state()));
        }
    });
}

#[test]
fn what_is_played_is_what_is_heard() {
    rig::run("what_is_played_is_what_is_heard", |dir| async move {
        let _server = Server::start(&dir);
        let _plug = rig::plug("desk");
        let played = chirp(3.0);
        // A machine that does other things at the same time may lose a callback: it has three tries.
        let tries = if rig::is_strict() { 1 } else { 3 };
        let mut best = Vec::new();
        for _ in 0..tries {
            let mut heard = open("desk microphone").await;
            heard.listen(Duration::from_millis(500)).await;
            let playing = rig::play(&played);
            heard.listen(Duration::from_millis(4_500)).await;
            drop(playing);
            heard.control.stop();
            heard.listen_to_the_end().await;
            heard.assert_time();
            best = likeness(&played, &heard.samples);
            println!("correlation by half second: {best:.5?}");
            if best.len() == 5 && best.iter().all(|like| *like >= 0.99) {
                return;
            }
        }
        panic!("correlation by half second: {best:.5?}");
    });
}

#[test]
fn unplugged_another_takes_over_and_replugged_it_is_back() {
    rig::run("unplugged_another_takes_over_and_replugged_it_is_back", |dir| async move {
        let _server = Server::start(&dir);
        let (desk, _headset) = (rig::plug("desk"), rig::plug("headset"));
        rig::set_default("headset");
        let _playing = rig::play(&tone(120));
        let mut heard = open("desk microphone").await;
        heard.listen(Duration::from_secs(2)).await;
        desk.pull();
        heard
            .until("away", |state| {
                matches!(state, MicrophoneState::Away { cause: DeviceCause::Unplugged, .. })
            })
            .await;
        heard.until("from the other", is_from("headset microphone", true)).await;
        heard.listen(Duration::from_secs(1)).await;
        let _desk = rig::plug("desk");
        heard.until("back", is_from("desk microphone", false)).await;
        heard.listen(Duration::from_secs(1)).await;
        heard.assert_time();
        let stats = heard.control.stats();
        assert_eq!((stats.failures, stats.recoveries), (1, 1), "told once");
        assert!(heard.gap_frames() > 0);
    });
}

#[test]
fn a_server_that_is_killed_is_waited_for_and_used_again() {
    rig::run("a_server_that_is_killed_is_waited_for_and_used_again", |dir| async move {
        let server = Server::start(&dir);
        let _plug = rig::plug("desk");
        let playing = rig::play(&tone(120));
        let mut heard = open("desk microphone").await;
        heard.listen(Duration::from_secs(2)).await;
        server.kill();
        drop(playing);
        heard.until("away", |state| matches!(state, MicrophoneState::Away { .. })).await;
        heard.listen(Duration::from_secs(3)).await;
        assert!(matches!(heard.control.state(), MicrophoneState::Away { given_up: false, .. }));
        let _server = Server::start(&dir);
        let _plug = rig::plug("desk");
        let _playing = rig::play(&tone(120));
        heard.until("back", is_from("desk microphone", false)).await;
        heard.listen(Duration::from_secs(1)).await;
        heard.assert_time();
        assert_eq!(heard.control.stats().failures, 1, "told once");
    });
}

#[test]
fn silence_that_no_room_has_is_told_and_ends_with_the_first_sound() {
    rig::run("silence_that_no_room_has_is_told_and_ends_with_the_first_sound", |dir| async move {
        let _server = Server::start(&dir);
        let _plug = rig::plug("desk");
        let mut heard = open("desk microphone").await;
        heard.until("silent", |state| matches!(state, MicrophoneState::Silent { .. })).await;
        let _playing = rig::play(&tone(60));
        heard.until("heard", is_from("desk microphone", false)).await;
        heard.listen(Duration::from_secs(1)).await;
        heard.assert_time();
        assert_eq!(heard.control.stats().failures, 0, "silence is audio");
    });
}

#[test]
fn a_microphone_and_system_audio_at_once_are_two_whole_streams() {
    rig::run("a_microphone_and_system_audio_at_once_are_two_whole_streams", |dir| async move {
        let _server = Server::start(&dir);
        let desk = rig::plug("desk");
        let _playing = rig::play(&tone(60));
        let (mut microphone, mut system) = (open("desk microphone").await, open("Monitor of Speaker").await);
        let both = Duration::from_secs(3);
        tokio::join!(microphone.listen(both), system.listen(both));
        desk.pull();
        tokio::join!(microphone.listen(both), system.listen(both));
        assert!(matches!(microphone.control.state(), MicrophoneState::Away { .. }));
        assert!(is_from("Monitor of Speaker", false)(&system.control.state()));
        system.assert_time();
        assert_eq!(system.control.stats().failures, 0);
        microphone.control.stop();
        microphone.listen_to_the_end().await;
        assert!(microphone.gap_frames() > 0, "the time until it was stopped is told");
    });
}

#[test]
fn without_a_server_nothing_hangs_and_the_reason_is_told() {
    rig::run("without_a_server_nothing_hangs_and_the_reason_is_told", |_| async move {
        let opened =
            tokio::time::timeout(rig::limit() * 3, Microphone::open(DeviceChoice::default(), 48_000));
        let refused = opened.await.expect("it ends by itself").unwrap_err();
        let OpenMicrophoneError::Device { cause } = refused else { panic!("{refused:?}") };
        assert_eq!(cause, DeviceCause::NoServer, "{}", cause.remedy());
        let shown: Vec<_> = input_devices().await.unwrap_or_default();
        assert!(shown.iter().all(|device| !device.id.as_str().contains("null")), "{shown:?}");
    });
}
