//! What apps are told of a device, in the words of the protocol.

use glasslink_protocol::{Capabilities, DeviceEvent, DisplaySize, Touch};

use crate::{Arm, Event, Gesture, Model};

/// Turns what a device tells into what apps are told: one battery where the device has two, with whether it is being
/// charged.
#[derive(Clone, Debug, Default)]
pub struct Telling {
    batteries: Vec<(Arm, u8)>,
    charging: bool,
}

impl Telling {
    /// `None` for what apps have no use for.
    pub fn event(&mut self, event: &Event) -> Option<DeviceEvent> {
        match event {
            Event::HeadUp(up) => Some(DeviceEvent::Head { up: *up }),
            Event::Battery { arm, percent } => {
                self.batteries.retain(|(known, _)| known != arm);
                self.batteries.push((*arm, *percent));
                self.battery()
            }
            Event::Charging(charging) => {
                self.charging = *charging;
                self.battery()
            }
            Event::Gesture(gesture) => {
                let gesture = match gesture {
                    Gesture::Tap(_) => Touch::SingleTap,
                    Gesture::DoubleTap(_) => Touch::DoubleTap,
                    Gesture::TripleTap(_) => Touch::TripleTap,
                    Gesture::Hold(_) => Touch::LongPress,
                    Gesture::ScrollUp => Touch::UpSwipe,
                    Gesture::ScrollDown => Touch::DownSwipe,
                    Gesture::Release(_) => return None,
                };
                Some(DeviceEvent::Touch { gesture })
            }
            Event::Worn(_) | Event::Case(_) | Event::CaseBattery(_) | Event::LeftPage => None,
        }
    }

    /// The emptier arm decides.
    fn battery(&self) -> Option<DeviceEvent> {
        let level = self.batteries.iter().map(|(_, percent)| *percent).min()?;
        Some(DeviceEvent::Battery { level, charging: self.charging })
    }
}

impl Model {
    /// What apps are told that it can do.
    pub fn capabilities(&self) -> Capabilities {
        let display = self.display.as_ref().map(|display| DisplaySize {
            width: display.width,
            height: display.height,
            lines: u16::try_from(display.text.lines).unwrap_or(u16::MAX),
            bitmaps: display.bitmap.is_some(),
        });
        Capabilities {
            model: self.name.to_owned(),
            display,
            microphone: self.microphone.is_some(),
            touch: self.touch,
            head: self.head_up,
            battery: self.battery,
            ..Capabilities::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    #[test]
    fn two_batteries_are_told_as_the_emptier_one() {
        let mut telling = Telling::default();
        assert_eq!(telling.event(&Event::Charging(true)), None, "nothing is known of the battery yet");
        let battery = |arm, percent| Event::Battery { arm, percent };
        let told = |level| Some(DeviceEvent::Battery { level, charging: true });
        assert_eq!(telling.event(&battery(Arm::Left, 80)), told(80));
        assert_eq!(telling.event(&battery(Arm::Right, 90)), told(80));
        assert_eq!(telling.event(&battery(Arm::Left, 95)), told(90));
    }

    #[test]
    fn gestures_and_the_head_are_told() {
        let mut telling = Telling::default();
        let tap = telling.event(&Event::Gesture(Gesture::DoubleTap(Arm::Left)));
        assert_eq!(tap, Some(DeviceEvent::Touch { gesture: Touch::DoubleTap }));
        assert_eq!(telling.event(&Event::HeadUp(true)), Some(DeviceEvent::Head { up: true }));
        assert_eq!(telling.event(&Event::LeftPage), None);
    }

    #[test]
    fn every_device_says_what_it_can_do() {
        let registry = Registry::standard();
        let can = |id: &str| registry.get(id).unwrap().model().capabilities();
        let g1 = can("even-g1");
        assert!(
            g1.display.is_some_and(|display| display.bitmaps) && g1.microphone && g1.model.contains("G1")
        );
        assert_eq!(can("omi").display, None);
    }
}
