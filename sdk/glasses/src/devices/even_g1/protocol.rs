//! Packets of the G1, both ways.

use uuid::{Uuid, uuid};

use crate::Arm;

pub(super) const SERVICE: Uuid = uuid!("6e400001-b5a3-f393-e0a9-e50e24dcca9e");
pub(super) const WRITE: Uuid = uuid!("6e400002-b5a3-f393-e0a9-e50e24dcca9e");
pub(super) const NOTIFY: Uuid = uuid!("6e400003-b5a3-f393-e0a9-e50e24dcca9e");

/// Bytes of an LC3 frame: 10 ms at 16 kbit/s.
pub(super) const FRAME_BYTES: usize = 20;
/// Frames of an audio packet, 100 ms.
pub(super) const FRAMES: usize = 10;
/// Bytes of an audio packet: command, counter, frames.
pub(super) const AUDIO_BYTES: usize = 2 + FRAMES * FRAME_BYTES;
/// Bytes of text the glasses keep for a page.
pub(super) const PAGE_BYTES: usize = 400;
/// Bytes of text in one packet, so that it has at most 200.
pub(super) const TEXT_BYTES: usize = 191;
/// Bytes of a bitmap in one packet.
pub(super) const BITMAP_BYTES: usize = 194;
/// Where a bitmap is kept in the glasses. It leads the first packet, and counts in the checksum.
pub(super) const BITMAP_ADDRESS: [u8; 4] = [0x00, 0x1C, 0x00, 0x00];

pub(super) const OK: u8 = 0xC9;
pub(super) const FAILED: u8 = 0xCA;
pub(super) const MORE: u8 = 0xCB;

pub(super) const MICROPHONE: u8 = 0x0E;
pub(super) const BITMAP: u8 = 0x15;
pub(super) const CHECKSUM: u8 = 0x16;
pub(super) const EXIT: u8 = 0x18;
pub(super) const BITMAP_END: u8 = 0x20;
pub(super) const HEARTBEAT: u8 = 0x25;
pub(super) const BATTERY: u8 = 0x2C;
pub(super) const INIT: u8 = 0x4D;
pub(super) const TEXT: u8 = 0x4E;
pub(super) const AUDIO: u8 = 0xF1;
pub(super) const EVENT: u8 = 0xF5;

/// New content, shown as plain text until the glasses leave it.
pub(super) const PLAIN_TEXT: u8 = 0x71;

/// `Even G1_52_L_11F1A7`: the pair's number and the arm. The last part differs between the arms.
pub(super) fn parse_name(name: &str) -> Option<(&str, Arm)> {
    let mut parts = name.split('_');
    let (model, number, side) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next()?;
    if parts.next().is_some() || !model.ends_with("G1") {
        return None;
    }
    let arm = match side {
        "L" => Arm::Left,
        "R" => Arm::Right,
        _ => return None,
    };
    Some((number, arm))
}

/// The packets of a page of plain text. `sequence` is the page's own and the same on both arms.
pub(super) fn text(sequence: u8, screen: u8, page: u8, pages: u8, text: &[u8]) -> Vec<Vec<u8>> {
    let total = text.len().div_ceil(TEXT_BYTES).max(1);
    (0..total)
        .map(|index| {
            let chunk = &text[index * TEXT_BYTES..text.len().min((index + 1) * TEXT_BYTES)];
            let mut packet = vec![TEXT, sequence, total as u8, index as u8, screen, 0, 0, page, pages];
            packet.extend_from_slice(chunk);
            packet
        })
        .collect()
}

/// The packets of a bitmap file.
pub(super) fn bitmap(file: &[u8]) -> Vec<Vec<u8>> {
    file.chunks(BITMAP_BYTES)
        .enumerate()
        .map(|(index, chunk)| {
            let mut packet = vec![BITMAP, index as u8];
            if index == 0 {
                packet.extend_from_slice(&BITMAP_ADDRESS);
            }
            packet.extend_from_slice(chunk);
            packet
        })
        .collect()
}

/// The checksum that makes the glasses show a bitmap file.
pub(super) fn checksum(file: &[u8]) -> [u8; 5] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&BITMAP_ADDRESS);
    hasher.update(file);
    let [a, b, c, d] = hasher.finalize().to_be_bytes();
    [CHECKSUM, a, b, c, d]
}

pub(super) fn heartbeat(sequence: u8) -> [u8; 6] {
    [HEARTBEAT, 6, 0, sequence, 4, sequence]
}

/// What the glasses send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Audio {
        counter: u8,
        frames: &'a [u8],
    },
    Event {
        code: u8,
        parameter: u8,
    },
    /// A reply to `command`; `detail` tells replies to the same command apart.
    Reply {
        command: u8,
        detail: u16,
        status: Status,
    },
    Battery {
        percent: u8,
    },
    /// Something this driver has no use for.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Done,
    Failed,
}

/// Reads a notification, or says what is wrong with it.
pub(super) fn parse(packet: &[u8]) -> Result<Packet<'_>, &'static str> {
    let byte = |at: usize| packet.get(at).copied().ok_or("a reply is cut short");
    let status = |at: usize| match byte(at)? {
        OK | MORE => Ok(Status::Done),
        FAILED => Ok(Status::Failed),
        _ => Err("a reply has no status"),
    };
    let reply = |detail: u16, status: Status| Ok(Packet::Reply { command: packet[0], detail, status });
    match packet.first().copied().ok_or("an empty packet")? {
        AUDIO if packet.len() == AUDIO_BYTES => {
            Ok(Packet::Audio { counter: packet[1], frames: &packet[2..] })
        }
        AUDIO => Err("an audio packet is not 202 bytes"),
        EVENT => Ok(Packet::Event { code: byte(1)?, parameter: packet.get(2).copied().unwrap_or(0) }),
        BATTERY if byte(1)? == 0x66 => Ok(Packet::Battery { percent: byte(2)? }),
        HEARTBEAT if packet.len() > 5 && packet[4] == 4 => reply(u16::from(packet[5]), Status::Done),
        HEARTBEAT => Err("a heartbeat's echo is not one"),
        TEXT => reply(u16::from_be_bytes([byte(2)?, byte(4)?]), status(1)?),
        CHECKSUM => reply(0, status(5)?),
        MICROPHONE => reply(u16::from(byte(2)?), status(1)?),
        // An index that was not expected; the checksum will not match.
        BITMAP => reply(0, Status::Failed),
        EXIT | BITMAP_END | INIT => reply(0, status(1)?),
        _ => Ok(Packet::Other),
    }
}
