use std::sync::Arc;
use std::time::Duration;

use glasslink_audio::Source;
use glasslink_protocol::GapCause;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::microphone::Heard;
use crate::virtual_glasses::{Fault, Faults, FirmwareOptions, VirtualGlasses};
use crate::{
    Arm, Device, Event, Gesture, Microphone, Registry, Remembered, Screen, Transport, Trouble, discover,
};

fn device() -> Arc<dyn Device> {
    Registry::standard().get("even-g1").unwrap()
}

fn virtual_pair(options: &FirmwareOptions, faults: Faults) -> VirtualGlasses {
    VirtualGlasses::new(&*device(), options, faults)
}

async fn pair(air: &VirtualGlasses) -> Remembered {
    let found = discover(air, &Registry::standard(), Duration::from_secs(1)).await.unwrap();
    found[0].remember().unwrap()
}

async fn open(air: &VirtualGlasses) -> Glasses {
    let remembered = pair(air).await;
    Glasses::open(Arc::new(air.clone()), device(), &remembered)
}

/// Waits for a status; a minute of virtual time is for ever.
async fn until(glasses: &Glasses, reached: impl Fn(&Status) -> bool) -> Status {
    let mut status = glasses.status();
    let status = timeout(Duration::from_mins(1), status.wait_for(|status| reached(status))).await;
    let Ok(status) = status else { panic!("never reached; {:?}", glasses.status().borrow().clone()) };
    status.unwrap().clone()
}

async fn ready(air: &VirtualGlasses) -> Glasses {
    let glasses = open(air).await;
    until(&glasses, |status| status.state() == GlassesState::Ready).await;
    glasses
}

fn text(line: &str) -> Screen {
    Screen::Text(vec![line.into()])
}

async fn shown(air: &VirtualGlasses, line: &str, lenses: usize) {
    let wait = async {
        while air.lenses().iter().filter(|lens| lens.lines == [line]).count() < lenses {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(Duration::from_mins(1), wait).await.is_ok(), "{line}: {:?}", air.lenses());
}

async fn hear(microphone: &mut Microphone, time: Duration) -> Vec<Heard> {
    let mut all = Vec::new();
    let end = Instant::now() + time;
    while let Ok(Some(heard)) =
        tokio::time::timeout_at(end, std::future::poll_fn(|cx| microphone.poll_heard(cx))).await
    {
        all.push(heard);
    }
    all
}

fn count(heard: &[Heard], cause: Option<GapCause>) -> u64 {
    heard
        .iter()
        .map(|heard| match heard {
            Heard::Frame { .. } => u64::from(cause.is_none()),
            Heard::Gap { frames, cause: other } => {
                if cause == Some(*other) {
                    *frames
                } else {
                    0
                }
            }
        })
        .sum()
}

#[tokio::test(start_paused = true)]
async fn both_arms_come_up_and_show_the_same_page() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    glasses.show(text("hello")).unwrap();
    shown(&air, "hello", 2).await;
    glasses.show(Screen::Blank).unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(air.lenses().iter().all(|lens| lens.lines.is_empty()));
    assert_eq!(
        until(&glasses, |status| status.arms.iter().all(|arm| arm.battery == Some(87))).await.troubles,
        []
    );
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_audio_arrives_whole_and_what_the_radio_lost_is_counted() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults { packet_loss: 0.02, ..Faults::default() });
    let glasses = ready(&air).await;
    let mut microphone = glasses.microphone().unwrap();
    let heard = hear(&mut microphone, Duration::from_mins(1)).await;
    drop(microphone);
    let ledger = air.ledger();
    assert!(ledger.lost > 0);
    assert_eq!(count(&heard, Some(GapCause::Radio)), ledger.lost);
    assert_eq!(count(&heard, Some(GapCause::Absent)), 0);
    assert!(count(&heard, None) + ledger.lost >= 5980, "{} frames", count(&heard, None));
}

