//! The Bluetooth stack of Linux, macOS and Windows, through btleplug. Nothing else in this crate knows of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use btleplug::api::{
    Central, CentralEvent, CentralState, Manager as _, Peripheral as _, ScanFilter, WriteType,
};
use btleplug::platform::{Adapter, Manager, Peripheral};
use futures_util::StreamExt;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    Advert, Link, LinkEvent, LinkListener, LossReason, PeripheralId, ScanListener, Transport, TransportError,
    WriteKind,
};

/// How long a peripheral is looked for that the system does not know yet.
const SEARCH: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(250);
const CONNECT: Duration = Duration::from_secs(20);

/// The system's first Bluetooth adapter.
///
/// Build programs that use it without `panic = "abort"`: on Linux a dependency now and then panics in a background
/// task of its own, which ends there and does no harm.
pub struct BtleplugTransport {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    adapter: Adapter,
    scanner: Mutex<Option<Arc<dyn ScanListener>>>,
    devices: Mutex<HashMap<PeripheralId, Arc<Device>>>,
    /// Connections that start in the same moment fail on some adapters.
    connecting: tokio::sync::Mutex<()>,
}

/// A peripheral that was connected once. Its notification stream is kept for good: it does not end with the
/// connection, and dropping one is what makes the dependency panic.
struct Device {
    peripheral: Peripheral,
    current: Mutex<Option<Arc<dyn LinkListener>>>,
    pump: Mutex<Option<AbortHandle>>,
}

