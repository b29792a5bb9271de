//! Packets as they are known from the air and from the makers' own tools, for driver and firmware alike.

use std::time::Duration;

use super::driver::G1Driver;
use super::firmware::G1Firmware;
use super::protocol::{self, Packet, Status};
use crate::test_data::{hex, writes};
use crate::virtual_glasses::{Firmware, FirmwareOptions};
use crate::{Arm, CaseState, Driver, Event, Gesture, Outcome, Received, Screen};

fn padded(text: &str) -> Vec<u8> {
    let mut bytes = hex(text);
    bytes.resize(20, 0);
    bytes
}

fn replies(firmware: &mut G1Firmware, arm: Arm, request: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    firmware.written(arm, protocol::WRITE, request, Duration::ZERO, &mut out);
    out.into_iter().map(|emission| emission.value).collect()
}

fn glasses() -> G1Firmware {
    let mut firmware = G1Firmware::new(&FirmwareOptions::default());
    firmware.connected(Arm::Left, 251);
    firmware.connected(Arm::Right, 251);
    firmware
}

fn received(driver: &mut G1Driver, arm: Arm, value: &[u8]) -> Vec<Received> {
    let mut out = Vec::new();
    driver.receive(arm, protocol::NOTIFY, value, Duration::from_secs(100), &mut out);
    out
}

/// What the driver sends is `request`, the firmware answers it with `reply`, and the driver takes that for the answer.
fn exchange(
    steps: &[crate::Step],
    arm: Arm,
    request: &str,
    reply: &[u8],
    outcome: Outcome,
    firmware: &mut G1Firmware,
) {
    assert_eq!(writes(steps)[0], hex(request));
    assert_eq!(replies(firmware, arm, &hex(request)), [reply]);
    let key = steps.iter().find_map(|step| step.expect).unwrap().reply;
    assert_eq!(received(&mut G1Driver::new(), arm, reply), [Received::Reply { key, outcome }]);
}

#[test]
fn heartbeats_are_echoed_as_they_are() {
    let (mut driver, mut firmware) = (G1Driver::new(), glasses());
    for sequence in 0..6 {
        let steps = driver.heartbeat(Arm::Left);
        let request = format!("25 06 00 {sequence:02X} 04 {sequence:02X}");
        exchange(&steps, Arm::Left, &request, &hex(&request), Outcome::Done, &mut firmware);
    }
}

#[test]
fn heartbeats_of_the_wrong_length_get_no_answer() {
    assert!(replies(&mut glasses(), Arm::Left, &hex("25 05")).is_empty());
    assert!(replies(&mut glasses(), Arm::Left, &hex("25 06 05 00 04 05")).is_empty());
}

#[test]
fn the_microphone_is_granted_or_refused() {
    let on = G1Driver::new().microphone(Arm::Right, true);
    exchange(&on, Arm::Right, "0E 01", &padded("0E C9 01"), Outcome::Done, &mut glasses());
    let options = FirmwareOptions { microphone_refused: true, ..FirmwareOptions::default() };
    let mut busy = G1Firmware::new(&options);
    exchange(&on, Arm::Right, "0E 01", &padded("0E CA 01"), Outcome::Refused, &mut busy);
    let off = G1Driver::new().microphone(Arm::Right, false);
    exchange(&off, Arm::Right, "0E 00", &padded("0E C9 00"), Outcome::Done, &mut busy);
}

#[test]
fn a_page_in_one_packet() {
    let screen = Screen::Text(vec!["Hello G1".into()]);
    let steps = G1Driver::new().show(Arm::Left, &screen, 0).unwrap();
    let mut firmware = glasses();
    let request = "4E 00 01 00 71 00 00 01 01 48 65 6C 6C 6F 20 47 31";
    exchange(&steps, Arm::Left, request, &padded("4E C9 00 01 00"), Outcome::Done, &mut firmware);
    assert_eq!(firmware.lenses()[0].lines, ["Hello G1"]);
}

#[test]
fn a_page_in_two_packets() {
    let mut text = vec![b'A'; 200];
    text.push(b'\n');
    let packets = protocol::text(7, 0x31, 1, 2, &text);
    assert_eq!(packets[0][..9], hex("4E 07 02 00 31 00 00 01 02"));
    assert_eq!(packets[1], [hex("4E 07 02 01 31 00 00 01 02"), vec![b'A'; 9], vec![b'\n']].concat());
    assert_eq!((packets[0].len(), packets[1].len()), (200, 19));
    let mut firmware = glasses();
    assert_eq!(replies(&mut firmware, Arm::Left, &packets[0]), [padded("4E CB 07 02 00")]);
    assert_eq!(replies(&mut firmware, Arm::Left, &packets[1]), [padded("4E C9 07 02 01")]);
    let Ok(Packet::Reply { detail, status, .. }) = protocol::parse(&hex("4E CB 07 02 00")) else { panic!() };
    assert_eq!((detail, status), (0x0700, Status::Done));
}

