use std::time::Duration;

/// A live source gives frames, of silence too: one that gives none for this long has stopped.
pub const AUDIO_STALL: Duration = Duration::from_secs(3);

/// A source that stopped is re-armed this often; what three attempts do not mend, a person has to, ...
pub const MAX_REARMS: u32 = 3;

/// ... and each has this long: a phone that pairs anew, a driver that is loaded again.
pub const REARM_INTERVAL: Duration = Duration::from_secs(30);
