//! Plays `org.bluez` on the bus that `DBUS_SYSTEM_BUS_ADDRESS` names: `fake-bluez MODEL`.
//!
//! Lines on its standard input make things go wrong: `lose left|right|only SECONDS`, `loss SHARE`. `lenses` prints
//! what the displays show, `ledger` what became of the audio, each as one line of JSON. It ends with its input.

use std::time::Duration;

use anyhow::{Context, bail};
use glasslink_bluetooth::bluez::FakeBluez;
use glasslink_glasses::virtual_glasses::{Fault, Faults, FirmwareOptions, VirtualGlasses};
use glasslink_glasses::{Arm, Registry};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = std::env::args().nth(1).context("usage: fake-bluez MODEL")?;
    let device = Registry::standard().get(&model).with_context(|| format!("no device {model}"))?;
    let glasses = VirtualGlasses::new(&*device, &FirmwareOptions::default(), Faults::default());
    let _fake = FakeBluez::start(glasses.clone()).await?;
    println!("ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["lose", arm, seconds] => {
                let back = Duration::from_secs_f64(seconds.parse()?);
                glasses.fault(Fault::LoseArm { arm: parse_arm(arm)?, back });
            }
            ["loss", share] => glasses.set_packet_loss(share.parse()?),
            ["lenses"] => {
                let lenses: Vec<_> = glasses.lenses().into_iter().map(|lens| lens.lines).collect();
                println!("{}", json!(lenses));
            }
            ["ledger"] => {
                let ledger = glasses.ledger();
                println!("{}", json!({ "delivered": ledger.delivered, "lost": ledger.lost }));
            }
            _ => bail!("unknown command: {line}"),
        }
    }
    Ok(())
}

fn parse_arm(word: &str) -> anyhow::Result<Arm> {
    Ok(match word {
        "left" => Arm::Left,
        "right" => Arm::Right,
        "only" => Arm::Only,
        _ => bail!("no arm {word}"),
    })
}