#[test]
fn the_captured_page_is_shown() {
    let mut packet = hex("4E 05 01 00 71 00 00 01 03");
    packet.extend_from_slice(b"Welcome to G1.");
    let mut firmware = glasses();
    assert_eq!(replies(&mut firmware, Arm::Left, &packet), [padded("4E C9 05 01 00")]);
    assert_eq!(protocol::text(5, protocol::PLAIN_TEXT, 1, 3, b"Welcome to G1."), [packet]);
}

#[test]
fn the_right_arm_answers_the_last_packet_only_when_the_left_one_has_the_page() {
    let page = &protocol::text(3, protocol::PLAIN_TEXT, 1, 1, b"hi")[0];
    let mut firmware = glasses();
    assert!(replies(&mut firmware, Arm::Right, page).is_empty());
    replies(&mut firmware, Arm::Left, page);
    assert_eq!(replies(&mut firmware, Arm::Right, page), [padded("4E C9 03 01 00")]);
}

#[test]
fn a_page_of_more_than_400_bytes_is_refused_on_both_sides() {
    let screen = Screen::Text(vec!["x".repeat(401)]);
    assert!(G1Driver::new().show(Arm::Left, &screen, 0).is_err());
    let mut firmware = glasses();
    let answers: Vec<_> = protocol::text(1, protocol::PLAIN_TEXT, 1, 1, &[b'x'; 401])
        .iter()
        .flat_map(|packet| replies(&mut firmware, Arm::Left, packet))
        .collect();
    assert_eq!(answers.last().unwrap()[1], protocol::FAILED);
}

#[test]
fn the_last_page_of_an_answer_needs_the_first() {
    let mut firmware = glasses();
    let last = &protocol::text(0, 0x41, 1, 1, b"end")[0];
    assert_eq!(replies(&mut firmware, Arm::Left, last)[0][1], protocol::FAILED);
    replies(&mut firmware, Arm::Left, &protocol::text(1, 0x31, 1, 1, b"begin")[0]);
    assert_eq!(replies(&mut firmware, Arm::Left, last)[0][1], protocol::OK);
}

#[test]
fn leaving_the_page() {
    let steps = G1Driver::new().show(Arm::Left, &Screen::Blank, 9).unwrap();
    exchange(&steps, Arm::Left, "18", &padded("18 C9"), Outcome::Done, &mut glasses());
}

#[test]
fn bitmap_packets_and_their_checksum() {
    let data: Vec<u8> = (0..400).map(|at| at as u8).collect();
    let packets = protocol::bitmap(&data);
    assert_eq!(packets.iter().map(Vec::len).collect::<Vec<_>>(), [200, 196, 14]);
    assert_eq!(packets[0][..8], hex("15 00 00 1C 00 00 00 01"));
    assert_eq!(packets[1][..4], hex("15 01 C2 C3"));
    assert_eq!(packets[2][..4], hex("15 02 84 85"));
    assert_eq!(protocol::checksum(&data).as_slice(), hex("16 C8 44 1B E2"));
    let mut firmware = glasses();
    for packet in &packets {
        assert!(replies(&mut firmware, Arm::Left, packet).is_empty());
    }
    assert_eq!(replies(&mut firmware, Arm::Left, &hex("20 0D 0E")), [padded("20 C9")]);
    assert_eq!(replies(&mut firmware, Arm::Left, &hex("16 C8 44 1B E2")), [hex("16 C8 44 1B E2 C9")]);
    // The checksum of the data alone is refused.
    for packet in &packets {
        replies(&mut firmware, Arm::Left, packet);
    }
    let refused = hex("16 E0 BB CA D4 CA");
    assert_eq!(replies(&mut firmware, Arm::Left, &refused[..5]), std::slice::from_ref(&refused));
    assert_eq!(
        protocol::parse(&refused),
        Ok(Packet::Reply { command: protocol::CHECKSUM, detail: 0, status: Status::Failed })
    );
}

#[test]
fn a_bitmap_packet_out_of_order_is_told_the_index_expected() {
    let packets = protocol::bitmap(&[0; 800]);
    let mut firmware = glasses();
    replies(&mut firmware, Arm::Left, &packets[0]);
    assert_eq!(replies(&mut firmware, Arm::Left, &packets[2]), [padded("15 01 CA")]);
}

