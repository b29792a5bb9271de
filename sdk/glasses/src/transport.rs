//! The seam to a Bluetooth stack. A Kotlin or Swift class can implement it: plain async methods and callbacks.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How a Bluetooth stack names a peripheral. Opaque; the same on every run of the same machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PeripheralId(pub String);

/// What a peripheral says of itself before anyone connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    pub id: PeripheralId,
    /// The name it advertises; `None` where the stack only made one up from the address.
    pub name: Option<String>,
    /// Signal strength, dBm.
    pub rssi: Option<i16>,
    pub services: Vec<Uuid>,
    /// Company identifier and data.
    pub manufacturer_data: Vec<(u16, Vec<u8>)>,
}

/// How a characteristic is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// The peripheral's stack confirms the write.
    WithResponse,
    WithoutResponse,
}

/// What a connected peripheral says. [`LinkEvent::Lost`] comes exactly once, and nothing after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    Notified { characteristic: Uuid, value: Vec<u8> },
    Lost(LossReason),
}

/// Why a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// [`Link::close`] was called.
    Closed,
    /// The peripheral ended it, or went out of range.
    Remote,
    /// The adapter was switched off or taken away.
    Adapter,
}

/// Hears what a scan finds. Called from any thread; returns at once.
pub trait ScanListener: Send + Sync {
    fn seen(&self, advert: Advert);
}

/// Hears what a link delivers. Called from any thread, one event at a time; returns at once.
pub trait LinkListener: Send + Sync {
    fn event(&self, event: LinkEvent);
}

/// A Bluetooth stack in the central role.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Starts to scan, until [`Transport::stop_scan`]. A second start replaces the listener.
    async fn start_scan(&self, listener: Arc<dyn ScanListener>) -> Result<(), TransportError>;

    async fn stop_scan(&self) -> Result<(), TransportError>;

    /// Connects to a peripheral, and finds its services. Gives up by itself within 30 s.
    async fn connect(
        &self,
        id: PeripheralId,
        listener: Arc<dyn LinkListener>,
    ) -> Result<Arc<dyn Link>, TransportError>;
}

/// A connected peripheral. Every method fails with [`TransportError::Lost`] once the link is gone.
#[async_trait]
pub trait Link: Send + Sync {
    /// Bonds with the peripheral; at once where a bond exists, or where the system bonds by itself.
    async fn bond(&self) -> Result<(), TransportError>;

    /// Asks for an ATT MTU of `wanted` bytes and returns the one in force, 23 at least.
    async fn request_mtu(&self, wanted: u16) -> Result<u16, TransportError>;

    /// Turns notifications of a characteristic on or off.
    async fn notify(&self, characteristic: Uuid, on: bool) -> Result<(), TransportError>;

    async fn read(&self, characteristic: Uuid) -> Result<Vec<u8>, TransportError>;

    /// Writes at most `mtu - 3` bytes. Returns when the stack took them.
    async fn write(
        &self,
        characteristic: Uuid,
        value: Vec<u8>,
        kind: WriteKind,
    ) -> Result<(), TransportError>;

    /// Ends the link. May take seconds; the listener hears `Lost` when it is done.
    async fn close(&self);
}

/// Why a Bluetooth stack did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No Bluetooth service runs on this system, or the program may not reach it. Start it (`bluetoothd` on Linux).
    #[error("no Bluetooth service")]
    NoService,
    /// There is no adapter, or it is off. Switch Bluetooth on.
    #[error("Bluetooth is off or there is no adapter")]
    AdapterOff,
    /// The system refused this program the use of Bluetooth. Grant the permission.
    #[error("no permission to use Bluetooth")]
    Permission,
    /// The peripheral does not advertise: out of range, without power, or held by another phone.
    #[error("the device was not found")]
    NotFound,
    /// The peripheral advertises and refuses the connection, as one does that serves another host.
    #[error("the device is connected to something else")]
    HeldElsewhere,
    /// The person or the peripheral refused to pair. Put the device in pairing mode and try again.
    #[error("pairing was refused")]
    PairingRefused,
    /// The peripheral forgot its bond with this system. Remove it from the system's devices and pair again.
    #[error("the device forgot this computer")]
    BondLost,
    /// The link ended.
    #[error("the link was lost")]
    Lost,
    /// The stack is busy with another connection. Try again.
    #[error("the Bluetooth stack is busy")]
    Busy,
    /// No answer in time. Try again.
    #[error("the device did not answer in time")]
    Timeout,
    /// The peripheral has no such characteristic: another device, or another firmware.
    #[error("the device has no characteristic {0}")]
    NoCharacteristic(Uuid),
    /// Anything else, in the stack's own words.
    #[error("{0}")]
    Other(String),
}
