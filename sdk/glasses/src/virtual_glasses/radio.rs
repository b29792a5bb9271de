use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::faults::Dice;
use super::ledger::Account;
use super::world::{ArmAir, ArmLink, Told, World};
use super::{Emission, Fault, Faults, FirmwareOptions, Lens, Peripheral, RadioLedger, Voice};
use crate::{
    Arm, Device, Event, Link, LinkListener, LossReason, PeripheralId, ScanListener, Transport,
    TransportError, WriteKind,
};

/// A pair of virtual glasses and the air around it. As a [`Transport`] it reaches exactly this pair.
///
/// Time is tokio's, so that a paused clock makes every run the same. Cloning gives another handle to the same pair.
#[derive(Clone)]
pub struct VirtualGlasses(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    ticking: Mutex<Option<JoinHandle<()>>>,
}

/// The world is looked at this often: finer than any packet interval.
const STEP: Duration = Duration::from_millis(5);
/// How often an arm advertises.
const ADVERTISING: Duration = Duration::from_millis(100);
/// How long a transport looks for a peripheral that does not advertise.
const SEARCH: Duration = Duration::from_secs(10);
const CONNECTING: Duration = Duration::from_millis(80);

impl VirtualGlasses {
    /// Puts a pair on. Needs a tokio runtime.
    pub fn new(device: &dyn Device, options: &FirmwareOptions, faults: Faults) -> Self {
        let firmware = device.firmware(options);
        let peripherals = firmware.peripherals();
        let arms = peripherals.iter().map(|peripheral| (peripheral.arm, ArmAir::default())).collect();
        let mut script = faults.script.clone();
        script.sort_by_key(|(at, _)| *at);
        let inner = Arc::new(Inner {
            world: Mutex::new(World {
                firmware,
                peripherals,
                voice: Voice::default(),
                started: Instant::now(),
                arms,
                script: script.into(),
                dice: Dice::new(faults.seed),
                faults,
                account: Account::default(),
                swapped: None,
                in_flight: Vec::new(),
                sequence: 0,
                scanner: None,
                adapter_off_until: Duration::ZERO,
                bonded_first: device.model().bonded,
            }),
            ticking: Mutex::new(None),
        });
        let task = tokio::spawn(tick(Arc::downgrade(&inner)));
        *inner.ticking.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Self(inner)
    }

    /// Time since the pair was put on.
    pub fn now(&self) -> Duration {
        self.world().now()
    }

    /// The wearer says `samples` (16 kHz) from now on.
    pub fn speak(&self, samples: Vec<i16>) {
        let mut world = self.world();
        world.voice = Voice::new(samples, world.now());
    }

    /// Whether the wearer is done speaking.
    pub fn is_silent(&self) -> bool {
        let world = self.world();
        world.now() >= world.voice.end()
    }

    /// The wearer or the device does something.
    pub fn act(&self, event: Event) {
        let mut world = self.world();
        let mut out = Vec::new();
        world.firmware.act(event, &mut out);
        world.emit(out);
    }

    /// Something goes wrong now.
    pub fn fault(&self, fault: Fault) {
        let lost = self.world().fault(fault);
        tell(lost);
    }

    /// Share of audio packets that are lost from now on.
    pub fn set_packet_loss(&self, share: f64) {
        self.world().faults.packet_loss = share;
    }

    /// What the displays show.
    pub fn lenses(&self) -> Vec<Lens> {
        self.world().firmware.lenses()
    }

    /// What became of the audio so far.
    pub fn ledger(&self) -> RadioLedger {
        self.world().account.total()
    }

    /// The peripherals and their services, for a rig that shows them to a real Bluetooth stack.
    pub fn peripherals(&self) -> Vec<Peripheral> {
        self.world().peripherals.clone()
    }

    /// How often an arm was connected.
    pub fn connections(&self, arm: Arm) -> u64 {
        self.world().arms.get(&arm).map_or(0, |air| air.links)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world()
    }
}

impl Inner {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(task) = self.ticking.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// Listeners are called without the world's lock: they may call back.
fn tell(told: Told) {
    for (listener, event) in told {
        listener.event(event);
    }
}

async fn tick(inner: Weak<Inner>) {
    let mut next_tick = Duration::ZERO;
    let mut next_advert = Duration::ZERO;
    loop {
        sleep(STEP).await;
        let Some(inner) = inner.upgrade() else { return };
        let (told, adverts) = {
            let mut world = inner.world();
            let now = world.now();
            let mut told = Vec::new();
            while world.script.front().is_some_and(|(at, _)| *at <= now)
                && let Some((_, fault)) = world.script.pop_front()
            {
                told.extend(world.fault(fault));
            }
            while next_tick <= now {
                let period = world.firmware.period();
                next_tick += period;
                world.tick_firmware(next_tick.saturating_sub(period));
            }
            told.extend(world.deliver(now));
            let adverts = if now >= next_advert {
                next_advert = now + ADVERTISING;
                world.adverts()
            } else {
                None
            };
            (told, adverts)
        };
        tell(told);
        if let Some((scanner, adverts)) = adverts {
            for advert in adverts {
                scanner.seen(advert);
            }
        }
    }
}

#[async_trait]
impl Transport for VirtualGlasses {
    async fn start_scan(&self, listener: Arc<dyn ScanListener>) -> Result<(), TransportError> {
        let mut world = self.world();
        if world.now() < world.adapter_off_until {
            return Err(TransportError::AdapterOff);
        }
        world.scanner = Some(listener);
        Ok(())
    }

