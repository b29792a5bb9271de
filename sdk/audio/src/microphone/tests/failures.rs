//! Each failure that has been seen, and how it ends.

use std::time::Duration;

use glasslink_protocol::{MAX_REARMS, REARM_INTERVAL};

use super::fake::{CHUNK, FakeSystem, Rig, Signal, chosen, is_from, microphone, pass, seconds};
use crate::Source;
use crate::microphone::{DeviceCause, DeviceChoice, MicrophoneState, OpenMicrophoneError};

fn two() -> FakeSystem {
    FakeSystem::with([microphone("desk"), microphone("headset").by_default()])
}

#[tokio::test(start_paused = true)]
async fn unplugged_told_once_the_default_takes_over_and_the_chosen_one_comes_back() {
    // One error, as PulseAudio gives it, and as many as ALSA gives in a moment.
    for errors in [1, 50] {
        let system = two();
        let mut rig = Rig::new(&system, chosen("desk"));
        rig.run(seconds(4.0)).await;
        system.unplug("desk", DeviceCause::Unplugged, errors);
        rig.run(seconds(0.1)).await;
        assert_eq!(rig.state(), MicrophoneState::Away { cause: DeviceCause::Unplugged, given_up: false });
        rig.run(seconds(2.9)).await;
        assert!(is_from(&rig.state(), "headset", true), "{:?}", rig.state());
        rig.run(seconds(4.0)).await;
        system.plug(microphone("desk"));
        rig.run(seconds(3.0)).await;
        assert!(is_from(&rig.state(), "desk", false), "{:?}", rig.state());
        rig.assert_time();
        let stats = rig.microphone.control().stats();
        assert_eq!((stats.failures, stats.recoveries), (1, 1), "{:?}", rig.states);
        assert_eq!(rig.states.len(), 6, "each told once: {:?}", rig.states);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plug_that_is_moved_needs_no_other_microphone() {
    let system = two();
    let mut rig = Rig::new(&system, chosen("desk"));
    rig.run(seconds(4.0)).await;
    system.unplug("desk", DeviceCause::Unplugged, 1);
    rig.run(seconds(0.5)).await;
    system.plug(microphone("desk"));
    rig.run(seconds(1.0)).await;
    assert!(is_from(&rig.state(), "desk", false), "{:?}", rig.state());
    assert_eq!(system.opened(), ["desk", "desk"]);
    rig.assert_time();
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_gone_without_a_word_is_found_out() {
    // PipeWire goes on with zeros, PulseAudio with the default device.
    for goes_on_with in [Signal::Zeros, Signal::Tone] {
        let system = two();
        let mut rig = Rig::new(&system, chosen("desk"));
        rig.run(seconds(4.0)).await;
        system.unplug_silently("desk", goes_on_with);
        rig.run(seconds(3.0)).await;
        assert!(is_from(&rig.state(), "headset", true), "{:?}", rig.states);
        assert_eq!(rig.microphone.control().stats().failures, 1);
        rig.assert_time();
    }
}

#[tokio::test(start_paused = true)]
async fn a_muted_microphone_is_told_and_not_opened_again() {
    let system = two();
    let mut rig = Rig::new(&system, chosen("desk"));
    rig.run(seconds(2.0)).await;
    system.change("desk", |device| device.signal = Signal::Zeros);
    rig.run(seconds(3.1)).await;
    assert!(matches!(rig.state(), MicrophoneState::Silent { .. }), "{:?}", rig.state());
    rig.run(seconds(120.0)).await;
    system.change("desk", |device| device.signal = Signal::Tone);
    rig.run(seconds(0.1)).await;
    assert!(is_from(&rig.state(), "desk", false));
    assert_eq!(system.opened(), ["desk"]);
    assert!(rig.gaps.is_empty(), "silence is audio");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_killed_is_waited_for() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(4.0)).await;
    system.kill_server();
    rig.run(seconds(0.1)).await;
    assert_eq!(rig.state(), MicrophoneState::Away { cause: DeviceCause::NoServer, given_up: false });
    rig.run(seconds(600.0)).await;
    assert_eq!(rig.state(), MicrophoneState::Away { cause: DeviceCause::NoServer, given_up: false });
    system.start_server();
    rig.run(seconds(1.0)).await;
    assert!(is_from(&rig.state(), "desk", false), "{:?}", rig.state());
    assert_eq!(rig.states.len(), 4, "{:?}", rig.states);
    rig.assert_time();
}

// SPEC P13.3
#[tokio::test(start_paused = true)]
async fn a_device_that_stops_is_opened_again_three_times_30_s_apart_and_then_given_up() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(10.0)).await;
    system.change("desk", |device| device.signal = Signal::Nothing);
    let mut opened = vec![];
    let start = tokio::time::Instant::now();
    for _ in 0..(600.0 / CHUNK.as_secs_f64()) as u32 {
        rig.run(CHUNK).await;
        if system.opened().len() > opened.len() + 1 {
            opened.push(start.elapsed());
        }
    }
    assert_eq!(opened.len(), MAX_REARMS as usize, "{opened:?}");
    assert!((seconds(3.0)..seconds(3.2)).contains(&opened[0]), "{opened:?}");
    assert!(opened.windows(2).all(|pair| pair[1] >= pair[0] + REARM_INTERVAL), "{opened:?}");
    assert_eq!(rig.state(), MicrophoneState::Away { cause: DeviceCause::Stalled, given_up: true });
    let stats = rig.microphone.control().stats();
    assert_eq!((stats.failures, stats.rearms, stats.given_up, stats.recoveries), (1, 3, 1, 0));

    system.change("desk", |device| device.signal = Signal::Tone);
    rig.run(seconds(60.0)).await;
    assert_eq!(opened.len() + 1, system.opened().len(), "given up is given up");
    rig.microphone.control().rearm();
    rig.run(seconds(1.0)).await;
    assert!(is_from(&rig.state(), "desk", false), "{:?}", rig.state());
    assert_eq!(rig.microphone.control().stats().recoveries, 1);
    rig.assert_time();
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_tried_when_it_is_plugged_in_again() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(10.0)).await;
    system.change("desk", |device| device.signal = Signal::Nothing);
    rig.run(seconds(200.0)).await;
    assert!(matches!(rig.state(), MicrophoneState::Away { given_up: true, .. }));
    system.unplug("desk", DeviceCause::Unplugged, 0);
    rig.run(seconds(2.0)).await;
    system.plug(microphone("desk").by_default());
    rig.run(seconds(2.0)).await;
    assert!(is_from(&rig.state(), "desk", false), "{:?}", rig.state());
}