impl BtleplugTransport {
    /// Opens the adapter. Needs a tokio runtime.
    pub async fn new() -> Result<Self, TransportError> {
        let manager = Manager::new().await.map_err(error)?;
        let adapters = manager.adapters().await.map_err(error)?;
        let adapter = adapters.into_iter().next().ok_or(TransportError::AdapterOff)?;
        let mut events = adapter.events().await.map_err(error)?;
        let shared = Arc::new(Shared {
            adapter,
            scanner: Mutex::default(),
            devices: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        let listening = Arc::clone(&shared);
        tasks.spawn(async move {
            while let Some(event) = events.next().await {
                listening.event(event).await;
            }
        });
        Ok(Self { shared, tasks })
    }
}

impl Drop for BtleplugTransport {
    fn drop(&mut self) {
        self.tasks.abort_all();
        for device in lock(&self.shared.devices).values() {
            if let Some(pump) = lock(&device.pump).take() {
                pump.abort();
            }
        }
    }
}

impl Shared {
    async fn event(&self, event: CentralEvent) {
        match event {
            CentralEvent::DeviceDiscovered(id)
            | CentralEvent::DeviceUpdated(id)
            | CentralEvent::ServicesAdvertisement { id, .. }
            | CentralEvent::ManufacturerDataAdvertisement { id, .. } => {
                let scanner = lock(&self.scanner).clone();
                if let Some(scanner) = scanner
                    && let Ok(peripheral) = self.adapter.peripheral(&id).await
                    && let Some(advert) = advert(&peripheral).await
                {
                    scanner.seen(advert);
                }
            }
            CentralEvent::DeviceDisconnected(id) => {
                let device = lock(&self.devices).get(&PeripheralId(id.to_string())).cloned();
                if let Some(device) = device {
                    device.lost(LossReason::Remote);
                }
            }
            CentralEvent::StateUpdate(CentralState::PoweredOff) => {
                let devices: Vec<_> = lock(&self.devices).values().cloned().collect();
                for device in devices {
                    device.lost(LossReason::Adapter);
                }
            }
            _ => {}
        }
    }

    /// A peripheral the system knows, or comes to know within [`SEARCH`].
    async fn find(&self, id: &PeripheralId) -> Result<Peripheral, TransportError> {
        let end = Instant::now() + SEARCH;
        let mut searching = false;
        let found = loop {
            let all = self.adapter.peripherals().await.map_err(error)?;
            let known = all.into_iter().find(|peripheral| peripheral.id().to_string() == id.0);
            if known.is_some() || Instant::now() >= end {
                break known;
            }
            if !searching {
                searching = true;
                self.adapter.start_scan(ScanFilter::default()).await.map_err(error)?;
            }
            sleep(LOOK).await;
        };
        let wanted = lock(&self.scanner).is_some();
        if searching && !wanted {
            let _ = self.adapter.stop_scan().await;
        }
        found.ok_or(TransportError::NotFound)
    }
}

impl Device {
    fn lost(&self, reason: LossReason) {
        let listener = lock(&self.current).take();
        if let Some(listener) = listener {
            listener.event(LinkEvent::Lost(reason));
        }
    }

    async fn listen(self: &Arc<Self>) -> Result<(), TransportError> {
        if lock(&self.pump).is_some() {
            return Ok(());
        }
        let mut notifications = self.peripheral.notifications().await.map_err(error)?;
        let device = Arc::downgrade(self);
        let pump = tokio::spawn(async move {
            while let Some(notification) = notifications.next().await {
                let Some(device) = device.upgrade() else { return };
                let listener = lock(&device.current).clone();
                if let Some(listener) = listener {
                    listener.event(LinkEvent::Notified {
                        characteristic: notification.uuid,
                        value: notification.value,
                    });
                }
            }
        });
        *lock(&self.pump) = Some(pump.abort_handle());
        Ok(())
    }
}

#[async_trait]
impl Transport for BtleplugTransport {
    async fn start_scan(&self, listener: Arc<dyn ScanListener>) -> Result<(), TransportError> {
        *lock(&self.shared.scanner) = Some(Arc::clone(&listener));
        self.shared.adapter.start_scan(ScanFilter::default()).await.map_err(error)?;
        // What the system has seen before is not told as an event.
        for peripheral in self.shared.adapter.peripherals().await.map_err(error)? {
            if let Some(advert) = advert(&peripheral).await {
                listener.seen(advert);
            }
        }
        Ok(())
    }

    async fn stop_scan(&self) -> Result<(), TransportError> {
        *lock(&self.shared.scanner) = None;
        self.shared.adapter.stop_scan().await.map_err(error)
    }

    async fn connect(
        &self,
        id: PeripheralId,
        listener: Arc<dyn LinkListener>,
    ) -> Result<Arc<dyn Link>, TransportError> {
        let known = lock(&self.shared.devices).get(&id).cloned();
        let found = self.shared.find(&id).await?;
        let device = known.unwrap_or_else(|| {
            let device =
                Arc::new(Device { peripheral: found, current: Mutex::default(), pump: Mutex::default() });
            Arc::clone(lock(&self.shared.devices).entry(id).or_insert(device))
        });
        {
            let _one_at_a_time = self.shared.connecting.lock().await;
            device.peripheral.connect_with_timeout(CONNECT).await.map_err(error)?;
        }
        // A drop changes the characteristics' handles.
        device.peripheral.discover_services().await.map_err(error)?;
        *lock(&device.current) = Some(listener);
        device.listen().await?;
        if !device.peripheral.is_connected().await.map_err(error)? {
            lock(&device.current).take();
            return Err(TransportError::Lost);
        }
        Ok(Arc::new(BtleplugLink { device }))
    }
}

struct BtleplugLink {
    device: Arc<Device>,
}

impl BtleplugLink {
    fn characteristic(&self, uuid: Uuid) -> Result<btleplug::api::Characteristic, TransportError> {
        let all = self.device.peripheral.characteristics();
        all.into_iter().find(|known| known.uuid == uuid).ok_or(TransportError::NoCharacteristic(uuid))
    }
}

#[async_trait]
impl Link for BtleplugLink {
    async fn bond(&self) -> Result<(), TransportError> {
        bond(&self.device.peripheral).await
    }

    async fn request_mtu(&self, _: u16) -> Result<u16, TransportError> {
        // The systems negotiate by themselves, for the largest.
        Ok(self.device.peripheral.mtu())
    }

    async fn notify(&self, characteristic: Uuid, on: bool) -> Result<(), TransportError> {
        let characteristic = self.characteristic(characteristic)?;
        let done = if on {
            self.device.peripheral.subscribe(&characteristic).await
        } else {
            self.device.peripheral.unsubscribe(&characteristic).await
        };
        done.map_err(error)
    }

    async fn read(&self, characteristic: Uuid) -> Result<Vec<u8>, TransportError> {
        self.device.peripheral.read(&self.characteristic(characteristic)?).await.map_err(error)
    }

    async fn write(
        &self,
        characteristic: Uuid,
        value: Vec<u8>,
        kind: WriteKind,
    ) -> Result<(), TransportError> {
        let kind = match kind {
            WriteKind::WithResponse => WriteType::WithResponse,
            WriteKind::WithoutResponse => WriteType::WithoutResponse,
        };
        let characteristic = self.characteristic(characteristic)?;
        self.device.peripheral.write(&characteristic, &value, kind).await.map_err(error)
    }

    async fn close(&self) {
        let _ = self.device.peripheral.disconnect().await;
        self.device.lost(LossReason::Closed);
    }
}

async fn advert(peripheral: &Peripheral) -> Option<Advert> {
    let properties = peripheral.properties().await.ok()??;
    Some(Advert {
        id: PeripheralId(peripheral.id().to_string()),
        // The local name may be one the system made up.
        name: properties.advertisement_name,
        rssi: properties.rssi,
        services: properties.services,
        manufacturer_data: properties.manufacturer_data.into_iter().collect(),
    })
}

/// btleplug cannot pair. On Linux the service behind it is asked to; elsewhere the system does when it has to.
#[cfg(target_os = "linux")]
async fn bond(peripheral: &Peripheral) -> Result<(), TransportError> {
    let path = format!("/org/bluez/{}", peripheral.id());
    crate::bluez_pairing::pair(&path).await.map_err(|problem| words(&problem))
}

#[cfg(not(target_os = "linux"))]
async fn bond(_: &Peripheral) -> Result<(), TransportError> {
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn error(error: btleplug::Error) -> TransportError {
    use btleplug::Error;
    match error {
        Error::PermissionDenied => TransportError::Permission,
        Error::DeviceNotFound => TransportError::NotFound,
        Error::NotConnected => TransportError::Lost,
        Error::NoAdapterAvailable => TransportError::AdapterOff,
        Error::TimedOut(_) => TransportError::Timeout,
        other => match other.to_string() {
            // D-Bus errors may have a name and no words.
            empty if empty.is_empty() => words(&format!("{other:?}")),
            said => words(&said),
        },
    }
}

/// What the Linux stack says only in words.
fn words(message: &str) -> TransportError {
    let has = |part: &str| message.contains(part);
    if has("org.bluez was not provided") || has("connect to socket") || has("org.bluez does not exist") {
        TransportError::NoService
    } else if has("AccessDenied") || has("rejected send message") {
        TransportError::Permission
    } else if has("Authentication") || has("ConnectionAttemptFailed") {
        TransportError::PairingRefused
    } else if has("Not connected") || has("UnknownObject") || has("doesn't exist") || has("NotConnected") {
        TransportError::Lost
    } else if has("InProgress") || has("busy") {
        TransportError::Busy
    } else if has("NotReady") {
        TransportError::AdapterOff
    } else if has("imed out") || has("imeout") {
        TransportError::Timeout
    } else {
        TransportError::Other(message.to_owned())
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
