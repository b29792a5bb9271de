//! Packets as they were captured, and as the makers' and others' apps write them.

use std::time::Duration;

use super::driver::G2Driver;
use super::envelope::{Assembly, Direction, Envelope, Piece};
use super::firmware::G2Firmware;
use super::messages;
use crate::test_data::{hex, writes};
use crate::virtual_glasses::{Firmware, FirmwareOptions};
use crate::wire::protobuf::Fields;
use crate::{Arm, Driver, Event, Gesture, Outcome, Received, ReplyKey, Screen};

fn whole(packet: &[u8]) -> Envelope {
    match Assembly::default().take(packet, |_| false) {
        Ok(Piece::Whole(envelope)) => envelope,
        other => panic!("{other:?}"),
    }
}

/// `envelope` is encoded as `packet`, and `packet` is read as `envelope`.
fn both_ways(envelope: &Envelope, sequence: u8, packet: &str) {
    assert_eq!(envelope.encode(Direction::ToGlasses, sequence), [hex(packet)]);
    assert_eq!(whole(&hex(packet)), *envelope);
}

fn authorised() -> G2Firmware {
    let mut firmware = G2Firmware::new(&FirmwareOptions::default());
    for arm in [Arm::Left, Arm::Right] {
        firmware.connected(arm, 247);
        ask(&mut firmware, arm, messages::CONTROL_WRITE, &messages::auth(0));
    }
    firmware
}

fn ask(firmware: &mut G2Firmware, arm: Arm, characteristic: uuid::Uuid, envelope: &Envelope) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for packet in envelope.encode(Direction::ToGlasses, 1) {
        firmware.written(arm, characteristic, &packet, Duration::ZERO, &mut out);
    }
    out.into_iter().map(|emission| emission.value).collect()
}

fn hub(firmware: &mut G2Firmware, envelope: &Envelope) -> Option<Vec<u8>> {
    ask(firmware, Arm::Right, messages::RENDER_WRITE, envelope).pop()
}

fn receive(value: &[u8]) -> Vec<Received> {
    let mut out = Vec::new();
    G2Driver::new().receive(Arm::Right, messages::RENDER_NOTIFY, value, Duration::ZERO, &mut out);
    out
}

#[test]
fn requests() {
    both_ways(&messages::auth(0), 0, "AA 21 00 0C 01 01 80 00 08 04 10 00 1A 04 08 01 10 04 AD EE");
    both_ways(&messages::role(2), 2, "AA 21 02 0A 01 01 80 00 08 05 10 02 22 02 08 01 8A 25");
    both_ways(
        &messages::time(3, 1_700_000_000),
        3,
        "AA 21 03 10 01 01 80 00 08 80 01 10 03 82 08 06 08 80 E2 CF AA 06 A9 08",
    );
    both_ways(&messages::base_heartbeat(4), 4, "AA 21 04 08 01 01 80 00 08 0E 10 04 6A 00 7C EF");
    both_ways(
        &messages::page(5, "Hello G2"),
        5,
        "AA 21 05 32 01 01 E0 20 08 00 10 05 1A 2A 08 01 1A 26 08 00 10 00 18 C0 04 20 A0 02 28 00 30 00 38 00 \
         40 04 48 01 52 04 6D 61 69 6E 58 01 62 08 48 65 6C 6C 6F 20 47 32 CF AC",
    );
    both_ways(
        &messages::text(6, "Hello"),
        6,
        "AA 21 06 15 01 01 E0 20 08 05 10 06 4A 0D 08 01 18 00 20 05 2A 05 48 65 6C 6C 6F F8 D5",
    );
    both_ways(&messages::microphone(7, true), 7, "AA 21 07 0B 01 01 E0 20 08 0F 10 07 92 01 02 08 01 20 F4");
    both_ways(&messages::microphone(8, false), 8, "AA 21 08 0B 01 01 E0 20 08 0F 10 08 92 01 02 08 00 02 21");
    both_ways(&messages::hub_heartbeat(9), 9, "AA 21 09 08 01 01 E0 20 08 0C 10 09 72 00 74 63");
}

#[test]
fn captured_packets_have_the_right_checksum() {
    let auth = whole(&hex("AA 21 01 0C 01 01 80 00 08 04 10 0D 1A 04 08 01 10 04 A7 04"));
    assert_eq!(auth, messages::auth(0x0D));
    let prelude =
        whole(&hex("AA 21 92 13 01 01 01 20 08 02 10 9C 01 22 0A 1A 08 12 06 12 04 08 00 10 00 A1 42"));
    assert_eq!(Fields::read(&prelude.payload).unwrap().number(2), 156);
    let ios = whole(&hex("AA 21 00 0C 01 01 80 00 08 04 10 00 1A 04 08 01 10 03 4A 9E"));
    let mut firmware = G2Firmware::new(&FirmwareOptions::default());
    assert_eq!(ask(&mut firmware, Arm::Left, messages::CONTROL_WRITE, &ios).len(), 1);
}

