//! `AA`, direction, sequence, length, fragments, fragment, service, flag; then the payload, a checksum at its end.

use crate::wire::crc::crc16_ccitt;

/// Payload bytes of a fragment, so that it fits an MTU of 247.
pub(super) const FRAGMENT: usize = 236;
const HEADER: usize = 8;
const START: u8 = 0xAA;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToGlasses = 0x21,
    FromGlasses = 0x12,
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) service: u8,
    pub(super) flag: u8,
    pub(super) payload: Vec<u8>,
}

impl Envelope {
    /// The packets of a message. All carry the same `sequence`; the checksum is over the whole payload.
    pub(super) fn encode(&self, direction: Direction, sequence: u8) -> Vec<Vec<u8>> {
        let checksum = crc16_ccitt(&self.payload).to_le_bytes();
        // A payload that fills its last fragment leaves the checksum to one of its own.
        let total = self.payload.len() / FRAGMENT + 1;
        (0..total)
            .map(|index| {
                let end = self.payload.len().min((index + 1) * FRAGMENT);
                let chunk = &self.payload[index * FRAGMENT..end];
                let last = index + 1 == total;
                let length = chunk.len() + if last { checksum.len() } else { 0 };
                let mut packet = vec![
                    START,
                    direction as u8,
                    sequence,
                    length as u8,
                    total as u8,
                    index as u8 + 1,
                    self.service,
                    self.flag,
                ];
                packet.extend_from_slice(chunk);
                if last {
                    packet.extend_from_slice(&checksum);
                }
                packet
            })
            .collect()
    }
}

/// Puts fragments together. Those of another message in between end what was begun.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    begun: Option<(u8, u8, u8, u8, Vec<u8>)>,
}

/// What a packet amounted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Whole(Envelope),
    /// More fragments are to come.
    Part,
    /// The other side took a packet; it has no payload.
    Acknowledged,
}

/// Messages longer than this are none: the longest known is a picture of 3.8 kB.
const LONGEST: usize = 8192;

impl Assembly {
    /// `lenient` takes a wrong checksum where the firmware is known to echo one.
    pub(super) fn take(
        &mut self,
        packet: &[u8],
        lenient: impl Fn(u8) -> bool,
    ) -> Result<Piece, &'static str> {
        let Some((&[start, _, sequence, length, total, index, service, flag], rest)) =
            packet.split_first_chunk::<HEADER>()
        else {
            return Err("an envelope is cut short");
        };
        if start != START {
            return Err("not an envelope");
        }
        if length == 0 && rest.is_empty() {
            return Ok(Piece::Acknowledged);
        }
        if usize::from(length) != rest.len() || index == 0 || index > total {
            self.begun = None;
            return Err("an envelope's header does not fit its packet");
        }
        let mut payload = match self.begun.take() {
            _ if index == 1 => Vec::new(),
            Some((seq, svc, count, next, payload))
                if (seq, svc, count, next) == (sequence, service, total, index) =>
            {
                payload
            }
            _ => return Err("a fragment without those before it"),
        };
        payload.extend_from_slice(rest);
        if payload.len() > LONGEST {
            return Err("a message longer than any");
        }
        if index < total {
            self.begun = Some((sequence, service, total, index + 1, payload));
            return Ok(Piece::Part);
        }
        let Some((body, checksum)) = payload.split_last_chunk::<2>() else {
            return Err("a message without a checksum");
        };
        if u16::from_le_bytes(*checksum) != crc16_ccitt(body) && !lenient(service) {
            return Err("a message with a wrong checksum");
        }
        Ok(Piece::Whole(Envelope { service, flag, payload: body.to_vec() }))
    }
}