#[tokio::test(start_paused = true)]
async fn swapped_packets_are_no_loss() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults { reorder: 0.1, ..Faults::default() });
    let glasses = ready(&air).await;
    let mut microphone = glasses.microphone().unwrap();
    let heard = hear(&mut microphone, Duration::from_secs(30)).await;
    assert_eq!(count(&heard, Some(GapCause::Radio)), 0);
    assert!(count(&heard, None) >= 2960);
}

#[tokio::test(start_paused = true)]
async fn one_arm_down_leaves_text_on_the_other_and_comes_back_with_everything() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    let mut microphone = glasses.microphone().unwrap();
    hear(&mut microphone, Duration::from_secs(20)).await;
    air.fault(Fault::LoseArm { arm: Arm::Right, back: Duration::from_secs(5) });
    let status = until(&glasses, |status| status.state() == GlassesState::Degraded).await;
    assert_eq!(status.troubles, [Trouble::LinkLost(Arm::Right)]);
    assert_eq!(status.microphone, MicrophoneState::Starting);
    glasses.show(text("one eye")).unwrap();
    shown(&air, "one eye", 1).await;
    // The other arm comes back: page and microphone are there again without being asked for.
    until(&glasses, |status| status.state() == GlassesState::Ready).await;
    shown(&air, "one eye", 2).await;
    let heard = hear(&mut microphone, Duration::from_secs(10)).await;
    let absent = count(&heard, Some(GapCause::Absent));
    assert!((480..800).contains(&absent), "{absent} frames absent");
    assert_eq!(count(&heard, Some(GapCause::Radio)), 0);
    assert_eq!(air.connections(Arm::Left), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_arm_is_tried_after_1_2_4_up_to_30_seconds() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    sleep(Duration::from_secs(20)).await;
    let mut status = glasses.status();
    air.fault(Fault::LoseArm { arm: Arm::Left, back: Duration::from_mins(10) });
    let mut waits = Vec::new();
    while waits.len() < 7 {
        status.changed().await.unwrap();
        if let ArmState::Waiting { attempt, retry_in } = status.borrow_and_update().arms[0].state
            && attempt as usize == waits.len() + 1
        {
            waits.push(retry_in.as_secs());
        }
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
}

#[tokio::test(start_paused = true)]
async fn replies_lost_late_or_doubled_do_not_keep_a_page_from_the_lenses() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    air.fault(Fault::LoseReplies { arm: Arm::Left, count: 1 });
    glasses.show(text("lost")).unwrap();
    shown(&air, "lost", 2).await;
    air.fault(Fault::DelayReplies { arm: Arm::Right, count: 2, by: Duration::from_secs(3) });
    glasses.show(text("late")).unwrap();
    shown(&air, "late", 2).await;
    air.fault(Fault::Duplicate { arm: Arm::Left, count: 3 });
    glasses.show(text("twice")).unwrap();
    shown(&air, "twice", 2).await;
    assert_eq!((air.connections(Arm::Left), air.connections(Arm::Right)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_in_mid_page_ends_with_the_page_on_both_lenses() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    air.fault(Fault::BreakAfterWrites { arm: Arm::Left, writes: 2 });
    let page = "a page of two packets ".repeat(12);
    glasses.show(text(&page)).unwrap();
    shown(&air, &page, 2).await;
}

#[tokio::test(start_paused = true)]
async fn only_the_newest_page_counts() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    air.fault(Fault::LoseReplies { arm: Arm::Left, count: 1 });
    for number in 0..100 {
        glasses.show(text(&format!("page {number}"))).unwrap();
    }
    shown(&air, "page 99", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_microphone_is_said_so_and_asked_again_a_bounded_number_of_times() {
    let options = FirmwareOptions { microphone_refused: true, ..FirmwareOptions::default() };
    let air = virtual_pair(&options, Faults::default());
    let glasses = ready(&air).await;
    let _microphone = glasses.microphone().unwrap();
    let status = until(&glasses, |status| status.microphone == MicrophoneState::Unavailable).await;
    assert_eq!(status.troubles, [Trouble::MicrophoneRefused]);
    sleep(Duration::from_mins(10)).await;
    assert_eq!(glasses.status().borrow().state(), GlassesState::Ready);
    assert_eq!(air.connections(Arm::Right), 1, "a refusal is no reason to reconnect");
}

#[tokio::test(start_paused = true)]
async fn a_small_mtu_shows_text_and_says_why_there_is_no_audio() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults { mtu: 185, ..Faults::default() });
    let glasses = ready(&air).await;
    let _microphone = glasses.microphone().unwrap();
    let status = until(&glasses, |status| status.microphone == MicrophoneState::Unavailable).await;
    assert_eq!(status.troubles, [Trouble::MtuTooSmall { mtu: 185, needed: 205 }]);
    glasses.show(text("hi")).unwrap();
    shown(&air, "hi", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_battery_an_other_phone_and_a_refused_pairing_are_told_apart() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    air.fault(Fault::BatteryDead(Arm::Left));
    until(&glasses, |status| status.troubles.contains(&Trouble::BatteryDead(Arm::Left))).await;
    air.fault(Fault::HoldElsewhere(Arm::Right));
    until(&glasses, |status| status.troubles.contains(&Trouble::HeldElsewhere(Arm::Right))).await;
    air.fault(Fault::Release(Arm::Right));
    air.fault(Fault::RefusePairing(Arm::Right));
    let blocked = until(&glasses, |status| status.arms[1].state == ArmState::Blocked).await;
    assert!(blocked.troubles.contains(&Trouble::PairingRefused(Arm::Right)));
    let asked = air.connections(Arm::Right);
    sleep(Duration::from_mins(10)).await;
    assert_eq!(air.connections(Arm::Right), asked, "a person who refused is not asked again");
    air.fault(Fault::Release(Arm::Right));
    glasses.retry();
    until(&glasses, |status| status.arms[1].state == ArmState::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn bluetooth_off_is_told_and_on_again_is_enough() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    air.fault(Fault::AdapterOff(Duration::from_secs(20)));
    until(&glasses, |status| status.troubles.contains(&Trouble::BluetoothOff)).await;
    let status = until(&glasses, |status| status.state() == GlassesState::Ready).await;
    assert_eq!(status.troubles, []);
}

#[tokio::test(start_paused = true)]
async fn glasses_that_never_come_are_said_to_be_missing() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let remembered = pair(&air).await;
    air.fault(Fault::LoseArm { arm: Arm::Left, back: Duration::from_secs(9999) });
    let glasses = Glasses::open(Arc::new(air.clone()), device(), &remembered);
    let status = until(&glasses, |status| !status.troubles.is_empty()).await;
    assert_eq!(status.troubles, [Trouble::NotFound(Arm::Left)]);
    assert!(status.troubles[0].words().contains("left arm"));
}

#[tokio::test(start_paused = true)]
async fn gestures_reach_the_program() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    let mut events = glasses.events();
    air.act(Event::Gesture(Gesture::Tap(Arm::Left)));
    let event = timeout(Duration::from_secs(1), events.recv()).await.unwrap().unwrap();
    assert_eq!(event, Event::Gesture(Gesture::Tap(Arm::Left)));
}

#[tokio::test(start_paused = true)]
async fn closing_turns_everything_off_and_lets_go() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    let mut microphone = glasses.microphone().unwrap();
    glasses.show(text("bye")).unwrap();
    shown(&air, "bye", 2).await;
    let status = glasses.status();
    glasses.close().await;
    hear(&mut microphone, Duration::from_secs(1)).await;
    let end = std::future::poll_fn(|cx| microphone.poll_heard(cx)).await;
    assert_eq!(end, None, "the microphone's stream ends");
    assert_eq!(status.borrow().state(), GlassesState::Closed);
    assert!(air.lenses().iter().all(|lens| lens.lines.is_empty()));
    let found = discover(&air, &Registry::standard(), Duration::from_secs(1)).await.unwrap();
    assert_eq!(found[0].missing(), None, "both arms advertise again");
}

