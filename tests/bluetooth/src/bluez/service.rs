use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dbus::arg::{PropMap, RefArg, Variant};
use dbus::channel::{MatchingReceiver, Sender};
use dbus::message::{MatchRule, Message, MessageType};
use dbus::nonblock::SyncConnection;
use dbus::{MethodErr, Path};
use glasslink_glasses::virtual_glasses::VirtualGlasses;
use glasslink_glasses::{
    Advert, Link, LinkEvent, LinkListener, ScanListener, Transport, TransportError, WriteKind,
};

use super::objects::{self, ADAPTER, DEVICE, DeviceObject, Interfaces};

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const MANAGER: &str = "org.freedesktop.DBus.ObjectManager";

/// The Bluetooth service of Linux with virtual glasses in the air around it.
///
/// The glasses are the same that tests use in memory, reached through their own transport: what a client writes
/// goes to their firmware, and what that sends becomes the signals a client of `BlueZ` waits for.
#[derive(Clone)]
pub struct FakeBluez(Arc<Inner>);

struct Inner {
    bus: Arc<SyncConnection>,
    glasses: VirtualGlasses,
    runtime: tokio::runtime::Handle,
    state: Mutex<State>,
}

struct State {
    devices: Vec<DeviceObject>,
    links: HashMap<String, Arc<dyn Link>>,
    discovering: bool,
}

impl FakeBluez {
    /// Takes the name `org.bluez` on the bus that `DBUS_SYSTEM_BUS_ADDRESS` names.
    pub async fn start(glasses: VirtualGlasses) -> anyhow::Result<Self> {
        let (resource, bus) = dbus_tokio::connection::new_system_sync()?;
        tokio::spawn(resource);
        let devices = glasses.peripherals().into_iter().zip(1..);
        let devices = devices.map(|(peripheral, number)| DeviceObject::new(peripheral, number)).collect();
        let state = State { devices, links: HashMap::new(), discovering: false };
        let fake = Self(Arc::new(Inner {
            bus: Arc::clone(&bus),
            glasses,
            runtime: tokio::runtime::Handle::current(),
            state: Mutex::new(state),
        }));
        let serving = fake.clone();
        let calls = MatchRule::new().with_type(MessageType::MethodCall);
        bus.start_receive(
            calls,
            Box::new(move |message, _| {
                // One task a call: `Connect` takes its time, and the rest must not wait for it.
                serving.0.runtime.spawn(serve(serving.clone(), message));
                true
            }),
        );
        bus.request_name("org.bluez", false, true, false).await?;
        Ok(fake)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn objects(&self) -> Vec<(String, Interfaces)> {
        let state = self.state();
        let mut all = vec![
            ("/org/bluez".to_owned(), Interfaces::new()),
            (ADAPTER.to_owned(), objects::adapter(true, state.discovering)),
        ];
        for device in state.devices.iter().filter(|device| device.known) {
            all.push((device.path.clone(), device.interfaces()));
            for (path, uuid, characteristics) in device.attributes() {
                all.push((path, objects::service(uuid)));
                for (path, known) in characteristics {
                    all.push((path, objects::characteristic(&known, device.mtu)));
                }
            }
        }
        all
    }

    fn changed<T: RefArg + 'static>(&self, path: &str, interface: &str, name: &str, value: T) {
        let mut map = PropMap::new();
        map.insert(name.to_owned(), Variant(Box::new(value)));
        let signal =
            Message::signal(&Path::from(path.to_owned()), &PROPERTIES.into(), &"PropertiesChanged".into());
        let _ = self.0.bus.send(signal.append3(interface, map, Vec::<String>::new()));
    }

    fn device(&self, path: &str) -> Option<DeviceObject> {
        self.state().devices.iter().find(|device| device.path == path).cloned()
    }

    fn edit(&self, path: &str, change: impl FnOnce(&mut DeviceObject)) {
        if let Some(device) = self.state().devices.iter_mut().find(|device| device.path == path) {
            change(device);
        }
    }

