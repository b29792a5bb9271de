use anyhow::{Result, bail};
use glasslink::audio::microphone::{
    DeviceChoice, InputDevice, InputKind, Microphone, MicrophoneState, input_devices,
};
use tokio::sync::watch;

use super::{Device, Health, Opened};
use crate::args::NewOptions;

pub(super) async fn open(options: &NewOptions, rate: u32) -> Result<Opened> {
    let kind = if options.system { InputKind::SystemAudio } else { InputKind::Microphone };
    let (choice, label) = match &options.device {
        None => (DeviceChoice::Default(kind), None),
        Some(wanted) => {
            let device = find(&input_devices().await?, wanted)?;
            (DeviceChoice::Device(device.id), Some(device.name))
        }
    };
    let microphone = Microphone::open(choice, rate).await?;
    let mut states = microphone.control().watch_state();
    let (sender, receiver) = watch::channel(told(&states.borrow_and_update()));
    let of_device = match &*states.borrow() {
        MicrophoneState::Capturing { device, .. } | MicrophoneState::Silent { device, .. } => {
            Some(device.name.clone())
        }
        _ => None,
    };
    let of_kind = if options.system { "System audio" } else { "Microphone" };
    let label = label.or(of_device).unwrap_or_else(|| of_kind.to_owned());
    tokio::spawn(async move {
        while states.changed().await.is_ok() {
            let told = told(&states.borrow_and_update());
            sender.send_if_modified(|known| {
                *known != told && {
                    *known = told;
                    true
                }
            });
        }
    });
    Ok(Opened { source: Box::new(microphone), label, health: Health(receiver) })
}

pub(super) async fn devices() -> Result<Vec<Device>> {
    let devices = input_devices().await?;
    Ok(devices
        .into_iter()
        .map(|InputDevice { id, name, kind, is_default }| Device {
            id: id.to_string(),
            name,
            is_system_audio: kind == InputKind::SystemAudio,
            is_default,
        })
        .collect())
}

fn find(devices: &[InputDevice], wanted: &str) -> Result<InputDevice> {
    let lower = wanted.to_lowercase();
    let by_id = devices.iter().find(|device| device.id.as_str() == wanted);
    let by_name = || devices.iter().find(|device| device.name.to_lowercase().contains(&lower));
    match by_id.or_else(by_name) {
        Some(device) => Ok(device.clone()),
        None => bail!("no device is called \"{wanted}\": see `record devices`"),
    }
}

/// What to tell a person, and whether all is well.
fn told(state: &MicrophoneState) -> (String, bool) {
    let remedy = state.remedy();
    let words = match remedy {
        Some(remedy) => format!("{}: {remedy}", state.words()),
        None => state.words(),
    };
    (words, remedy.is_none())
}
