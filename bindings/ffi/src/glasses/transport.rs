//! The platform's Bluetooth stack, implemented in the program's language. Drivers stay in Rust.

use std::sync::Arc;

use async_trait::async_trait;
use glasslink_glasses as core;
use uuid::Uuid;

/// What a peripheral says of itself before anyone connects.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BluetoothAdvert {
    /// How the stack names the peripheral, the same on every run: an address, or an identifier.
    pub peripheral: String,
    /// The name it advertises.
    #[uniffi(default)]
    pub name: Option<String>,
    /// Signal strength, dBm.
    #[uniffi(default)]
    pub rssi: Option<i16>,
    /// UUIDs, as text.
    #[uniffi(default)]
    pub services: Vec<String>,
    #[uniffi(default)]
    pub manufacturer_data: Vec<ManufacturerData>,
}

/// What a maker put into an advert.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ManufacturerData {
    pub company: u16,
    pub data: Vec<u8>,
}

/// How a characteristic is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum BluetoothWrite {
    /// The peripheral's stack confirms the write.
    WithResponse,
    WithoutResponse,
}

/// Why a link to a peripheral ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum BluetoothLoss {
    /// It was closed here.
    Closed,
    /// The peripheral ended it, or went out of range.
    Remote,
    /// The adapter was switched off or taken away.
    Adapter,
}

/// Why a Bluetooth stack did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum BluetoothError {
    /// No Bluetooth service runs on this system.
    #[error("no Bluetooth service")]
    NoService,
    /// There is no adapter, or it is off.
    #[error("Bluetooth is off or there is no adapter")]
    AdapterOff,
    /// The system refused this program the use of Bluetooth.
    #[error("no permission to use Bluetooth")]
    Permission,
    /// The peripheral does not advertise.
    #[error("the device was not found")]
    NotFound,
    /// The peripheral advertises and refuses the connection.
    #[error("the device is connected to something else")]
    HeldElsewhere,
    /// The person or the peripheral refused to pair.
    #[error("pairing was refused")]
    PairingRefused,
    /// The peripheral forgot its bond with this system.
    #[error("the device forgot this phone")]
    BondLost,
    /// The link ended.
    #[error("the link was lost")]
    Lost,
    /// The stack is busy with another connection.
    #[error("the Bluetooth stack is busy")]
    Busy,
    /// No answer in time.
    #[error("the device did not answer in time")]
    Timeout,
    /// The peripheral has no such characteristic.
    #[error("the device has no characteristic {characteristic}")]
    NoCharacteristic { characteristic: String },
    /// Anything else, in the stack's own words.
    #[error("{reason}")]
    Other { reason: String },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for BluetoothError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Other { reason: error.reason }
    }
}

/// A Bluetooth stack in the central role. Implement it over the platform's own.
#[uniffi::export(rust, foreign)]
#[async_trait]
pub trait BluetoothTransport: Send + Sync {
    /// Starts to scan, until `stop_scan`. A second start replaces the listener.
    async fn start_scan(&self, listener: Arc<BluetoothScanListener>) -> Result<(), BluetoothError>;

    async fn stop_scan(&self) -> Result<(), BluetoothError>;

    /// Connects to a peripheral, and finds its services. Gives up by itself within 30 s.
    async fn connect(
        &self,
        peripheral: String,
        listener: Arc<BluetoothLinkListener>,
    ) -> Result<BluetoothConnection, BluetoothError>;
}

/// What connecting comes to.
#[derive(Clone, uniffi::Record)]
pub struct BluetoothConnection {
    pub link: Arc<dyn BluetoothLink>,
}

/// A connected peripheral. Every method fails with `Lost` once the link is gone. Characteristics are UUIDs, as text.
#[uniffi::export(rust, foreign)]
#[async_trait]
pub trait BluetoothLink: Send + Sync {
    /// Bonds with the peripheral; at once where a bond exists, or where the system bonds by itself.
    async fn bond(&self) -> Result<(), BluetoothError>;

    /// Asks for an ATT MTU of `wanted` bytes and returns the one in force, 23 at least.
    async fn request_mtu(&self, wanted: u16) -> Result<u16, BluetoothError>;

    /// Turns notifications of a characteristic on or off.
    async fn notify(&self, characteristic: String, on: bool) -> Result<(), BluetoothError>;

    async fn read(&self, characteristic: String) -> Result<Vec<u8>, BluetoothError>;

    /// Writes at most `mtu - 3` bytes. Returns when the stack took them.
    async fn write(
        &self,
        characteristic: String,
        value: Vec<u8>,
        kind: BluetoothWrite,
    ) -> Result<(), BluetoothError>;

    /// Ends the link. The listener hears of the loss when it is done.
    async fn disconnect(&self);
}

