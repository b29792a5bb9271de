use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::{Advert, Arm, Device, Registry, Remembered, ScanListener, Transport, TransportError, Trouble};

/// Glasses in sight, their arms put together.
#[derive(Clone)]
pub struct Found {
    pub device: Arc<dyn Device>,
    /// What to call them.
    pub name: String,
    pub arms: BTreeMap<Arm, Advert>,
}

/// Only part of a pair is in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Trouble::NotFound(*.0).words())]
pub struct Incomplete(pub Arm);

impl Found {
    /// The first arm that is not in sight: asleep, without power, or held by another phone.
    pub fn missing(&self) -> Option<Arm> {
        self.device.model().arms.iter().find(|arm| !self.arms.contains_key(arm)).copied()
    }

    /// What to keep in order to connect again.
    pub fn remember(&self) -> Result<Remembered, Incomplete> {
        match self.missing() {
            Some(arm) => Err(Incomplete(arm)),
            None => Ok(Remembered {
                model: self.device.model().id.to_owned(),
                name: self.name.clone(),
                arms: self.arms.iter().map(|(arm, advert)| (*arm, advert.id.clone())).collect(),
            }),
        }
    }
}

type Sightings = BTreeMap<(&'static str, String), Found>;

struct Listener {
    registry: Registry,
    found: Mutex<Sightings>,
}

impl ScanListener for Listener {
    fn seen(&self, advert: Advert) {
        let Some((device, sighting)) = self.registry.recognise(&advert) else { return };
        let model = device.model();
        let (id, name) = (model.id, format!("{} {}", model.name, sighting.pair));
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let entry =
            found.entry((id, sighting.pair)).or_insert_with(|| Found { name, device, arms: BTreeMap::new() });
        entry.arms.insert(sighting.arm, advert);
    }
}

/// Scans for `time` and returns the glasses in sight, complete pairs first.
pub async fn discover(
    transport: &dyn Transport,
    registry: &Registry,
    time: Duration,
) -> Result<Vec<Found>, TransportError> {
    let listener = Arc::new(Listener { registry: registry.clone(), found: Mutex::default() });
    transport.start_scan(Arc::clone(&listener) as Arc<dyn ScanListener>).await?;
    sleep(time).await;
    transport.stop_scan().await?;
    let found = std::mem::take(&mut *listener.found.lock().unwrap_or_else(PoisonError::into_inner));
    let mut found: Vec<Found> = found.into_values().collect();
    found.sort_by_key(|found| found.missing().is_some());
    Ok(found)
}