#[tokio::test(start_paused = true)]
async fn a_device_that_dies_as_soon_as_it_is_opened_makes_no_loop() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(10.0)).await;
    // It comes back each time, as a device does that its own opening resets.
    for _ in 0..300 {
        system.unplug("desk", DeviceCause::Unplugged, 1);
        rig.run(seconds(1.0)).await;
        system.plug(microphone("desk").by_default());
        rig.run(seconds(1.0)).await;
    }
    assert!(system.opened().len() <= 4 + 600 / 30, "{} in 10 minutes", system.opened().len());
}

#[tokio::test(start_paused = true)]
async fn opening_that_hangs_is_let_go_after_5_s_and_the_default_takes_over() {
    let system = two();
    system.change("desk", |device| device.hangs = true);
    let mut rig = Rig::new(&system, chosen("desk"));
    rig.run(seconds(4.9)).await;
    assert_eq!(rig.state(), MicrophoneState::Opening);
    rig.run(seconds(3.0)).await;
    assert!(is_from(&rig.state(), "headset", true), "{:?}", rig.state());
}

#[tokio::test(start_paused = true)]
async fn a_sound_system_that_does_not_answer_is_asked_again_no_sooner_than_30_s() {
    let system = two();
    system.hang_lists();
    let mut rig = Rig::new(&system, chosen("desk"));
    rig.run(seconds(5.1)).await;
    assert_eq!(rig.state(), MicrophoneState::Away { cause: DeviceCause::NoServer, given_up: false });
}

#[tokio::test(start_paused = true)]
async fn a_busy_device_is_tried_again_and_the_default_is_used_meanwhile() {
    let system = two();
    system.change("desk", |device| device.refuses = Some(DeviceCause::Busy));
    let mut rig = Rig::new(&system, chosen("desk"));
    rig.run(seconds(0.5)).await;
    assert_eq!(rig.state(), MicrophoneState::Away { cause: DeviceCause::Busy, given_up: false });
    rig.run(seconds(3.0)).await;
    assert!(is_from(&rig.state(), "headset", true), "{:?}", rig.state());
}

#[tokio::test(start_paused = true)]
async fn one_stall_seen_by_the_link_and_by_the_watchdog_is_one() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(10.0)).await;
    rig.microphone.rearm();
    rig.run(seconds(1.0)).await;
    assert_eq!(system.opened(), ["desk"], "it gives frames: nothing to do");
    system.change("desk", |device| device.signal = Signal::Nothing);
    rig.run(seconds(2.0)).await;
    system.change("desk", |device| device.signal = Signal::Tone);
    rig.microphone.rearm();
    rig.run(seconds(0.5)).await;
    rig.microphone.rearm();
    rig.run(seconds(10.0)).await;
    assert_eq!(system.opened(), ["desk", "desk"]);
    assert_eq!(rig.microphone.control().stats().stalls, 1);
}

#[tokio::test(start_paused = true)]
async fn who_was_starved_looks_twice_before_a_device_has_stopped() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(2.0)).await;
    // Nobody ran for 20 s, and the first look comes before the sound system's thread did.
    tokio::time::advance(Duration::from_secs(20)).await;
    rig.take();
    rig.run(seconds(2.0)).await;
    assert_eq!(system.opened(), ["desk"]);
    assert_eq!(rig.microphone.control().stats().stalls, 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_record_from_is_told_at_once_with_what_to_do() {
    let nothing = FakeSystem::default();
    let down = FakeSystem::with([microphone("desk")]);
    down.kill_server();
    for (system, expected) in [(nothing, DeviceCause::NoDevice), (down, DeviceCause::NoServer)] {
        let mut rig = Rig::new(&system, DeviceChoice::default());
        let refused = rig.microphone.begin().await.unwrap_err();
        assert_eq!(refused, OpenMicrophoneError::Device { cause: expected });
        assert!(refused.to_string().contains(expected.remedy()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_microphone_that_may_not_be_used_is_told_as_such() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    system.change("desk", |device| device.refuses = Some(DeviceCause::Denied));
    let mut rig = Rig::new(&system, DeviceChoice::default());
    let refused = rig.microphone.begin().await.unwrap_err();
    assert_eq!(refused, OpenMicrophoneError::Device { cause: DeviceCause::Denied });
}

#[tokio::test(start_paused = true)]
async fn opening_waits_until_audio_comes_and_loses_none_of_it() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    let delivering = async {
        loop {
            pass(&system, CHUNK).await;
        }
    };
    tokio::select! {
        opened = rig.microphone.begin() => opened.unwrap(),
        () = delivering => unreachable!(),
    }
    rig.run(seconds(1.0)).await;
    assert!(rig.frames >= 97, "{}", rig.frames);
}
