//! Puts virtual glasses behind an emulated Bluetooth controller: `virtual-air MODEL PYTHON SOCKET`.
//!
//! `PYTHON` runs `vm/air.py`, which plays the radio of the glasses and the controller that a virtual machine sees
//! at `SOCKET`; the two talk in lines of JSON. Takes the commands of `glasslink_bluetooth::control`.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use glasslink_bluetooth::control;
use glasslink_glasses::virtual_glasses::{Faults, FirmwareOptions, VirtualGlasses};
use glasslink_glasses::{Link, LinkEvent, LinkListener, Registry, Transport, WriteKind};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;
use uuid::Uuid;

struct Listener {
    peripheral: usize,
    out: mpsc::UnboundedSender<Value>,
    links: Links,
}

type Links = Arc<Mutex<HashMap<usize, Arc<dyn Link>>>>;

impl LinkListener for Listener {
    fn event(&self, event: LinkEvent) {
        let line = match event {
            LinkEvent::Notified { characteristic, value } => {
                json!({ "notify": self.peripheral, "characteristic": characteristic.to_string(), "value": value })
            }
            LinkEvent::Lost(_) => {
                self.links.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.peripheral);
                json!({ "lost": self.peripheral })
            }
        };
        let _ = self.out.send(line);
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("usage: virtual-air MODEL PYTHON SOCKET");
    let (model, python, socket) = (next()?, next()?, next()?);
    let device = Registry::standard().get(&model).with_context(|| format!("no device {model}"))?;
    let glasses = VirtualGlasses::new(&*device, &FirmwareOptions::default(), Faults::default());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/vm/air.py");
    let mut radio = Command::new(python)
        .args([script, &socket])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (out, mut lines) = mpsc::unbounded_channel::<Value>();
    let mut input = radio.stdin.take().context("no pipe")?;
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            if input.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                return;
            }
        }
    });
    out.send(json!(describe(&glasses)))?;
    let mut events = BufReader::new(radio.stdout.take().context("no pipe")?).lines();
    let first = events.next_line().await?.context("the radio did not start")?;
    println!("{first}");
    let air = glasses.clone();
    let carry = async move {
        let connected = Links::default();
        while let Some(line) = events.next_line().await? {
            let event: Value = serde_json::from_str(&line)?;
            if let Err(error) = carry(&air, &connected, &out, &event).await {
                eprintln!("{event}: {error}");
            }
        }
        anyhow::Ok(())
    };
    tokio::select! {
        done = carry => done,
        done = control::run(&glasses) => done,
    }
}

fn describe(glasses: &VirtualGlasses) -> Vec<Value> {
    let peripherals = glasses.peripherals().into_iter();
    peripherals
        .map(|peripheral| {
            let services = peripheral.services.iter().map(|service| {
                let characteristics = service.characteristics.iter().map(|known| {
                    json!({
                        "uuid": known.uuid.to_string(), "read": known.read, "write": known.write,
                        "notify": known.notify,
                    })
                });
                json!({ "uuid": service.uuid.to_string(), "characteristics": characteristics.collect::<Vec<_>>() })
            });
            json!({
                "name": peripheral.advert.name,
                "advertised": peripheral.advert.services.iter().map(Uuid::to_string).collect::<Vec<_>>(),
                "services": services.collect::<Vec<_>>(),
            })
        })
        .collect()
}

/// Does what the central did to the glasses.
async fn carry(
    glasses: &VirtualGlasses,
    links: &Links,
    out: &mpsc::UnboundedSender<Value>,
    event: &Value,
) -> anyhow::Result<()> {
    let peripheral = usize::try_from(event["peripheral"].as_u64().context("no peripheral")?)?;
    let link = || {
        let link = links.lock().unwrap_or_else(PoisonError::into_inner).get(&peripheral).cloned();
        link.context("no link")
    };
    let characteristic =
        || Uuid::parse_str(event["characteristic"].as_str().unwrap_or_default()).context("no characteristic");
    match event["event"].as_str().unwrap_or_default() {
        "connected" => {
            let id = glasses.peripherals()[peripheral].advert.id.clone();
            let listener = Arc::new(Listener { peripheral, out: out.clone(), links: Arc::clone(links) });
            let link = glasses.connect(id, listener).await?;
            link.request_mtu(u16::try_from(event["mtu"].as_u64().unwrap_or(23))?).await?;
            link.bond().await?;
            links.lock().unwrap_or_else(PoisonError::into_inner).insert(peripheral, link);
        }
        "mtu" => {
            link()?.request_mtu(u16::try_from(event["mtu"].as_u64().unwrap_or(23))?).await?;
        }
        "disconnected" => link()?.close().await,
        "subscribed" => link()?.notify(characteristic()?, event["on"] == true).await?,
        "written" => {
            let value = serde_json::from_value(event["value"].clone())?;
            link()?.write(characteristic()?, value, WriteKind::WithoutResponse).await?;
        }
        "read" => {
            let value = link()?.read(characteristic()?).await?;
            out.send(json!({ "answer": event["id"], "value": value }))?;
        }
        other => anyhow::bail!("unknown event {other}"),
    }
    Ok(())
}
