use std::time::Duration;

use super::driver::LuaDriver;
use super::firmware::LuaFirmware;
use super::program::{FRAME, HALO, NAME};
use super::protocol;
use crate::test_data::hex;
use crate::virtual_glasses::{Firmware, FirmwareOptions};
use crate::{Arm, Driver, Event, Received};

fn write(firmware: &mut LuaFirmware, value: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    firmware.written(Arm::Only, protocol::WRITE, value, Duration::ZERO, &mut out);
    out.into_iter().map(|emission| emission.value).collect()
}

fn running() -> LuaFirmware {
    let mut firmware = LuaFirmware::new(&HALO, &FirmwareOptions::default());
    for (number, statement) in protocol::upload(NAME, &HALO.program(), 244).iter().enumerate() {
        assert!(statement.len() <= 244);
        assert_eq!(write(&mut firmware, statement.as_bytes()), [number.to_string().into_bytes()]);
    }
    assert_eq!(write(&mut firmware, b"require('glasslink')"), [hex("01 44 01")]);
    firmware
}

#[test]
fn a_message_starts_with_its_length() {
    assert_eq!(protocol::message(0x0A, b"hello", 247), [hex("01 0A 00 05 68 65 6C 6C 6F")]);
    let long = protocol::message(0x0A, &[7; 500], 247);
    assert_eq!(long.iter().map(Vec::len).collect::<Vec<_>>(), [244, 244, 20]);
    assert_eq!((&long[0][..4], &long[1][..2]), (hex("01 0A 01 F4").as_slice(), hex("01 0A").as_slice()));
}

#[test]
fn the_prompt_draws_what_it_is_told() {
    let mut firmware = LuaFirmware::new(&FRAME, &FirmwareOptions::default());
    assert!(write(&mut firmware, b"frame.display.text('Hi',1,1) frame.display.show()").is_empty());
    assert_eq!(firmware.lenses()[0].lines, ["Hi"]);
    assert!(write(&mut firmware, b"foo(").concat().starts_with(b"[string"));
}

#[test]
fn while_a_program_runs_only_data_and_breaks_are_heard() {
    let mut firmware = running();
    assert!(write(&mut firmware, b"f:close();print(1)").is_empty());
    let page: Vec<Vec<u8>> = protocol::message(protocol::TEXT, b"\x09two\nlines", 247)
        .iter()
        .flat_map(|packet| write(&mut firmware, packet))
        .collect();
    assert_eq!(page, [hex("01 42 09")]);
    assert_eq!(firmware.lenses()[0].lines, ["two", "lines"]);
    write(&mut firmware, &[protocol::BREAK]);
    assert_eq!(write(&mut firmware, b"f:close();print(1)"), [b"1".to_vec()]);
    assert!(write(&mut firmware, &protocol::message(protocol::TEXT, b"\x0Ano", 247)[0]).is_empty());
}

#[test]
fn a_program_cut_short_does_not_run() {
    let mut firmware = LuaFirmware::new(&HALO, &FirmwareOptions::default());
    for statement in protocol::upload(NAME, "local x", 244) {
        write(&mut firmware, statement.as_bytes());
    }
    assert!(!write(&mut firmware, b"require('glasslink')").is_empty());
    assert!(!firmware.running());
}

#[test]
fn quotes_and_line_ends_survive_the_upload() {
    let program = "a='\\x01'\nb=\"\\n\"\n";
    let mut firmware = LuaFirmware::new(&HALO, &FirmwareOptions::default());
    for statement in protocol::upload("x", program, 64) {
        write(&mut firmware, statement.as_bytes());
    }
    assert_eq!(firmware.file("x.lua"), Some(program));
}

#[test]
fn the_driver_reads_what_the_program_sends() {
    let mut driver = LuaDriver::new(&HALO);
    let mut out = Vec::new();
    for packet in ["01 41 50", "01 09", "02 FF FE", "01 05 00 01"] {
        driver.receive(Arm::Only, protocol::NOTIFY, &hex(packet), Duration::ZERO, &mut out);
    }
    assert!(out.contains(&Received::Event(Event::Battery { arm: Arm::Only, percent: 80 })));
    assert_eq!(out.iter().filter(|item| matches!(item, Received::Malformed(_))).count(), 2);
}