    async fn stop_scan(&self) -> Result<(), TransportError> {
        self.world().scanner = None;
        Ok(())
    }

    async fn connect(
        &self,
        id: PeripheralId,
        listener: Arc<dyn LinkListener>,
    ) -> Result<Arc<dyn Link>, TransportError> {
        let arm = self.world().arm_of(&id).ok_or(TransportError::NotFound)?;
        let give_up = Instant::now() + SEARCH;
        loop {
            {
                let world = self.world();
                if world.now() < world.adapter_off_until {
                    return Err(TransportError::AdapterOff);
                }
                if world.advertises(arm) {
                    break;
                }
            }
            if Instant::now() >= give_up {
                let held = self.world().arms.get(&arm).is_some_and(|air| air.held);
                return Err(if held { TransportError::HeldElsewhere } else { TransportError::NotFound });
            }
            sleep(ADVERTISING).await;
        }
        sleep(CONNECTING).await;
        let mut world = self.world();
        if !world.advertises(arm) {
            return Err(TransportError::NotFound);
        }
        let air = world.arms.get_mut(&arm).ok_or(TransportError::NotFound)?;
        air.links += 1;
        let id = air.links;
        air.link = Some(ArmLink { id, listener, mtu: 23, subscribed: Vec::new() });
        world.firmware.connected(arm, 23);
        Ok(Arc::new(VirtualLink { glasses: self.clone(), arm, id }))
    }
}

struct VirtualLink {
    glasses: VirtualGlasses,
    arm: Arm,
    id: u64,
}

impl VirtualLink {
    /// Does something with the arm while this link is up.
    fn with<T>(
        &self,
        act: impl FnOnce(&mut World) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        let mut world = self.glasses.world();
        let current = world.arms.get(&self.arm).and_then(|air| air.link.as_ref());
        if current.is_none_or(|link| link.id != self.id) {
            return Err(TransportError::Lost);
        }
        act(&mut world)
    }

    fn has(
        world: &World,
        arm: Arm,
        uuid: Uuid,
        can: impl Fn(&super::Characteristic) -> bool,
    ) -> Result<(), TransportError> {
        let peripheral = world.peripherals.iter().find(|peripheral| peripheral.arm == arm);
        let found = peripheral.is_some_and(|peripheral| {
            let mut all = peripheral.services.iter().flat_map(|service| &service.characteristics);
            all.any(|characteristic| characteristic.uuid == uuid && can(characteristic))
        });
        if found { Ok(()) } else { Err(TransportError::NoCharacteristic(uuid)) }
    }

    fn link<'a>(&self, world: &'a mut World) -> Option<&'a mut ArmLink> {
        world.arms.get_mut(&self.arm)?.link.as_mut()
    }
}

#[async_trait]
impl Link for VirtualLink {
    async fn bond(&self) -> Result<(), TransportError> {
        sleep(CONNECTING).await;
        self.with(|world| {
            let air = world.arms.get_mut(&self.arm).ok_or(TransportError::Lost)?;
            if air.refuses_pairing {
                return Err(TransportError::PairingRefused);
            }
            air.bonded = true;
            Ok(())
        })
    }

    async fn request_mtu(&self, wanted: u16) -> Result<u16, TransportError> {
        self.with(|world| {
            let mtu = wanted.min(world.faults.mtu).max(23);
            if let Some(link) = self.link(world) {
                link.mtu = mtu;
            }
            world.firmware.connected(self.arm, mtu);
            Ok(mtu)
        })
    }

    async fn notify(&self, characteristic: Uuid, on: bool) -> Result<(), TransportError> {
        self.with(|world| {
            Self::has(world, self.arm, characteristic, |found| found.notify)?;
            if world.bonded_first && !world.arms.get(&self.arm).is_some_and(|air| air.bonded) {
                return Err(TransportError::PairingRefused);
            }
            if let Some(link) = self.link(world) {
                link.subscribed.retain(|known| *known != characteristic);
                if on {
                    link.subscribed.push(characteristic);
                }
            }
            world.firmware.subscribed(self.arm, characteristic, on);
            Ok(())
        })
    }

    async fn read(&self, characteristic: Uuid) -> Result<Vec<u8>, TransportError> {
        sleep(Emission::LATENCY).await;
        self.with(|world| {
            Self::has(world, self.arm, characteristic, |found| found.read)?;
            Ok(world.firmware.read(self.arm, characteristic))
        })
    }

    async fn write(&self, characteristic: Uuid, value: Vec<u8>, _: WriteKind) -> Result<(), TransportError> {
        let told = self.with(|world| {
            Self::has(world, self.arm, characteristic, |found| found.write)?;
            if self.link(world).is_some_and(|link| value.len() + 3 > usize::from(link.mtu)) {
                return Err(TransportError::Other("the value is longer than the MTU allows".into()));
            }
            if let Some(air) = world.arms.get_mut(&self.arm)
                && let Some(left) = &mut air.break_after
            {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    air.break_after = None;
                    return Ok(world.cut(self.arm, LossReason::Remote));
                }
            }
            let now = world.now();
            let mut out = Vec::new();
            world.firmware.written(self.arm, characteristic, &value, now, &mut out);
            world.emit(out);
            Ok(Vec::new())
        })?;
        tell(told);
        Ok(())
    }

    async fn close(&self) {
        let told = self.with(|world| Ok(world.cut(self.arm, LossReason::Closed))).unwrap_or_default();
        tell(told);
    }
}