    async fn connect(&self, path: &str) -> Result<(), MethodErr> {
        let device = self.device(path).ok_or_else(|| failed("Does Not Exist"))?;
        if device.connected {
            return Ok(());
        }
        let listener = Arc::new(DeviceListener { fake: self.clone(), path: path.to_owned() });
        let id = device.peripheral.advert.id.clone();
        let link = self.0.glasses.connect(id, listener).await.map_err(refused)?;
        // BlueZ pairs before a bonded device's notifications, and negotiates the largest MTU.
        let mtu = link.request_mtu(517).await.map_err(refused)?;
        self.state().links.insert(path.to_owned(), link);
        self.edit(path, |device| (device.connected, device.mtu) = (true, mtu));
        self.changed(path, DEVICE, "Connected", true);
        let (fake, path) = (self.clone(), path.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if fake.device(&path).is_some_and(|device| device.connected) {
                fake.edit(&path, |device| device.resolved = true);
                fake.changed(&path, DEVICE, "ServicesResolved", true);
            }
        });
        Ok(())
    }

    fn lost(&self, path: &str) {
        self.state().links.remove(path);
        self.edit(path, |device| (device.connected, device.resolved) = (false, false));
        self.changed(path, DEVICE, "ServicesResolved", false);
        self.changed(path, DEVICE, "Connected", false);
    }

    fn properties(&self, path: &str, interface: &str) -> Result<PropMap, MethodErr> {
        let object = self.objects().into_iter().find(|(known, _)| known == path);
        let mut interfaces = object.ok_or_else(|| failed("Does Not Exist"))?.1;
        interfaces.remove(interface).ok_or_else(|| failed("No such interface"))
    }

    /// The link and the characteristic an object path stands for.
    fn attribute(&self, path: &str) -> Result<(Arc<dyn Link>, uuid::Uuid), MethodErr> {
        let state = self.state();
        let device = state.devices.iter().find(|device| path.starts_with(&device.path));
        let device = device.ok_or_else(|| failed("Does Not Exist"))?;
        let link = state.links.get(&device.path).ok_or_else(|| failed("Not connected"))?;
        let uuid = device.characteristic(path).ok_or_else(|| failed("Does Not Exist"))?;
        Ok((Arc::clone(link), uuid))
    }
}

struct Scanner(FakeBluez);

impl ScanListener for Scanner {
    fn seen(&self, advert: Advert) {
        let mut found = None;
        for device in &mut self.0.state().devices {
            if device.peripheral.advert.id == advert.id && !device.known {
                device.known = true;
                found = Some((device.path.clone(), device.interfaces()));
            }
        }
        if let Some((path, interfaces)) = found {
            let signal = Message::signal(&Path::from("/"), &MANAGER.into(), &"InterfacesAdded".into());
            let _ = self.0.0.bus.send(signal.append2(Path::from(path), interfaces));
        }
    }
}

struct DeviceListener {
    fake: FakeBluez,
    path: String,
}

impl LinkListener for DeviceListener {
    fn event(&self, event: LinkEvent) {
        match event {
            LinkEvent::Notified { characteristic, value } => {
                let path = self.fake.device(&self.path).and_then(|device| device.path_of(characteristic));
                if let Some(path) = path {
                    self.fake.changed(&path, objects::CHARACTERISTIC, "Value", value);
                }
            }
            LinkEvent::Lost(_) => self.fake.lost(&self.path),
        }
    }
}

/// A method call, taken apart: a message of the D-Bus library cannot be looked at across an await.
struct Call {
    fake: FakeBluez,
    path: String,
    interface: String,
    member: String,
    words: Vec<String>,
    value: Vec<u8>,
}

