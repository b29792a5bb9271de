/// Largest packet that is put together: Opus has none of more than 61 KB.
const PACKET: usize = 64 << 10;

/// Packets that are taken out at a time, and those of the page that has the last of them.
const AT_ONCE: usize = 1_024;

/// Bytes of a page before its table of segments.
const HEAD: usize = 27;

/// Takes the packets of one logical stream out of Ogg pages (RFC 3533), as they come.
#[derive(Debug, Default)]
pub(super) struct Ogg {
    bytes: Vec<u8>,
    serial: Option<u32>,
    /// The beginning of a packet that goes on in the next page.
    packet: Vec<u8>,
    /// It is one that is passed over.
    skips: bool,
    /// There is more in what came than was taken out at once.
    pub(super) has_more: bool,
}

impl Ogg {
    /// Takes bytes, and gives each packet that is whole. What is no page, or damaged, is passed over.
    pub(super) fn take(&mut self, bytes: &[u8], mut packet: impl FnMut(&[u8])) {
        self.bytes.extend_from_slice(bytes);
        let (mut at, mut taken) = (0, 0);
        self.has_more = false;
        while let Some(head) = self.bytes.get(at..at + HEAD) {
            if taken >= AT_ONCE {
                self.has_more = true;
                break;
            }
            if !head.starts_with(b"OggS") || head[4] != 0 {
                at += 1;
                continue;
            }
            let (flags, segments) = (head[5], usize::from(head[26]));
            let serial = u32::from_le_bytes([head[14], head[15], head[16], head[17]]);
            let Some(table) = self.bytes.get(at + HEAD..at + HEAD + segments) else { break };
            let body = at + HEAD + segments;
            let end = body + table.iter().map(|length| usize::from(*length)).sum::<usize>();
            if end > self.bytes.len() {
                break;
            }
            if !is_whole(&self.bytes[at..end]) {
                at += 1;
                continue;
            }
            // What is multiplexed with the first stream is another's.
            if *self.serial.get_or_insert(serial) == serial {
                let table = table.to_vec();
                let body = self.bytes[body..end].to_vec();
                taken += table.len();
                self.page(flags & 1 != 0, &table, &body, &mut packet);
            }
            at = end;
        }
        self.bytes.drain(..at);
    }

    fn page(&mut self, continues: bool, table: &[u8], mut body: &[u8], packet: &mut impl FnMut(&[u8])) {
        if !continues {
            self.packet.clear();
            self.skips = false;
        } else if self.packet.is_empty() {
            self.skips = true;
        }
        for length in table {
            let (segment, rest) = body.split_at(usize::from(*length).min(body.len()));
            body = rest;
            if self.packet.len() + segment.len() > PACKET {
                self.skips = true;
            }
            if !self.skips {
                self.packet.extend_from_slice(segment);
            }
            if *length < 255 {
                if !self.skips && !self.packet.is_empty() {
                    packet(&self.packet);
                }
                self.packet.clear();
                self.skips = false;
            }
        }
    }
}

/// Whether a page has the sum it says.
fn is_whole(page: &[u8]) -> bool {
    let said = u32::from_le_bytes([page[22], page[23], page[24], page[25]]);
    let zeroed = |(at, byte): (usize, &u8)| if (22..26).contains(&at) { 0 } else { *byte };
    sum(page.iter().enumerate().map(zeroed)) == said
}

/// CRC-32 with Ogg's polynomial, from the high bit, without inversion.
fn sum(bytes: impl Iterator<Item = u8>) -> u32 {
    const TABLE: [u32; 256] = table();
    bytes.fold(0, |sum, byte| (sum << 8) ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)])
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 << 31 == 0 { sum << 1 } else { (sum << 1) ^ 0x04c1_1db7 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A page with these segments.
    fn page(flags: u8, table: &[u8], body: &[u8]) -> Vec<u8> {
        let mut page = [b"OggS\0".as_slice(), &[flags], &[0; 8], &7_u32.to_le_bytes(), &[0; 8]].concat();
        page.push(table.len() as u8);
        page.extend_from_slice(table);
        page.extend_from_slice(body);
        let sum = sum(page.iter().copied());
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        page
    }

    /// Pages with one packet each, of less than 255 bytes.
    pub(in crate::unpack) fn pages(packets: &[&[u8]]) -> Vec<u8> {
        packets.iter().flat_map(|packet| page(0, &[packet.len() as u8], packet)).collect()
    }

    fn packets(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let (mut ogg, mut packets) = (Ogg::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            ogg.take(piece, |packet| packets.push(packet.to_vec()));
        }
        packets
    }

    #[test]
    fn packets_come_out_whole_however_they_were_cut() {
        let long = vec![9; 300];
        let mut bytes = page(0, &[2, 255], &[&[1, 2], &long[..255]].concat());
        bytes.extend(page(1, &[45, 1], &[&long[255..], &[3]].concat()));
        for piece in [1, 7, 1_000] {
            assert_eq!(packets(&bytes, piece), [vec![1, 2], long.clone(), vec![3]]);
        }
    }

    #[test]
    fn a_damaged_page_costs_its_packets_and_no_others() {
        let mut bytes = pages(&[&[1, 1], &[2, 2], &[3, 3]]);
        bytes[30 + 29] ^= 1;
        assert_eq!(packets(&bytes, 1_000), [[1, 1], [3, 3]]);
        // The rest of a packet whose beginning is lost is none.
        let rest = page(1, &[3, 1], &[1, 2, 3, 4]);
        assert_eq!(packets(&rest, 1_000), [[4]]);
    }

    #[test]
    fn the_sum_is_that_of_ogg() {
        // The catalogue's CRC-32 with this polynomial, neither reflected nor inverted.
        assert_eq!(sum(b"123456789".iter().copied()), 0x89a1_897f);
    }
}