/// Takes what a scan finds, on any thread.
#[derive(uniffi::Object)]
pub struct BluetoothScanListener(Arc<dyn core::ScanListener>);

#[uniffi::export]
impl BluetoothScanListener {
    /// A peripheral advertises. What is not glasses is ignored.
    pub fn seen(&self, advert: BluetoothAdvert) {
        self.0.seen(advert.into());
    }
}

/// Takes what a peripheral says, on any thread, one call at a time.
#[derive(uniffi::Object)]
pub struct BluetoothLinkListener(Arc<dyn core::LinkListener>);

#[uniffi::export]
impl BluetoothLinkListener {
    /// A characteristic's new value.
    pub fn notified(&self, characteristic: &str, value: Vec<u8>) {
        // A characteristic that is none belongs to no driver.
        if let Ok(characteristic) = Uuid::parse_str(characteristic) {
            self.0.event(core::LinkEvent::Notified { characteristic, value });
        }
    }

    /// The link is gone. Once, and nothing after it.
    pub fn lost(&self, reason: BluetoothLoss) {
        self.0.event(core::LinkEvent::Lost(reason.into()));
    }
}

/// The program's stack, as the drivers see it.
pub(crate) struct Foreign(pub(crate) Arc<dyn BluetoothTransport>);

struct ForeignLink(Arc<dyn BluetoothLink>);

#[async_trait]
impl core::Transport for Foreign {
    async fn start_scan(&self, listener: Arc<dyn core::ScanListener>) -> Result<(), core::TransportError> {
        Ok(self.0.start_scan(Arc::new(BluetoothScanListener(listener))).await?)
    }

    async fn stop_scan(&self) -> Result<(), core::TransportError> {
        Ok(self.0.stop_scan().await?)
    }

    async fn connect(
        &self,
        id: core::PeripheralId,
        listener: Arc<dyn core::LinkListener>,
    ) -> Result<Arc<dyn core::Link>, core::TransportError> {
        let connection = self.0.connect(id.0, Arc::new(BluetoothLinkListener(listener))).await?;
        Ok(Arc::new(ForeignLink(connection.link)))
    }
}

#[async_trait]
impl core::Link for ForeignLink {
    async fn bond(&self) -> Result<(), core::TransportError> {
        Ok(self.0.bond().await?)
    }

    async fn request_mtu(&self, wanted: u16) -> Result<u16, core::TransportError> {
        Ok(self.0.request_mtu(wanted).await?)
    }

    async fn notify(&self, characteristic: Uuid, on: bool) -> Result<(), core::TransportError> {
        Ok(self.0.notify(characteristic.to_string(), on).await?)
    }

    async fn read(&self, characteristic: Uuid) -> Result<Vec<u8>, core::TransportError> {
        Ok(self.0.read(characteristic.to_string()).await?)
    }

    async fn write(
        &self,
        characteristic: Uuid,
        value: Vec<u8>,
        kind: core::WriteKind,
    ) -> Result<(), core::TransportError> {
        Ok(self.0.write(characteristic.to_string(), value, kind.into()).await?)
    }

    async fn close(&self) {
        self.0.disconnect().await;
    }
}

/// One of the core's stacks, as the program sees it.
pub(crate) struct Ours(pub(crate) Arc<dyn core::Transport>);

struct OurLink(Arc<dyn core::Link>);

struct Seen(Arc<BluetoothScanListener>);

struct Heard(Arc<BluetoothLinkListener>);

impl core::ScanListener for Seen {
    fn seen(&self, advert: core::Advert) {
        self.0.0.seen(advert);
    }
}

impl core::LinkListener for Heard {
    fn event(&self, event: core::LinkEvent) {
        self.0.0.event(event);
    }
}

#[async_trait]
impl BluetoothTransport for Ours {
    async fn start_scan(&self, listener: Arc<BluetoothScanListener>) -> Result<(), BluetoothError> {
        let ours = Arc::clone(&self.0);
        crate::runtime::run(async move { Ok(ours.start_scan(Arc::new(Seen(listener))).await?) }).await
    }

    async fn stop_scan(&self) -> Result<(), BluetoothError> {
        let ours = Arc::clone(&self.0);
        crate::runtime::run(async move { Ok(ours.stop_scan().await?) }).await
    }

    async fn connect(
        &self,
        peripheral: String,
        listener: Arc<BluetoothLinkListener>,
    ) -> Result<BluetoothConnection, BluetoothError> {
        let ours = Arc::clone(&self.0);
        crate::runtime::run(async move {
            let link = ours.connect(core::PeripheralId(peripheral), Arc::new(Heard(listener))).await?;
            Ok(BluetoothConnection { link: Arc::new(OurLink(link)) })
        })
        .await
    }
}