#[tokio::test(start_paused = true)]
async fn a_scan_while_bluetooth_is_off_fails_with_that() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    air.fault(Fault::AdapterOff(Duration::from_secs(20)));
    let transport: &dyn Transport = &air;
    let result = discover(transport, &Registry::standard(), Duration::from_secs(1)).await;
    assert_eq!(result.err(), Some(crate::TransportError::AdapterOff));
}

/// Every device with a microphone, on a bad radio with arms lost: what was lost is told to the frame.
#[tokio::test(start_paused = true)]
async fn every_device_balances_on_a_bad_radio() {
    for device in Registry::standard().devices() {
        let model = device.model();
        let Some(listens) = model.microphone else { continue };
        let script = vec![
            (Duration::from_secs(30), Fault::LoseArm { arm: listens.arm, back: Duration::from_millis(500) }),
            (
                Duration::from_secs(45),
                Fault::LoseArm { arm: model.arms[0], back: Duration::from_millis(500) },
            ),
        ];
        let faults = Faults { packet_loss: 0.02, script, ..Faults::default() };
        let air = VirtualGlasses::new(&**device, &FirmwareOptions::default(), faults);
        let remembered = pair(&air).await;
        let glasses = Glasses::open(Arc::new(air.clone()), Arc::clone(device), &remembered);
        until(&glasses, |status| status.state() == GlassesState::Ready).await;
        let mut microphone = glasses.microphone().unwrap();
        let mut heard = hear(&mut microphone, Duration::from_mins(1)).await;
        let frames = microphone.format().frames_in(Duration::from_mins(1));
        air.set_packet_loss(0.0);
        heard.extend(hear(&mut microphone, Duration::from_secs(2)).await);
        glasses.close().await;
        heard.extend(hear(&mut microphone, Duration::from_millis(100)).await);
        let ledger = air.ledger();
        assert!(ledger.lost > 0, "{}", model.id);
        assert_eq!(count(&heard, Some(GapCause::Radio)), ledger.lost, "{} {ledger:?}", model.id);
        assert_eq!(count(&heard, None), ledger.delivered, "{} {ledger:?}", model.id);
        let all = heard.iter().map(|heard| match heard {
            Heard::Frame { .. } => 1,
            Heard::Gap { frames, .. } => *frames,
        });
        assert!(all.sum::<u64>() + 100 > frames, "{}: time has a hole", model.id);
        assert!(heard.iter().all(|heard| match heard {
            Heard::Frame { bytes, .. } => listens.format.accepts(bytes.len()),
            Heard::Gap { .. } => true,
        }));
    }
}