/// What a method returns.
enum Answer {
    Nothing,
    Objects(HashMap<Path<'static>, Interfaces>),
    Text(String),
    Value(Variant<Box<dyn RefArg>>),
    Properties(PropMap),
    Bytes(Vec<u8>),
}

async fn serve(fake: FakeBluez, message: Message) {
    let call = Call::new(&fake, &message);
    let reply = match call.run().await {
        Ok(answer) => answer.append(message.method_return()),
        Err(error) => error.to_message(&message),
    };
    if !message.get_no_reply() {
        let _ = fake.0.bus.send(reply);
    }
}

impl Answer {
    fn append(self, reply: Message) -> Message {
        match self {
            Self::Nothing => reply,
            Self::Objects(objects) => reply.append1(objects),
            Self::Text(text) => reply.append1(text),
            Self::Value(value) => reply.append1(value),
            Self::Properties(map) => reply.append1(map),
            Self::Bytes(bytes) => reply.append1(bytes),
        }
    }
}

impl Call {
    fn new(fake: &FakeBluez, message: &Message) -> Self {
        let (first, second) = message.get2::<String, String>();
        Self {
            fake: fake.clone(),
            path: message.path().map(|path| path.to_string()).unwrap_or_default(),
            interface: message.interface().map(|interface| interface.to_string()).unwrap_or_default(),
            member: message.member().map(|member| member.to_string()).unwrap_or_default(),
            words: first.into_iter().chain(second).collect(),
            value: message.get1::<Vec<u8>>().unwrap_or_default(),
        }
    }

    async fn run(self) -> Result<Answer, MethodErr> {
        let Self { fake, path, words, .. } = &self;
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        match (self.interface.as_str(), self.member.as_str()) {
            (MANAGER, "GetManagedObjects") => {
                let all = fake.objects().into_iter();
                Ok(Answer::Objects(all.map(|(path, interfaces)| (Path::from(path), interfaces)).collect()))
            }
            ("org.freedesktop.DBus.Introspectable", "Introspect") => {
                Ok(Answer::Text(objects::introspection(path, &fake.objects())))
            }
            (PROPERTIES, "Get") => {
                let value = fake.properties(path, word(0))?.remove(word(1));
                value.map(Answer::Value).ok_or_else(|| failed("No such property"))
            }
            (PROPERTIES, "GetAll") => Ok(Answer::Properties(fake.properties(path, word(0))?)),
            (objects::ADAPTER_INTERFACE, "StartDiscovery") => {
                fake.state().discovering = true;
                fake.0.glasses.start_scan(Arc::new(Scanner(fake.clone()))).await.map_err(refused)?;
                Ok(Answer::Nothing)
            }
            (objects::ADAPTER_INTERFACE, "StopDiscovery") => {
                fake.state().discovering = false;
                fake.0.glasses.stop_scan().await.map_err(refused)?;
                Ok(Answer::Nothing)
            }
            (PROPERTIES, "Set")
            | (objects::ADAPTER_INTERFACE, "SetDiscoveryFilter")
            | ("org.bluez.AgentManager1", "RegisterAgent" | "UnregisterAgent") => Ok(Answer::Nothing),
            (DEVICE, "Connect") => fake.connect(path).await.map(|()| Answer::Nothing),
            (DEVICE, "Pair") => {
                fake.connect(path).await?;
                let link = fake.state().links.get(path).cloned();
                link.ok_or_else(|| failed("Not connected"))?.bond().await.map_err(refused)?;
                fake.edit(path, |device| device.paired = true);
                fake.changed(path, DEVICE, "Paired", true);
                Ok(Answer::Nothing)
            }
            (DEVICE, "Disconnect") => {
                let link = fake.state().links.get(path).cloned();
                if let Some(link) = link {
                    link.close().await;
                }
                Ok(Answer::Nothing)
            }
            (objects::CHARACTERISTIC, member) => {
                let (link, uuid) = fake.attribute(path)?;
                match member {
                    "StartNotify" => link.notify(uuid, true).await.map_err(refused)?,
                    "StopNotify" => link.notify(uuid, false).await.map_err(refused)?,
                    "ReadValue" => return Ok(Answer::Bytes(link.read(uuid).await.map_err(refused)?)),
                    "WriteValue" => {
                        link.write(uuid, self.value, WriteKind::WithoutResponse).await.map_err(refused)?;
                    }
                    other => return Err(MethodErr::no_method(other)),
                }
                Ok(Answer::Nothing)
            }
            (_, other) => Err(MethodErr::no_method(other)),
        }
    }
}

fn failed(words: &str) -> MethodErr {
    ("org.bluez.Error.Failed", words.to_owned()).into()
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: TransportError) -> MethodErr {
    match error {
        TransportError::PairingRefused => {
            ("org.bluez.Error.AuthenticationRejected", "Authentication Rejected").into()
        }
        TransportError::Lost => failed("Not connected"),
        other => failed(&other.to_string()),
    }
}
