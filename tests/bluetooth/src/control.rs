//! What whoever runs a rig tells its glasses, line by line on standard input.

use std::time::Duration;

use anyhow::bail;
use glasslink_glasses::Arm;
use glasslink_glasses::virtual_glasses::{Fault, VirtualGlasses};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Does what the lines say until they end: `lose left|right|only SECONDS` and `loss SHARE` make things go wrong;
/// `lenses` prints what the displays show, `ledger` what became of the audio, each as one line of JSON.
pub async fn run(glasses: &VirtualGlasses) -> anyhow::Result<()> {
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
