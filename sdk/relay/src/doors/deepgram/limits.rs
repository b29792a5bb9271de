use std::time::Duration;

/// A message of a client: half a minute of PCM at 16 kHz. Files are sent in pieces of any size.
pub(super) const MESSAGE_BYTES: usize = 1 << 20;

/// Neither audio nor a word for this long: the protocol has it so.
pub(super) const SILENCE: Duration = Duration::from_secs(10);

/// Channels of a client, each a stream of its own where they are told apart.
pub(super) const CHANNELS: usize = 8;
