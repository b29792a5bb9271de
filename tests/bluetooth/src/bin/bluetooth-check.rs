//! Puts the system's Bluetooth stack to virtual glasses: `bluetooth-check MODEL [--seconds N]`.
//!
//! Scans, pairs, connects, listens, shows text, and lives through the arms being dropped by whoever runs it. Each
//! step is a line on standard output; after `listening` it waits for a line on standard input, such as that an arm
//! was dropped, and ends with the frames it heard as one line of JSON. The exit code is 0 when every step was done.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use glasslink_audio::{Captured, Source};
use glasslink_glasses::{
    BtleplugTransport, Glasses, GlassesState, Registry, Screen, Status, Transport, discover,
};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::{Instant, timeout, timeout_at};

#[derive(Default)]
struct Heard {
    frames: u64,
    radio: u64,
    other: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().context("usage: bluetooth-check MODEL [--seconds N]")?;
    let seconds: u64 = match arguments.nth(1) {
        Some(seconds) => seconds.parse()?,
        None => 10,
    };
    let registry = Registry::standard();
    let transport: Arc<dyn Transport> = Arc::new(BtleplugTransport::new().await?);
    let mut found = Vec::new();
    // A controller that has just come up hears nothing for a while, and may not be ready to.
    for left in (0..20).rev() {
        found = match discover(&*transport, &registry, Duration::from_secs(2)).await {
            Err(error) if left > 0 => {
                println!("not yet: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            found => found?,
        };
        found.retain(|found| found.device.model().id == model && found.missing().is_none());
        if !found.is_empty() {
            break;
        }
    }
    let found = found.first().context("the glasses were not found")?;
    println!("found {}", found.name);
    let glasses = Glasses::open(transport, Arc::clone(&found.device), &found.remember()?);
    reach(&glasses, |status| status.state() == GlassesState::Ready).await?;
    println!("ready");
    let shows = glasses.model().display.is_some();
    if shows {
        glasses.show(Screen::Text(vec!["shown over the air".into()]))?;
        wait_shown(&glasses).await?;
        println!("shown");
    }
    let mut microphone = glasses.microphone().context("no microphone")?;
    let mut heard = Heard::default();
    listen(&mut microphone, Duration::from_secs(seconds), &mut heard).await;
    println!("listening {}", heard.frames);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if line == "end" {
            break;
        }
        // Whoever runs this dropped an arm.
        let dropped = Instant::now();
        reach(&glasses, |status| status.state() != GlassesState::Ready).await?;
        reach(&glasses, |status| status.state() == GlassesState::Ready).await?;
        if shows {
            wait_shown(&glasses).await?;
        }
        let mut after = Heard::default();
        while after.frames == 0 {
            ensure!(dropped.elapsed() < Duration::from_mins(1), "no audio after a dropped arm");
            listen(&mut microphone, Duration::from_millis(200), &mut after).await;
        }
        heard.frames += after.frames;
        heard.radio += after.radio;
        heard.other += after.other;
        println!("back {}", dropped.elapsed().as_millis());
    }
    listen(&mut microphone, Duration::from_secs(1), &mut heard).await;
    glasses.close().await;
    listen(&mut microphone, Duration::from_millis(200), &mut heard).await;
    println!("{}", json!({ "frames": heard.frames, "radio": heard.radio, "other": heard.other }));
    Ok(())
}

async fn listen(microphone: &mut impl Source, time: Duration, heard: &mut Heard) {
    let end = Instant::now() + time;
    let mut frame = Vec::new();
    while let Ok(Ok(Some(captured))) =
        timeout_at(end, poll_fn(|cx| microphone.poll_next(cx, &mut frame))).await
    {
        match captured {
            Captured::Frame { .. } => heard.frames += 1,
            Captured::Gap { frames, cause } if cause.is_loss() => heard.radio += frames,
            Captured::Gap { frames, .. } => heard.other += frames,
        }
    }
}

async fn reach(glasses: &Glasses, reached: impl FnMut(&Status) -> bool) -> anyhow::Result<()> {
    let mut status = glasses.status();
    let result = timeout(Duration::from_mins(1), status.wait_for(reached)).await;
    let Ok(reached) = result else {
        anyhow::bail!("stuck: {:?}", glasses.status().borrow().clone());
    };
    reached?;
    Ok(())
}

async fn wait_shown(glasses: &Glasses) -> anyhow::Result<()> {
    let shown = async {
        while !glasses.shows_latest() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), shown).await.context("the text was not shown")
}
