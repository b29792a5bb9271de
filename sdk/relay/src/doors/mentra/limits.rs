//! Every bound of this door, with the reason for its value.

use std::time::Duration;

/// The SDK's first message follows the upgrade at once.
pub(super) const INIT: Duration = Duration::from_secs(10);

/// A message of an app: its SDK refuses pictures of more than a million characters itself.
pub(super) const MESSAGE_BYTES: usize = (1 << 20) + (64 << 10);

/// SDK 2 says its subscriptions anew with every handler, a dozen times within 30 ms: the last one counts.
pub(super) const SETTLE: Duration = Duration::from_millis(30);

/// SDK 2 begins with an empty list, also after it came back: it means nothing then.
pub(super) const EMPTY_MEANS_NOTHING: Duration = Duration::from_secs(8);

/// Subscriptions of an app in a session.
pub(super) const SUBSCRIPTIONS: usize = 64;

/// An app that says nothing is asked this often whether it is there ...
pub(super) const PING: Duration = Duration::from_secs(10);

/// ... and is not, when nothing came for this long.
pub(super) const LOST: Duration = Duration::from_secs(30);

/// The SDK comes back by itself 1, 2 and 4 s after it lost its socket, if its process lives.
pub(super) const SDK_COMES_BACK: Duration = Duration::from_secs(8);

/// A start is given up after four times the longest of the last ones, ...
pub(super) const START_TIMES: u32 = 4;
pub(super) const STARTS_MEASURED: usize = 8;

/// ... but not before the SDK's own 5 s and a slow machine's, and not much later than a person waits.
pub(super) const START_LEAST: Duration = Duration::from_secs(10);
pub(super) const START_MOST: Duration = Duration::from_mins(1);

/// The answer to a webhook comes when the app's own handler is through, which may take what it likes.
pub(super) const WEBHOOK: Duration = Duration::from_mins(1);
pub(super) const WEBHOOK_CONNECT: Duration = Duration::from_secs(5);
pub(super) const WEBHOOK_BODY: usize = 64 << 10;

/// Webhooks of one app under way at once: it starts on fifty sessions without being flooded.
pub(super) const WEBHOOKS: usize = 8;

/// A health check is answered at once, or the app is not healthy.
pub(super) const PROBE: Duration = Duration::from_secs(2);

/// The first pause between two looks whether an app is back, doubled each time, ...
pub(super) const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// ... up to this: it is noticed within 10 s, however long it was away, its start included.
pub(super) const PROBE_PAUSE_MOST: Duration = Duration::from_secs(4);

/// An app that is away for longer than a session is kept is looked for once a minute.
pub(super) const PROBE_BUDGET: Duration = Duration::from_mins(10);
pub(super) const PROBE_PAUSE_LATE: Duration = Duration::from_mins(1);

/// Pause after a start failed though the app answers, doubled each time ...
pub(super) const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// ... up to this.
pub(super) const RETRY_PAUSE_MOST: Duration = Duration::from_mins(1);

/// So many deaths of an app within this time, and it is left alone for a while: starting it may be what kills it.
pub(super) const DEATHS: usize = 5;
pub(super) const DEATHS_WITHIN: Duration = Duration::from_mins(5);
pub(super) const LEFT_ALONE: Duration = Duration::from_mins(1);

/// How long an app has to hear that it is stopped.
pub(super) const STOP: Duration = Duration::from_secs(5);

/// What a wearer is not told of: a socket that broke and is there again.
pub(super) const AWAY_UNTOLD: Duration = Duration::from_secs(3);
