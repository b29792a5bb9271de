use glasslink_protocol::GapCause;

use super::fake::{FakeSystem, Rig, Signal, chosen, device, is_from, microphone, pass, seconds};
use crate::microphone::{DeviceCause, Microphone};
use crate::microphone::{DeviceChoice, InputKind, MicrophoneState, OpenMicrophoneError};

/// How much of `samples` is the tone, from 0 to 1.
fn purity(samples: &[i16], rate: f64) -> f64 {
    let (mut sine, mut cosine, mut all) = (0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let (sin, cos) = (n as f64 * 440.0 / rate * std::f64::consts::TAU).sin_cos();
        let sample = f64::from(*sample);
        sine += sample * sin;
        cosine += sample * cos;
        all += sample * sample;
    }
    (2.0 * (sine * sine + cosine * cosine) / samples.len() as f64 / all).sqrt()
}

#[tokio::test(start_paused = true)]
async fn any_rate_and_number_of_channels_gives_the_same_audio() {
    let native = [(48_000, 2), (44_100, 2), (16_000, 1), (8_000, 1), (22_050, 1), (96_000, 6), (192_000, 32)];
    for (rate, channels) in native {
        for wanted in [16_000, 48_000] {
            let system = FakeSystem::with([microphone("desk").by_default().format(rate, channels)]);
            let mut rig = Rig::at(&system, DeviceChoice::default(), wanted);
            rig.run(seconds(2.0)).await;
            assert!(rig.gaps.is_empty(), "{rate} Hz, {channels} channels");
            assert!((188..=200).contains(&rig.frames), "{rate} Hz, {channels} channels: {}", rig.frames);
            let purity = purity(&rig.samples[wanted as usize / 10..], f64::from(wanted));
            assert!(purity > 0.999, "{rate} Hz, {channels} channels to {wanted} Hz: {purity}");
            rig.assert_time();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_is_a_microphone_even_where_the_system_says_a_monitor() {
    let monitor = device("speaker.monitor", InputKind::SystemAudio).by_default();
    let system = FakeSystem::with([monitor, microphone("desk")]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(1.0)).await;
    assert!(is_from(&rig.state(), "desk", false), "{:?}", rig.state());

    let mut rig = Rig::new(&system, DeviceChoice::Default(InputKind::SystemAudio));
    rig.run(seconds(1.0)).await;
    assert!(is_from(&rig.state(), "speaker.monitor", false));
}

#[tokio::test(start_paused = true)]
async fn two_devices_at_once_do_not_touch_each_other() {
    let monitor = device("speaker.monitor", InputKind::SystemAudio).by_default();
    let system = FakeSystem::with([microphone("desk").by_default(), monitor]);
    let mut desk = Rig::new(&system, DeviceChoice::default());
    let mut speaker = Rig::new(&system, chosen("speaker.monitor"));
    for _ in 0..300 {
        pass(&system, super::fake::CHUNK).await;
        desk.take();
        speaker.take();
    }
    system.unplug("desk", DeviceCause::Unplugged, 1);
    for _ in 0..300 {
        pass(&system, super::fake::CHUNK).await;
        desk.take();
        speaker.take();
    }
    assert!(matches!(desk.state(), MicrophoneState::Away { cause: DeviceCause::Unplugged, .. }));
    assert!(is_from(&speaker.state(), "speaker.monitor", false));
    assert!(speaker.gaps.is_empty() && speaker.frames > 1_190, "{}", speaker.frames);
}

#[tokio::test(start_paused = true)]
async fn what_the_computer_plays_may_be_silent() {
    let mut monitor = device("speaker.monitor", InputKind::SystemAudio).by_default();
    monitor.signal = Signal::Zeros;
    let system = FakeSystem::with([monitor]);
    let mut rig = Rig::new(&system, DeviceChoice::Default(InputKind::SystemAudio));
    rig.run(seconds(60.0)).await;
    assert!(is_from(&rig.state(), "speaker.monitor", false));
    assert_eq!(rig.states.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_systems_default_is_followed() {
    let system = FakeSystem::with([microphone("desk").by_default(), microphone("headset")]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(5.0)).await;
    system.change("desk", |device| device.device.is_default = false);
    system.change("headset", |device| device.device.is_default = true);
    rig.run(seconds(3.0)).await;
    assert!(is_from(&rig.state(), "headset", false), "{:?}", rig.state());
    assert_eq!(rig.microphone.control().stats().failures, 0);
    rig.assert_time();
}

#[tokio::test(start_paused = true)]
async fn a_person_may_choose_another_one_at_any_time() {
    let system = FakeSystem::with([microphone("desk").by_default(), microphone("headset")]);
    let mut rig = Rig::new(&system, chosen("desk"));
    rig.run(seconds(2.0)).await;
    rig.microphone.control().choose(chosen("headset"));
    rig.run(seconds(2.0)).await;
    assert!(is_from(&rig.state(), "headset", false));
    assert_eq!(system.open(), ["headset"]);
    rig.assert_time();
}

#[tokio::test(start_paused = true)]
async fn a_pause_closes_the_device_and_is_a_gap_of_its_length() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(2.0)).await;
    rig.microphone.control().pause();
    rig.run(seconds(0.1)).await;
    assert_eq!(system.open(), [""; 0], "nobody listens");
    assert!(!rig.gaps.is_empty(), "who counts the frames is told at once");
    rig.run(seconds(59.9)).await;
    assert_eq!(rig.state(), MicrophoneState::Paused);
    rig.microphone.control().resume();
    rig.run(seconds(2.0)).await;
    assert!(is_from(&rig.state(), "desk", false));
    assert!(rig.gap_frames().abs_diff(6_000) <= 6, "{}", rig.gap_frames());
    assert!(rig.gaps.iter().all(|(_, cause)| *cause == GapCause::Absent));
    rig.assert_time();
}

#[tokio::test(start_paused = true)]
async fn when_it_is_stopped_the_last_word_is_in() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(2.01)).await;
    let frames = rig.frames;
    rig.microphone.control().stop();
    rig.run(seconds(0.5)).await;
    assert!(rig.ended);
    assert!(rig.frames > frames, "what was on its way when it was stopped");
    assert_eq!(rig.state(), MicrophoneState::Stopped);
    assert_eq!(system.open(), [""; 0]);
    rig.assert_time();
}

#[tokio::test(start_paused = true)]
async fn stopped_while_away_the_time_until_then_is_a_gap() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(2.0)).await;
    system.unplug("desk", DeviceCause::Unplugged, 1);
    rig.run(seconds(7.5)).await;
    rig.microphone.control().stop();
    rig.run(seconds(0.1)).await;
    assert!(rig.ended);
    let counted = rig.frames + rig.gap_frames();
    assert!((940..=951).contains(&counted), "9.5 s less what opening took: {counted}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_runs_fast_is_measured() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(1.0)).await;
    assert_eq!(rig.microphone.control().stats().drift_ppm, None);
    system.set_speed(1.000_1);
    rig.run(seconds(180.0)).await;
    let drift = rig.microphone.control().stats().drift_ppm.unwrap();
    assert!((drift - 100.0).abs() < 20.0, "{drift}");
    assert!(rig.gaps.is_empty(), "drift is no gap");
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_for_too_long_is_told_what_was_lost() {
    let system = FakeSystem::with([microphone("desk").by_default()]);
    let mut rig = Rig::new(&system, DeviceChoice::default());
    rig.run(seconds(2.0)).await;
    for _ in 0..400 {
        pass(&system, super::fake::CHUNK).await;
    }
    rig.run(seconds(2.0)).await;
    assert_eq!(rig.gaps.len(), 1);
    let (frames, cause) = rig.gaps[0];
    assert_eq!(cause, GapCause::Overflow);
    assert!((290..=310).contains(&frames), "8 s, of which 5 fit: {frames}");
    assert!(is_from(&rig.state(), "desk", false));
    rig.assert_time();
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_frames_cannot_have_is_refused() {
    for rate in [7_999, 11_025, 96_000] {
        let refused =
            Microphone::open_on(|| unreachable!("no device is asked"), DeviceChoice::default(), rate);
        assert_eq!(refused.await.unwrap_err(), OpenMicrophoneError::SampleRate(rate));
    }
}
