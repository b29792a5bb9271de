//! Every bound of the relay, with the reason for its value.

use std::time::Duration;

use glasslink_protocol::{MAX_AUDIO_BYTES, MAX_TEXT_BYTES};

/// A TLS handshake over a bad mobile link takes 5 s.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// A request's headers are one packet; who needs longer than this holds a socket for nothing.
pub(crate) const HEADERS: Duration = Duration::from_secs(10);

/// A whole request, answer included, and what follows on its connection until the next one. Upgraded connections leave
/// this bound behind.
pub(crate) const REQUEST: Duration = Duration::from_secs(20);

/// A poll is answered after this, whatever there is: within [`REQUEST`], and before proxies lose patience, the
/// shortest of which wait 30 s.
pub(crate) const POLL: Duration = Duration::from_secs(15);

/// `hello` follows the upgrade at once.
pub(crate) const HELLO: Duration = Duration::from_secs(10);

/// Headers a request may have, and their bytes. A browser's have 2 KB; a token may have some more.
pub(crate) const HEADER_COUNT: usize = 64;
pub(crate) const HEADER_BYTES: usize = 16 << 10;

/// A message of a client, where the operator says nothing; ...
pub(crate) const MESSAGE_BYTES: usize =
    if MAX_AUDIO_BYTES > MAX_TEXT_BYTES { MAX_AUDIO_BYTES } else { MAX_TEXT_BYTES };

/// ... and no less than a `hello` of 64 streams needs.
pub(crate) const MESSAGE_BYTES_LEAST: usize = 16 << 10;

/// A WebSocket's read buffer. It is cleared before each read, and audio messages have some 200 bytes.
pub(crate) const READ_BUFFER: usize = 1 << 10;

/// Bytes of messages that share a write.
pub(crate) const WRITE_BUFFER: usize = 4 << 10;

/// Messages read between two writes while both are possible.
pub(crate) const READS_PER_WRITE: u32 = 32;

/// Bytes that wait for a connection: a whole replay of [`glasslink_session::defaults::HISTORY_BYTES`], and what
/// comes meanwhile. A connection that falls further behind is closed; its client resumes.
pub(crate) const OUTGOING_BYTES: usize = glasslink_session::defaults::HISTORY_BYTES + (1 << 20);

/// A peer that takes nothing for this long is gone, or might as well be.
pub(crate) const OUTGOING_STALL: Duration = Duration::from_secs(10);

/// Time a connection has to take what is left and to answer the close.
pub(crate) const CLOSING: Duration = Duration::from_secs(5);

/// Commands given to a session that it has not looked at yet: connections, and what apps want.
pub(crate) const COMMANDS: usize = 32;

/// Sessions at once, attached or not, by default.
pub(crate) const SESSIONS: usize = 10_000;

/// Connections beyond one a session: probes, apps, and clients that come back before their old one is given up.
pub(crate) fn connections(sessions: usize) -> usize {
    sessions + sessions / 4 + 64
}

/// What a client that finds no room is asked to wait.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Pause after a connection could not be accepted.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A relay that restarts needs a fraction of a second; clients are asked to come back after this, ...
pub(crate) const RESTART_PAUSE: Duration = Duration::from_millis(250);

/// ... spread by this much for each session, so that 200 handshakes a second are asked of it, ...
pub(crate) const RESTART_SPREAD: Duration = Duration::from_millis(5);

/// ... and by no more than this, so that all are back within 30 s.
pub(crate) const RESTART_SPREAD_MOST: Duration = Duration::from_secs(15);

/// Time a relay that stops gives its engine to finish what was said: clients give a relay that takes no audio up after
/// 5 s ...
pub(crate) const FINISH: Duration = Duration::from_secs(4);

/// ... and its sessions to end.
pub(crate) const LEAVE: Duration = Duration::from_secs(10);

/// Audio a session holds for its engine, by time of each stream and by bytes of all: what `durability: memory` promises.
pub(crate) const HELD: Duration = Duration::from_mins(1);
pub(crate) const HELD_BYTES: usize = 4 << 20;

/// The same where no engine will ever want it.
pub(crate) const HELD_FOR_NOBODY: Duration = Duration::from_secs(10);

/// What is let go at once when there is no room: one gap in the transcript for ten seconds, not one a message.
pub(crate) const LET_GO: Duration = Duration::from_secs(10);

/// Audio that waited this long for an engine is let go, however little it is.
pub(crate) const HELD_AGE: Duration = Duration::from_mins(10);

/// An engine that settles nothing for this long, while it has all the audio it takes, hangs. Utterances are settled
/// after 15 s at the latest.
pub(crate) const ENGINE_STUCK: Duration = Duration::from_secs(30);

/// Pause before a stream's recognition is tried again after it failed, doubled each time ...
pub(crate) const ENGINE_RETRY: Duration = Duration::from_secs(1);

/// ... up to this.
pub(crate) const ENGINE_RETRY_MOST: Duration = Duration::from_secs(30);

/// A stream stays with an engine for at least this long before it goes back to a better one: each change costs a moment.
pub(crate) const ENGINE_STAY: Duration = Duration::from_secs(30);

/// Failures at the same place before the audio there is passed over.
pub(crate) const ENGINE_FAILURES: u32 = 3;

/// Partials are left out while this many bytes wait for a connection: they would be stale when they arrive.
pub(crate) const QUEUED_FOR_PARTIALS: usize = 64 << 10;

/// How long the files of sessions that are over are kept, by default.
pub(crate) const ARCHIVE_KEEP: Duration = Duration::from_hours(30 * 24);

/// A session that does not say within this how it is, is busy with something else.
pub(crate) const INSPECT: Duration = Duration::from_secs(2);

/// Who follow sessions by server-sent events, or look at the dashboard, at once.
pub(crate) const WATCHERS: usize = 256;

/// Downloads of audio at once: each decodes as fast as it is taken, and a core has other things to do.
pub(crate) const DOWNLOADS: usize = 4;
