use std::sync::LazyLock;
use std::time::Duration;

use glasslink_protocol::StreamFormat;

use super::driver::LuaDriver;
use super::firmware::LuaFirmware;
use super::program::{FRAME, HALO};
use super::protocol;
use crate::virtual_glasses::{Firmware, FirmwareOptions};
use crate::{Advert, Arm, Device, Display, Driver, Metrics, MicrophoneModel, Model, Sighting, TextArea};

pub(crate) struct Frame;
pub(crate) struct Halo;

fn model(
    id: &'static str,
    name: &'static str,
    display: Display,
    format: StreamFormat,
    packet: usize,
) -> Model {
    Model {
        id,
        name,
        arms: &[Arm::Only],
        bonded: true,
        mtu: 247,
        display: Some(display),
        microphone: Some(MicrophoneModel {
            arm: Arm::Only,
            carriers: &[Arm::Only],
            format,
            // The notification's own header, the data mark, code and counter.
            mtu: (packet + 3 + 3) as u16,
            refresh: None,
        }),
        battery: true,
        case: false,
        touch: true,
        head_up: false,
        wear: false,
        heartbeat: Some(Duration::from_secs(15)),
    }
}

/// Neither font's widths are published: the width of their widest common letters keeps lines on the display.
fn display(width: u16, height: u16, text: u16, lines: usize, glyph: u8) -> Display {
    Display {
        arms: &[Arm::Only],
        width,
        height,
        text: TextArea { width: text, lines, page_bytes: 512, metrics: Metrics::monospaced(glyph) },
        bitmap: None,
        refresh: Duration::from_millis(300),
    }
}

static FRAME_MODEL: LazyLock<Model> = LazyLock::new(|| {
    let format = StreamFormat::pcm(16_000).expect("16 kHz PCM");
    model("frame", "Brilliant Frame", display(640, 400, 640, 6, 20), format, FRAME.packet)
});

/// The display is round: text keeps to the square in it.
static HALO_MODEL: LazyLock<Model> = LazyLock::new(|| {
    let format = StreamFormat::lc3(16_000, HALO.frame as u32).expect("a format LC3 has");
    model("halo", "Brilliant Halo", display(256, 256, 224, 6, 10), format, HALO.packet)
});

fn sighting(advert: &Advert) -> Option<Sighting> {
    let known = advert.services.contains(&protocol::SERVICE);
    known.then(|| Sighting { arm: Arm::Only, pair: advert.id.0.clone() })
}

fn is_halo(advert: &Advert) -> bool {
    advert.name.as_deref().is_some_and(|name| name.starts_with("Halo"))
}

impl Device for Frame {
    fn model(&self) -> &Model {
        &FRAME_MODEL
    }

    fn recognise(&self, advert: &Advert) -> Option<Sighting> {
        sighting(advert).filter(|_| !is_halo(advert))
    }

    fn driver(&self) -> Box<dyn Driver> {
        Box::new(LuaDriver::new(&FRAME))
    }

    fn firmware(&self, options: &FirmwareOptions) -> Box<dyn Firmware> {
        Box::new(LuaFirmware::new(&FRAME, options))
    }
}

impl Device for Halo {
    fn model(&self) -> &Model {
        &HALO_MODEL
    }

    fn recognise(&self, advert: &Advert) -> Option<Sighting> {
        sighting(advert).filter(|_| is_halo(advert))
    }

    fn driver(&self) -> Box<dyn Driver> {
        Box::new(LuaDriver::new(&HALO))
    }

    fn firmware(&self, options: &FirmwareOptions) -> Box<dyn Firmware> {
        Box::new(LuaFirmware::new(&HALO, options))
    }
}
