use std::sync::LazyLock;
use std::time::Duration;

use glasslink_protocol::StreamFormat;

use super::driver::G1Driver;
use super::firmware::G1Firmware;
use super::protocol;
use crate::virtual_glasses::{Firmware, FirmwareOptions};
use crate::{
    Advert, Arm, BitmapFormat, Device, Display, Driver, Metrics, MicrophoneModel, Model, Sighting, TextArea,
};

pub(crate) struct EvenG1;

/// Widths of the glyphs U+0020 to U+007E in half pixels of the panel, as the font in the glasses has them.
const GLYPHS: &[u8; 95] = b"212656712234141353555555551144457655544552354755555555676652\
    32432544444441241744443435575543137";

static MODEL: LazyLock<Model> = LazyLock::new(|| Model {
    id: "even-g1",
    name: "Even Realities G1",
    arms: &[Arm::Left, Arm::Right],
    bonded: true,
    mtu: 251,
    display: Some(Display {
        arms: &[Arm::Left, Arm::Right],
        width: 576,
        height: 136,
        text: TextArea { width: 488, lines: 5, page_bytes: protocol::PAGE_BYTES, metrics: metrics() },
        bitmap: Some(BitmapFormat { width: 576, height: 136, depth: 1 }),
        refresh: Duration::from_millis(300),
    }),
    microphone: Some(MicrophoneModel {
        arm: Arm::Right,
        carriers: &[Arm::Right],
        format: StreamFormat::lc3(16_000, protocol::FRAME_BYTES as u32).expect("a format LC3 has"),
        mtu: protocol::AUDIO_BYTES as u16 + 3,
        refresh: Some(Duration::from_mins(30)),
    }),
    battery: true,
    case: true,
    touch: true,
    head_up: true,
    wear: true,
    heartbeat: Some(Duration::from_secs(8)),
});

/// A glyph is drawn twice its width, with one unit between glyphs. Scripts of uniform width were measured on
/// the device; what is not known counts as its widest Latin letter.
fn metrics() -> Metrics {
    let mut ascii = [0; 95];
    for (advance, glyph) in ascii.iter_mut().zip(GLYPHS) {
        *advance = 2 * (glyph - b'0' + 1);
    }
    Metrics::proportional(ascii, 18, 24, 18, 16)
}

impl Device for EvenG1 {
    fn model(&self) -> &Model {
        &MODEL
    }

    fn recognise(&self, advert: &Advert) -> Option<Sighting> {
        let (number, arm) = protocol::parse_name(advert.name.as_deref()?)?;
        Some(Sighting { arm, pair: number.to_owned() })
    }

    fn driver(&self) -> Box<dyn Driver> {
        Box::new(G1Driver::new())
    }

    fn firmware(&self, options: &FirmwareOptions) -> Box<dyn Firmware> {
        Box::new(G1Firmware::new(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_measured_in_the_pixels_of_the_font() {
        let metrics = &MODEL.display.as_ref().unwrap().text.metrics;
        assert_eq!(metrics.width(" "), 6);
        assert_eq!(metrics.width("-"), 10);
        assert_eq!(metrics.width("mW"), 32);
        assert_eq!(metrics.width("~"), 16);
        // About forty Latin characters a line, as users of these glasses report.
        let line =
            &metrics.wrap("the quick brown fox jumps over the lazy dog and runs away from it all", 488)[0];
        assert!((35..=60).contains(&line.len()), "{line}");
    }
}
