//! Times as people read and type them.

use std::time::Duration;

use glasslink_library::Summary;
use jiff::tz::{Offset, TimeZone};

/// `1:02.3`, `1:00:02.3`
pub(crate) fn clock(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    let (hours, minutes) = (tenths / 36_000, tenths / 600 % 60);
    let seconds = format!("{:02}.{}", tenths / 10 % 60, tenths % 10);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds}") } else { format!("{minutes}:{seconds}") }
}

/// Reads seconds, `m:ss` or `h:mm:ss`, with or without a fraction.
pub(crate) fn parse_clock(text: &str) -> Result<Duration, String> {
    let wrong = || "a time: seconds, m:ss or h:mm:ss".to_owned();
    let mut parts = text.split(':').collect::<Vec<_>>();
    let seconds: f64 = parts.pop().unwrap_or_default().parse().map_err(|_| wrong())?;
    let bound = if parts.is_empty() { 1e7 } else { 60.0 };
    if parts.len() > 2 || !(0.0..bound).contains(&seconds) {
        return Err(wrong());
    }
    let mut minutes = 0_u64;
    for part in parts {
        let value: u32 = part.parse().map_err(|_| wrong())?;
        minutes = minutes * 60 + u64::from(value);
    }
    Ok(Duration::from_secs(minutes * 60) + Duration::from_secs_f64(seconds))
}

/// When it was begun, in the local time of where it was recorded.
pub(crate) fn begun(summary: &Summary) -> String {
    let offset = Offset::from_seconds(summary.utc_offset_min.saturating_mul(60)).unwrap_or(Offset::UTC);
    let begun = summary.begun_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    begun.map_or_else(String::new, |begun| {
        begun.to_zoned(TimeZone::fixed(offset)).strftime("%Y-%m-%d %H:%M").to_string()
    })
}

/// Minutes from UTC to the local time.
pub(crate) fn utc_offset_min() -> i32 {
    TimeZone::system().to_offset(jiff::Timestamp::now()).seconds() / 60
}

/// `512 KiB`, `1.2 GiB`
pub(crate) fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1000.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 || size >= 10.0 {
        format!("{size:.0} {}", units[unit])
    } else {
        format!("{size:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_shown() {
        for (text, ms) in
            [("0:00.0", 0), ("1:02.3", 62_300), ("59:59.9", 3_599_900), ("1:00:02.3", 3_602_300)]
        {
            assert_eq!(clock(Duration::from_millis(ms)), text);
            assert_eq!(parse_clock(text), Ok(Duration::from_millis(ms)));
        }
        assert_eq!(parse_clock("90"), Ok(Duration::from_secs(90)));
        for wrong in ["", "soon", "1:60", "1:2:3:4", "-1", "1:-2", "NaN", "inf"] {
            assert!(parse_clock(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [size(512), size(1_100), size(600 << 20), size(5 << 40)],
            ["512 B", "1.1 KiB", "600 MiB", "5.0 TiB"]
        );
    }
}