#[async_trait]
impl BluetoothLink for OurLink {
    async fn bond(&self) -> Result<(), BluetoothError> {
        let ours = Arc::clone(&self.0);
        crate::runtime::run(async move { Ok(ours.bond().await?) }).await
    }

    async fn request_mtu(&self, wanted: u16) -> Result<u16, BluetoothError> {
        let ours = Arc::clone(&self.0);
        crate::runtime::run(async move { Ok(ours.request_mtu(wanted).await?) }).await
    }

    async fn notify(&self, characteristic: String, on: bool) -> Result<(), BluetoothError> {
        let (ours, characteristic) = (Arc::clone(&self.0), parse(&characteristic)?);
        crate::runtime::run(async move { Ok(ours.notify(characteristic, on).await?) }).await
    }

    async fn read(&self, characteristic: String) -> Result<Vec<u8>, BluetoothError> {
        let (ours, characteristic) = (Arc::clone(&self.0), parse(&characteristic)?);
        crate::runtime::run(async move { Ok(ours.read(characteristic).await?) }).await
    }

    async fn write(
        &self,
        characteristic: String,
        value: Vec<u8>,
        kind: BluetoothWrite,
    ) -> Result<(), BluetoothError> {
        let (ours, characteristic) = (Arc::clone(&self.0), parse(&characteristic)?);
        crate::runtime::run(async move { Ok(ours.write(characteristic, value, kind.into()).await?) }).await
    }

    async fn disconnect(&self) {
        let ours = Arc::clone(&self.0);
        crate::runtime::run(async move { ours.close().await }).await;
    }
}

fn parse(characteristic: &str) -> Result<Uuid, BluetoothError> {
    Uuid::parse_str(characteristic)
        .map_err(|_| BluetoothError::NoCharacteristic { characteristic: characteristic.to_owned() })
}

impl From<BluetoothAdvert> for core::Advert {
    fn from(advert: BluetoothAdvert) -> Self {
        Self {
            id: core::PeripheralId(advert.peripheral),
            name: advert.name,
            rssi: advert.rssi,
            services: advert.services.iter().filter_map(|uuid| Uuid::parse_str(uuid).ok()).collect(),
            manufacturer_data: advert
                .manufacturer_data
                .into_iter()
                .map(|maker| (maker.company, maker.data))
                .collect(),
        }
    }
}

impl From<BluetoothWrite> for core::WriteKind {
    fn from(kind: BluetoothWrite) -> Self {
        match kind {
            BluetoothWrite::WithResponse => Self::WithResponse,
            BluetoothWrite::WithoutResponse => Self::WithoutResponse,
        }
    }
}

impl From<core::WriteKind> for BluetoothWrite {
    fn from(kind: core::WriteKind) -> Self {
        match kind {
            core::WriteKind::WithResponse => Self::WithResponse,
            core::WriteKind::WithoutResponse => Self::WithoutResponse,
        }
    }
}

impl From<BluetoothLoss> for core::LossReason {
    fn from(reason: BluetoothLoss) -> Self {
        match reason {
            BluetoothLoss::Closed => Self::Closed,
            BluetoothLoss::Remote => Self::Remote,
            BluetoothLoss::Adapter => Self::Adapter,
        }
    }
}

impl From<BluetoothError> for core::TransportError {
    fn from(error: BluetoothError) -> Self {
        use BluetoothError as Given;
        match error {
            Given::NoService => Self::NoService,
            Given::AdapterOff => Self::AdapterOff,
            Given::Permission => Self::Permission,
            Given::NotFound => Self::NotFound,
            Given::HeldElsewhere => Self::HeldElsewhere,
            Given::PairingRefused => Self::PairingRefused,
            Given::BondLost => Self::BondLost,
            Given::Lost => Self::Lost,
            Given::Busy => Self::Busy,
            Given::Timeout => Self::Timeout,
            Given::NoCharacteristic { characteristic } => {
                Uuid::parse_str(&characteristic).map_or(Self::Other(characteristic), Self::NoCharacteristic)
            }
            Given::Other { reason } => Self::Other(reason),
        }
    }
}

impl From<core::TransportError> for BluetoothError {
    fn from(error: core::TransportError) -> Self {
        use core::TransportError as Core;
        match error {
            Core::NoService => Self::NoService,
            Core::AdapterOff => Self::AdapterOff,
            Core::Permission => Self::Permission,
            Core::NotFound => Self::NotFound,
            Core::HeldElsewhere => Self::HeldElsewhere,
            Core::PairingRefused => Self::PairingRefused,
            Core::BondLost => Self::BondLost,
            Core::Lost => Self::Lost,
            Core::Busy => Self::Busy,
            Core::Timeout => Self::Timeout,
            Core::NoCharacteristic(characteristic) => {
                Self::NoCharacteristic { characteristic: characteristic.to_string() }
            }
            Core::Other(reason) => Self::Other { reason },
        }
    }
}
