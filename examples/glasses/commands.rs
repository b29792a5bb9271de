use std::future::poll_fn;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use glasslink_audio::{Captured, Source};
use glasslink_glasses::virtual_glasses::Faults;
use glasslink_glasses::{Bitmap, BitmapFormat, Glasses, GlassesState, Registry, RememberedDevices, Screen};
use image::imageops::FilterType;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::lenses;
use crate::open::{Air, DeviceOptions, wait_ready};

pub(crate) async fn scan(options: &DeviceOptions) -> anyhow::Result<bool> {
    println!("known devices:");
    for device in Registry::standard().devices() {
        println!("  {:12} {}", device.model().id, device.model().name);
    }
    for unsupported in Registry::UNSUPPORTED {
        println!("  {:12} {}: not supported, {}", unsupported.id, unsupported.name, unsupported.reason);
    }
    let air = options.air(Faults::default()).await?;
    println!("in sight:");
    for found in air.scan().await? {
        let arms: Vec<String> = found
            .arms
            .iter()
            .map(|(arm, advert)| match advert.rssi {
                Some(rssi) => format!("{arm} {rssi} dBm"),
                None => arm.to_string(),
            })
            .collect();
        let missing = found.missing().map(|arm| format!("; the {arm} is not in sight")).unwrap_or_default();
        println!("  {} ({}{missing})", found.name, arms.join(", "));
    }
    Ok(true)
}

pub(crate) async fn pair(options: &DeviceOptions) -> anyhow::Result<bool> {
    let air = options.air(Faults::default()).await?;
    let found = air.scan().await?;
    let found =
        found.first().context("no glasses in sight: put them into pairing mode, or into their case")?;
    let remembered = found.remember()?;
    let glasses = air.open(&remembered)?;
    wait_ready(&glasses, |status| status.state() == GlassesState::Ready).await?;
    glasses.close().await;
    let store = options.store()?;
    let mut devices = RememberedDevices::load(&store)?;
    let name = remembered.name.clone();
    devices.remember(remembered);
    devices.save(&store)?;
    println!("paired with {name}");
    Ok(true)
}

pub(crate) fn forget(options: &DeviceOptions, name: Option<&str>) -> anyhow::Result<bool> {
    let store = options.store()?;
    let mut devices = RememberedDevices::load(&store)?;
    match name {
        Some(name) => ensure!(devices.forget(name), "no glasses called {name} are remembered"),
        None => devices.devices.clear(),
    }
    devices.save(&store)?;
    println!("forgotten; the system's own list of devices is left as it is");
    Ok(true)
}

pub(crate) async fn listen(options: &DeviceOptions, seconds: u64) -> anyhow::Result<bool> {
    let air = options.air(Faults::default()).await?;
    let glasses = air.ready(options).await?;
    let mut microphone = glasses.microphone().context("these glasses have no microphone")?;
    println!("{:?}", microphone.format());
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut frames, mut bytes, mut lost) = (0_u64, 0, 0);
    let mut frame = Vec::new();
    while let Ok(captured) = timeout_at(end, poll_fn(|cx| microphone.poll_next(cx, &mut frame))).await {
        match captured? {
            Some(Captured::Frame { .. }) => {
                frames += 1;
                bytes += frame.len();
            }
            Some(Captured::Gap { frames, cause }) => {
                println!("{frames} frames missing: {}", cause.words());
                lost += frames;
            }
            None => break,
        }
    }
    println!("{frames} frames, {bytes} bytes, {lost} frames missing");
    drop(microphone);
    glasses.close().await;
    ensure!(frames > 0, "the microphone was silent");
    Ok(true)
}

pub(crate) async fn show(options: &DeviceOptions, text: &str) -> anyhow::Result<bool> {
    let air = options.air(Faults::default()).await?;
    let glasses = air.ready(options).await?;
    let display = glasses.model().display.as_ref().context("these glasses have no display")?;
    let mut lines = display.text.metrics.wrap(text, u32::from(display.text.width));
    lines.truncate(display.text.lines);
    glasses.show(Screen::Text(lines))?;
    finish(&air, glasses).await
}

pub(crate) async fn image(options: &DeviceOptions, file: &Path) -> anyhow::Result<bool> {
    let picture = image::open(file).with_context(|| file.display().to_string())?;
    let air = options.air(Faults::default()).await?;
    let glasses = air.ready(options).await?;
    let display = glasses.model().display.as_ref().context("these glasses have no display")?;
    let format = display.bitmap.context("what these glasses take as a picture is not known")?;
    glasses.show(Screen::Bitmap(fit(&picture, format)?))?;
    finish(&air, glasses).await
}

/// The picture in the middle of the display, as large as it gets, in its grey levels.
fn fit(picture: &image::DynamicImage, format: BitmapFormat) -> anyhow::Result<Bitmap> {
    let (width, height) = (u32::from(format.width), u32::from(format.height));
    let scaled = picture.resize(width, height, FilterType::Lanczos3).to_luma8();
    let (left, top) = ((width - scaled.width()) / 2, (height - scaled.height()) / 2);
    let mut pixels = vec![0_u8; (width * height) as usize];
    let steps = (1_u32 << format.depth) - 1;
    // What rounding to few levels takes from a pixel, the next one in the row gets.
    for (y, row) in scaled.rows().enumerate() {
        let mut carry = 0_i32;
        for (x, pixel) in row.enumerate() {
            let wanted = i32::from(pixel.0[0]) + carry;
            let level = ((wanted.clamp(0, 255) as u32 * steps + 127) / 255).min(steps);
            carry = wanted - (level * 255 / steps) as i32;
            pixels[((top + y as u32) * width + left + x as u32) as usize] = level as u8;
        }
    }
    Ok(Bitmap::new(format, pixels)?)
}

pub(crate) async fn battery(options: &DeviceOptions) -> anyhow::Result<bool> {
    let air = options.air(Faults::default()).await?;
    let glasses = air.ready(options).await?;
    ensure!(glasses.model().battery, "these glasses do not tell of their battery");
    let mut status = glasses.status();
    let told = status.wait_for(|status| status.arms.iter().all(|arm| arm.battery.is_some()));
    timeout(Duration::from_secs(10), told).await.context("the glasses did not tell of their battery")??;
    for arm in &status.borrow().arms {
        if let Some(percent) = arm.battery {
            println!("{}: {percent} %", arm.arm);
        }
    }
    glasses.close().await;
    Ok(true)
}

pub(crate) async fn monitor(options: &DeviceOptions) -> anyhow::Result<bool> {
    let air = options.air(Faults::default()).await?;
    let glasses = air.ready(options).await?;
    let mut events = glasses.events();
    let mut status = glasses.status();
    loop {
        tokio::select! {
            event = events.recv() => if let Ok(event) = event { println!("{event:?}") },
            changed = status.changed() => {
                changed?;
                let status = status.borrow_and_update();
                println!("{:?}, microphone {:?}", status.state(), status.microphone);
                for trouble in &status.troubles {
                    println!("  {} {}", trouble.words(), trouble.remedy());
                }
            }
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    glasses.close().await;
    Ok(true)
}

/// Waits until the lenses show what they should, and draws them where they are virtual.
async fn finish(air: &Air, glasses: Glasses) -> anyhow::Result<bool> {
    let shown = async {
        while !glasses.shows_latest() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), shown).await.context("the glasses did not take it")?;
    if let Some(simulated) = &air.simulated {
        println!("{}", lenses::draw(&simulated.lenses()));
    } else {
        println!("shown; Ctrl-C clears it");
        tokio::signal::ctrl_c().await?;
    }
    glasses.close().await;
    Ok(true)
}
