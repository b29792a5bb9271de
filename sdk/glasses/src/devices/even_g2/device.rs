use std::sync::LazyLock;
use std::time::Duration;

use glasslink_protocol::StreamFormat;

use super::driver::G2Driver;
use super::firmware::G2Firmware;
use crate::virtual_glasses::{Firmware, FirmwareOptions};
use crate::{Advert, Arm, Device, Display, Driver, Metrics, MicrophoneModel, Model, Sighting, TextArea};

pub(crate) struct EvenG2;

/// Bytes of an LC3 frame: 10 ms at 32 kbit/s.
pub(super) const FRAME_BYTES: usize = 40;
/// Frames of an audio packet, 50 ms.
pub(super) const FRAMES: usize = 5;
/// Bytes of an audio packet: frames, four unknown bytes, counter.
pub(super) const AUDIO_BYTES: usize = FRAMES * FRAME_BYTES + 5;

static MODEL: LazyLock<Model> = LazyLock::new(|| Model {
    id: "even-g2",
    name: "Even Realities G2",
    arms: &[Arm::Left, Arm::Right],
    bonded: true,
    mtu: 512,
    display: Some(Display {
        arms: &[Arm::Right],
        width: 576,
        height: 288,
        // The widths of this font are not public. About 50 of its characters fill a line, and ten lines the
        // display; 12 pixels each leave room for wide ones.
        text: TextArea { width: 568, lines: 9, page_bytes: 900, metrics: Metrics::monospaced(12) },
        bitmap: None,
        refresh: Duration::from_millis(250),
    }),
    microphone: Some(MicrophoneModel {
        arm: Arm::Right,
        carriers: &[Arm::Left, Arm::Right],
        format: StreamFormat::lc3(16_000, FRAME_BYTES as u32).expect("a format LC3 has"),
        mtu: AUDIO_BYTES as u16 + 3,
        refresh: None,
    }),
    battery: false,
    case: false,
    touch: true,
    head_up: false,
    wear: false,
    heartbeat: Some(Duration::from_secs(5)),
});

impl Device for EvenG2 {
    fn model(&self) -> &Model {
        &MODEL
    }

    fn recognise(&self, advert: &Advert) -> Option<Sighting> {
        let mut parts = advert.name.as_deref()?.split('_');
        let (model, number, side) = (parts.next()?, parts.next()?, parts.next()?);
        let arm = match side {
            "L" => Arm::Left,
            "R" => Arm::Right,
            _ => return None,
        };
        model.ends_with("G2").then(|| Sighting { arm, pair: number.to_owned() })
    }

    fn driver(&self) -> Box<dyn Driver> {
        Box::new(G2Driver::new())
    }

    fn firmware(&self, options: &FirmwareOptions) -> Box<dyn Firmware> {
        Box::new(G2Firmware::new(options))
    }
}
