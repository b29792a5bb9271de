//! Every bound of pairing and identity, with the reason for its value.

use std::time::Duration;

/// A token that leaked is good for so long; a client asks for the next one while its link is live.
pub(crate) const TOKEN: Duration = Duration::from_hours(1);

/// A device that did not come for half a year is lost, or forgotten: it pairs again.
pub(crate) const DEVICE_KEY: Duration = Duration::from_hours(180 * 24);

/// An app's old key beside its new one: a week to bring the new one everywhere.
pub(crate) const APP_KEY_OVERLAP: Duration = Duration::from_hours(7 * 24);

/// A person carries the code from one screen to the other.
pub(crate) const OFFER: Duration = Duration::from_mins(5);

/// Of 2^40 codes: a guesser has a chance of 5 x 10^-12.
pub(crate) const TRIES: u32 = 5;

/// Devices and apps a relay knows, revoked ones not counted: a school's worth, and what a snapshot of them costs.
pub(crate) const PEERS: u32 = 10_000;

/// A person's names for things.
pub(crate) const NAME_CHARACTERS: usize = 64;

/// Rows of the audit log; the oldest go first. 10,000 are some 2 MB.
pub(crate) const AUDIT_ROWS: u32 = 10_000;

/// The same event of the same address within this time is one row with a count, so that a flood writes little.
pub(crate) const AUDIT_MERGE: Duration = Duration::from_mins(1);

/// Events that wait to be written. More are counted and told as one.
pub(crate) const AUDIT_QUEUE: usize = 1_024;

/// How often changes of another process are looked for: noticed within a second.
pub(crate) const WATCH: Duration = Duration::from_millis(300);

/// Another process writes for milliseconds.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// Sessions of one device, app or named token at once, by default: a room of glasses on one laptop; and no more than a
/// small part of the 10,000.
pub(crate) const SESSIONS_EACH: u32 = 256;

/// What an identity may send for long: five streams of 48 kHz PCM that catch up at four times real time.
pub(crate) const BYTES_PER_SECOND: f64 = 2_000_000.0;

/// What it may send at once before that counts: what a link has under way after an outage, in every session.
pub(crate) const BYTES_AT_ONCE: f64 = 16_000_000.0;