/// Every device with a display shows a page, and shows it again after each of its arms was lost.
#[tokio::test(start_paused = true)]
async fn every_display_shows_its_page_again_after_a_loss() {
    for device in Registry::standard().devices() {
        let model = device.model();
        if model.display.is_none() {
            continue;
        }
        let air = VirtualGlasses::new(&**device, &FirmwareOptions::default(), Faults::default());
        let remembered = pair(&air).await;
        let glasses = Glasses::open(Arc::new(air.clone()), Arc::clone(device), &remembered);
        until(&glasses, |status| status.state() == GlassesState::Ready).await;
        let _microphone = glasses.microphone();
        glasses.show(text("first")).unwrap();
        shown(&air, "first", model.arms.len()).await;
        glasses.show(text("here")).unwrap();
        shown(&air, "here", model.arms.len()).await;
        for &arm in model.arms {
            air.fault(Fault::LoseArm { arm, back: Duration::from_secs(2) });
            until(&glasses, |status| status.state() != GlassesState::Ready).await;
            until(&glasses, |status| status.state() == GlassesState::Ready).await;
            shown(&air, "here", model.arms.len()).await;
        }
        // Idle for ten minutes: heartbeats keep what there is to keep.
        sleep(Duration::from_mins(10)).await;
        shown(&air, "here", model.arms.len()).await;
        assert_eq!(glasses.status().borrow().troubles, [], "{}", model.id);
        glasses.show(Screen::Blank).unwrap();
        sleep(Duration::from_secs(2)).await;
        assert!(air.lenses().iter().all(|lens| lens.lines.is_empty()), "{}", model.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_microphone_is_armed_again_three_times_and_is_no_reason_to_reconnect() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    let mut microphone = glasses.microphone().unwrap();
    hear(&mut microphone, Duration::from_secs(40)).await;
    air.set_packet_loss(1.0);
    let status = until(&glasses, |status| status.microphone == MicrophoneState::Silent).await;
    assert_eq!(status.state(), GlassesState::Ready);
    let mut status = glasses.status();
    let given_up = status.wait_for(|status| status.troubles.contains(&Trouble::MicrophoneSilent));
    timeout(Duration::from_mins(3), given_up).await.unwrap().unwrap();
    sleep(Duration::from_mins(20)).await;
    assert_eq!((air.connections(Arm::Left), air.connections(Arm::Right)), (1, 1));
    // Sound that comes back is enough.
    air.set_packet_loss(0.0);
    let status = until(&glasses, |status| status.microphone == MicrophoneState::On).await;
    assert_eq!(status.troubles, []);
}

#[tokio::test(start_paused = true)]
async fn firmware_that_hangs_is_reconnected_at_the_pace_of_the_back_off() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    air.fault(Fault::LoseReplies { arm: Arm::Left, count: u32::MAX });
    let status = until(&glasses, |status| status.troubles.contains(&Trouble::NotAnswering(Arm::Left))).await;
    assert_eq!(status.troubles.len(), 1);
    sleep(Duration::from_mins(10)).await;
    assert!(air.connections(Arm::Left) <= 24, "{} connections", air.connections(Arm::Left));
    assert_eq!(air.connections(Arm::Right), 1);
    air.fault(Fault::LoseReplies { arm: Arm::Left, count: 0 });
    until(&glasses, |status| status.state() == GlassesState::Ready && status.troubles.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn audio_that_flows_is_not_interrupted_for_heartbeats_without_answers() {
    let air = virtual_pair(&FirmwareOptions::default(), Faults::default());
    let glasses = ready(&air).await;
    let mut microphone = glasses.microphone().unwrap();
    hear(&mut microphone, Duration::from_secs(5)).await;
    air.fault(Fault::LoseReplies { arm: Arm::Right, count: u32::MAX });
    let heard = hear(&mut microphone, Duration::from_mins(5)).await;
    assert_eq!(count(&heard, Some(GapCause::Absent)), 0);
    assert_eq!(air.connections(Arm::Right), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_the_wearer_left_comes_back_with_the_microphone() {
    let device = Registry::standard().get("even-g2").unwrap();
    let air = VirtualGlasses::new(&*device, &FirmwareOptions::default(), Faults::default());
    let remembered = pair(&air).await;
    let glasses = Glasses::open(Arc::new(air.clone()), device, &remembered);
    until(&glasses, |status| status.state() == GlassesState::Ready).await;
    let mut microphone = glasses.microphone().unwrap();
    glasses.show(text("still here")).unwrap();
    shown(&air, "still here", 2).await;
    hear(&mut microphone, Duration::from_secs(2)).await;
    air.act(Event::LeftPage);
    assert!(air.lenses()[0].lines.is_empty());
    shown(&air, "still here", 2).await;
    let heard = hear(&mut microphone, Duration::from_secs(5)).await;
    assert!(count(&heard, None) > 400, "{} frames", count(&heard, None));
}
