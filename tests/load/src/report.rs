use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use crate::sessions::Quantiles;

/// An echo that is slower than this says that the machine was starved, and a starved server looks too cheap: what comes
/// together costs one system call.
const STARVED_MS: f64 = 50.0;

/// What a run came to.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) sessions: u32,
    pub(crate) apps: usize,
    /// From clients.
    pub(crate) messages: u64,
    pub(crate) lost_frames: u64,
    pub(crate) frames_not_kept: u64,
    /// From when a message was due at its client until an app had it.
    pub(crate) raw_ms: Quantiles,
    pub(crate) pcm_ms: Quantiles,
    pub(crate) echo_ms: Quantiles,
    pub(crate) relay_us_a_message: f64,
    pub(crate) echo_us_a_message: f64,
    pub(crate) memory_kib: Memory,
}

/// Resident, of the relay's process, in KiB.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) at_rest: f64,
    /// An app's TLS connection that wants nothing.
    pub(crate) idle_connection: f64,
    /// A session and its connection, without streams.
    pub(crate) attached_session: f64,
    /// What streaming, and being listened to, adds to that.
    pub(crate) streaming: f64,
    /// A streaming session, its connection, and its apps' connections.
    pub(crate) session_with_apps: f64,
}

impl Report {
    fn is_starved(&self) -> bool {
        self.echo_ms.p99 > STARVED_MS
    }

    /// Whether nothing was lost, on a machine that had the time.
    pub(crate) fn passed(&self) -> bool {
        self.lost_frames == 0 && self.frames_not_kept == 0 && !self.is_starved()
    }

    /// How much cheaper the echo is; 0.7 is what is asked for.
    fn ratio(&self) -> f64 {
        self.echo_us_a_message / self.relay_us_a_message
    }

    pub(crate) fn print(&self, as_json: bool) -> Result<()> {
        if as_json {
            let mut report = serde_json::to_value(self)?;
            if let Value::Object(fields) = &mut report {
                fields.insert("echo_to_relay".into(), json!(self.ratio()));
                fields.insert("rejected".into(), json!(self.is_starved()));
            }
            println!("{report}");
            return Ok(());
        }
        println!("{} sessions, {} apps, {} messages", self.sessions, self.apps, self.messages);
        println!("frames lost on the way to apps: {}; not kept: {}", self.lost_frames, self.frames_not_kept);
        for (name, quantiles) in [("raw", self.raw_ms), ("pcm", self.pcm_ms), ("echo", self.echo_ms)] {
            let Quantiles { messages, p50, p99, p999, max } = quantiles;
            if messages > 0 {
                println!("{name:>5}: p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, most {max:.1} ms");
            }
        }
        println!(
            "processor: relay {:.1} us a message, echo {:.1} us: echo / relay {:.2}",
            self.relay_us_a_message,
            self.echo_us_a_message,
            self.ratio()
        );
        let Memory { at_rest, idle_connection, attached_session, streaming, session_with_apps } =
            self.memory_kib;
        println!("memory: {at_rest:.0} KiB at rest");
        println!("{idle_connection:>8.1} KiB an idle TLS connection of an app");
        println!("{attached_session:>8.1} KiB a session and its connection, without streams");
        println!("{streaming:>8.1} KiB more when it streams and is listened to");
        println!("{session_with_apps:>8.1} KiB a streaming session with its apps, all connections included");
        if self.is_starved() {
            println!(
                "REJECTED: the echo's p99 is above {STARVED_MS} ms; this machine had other things to do"
            );
        }
        Ok(())
    }
}