#[test]
fn replies_and_events_are_read_and_sent() {
    let reply = hex("AA 12 21 0B 01 01 E0 00 08 10 10 07 9A 01 02 08 01 7B 12");
    let key = ReplyKey(0xE007);
    assert_eq!(receive(&reply), [Received::Reply { key, outcome: Outcome::Done }]);
    let mut firmware = authorised();
    hub(&mut firmware, &messages::page(1, "x")).unwrap();
    let sent = hub(&mut firmware, &messages::microphone(7, true)).unwrap();
    assert_eq!((&sent[3..], &sent[..2]), (&reply[3..], &reply[..2]));

    let double = hex("AA 12 30 0E 01 01 E0 01 08 02 10 00 6A 06 1A 04 08 03 10 01 D4 CC");
    let event = Event::Gesture(Gesture::DoubleTap(Arm::Right));
    assert_eq!(receive(&double), [Received::Event(event)]);
    let mut out = Vec::new();
    firmware.act(event, &mut out);
    assert_eq!(out[0].value[3..], double[3..]);
    // A click is type 0, which proto3 leaves out.
    let click = Envelope { service: messages::HUB, flag: 1, payload: hex("08 02 6A 04 1A 02 10 01") };
    assert_eq!(
        receive(&click.encode(Direction::FromGlasses, 1)[0]),
        [Received::Event(Event::Gesture(Gesture::Tap(Arm::Right)))]
    );
    assert_eq!(receive(&hex("AA 12 07 00 01 01 80 02")), [], "a bare acknowledgement says nothing");
}

#[test]
fn long_messages_are_cut_into_fragments_of_one_sequence() {
    let ramp = Envelope { service: 0xE0, flag: 0x20, payload: (0..500).map(|at| at as u8).collect() };
    let packets = ramp.encode(Direction::ToGlasses, 0x42);
    assert_eq!(packets.iter().map(Vec::len).collect::<Vec<_>>(), [244, 244, 38]);
    assert_eq!(packets[0][..8], hex("AA 21 42 EC 03 01 E0 20"));
    assert_eq!(packets[1][..8], hex("AA 21 42 EC 03 02 E0 20"));
    assert_eq!(packets[2][..8], hex("AA 21 42 1E 03 03 E0 20"));
    assert_eq!(packets[2][36..], hex("62 86"));
    let full = Envelope { service: 0xE0, flag: 0x20, payload: vec![0; 236] };
    let packets = full.encode(Direction::ToGlasses, 0x43);
    assert_eq!(packets[0][..8], hex("AA 21 43 EC 02 01 E0 20"));
    assert_eq!(packets[1], hex("AA 21 43 02 02 02 E0 20 A7 85"));
    let mut assembly = Assembly::default();
    assert_eq!(assembly.take(&packets[0], |_| false), Ok(Piece::Part));
    assert_eq!(assembly.take(&packets[1], |_| false), Ok(Piece::Whole(full)));
}

#[test]
fn fragments_of_another_message_in_between_drop_the_first() {
    let long = Envelope { service: 0xE0, flag: 0x20, payload: vec![1; 300] };
    let packets = long.encode(Direction::ToGlasses, 1);
    let mut assembly = Assembly::default();
    assembly.take(&packets[0], |_| false).unwrap();
    let other = messages::hub_heartbeat(9).encode(Direction::ToGlasses, 2);
    assert!(matches!(assembly.take(&other[0], |_| false), Ok(Piece::Whole(_))));
    assert!(assembly.take(&packets[1], |_| false).is_err());
}

#[test]
fn the_gates_of_auth_page_and_heartbeat() {
    let mut firmware = G2Firmware::new(&FirmwareOptions::default());
    firmware.connected(Arm::Right, 247);
    assert_eq!(hub(&mut firmware, &messages::page(1, "x")), None, "before auth");
    let mut firmware = authorised();
    let refused = hub(&mut firmware, &messages::microphone(7, true)).unwrap();
    assert_eq!(receive(&refused), [Received::Reply { key: ReplyKey(0xE007), outcome: Outcome::Refused }]);
    hub(&mut firmware, &messages::page(1, "x")).unwrap();
    assert_eq!(hub(&mut firmware, &messages::page(2, "x")), None, "a second page is not answered");
    assert!(hub(&mut firmware, &messages::microphone(8, true)).is_some());
    let mut out = Vec::new();
    firmware.tick(Duration::from_secs(11), &crate::virtual_glasses::Voice::default(), &mut out);
    assert_eq!(receive(&out[0].value), [Received::Ended { screen: true, microphone: true }]);
    assert!(firmware.lenses()[0].lines.is_empty());
}

#[test]
fn a_wrong_checksum_is_taken_only_where_the_firmware_is_known_to_send_it() {
    let mut packet = hex("AA 12 04 08 01 01 80 00 08 0E 10 04 6A 00 00 00");
    assert!(matches!(receive(&packet)[..], [Received::Reply { .. }]));
    packet[6] = messages::HUB;
    assert!(matches!(receive(&packet)[..], [Received::Malformed(_)]));
}

#[test]
fn the_first_text_makes_a_page_and_the_next_changes_it() {
    let mut driver = G2Driver::new();
    let screen = |text: &str| Screen::Text(vec![text.into()]);
    let first = writes(&driver.show(Arm::Right, &screen("Hello G2"), 1).unwrap());
    assert_eq!(first, messages::page(0, "Hello G2").encode(Direction::ToGlasses, 0));
    let next = writes(&driver.show(Arm::Right, &screen("Hello"), 2).unwrap());
    assert_eq!(next, messages::text(1, "Hello").encode(Direction::ToGlasses, 1));
}

#[test]
fn audio_of_both_arms_is_taken_once() {
    let packet = |counter: u8| [vec![counter; 200], vec![9, 9, 9, 9, counter]].concat();
    let mut driver = G2Driver::new();
    let mut out = Vec::new();
    for (tick, counter) in [(0_u32, 255), (1, 0), (3, 2), (4, 3)] {
        for arm in [Arm::Left, Arm::Right] {
            driver.receive(
                arm,
                messages::RENDER_NOTIFY,
                &packet(counter),
                Duration::from_millis(50) * tick,
                &mut out,
            );
        }
    }
    let lost: Vec<_> = out
        .iter()
        .map(|received| match received {
            Received::Audio { lost, frames } if frames.len() == 5 && frames[0].len() == 40 => *lost,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lost, [0, 0, 5, 0]);
}
