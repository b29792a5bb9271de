//! `hours:minutes:seconds` with milliseconds.

use std::fmt;
use std::time::Duration;

/// Shows a time as `00:00:01.200`, with `separator` before the milliseconds.
pub(super) struct Stamp {
    pub(super) time: Duration,
    pub(super) separator: char,
}

pub(super) fn stamp(time: Duration) -> Stamp {
    Stamp { time, separator: '.' }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}{}{:03}", self.separator, self.time.subsec_millis())
    }
}

/// Reads `[[hours:]minutes:]seconds[.,]fraction`, the fraction cut to milliseconds.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut seconds = 0_u64;
    let mut parts = 0;
    for part in clock.split(':') {
        let value = digits(part)?;
        if parts > 0 && value > 59 {
            return None;
        }
        seconds = seconds.checked_mul(60)?.checked_add(value)?;
        parts += 1;
    }
    let ms = digits(fraction.get(..3.min(fraction.len()))?)? * [1, 100, 10, 1][fraction.len().min(3)];
    let rest_is_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let total = seconds.checked_mul(1000)?.checked_add(ms)?;
    (parts <= 3 && rest_is_digits).then(|| Duration::from_millis(total))
}

/// `from SEPARATOR to`, blanks around the separator allowed; nothing may end before it begins.
pub(super) fn parse_span(text: &str, separator: &str) -> Option<(Duration, Duration)> {
    let (from, to) = text.split_once(separator)?;
    let (from, to) = (parse(from.trim())?, parse(to.trim())?);
    (from <= to).then_some((from, to))
}

fn digits(text: &str) -> Option<u64> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read_as_they_are_written() {
        for ms in [0, 999, 61_001, 3_599_999, 360_000_000, 86_400_000_123] {
            let time = Duration::from_millis(ms);
            assert_eq!(parse(&stamp(time).to_string()), Some(time));
        }
    }

    #[test]
    fn only_times_are_times() {
        assert_eq!(parse("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(parse("01:02,25"), Some(Duration::from_millis(62_250)));
        for wrong in [
            "",
            ":",
            "1:",
            "-1:00",
            "00:60",
            "1:2:3:4",
            "00:00.",
            "00:00.12x",
            "00:00.é",
            "99999999999999999999",
            "18446744073709551615:00:00",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
