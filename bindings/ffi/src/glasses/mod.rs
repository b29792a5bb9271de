//! Smart glasses: `glasslink-glasses`.

mod captions;
mod discovery;
mod event;
mod lifecycle;
mod transport;
mod virtual_glasses;

pub use discovery::{FoundGlasses, PeripheralArm, RememberedGlasses, discover_glasses, known_models};
pub use event::{Arm, CaseState, GestureKind, GlassesEvent};
pub use lifecycle::{
    ArmState, ArmStatus, Glasses, GlassesError, GlassesListener, GlassesState, GlassesStatus, GlassesTrouble,
    MicrophoneState,
};
pub use transport::{
    BluetoothAdvert, BluetoothConnection, BluetoothError, BluetoothLink, BluetoothLinkListener,
    BluetoothLoss, BluetoothScanListener, BluetoothTransport, BluetoothWrite, ManufacturerData,
};
pub use virtual_glasses::{VirtualFault, VirtualGlasses, VirtualLens};
