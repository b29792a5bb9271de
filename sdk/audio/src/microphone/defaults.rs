//! Every constant of a microphone, with the reason for its value.

use std::time::Duration;

/// What a device is asked to deliver at once: less than a message of the link has, and each delivery of a sound server
/// costs as much as encoding it. Left to themselves, sound servers deliver up to 2 s at once.
pub(crate) const DEVICE_BUFFER: Duration = Duration::from_millis(40);

/// Audio that waits for whoever takes it. Longer pauses of the consumer lose audio, and are told as gaps.
pub(crate) const RING: Duration = Duration::from_secs(5);

/// How often is looked for what arrived.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// A device that is not open by then hangs: Bluetooth headsets take up to 4 s to change their profile.
pub(crate) const OPEN_LIMIT: Duration = Duration::from_secs(5);

pub(crate) use glasslink_protocol::{AUDIO_STALL, MAX_REARMS, REARM_INTERVAL};

/// A device that captured for this long is well, and has all its attempts again.
pub(crate) const HEALTHY: Duration = Duration::from_secs(5);

/// Nothing but zeros for this long is no quiet room: every real microphone has noise.
pub(crate) const DIGITAL_SILENCE: Duration = Duration::from_millis(2_500);

/// A device that is gone may be back at once: a plug that was moved, a server that restarts. Then the default one takes
/// its place.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// How often is looked which devices there are, while nothing is captured, ...
pub(crate) const SEARCH: Duration = Duration::from_millis(500);

/// ... and while something is. Sound servers do not always say that one went away: they go on with
/// another one, or with zeros.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

/// Looking takes this part of the time at most, where it takes long.
pub(crate) const LOOK_SHARE: u32 = 50;

/// Time without audio is told this often while it lasts.
pub(crate) const TELL_GAP: Duration = Duration::from_secs(1);

/// A clock's offset is the least of so much time: what came late did so for other reasons.
pub(crate) const CLOCK_WINDOW: Duration = Duration::from_secs(1);

/// Audio that is later than its clock by this for a whole window is missing some.
pub(crate) const HOLE: Duration = Duration::from_millis(40);

/// Clocks of sound cards are off by 100 ppm at most; this follows ten times as much.
pub(crate) const MAX_SLEW: Duration = Duration::from_millis(1);

/// A drift is known after this long: arrivals are exact to a millisecond.
pub(crate) const DRIFT_AFTER: Duration = Duration::from_mins(1);

/// What so much audio says of the time it was captured at decides when a stream begins, and how long a hole is. Only
/// these first frames wait for that.
pub(crate) const SETTLE: Duration = Duration::from_millis(200);

/// When a recording is stopped, what is said until then is on its way for at most this long.
pub(crate) const TAIL: Duration = Duration::from_millis(250);
