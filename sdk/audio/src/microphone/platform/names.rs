//! Which devices a person is shown, as what, and how they are called.

use crate::microphone::{InputDevice, InputKind};

/// How a system's devices are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// `PulseAudio`, or `PipeWire` in its place: names for programs, descriptions for people.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    SoundServer,
    /// ALSA without a sound server: every plug-in is a device.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    Alsa,
    /// WASAPI, Core Audio: inputs, and outputs that can be recorded from.
    #[cfg_attr(target_os = "linux", allow(dead_code))]
    System,
}

/// What a sound server calls the source that hears what an output plays.
pub(super) const MONITOR: &str = ".monitor";

/// What device `id` hears; `None` if it is nothing for a person to choose.
pub(super) fn kind(naming: Naming, id: &str, is_output: bool) -> Option<InputKind> {
    match naming {
        Naming::SoundServer if is_output => None,
        Naming::SoundServer if id.ends_with(MONITOR) => Some(InputKind::SystemAudio),
        Naming::Alsa => (!is_output && is_alsa_input(id)).then_some(InputKind::Microphone),
        Naming::System if is_output => Some(InputKind::SystemAudio),
        Naming::SoundServer | Naming::System => Some(InputKind::Microphone),
    }
}

/// ALSA lists `null`, which records zeros, and a dozen views of each card. One view converts what a card cannot do by
/// itself, and is there twice: by the card's name, which stays, and by its number, which does not.
fn is_alsa_input(id: &str) -> bool {
    let Some(card) = id.strip_prefix("plughw:CARD=") else { return id == "default" };
    !card.starts_with(|first: char| first.is_ascii_digit())
}

/// `name` as a person would say it.
pub(super) fn for_a_person(naming: Naming, name: &str) -> String {
    // ALSA adds lines on what the device is for.
    let line = name.lines().next().unwrap_or(name).trim();
    match naming {
        Naming::Alsa if line.starts_with("Default") => "Default microphone".into(),
        _ => line.replace('_', " "),
    }
}

/// Numbers devices of the same name, from the second on.
pub(super) fn tell_apart(devices: &mut [InputDevice]) {
    for at in 1..devices.len() {
        let (before, rest) = devices.split_at_mut(at);
        let name = rest[0].name.clone();
        let mut number = 2;
        while before.iter().any(|device| device.name == rest[0].name) {
            rest[0].name = format!("{name} ({number})");
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::microphone::DeviceId;

    #[test]
    fn monitors_are_told_from_microphones_and_outputs_are_not_shown() {
        let usb = "alsa_input.usb-Blue_Yeti-00.analog-stereo";
        let monitor = "alsa_output.pci-0000_00_1f.3.analog-stereo.monitor";
        assert_eq!(kind(Naming::SoundServer, usb, false), Some(InputKind::Microphone));
        assert_eq!(kind(Naming::SoundServer, monitor, false), Some(InputKind::SystemAudio));
        assert_eq!(kind(Naming::SoundServer, "alsa_output.pci", true), None);
        assert_eq!(kind(Naming::System, "speakers", true), Some(InputKind::SystemAudio));
    }

    #[test]
    fn of_what_alsa_lists_a_person_sees_the_cards_and_the_default() {
        let listed = [
            "null",
            "default",
            "pulse",
            "jack",
            "oss",
            "speex",
            "samplerate",
            "sysdefault:CARD=PCH",
            "front:CARD=PCH,DEV=0",
            "hw:CARD=PCH,DEV=0",
            "plughw:CARD=PCH,DEV=0",
            "hw:CARD=0,DEV=0",
            "plughw:CARD=0,DEV=0",
            "dsnoop:CARD=PCH,DEV=0",
            "plughw:CARD=Yeti,DEV=0",
            "usbstream:CARD=Yeti",
        ];
        let shown: Vec<_> = listed.into_iter().filter(|id| kind(Naming::Alsa, id, false).is_some()).collect();
        assert_eq!(shown, ["default", "plughw:CARD=PCH,DEV=0", "plughw:CARD=Yeti,DEV=0"]);
        let yeti = "Yeti Stereo Microphone, USB Audio\nHardware device with all software conversions";
        assert_eq!(for_a_person(Naming::Alsa, yeti), "Yeti Stereo Microphone, USB Audio");
        assert_eq!(for_a_person(Naming::Alsa, "Default Audio Device"), "Default microphone");
    }

    #[test]
    fn devices_of_one_name_are_numbered() {
        let device = |id: &str| InputDevice {
            id: DeviceId::new(id),
            name: "USB Microphone".into(),
            kind: InputKind::Microphone,
            is_default: false,
        };
        let mut devices = [device("a"), device("b"), device("c")];
        tell_apart(&mut devices);
        let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
        assert_eq!(names, ["USB Microphone", "USB Microphone (2)", "USB Microphone (3)"]);
    }
}
