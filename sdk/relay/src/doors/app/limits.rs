use std::time::Duration;

/// Audio that waits for an app, by bytes: 30 s of one PCM stream, or of twelve of LC3 ...
pub(super) const AUDIO_BYTES: usize = 1 << 20;

/// ... and by age: who is further behind than this hears what is said now.
pub(super) const AUDIO_AGE: Duration = Duration::from_secs(30);

/// What an entry of a queue costs beyond its bytes.
pub(super) const ENTRY: usize = 96;

/// Starts and ends of streams that wait: they are never dropped, and no session has more streams than this.
pub(super) const STREAM_EVENTS: usize = 4_096;

/// Text that waits: a whole replay, and what comes meanwhile. An app further behind is closed; it asks again from the
/// last number it has.
pub(super) const TEXT_BYTES: usize = crate::limits::OUTGOING_BYTES;

/// While more text than this waits an app is not listened to: it asked for a lot, and gets it first.
pub(super) const TEXT_BEFORE_MORE: usize = 64 << 10;

/// Bytes handed to the socket before it is flushed: what waits behind them may still be overtaken or dropped.
pub(super) const BURST: usize = 16 << 10;

/// Bursts an app's own task writes before others have their turn.
pub(super) const BURSTS: usize = 8;

/// An app says little.
pub(super) const READ_BUFFER: usize = 1 << 10;
/// ... but for a picture to show, which fits into a client's message.
pub(super) const MESSAGE_BYTES: usize = glasslink_protocol::MAX_TEXT_BYTES;

/// Subscriptions of a connection.
pub(super) const SUBSCRIPTIONS: usize = 2_048;

/// Commands that a session keeps room for: those of its client.
pub(super) const COMMANDS_SPARED: usize = 8;

/// A session that has no room for an app's command for this long is not alive, or overrun.
pub(super) const COMMAND: Duration = Duration::from_secs(5);
pub(super) const COMMAND_RETRY: Duration = Duration::from_millis(10);

/// An app that says nothing is asked this often whether it is there ...
pub(super) const PING: Duration = Duration::from_secs(30);

/// ... and one that neither says nor takes anything for this long is not. A phone's app sleeps for a minute.
pub(super) const LOST: Duration = Duration::from_mins(2);