#[test]
fn the_clock_is_set_with_21_bytes() {
    let request = hex("06 15 00 09 01 00 F1 53 65 00 68 E5 CF 8B 01 00 00 10 14 00 01");
    assert_eq!(replies(&mut glasses(), Arm::Left, &request), [padded("06 15 00 09 01 00")]);
    assert_eq!(replies(&mut glasses(), Arm::Left, &request[..20])[0][5], 1);
}

#[test]
fn a_map_packet_is_answered_with_ten_bytes() {
    let mut request = hex("06 90 00 86 07 01 00 01 00");
    request.resize(0x90, 0);
    assert_eq!(replies(&mut glasses(), Arm::Left, &request), [hex("06 90 00 86 07 01 00 01 00 00")]);
    assert_eq!(replies(&mut glasses(), Arm::Left, &hex("4F 01 05")), [padded("4F C9")]);
}

#[test]
fn an_unknown_command_is_refused_in_words() {
    let reply = &replies(&mut glasses(), Arm::Left, &hex("EE"))[0];
    assert_eq!((reply.len(), &reply[..2]), (20, hex("EE CA").as_slice()));
}

#[test]
fn events_from_the_air_and_from_the_firmware() {
    let cases = [
        ("F5 01", Arm::Left, Event::Gesture(Gesture::Tap(Arm::Left))),
        ("F5 17", Arm::Left, Event::Gesture(Gesture::Hold(Arm::Left))),
        ("F5 18", Arm::Left, Event::Gesture(Gesture::Release(Arm::Left))),
        ("F5 0F 50", Arm::Right, Event::CaseBattery(80)),
        ("F5 02", Arm::Right, Event::HeadUp(true)),
        ("F5 06", Arm::Right, Event::Worn(true)),
        ("F5 0B", Arm::Right, Event::Case(CaseState::InClosed)),
    ];
    for (bytes, arm, event) in cases {
        assert_eq!(received(&mut G1Driver::new(), arm, &hex(bytes)), [Received::Event(event)], "{bytes}");
        let mut out = Vec::new();
        glasses().act(event, &mut out);
        assert_eq!((out[0].arm, out[0].value.clone()), (arm, padded(bytes)));
    }
}

#[test]
fn a_press_that_is_told_twice_is_one_press() {
    let mut driver = G1Driver::new();
    assert_eq!(received(&mut driver, Arm::Left, &hex("F5 17")).len(), 1);
    assert_eq!(received(&mut driver, Arm::Left, &hex("F5 17")).len(), 0);
}

#[test]
fn names_make_pairs_by_their_number() {
    assert_eq!(protocol::parse_name("Even G1_52_L_11F1A7"), Some(("52", Arm::Left)));
    assert_eq!(protocol::parse_name("Even G1_52_R_A05FCB"), Some(("52", Arm::Right)));
    assert_eq!(protocol::parse_name("Even G1_27_R_119A6C"), Some(("27", Arm::Right)));
    for name in ["Even G1_52_L", "Even G2_52_L_AA", "Even G1_52_X_11F1A7", "Even G1_52_L_11_1"] {
        assert_eq!(protocol::parse_name(name), None, "{name}");
    }
}

#[test]
fn audio_packets_are_ten_frames_and_their_losses_are_counted() {
    let packet = |counter: u8| [vec![0xF1, counter], vec![counter; 200]].concat();
    let mut driver = G1Driver::new();
    let mut out = Vec::new();
    for (tick, counter) in [(0, 254), (1, 255), (4, 2), (5, 3)] {
        driver.receive(
            Arm::Right,
            protocol::NOTIFY,
            &packet(counter),
            Duration::from_millis(tick * 100),
            &mut out,
        );
        // The other arm has no microphone.
        driver.receive(Arm::Left, protocol::NOTIFY, &packet(9), Duration::from_millis(tick * 100), &mut out);
    }
    let lost: Vec<u64> = out
        .iter()
        .map(|received| match received {
            Received::Audio { lost, frames } if frames.len() == 10 => *lost,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lost, [0, 0, 20, 0]);
    assert_eq!(protocol::parse(&packet(0)[..201]), Err("an audio packet is not 202 bytes"));
}

#[test]
fn chunks_of_an_allow_list_are_told_to_go_on_until_the_last_whatever_their_number() {
    assert_eq!(replies(&mut glasses(), Arm::Left, &hex("04 02 00 7B")), [padded("04 CB")]);
    assert_eq!(replies(&mut glasses(), Arm::Left, &hex("04 02 01 7D")), [padded("04 C9")]);
    // Found by fuzzing: the last index a byte has.
    assert_eq!(replies(&mut glasses(), Arm::Left, &hex("4B 00 00 FF")), [padded("4B C9")]);
}
