use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When a certificate (DER, RFC 5280) expires; `None` where that cannot be read.
pub(super) fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    let (mut certificate, _) = element(certificate, Some(SEQUENCE))?;
    let (mut fields, _) = take(&mut certificate, Some(SEQUENCE))?;
    if fields.first() == Some(&VERSION) {
        take(&mut fields, Some(VERSION))?;
    }
    // Serial number, signature's algorithm, issuer.
    for _ in 0..3 {
        take(&mut fields, None)?;
    }
    let (mut validity, _) = take(&mut fields, Some(SEQUENCE))?;
    take(&mut validity, None)?;
    let (time, tag) = take(&mut validity, None)?;
    let digits = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day) = (part(0)?, part(2)?);
    let seconds = part(4)? * 3_600 + part(6)? * 60 + part(8)?;
    let since = u64::try_from(days(year, month, day) * 86_400 + seconds).unwrap_or(0);
    UNIX_EPOCH.checked_add(Duration::from_secs(since))
}

/// Days from 1970-01-01, in the Gregorian calendar: years begin in March, so that the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + of_year - 719_468
}

fn take<'a>(from: &mut &'a [u8], wanted: Option<u8>) -> Option<(&'a [u8], u8)> {
    let tag = *from.first()?;
    let (content, rest) = element(from, wanted)?;
    *from = rest;
    Some((content, tag))
}

/// The content of the first element, and what follows it.
fn element(from: &[u8], wanted: Option<u8>) -> Option<(&[u8], &[u8])> {
    let (&tag, rest) = from.split_first()?;
    if wanted.is_some_and(|wanted| wanted != tag) {
        return None;
    }
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7F => (usize::from(length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(year: i32, month: u8, day: u8) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_after = date_time_ymd(year, month, day);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_ways_of_writing_a_time_are_read() {
        for (year, month, day, days) in [
            (2024, 2, 29, 19_782),
            (2026, 11, 23, 20_780),
            (2049, 12, 31, 29_219),
            (2050, 1, 1, 29_220),
            (9_999, 12, 31, 2_932_896),
        ] {
            let expected = UNIX_EPOCH + Duration::from_secs(days * 86_400);
            assert_eq!(not_after(&made(year, month, day)), Some(expected), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = made(2_030, 1, 1);
        for cut in 0..whole.len() {
            assert_eq!(not_after(&whole[..cut]), None, "{cut}");
        }
        for at in 0..200 {
            let mut changed = whole.clone();
            changed[at] ^= 0xFF;
            let _ = not_after(&changed);
        }
        assert_eq!(not_after(&[SEQUENCE, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), None);
    }
}
