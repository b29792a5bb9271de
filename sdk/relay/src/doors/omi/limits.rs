use std::time::Duration;

/// A message of a client: half a second of PCM at 48 kHz and two channels has 96 KB, and nobody sends so much at once.
pub(super) const MESSAGE_BYTES: usize = 256 << 10;

/// A client is pinged this often, in text, ...
pub(super) const PING: Duration = Duration::from_secs(10);

/// ... and one that sends nothing for this long is not there: the protocol has it so.
pub(super) const INACTIVE: Duration = Duration::from_secs(90);

/// Messages of no more bytes than this carry no audio.
pub(super) const NOTHING: usize = 2;

/// Channels, told apart by the first byte of each message.
pub(super) const CHANNELS: usize = 8;
