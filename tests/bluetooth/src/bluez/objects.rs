use std::collections::HashMap;

use dbus::arg::{PropMap, RefArg, Variant};
use glasslink_glasses::virtual_glasses::{Characteristic, Peripheral};
use uuid::Uuid;

pub(super) const ADAPTER: &str = "/org/bluez/hci0";
pub(super) const ADAPTER_INTERFACE: &str = "org.bluez.Adapter1";
pub(super) const DEVICE: &str = "org.bluez.Device1";
pub(super) const SERVICE: &str = "org.bluez.GattService1";
pub(super) const CHARACTERISTIC: &str = "org.bluez.GattCharacteristic1";

/// The interfaces of an object and their properties.
pub(super) type Interfaces = HashMap<String, PropMap>;

/// A service's path and UUID, and its characteristics by their paths.
pub(super) type ServiceObject = (String, Uuid, Vec<(String, Characteristic)>);

/// A device and what the service says of it.
#[derive(Clone)]
pub(super) struct DeviceObject {
    pub(super) peripheral: Peripheral,
    pub(super) path: String,
    pub(super) address: String,
    /// Whether a scan has seen it.
    pub(super) known: bool,
    pub(super) connected: bool,
    pub(super) resolved: bool,
    pub(super) paired: bool,
    pub(super) mtu: u16,
}

fn put<T: RefArg + 'static>(map: &mut PropMap, name: &str, value: T) {
    map.insert(name.to_owned(), Variant(Box::new(value)));
}

fn text(map: &mut PropMap, name: &str, value: &str) {
    put(map, name, value.to_owned());
}

pub(super) fn adapter(powered: bool, discovering: bool) -> Interfaces {
    let mut map = PropMap::new();
    text(&mut map, "Address", "F0:F1:F2:F3:F4:F5");
    text(&mut map, "AddressType", "public");
    text(&mut map, "Name", "virtual");
    text(&mut map, "Alias", "virtual");
    text(&mut map, "Modalias", "usb:v1D6Bp0246d0542");
    put(&mut map, "Powered", powered);
    put(&mut map, "Discovering", discovering);
    HashMap::from([(ADAPTER_INTERFACE.to_owned(), map)])
}

impl DeviceObject {
    pub(super) fn new(peripheral: Peripheral, number: usize) -> Self {
        // Not every virtual device's id is an address; one is made up where it is not.
        let id = &peripheral.advert.id.0;
        let address = if id.len() == 17 && id.matches(':').count() == 5 {
            id.clone()
        } else {
            format!("C0:FF:EE:00:00:{number:02X}")
        };
        let path = format!("{ADAPTER}/dev_{}", address.replace(':', "_"));
        Self {
            peripheral,
            path,
            address,
            known: false,
            connected: false,
            resolved: false,
            paired: false,
            mtu: 23,
        }
    }

    pub(super) fn interfaces(&self) -> Interfaces {
        let mut map = PropMap::new();
        let advert = &self.peripheral.advert;
        text(&mut map, "Address", &self.address);
        text(&mut map, "AddressType", "random");
        if let Some(name) = &advert.name {
            text(&mut map, "Name", name);
        }
        text(&mut map, "Alias", advert.name.as_deref().unwrap_or(&self.address));
        put(&mut map, "Paired", self.paired);
        put(&mut map, "Bonded", self.paired);
        put(&mut map, "Connected", self.connected);
        put(&mut map, "ServicesResolved", self.resolved);
        put(&mut map, "Trusted", false);
        put(&mut map, "Blocked", false);
        put(&mut map, "LegacyPairing", false);
        put(&mut map, "RSSI", advert.rssi.unwrap_or(-60));
        put(&mut map, "UUIDs", advert.services.iter().map(Uuid::to_string).collect::<Vec<String>>());
        let mut manufacturers: HashMap<u16, Variant<Vec<u8>>> = HashMap::new();
        for (company, data) in &advert.manufacturer_data {
            manufacturers.insert(*company, Variant(data.clone()));
        }
        put(&mut map, "ManufacturerData", manufacturers);
        text(&mut map, "Adapter", ADAPTER);
        HashMap::from([(DEVICE.to_owned(), map)])
    }

    /// Services and their characteristics with the numbers in their paths, while they are resolved.
    pub(super) fn attributes(&self) -> Vec<ServiceObject> {
        if !self.resolved {
            return Vec::new();
        }
        let services = self.peripheral.services.iter().zip((0x10_usize..).step_by(0x10));
        services
            .map(|(service, handle)| {
                let path = format!("{}/service{handle:04x}", self.path);
                let characteristics = service.characteristics.iter().zip(1..);
                let characteristics = characteristics.map(|(characteristic, offset)| {
                    (format!("{path}/char{:04x}", handle + offset), *characteristic)
                });
                (path.clone(), service.uuid, characteristics.collect())
            })
            .collect()
    }

    pub(super) fn characteristic(&self, path: &str) -> Option<Uuid> {
        let all = self.attributes();
        let mut all = all.iter().flat_map(|(.., characteristics)| characteristics);
        all.find(|(known, _)| known == path).map(|(_, characteristic)| characteristic.uuid)
    }

    pub(super) fn path_of(&self, uuid: Uuid) -> Option<String> {
        let all = self.attributes();
        let mut all = all.iter().flat_map(|(.., characteristics)| characteristics);
        all.find(|(_, known)| known.uuid == uuid).map(|(path, _)| path.clone())
    }
}

pub(super) fn service(uuid: Uuid) -> Interfaces {
    let mut map = PropMap::new();
    text(&mut map, "UUID", &uuid.to_string());
    put(&mut map, "Primary", true);
    HashMap::from([(SERVICE.to_owned(), map)])
}

pub(super) fn characteristic(known: &Characteristic, mtu: u16) -> Interfaces {
    let mut map = PropMap::new();
    text(&mut map, "UUID", &known.uuid.to_string());
    let flags = [
        (known.read, "read"),
        (known.write, "write"),
        (known.write, "write-without-response"),
        (known.notify, "notify"),
    ];
    let flags: Vec<String> =
        flags.iter().filter(|(has, _)| *has).map(|(_, flag)| (*flag).to_owned()).collect();
    put(&mut map, "Flags", flags);
    put(&mut map, "MTU", mtu);
    HashMap::from([(CHARACTERISTIC.to_owned(), map)])
}

/// What `Introspect` says: a client finds services and characteristics by the names of the nodes.
pub(super) fn introspection(path: &str, all: &[(String, Interfaces)]) -> String {
    let prefix = if path == "/" { "/".to_owned() } else { format!("{path}/") };
    let mut nodes: Vec<&str> = all
        .iter()
        .filter_map(|(known, _)| known.strip_prefix(&prefix)?.split('/').next())
        .filter(|node| !node.is_empty())
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    let interfaces = all.iter().find(|(known, _)| known == path).map(|(_, interfaces)| interfaces);
    let mut xml = String::from("<node>");
    for name in interfaces.into_iter().flat_map(HashMap::keys) {
        xml.extend(["<interface name=\"", name, "\"/>"]);
    }
    for node in nodes {
        xml.extend(["<node name=\"", node, "\"/>"]);
    }
    xml.push_str("</node>");
    xml
}
