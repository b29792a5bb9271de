use std::time::Duration;

use glasslink_session::Transport;
use tokio::time::Instant;

use super::Failure;

/// Attempts that have to fail before HTTP is tried: one may have met a relay that was just restarting.
const BLOCKED: u32 = 2;

/// How often WebSocket is tried while HTTP carries the link, by default. HTTP costs twice the bytes and some round
/// trips of delay, a try one connection.
pub(crate) const WEBSOCKET_RETRY: Duration = Duration::from_mins(1);

/// Chooses what carries the next connection.
#[derive(Debug)]
pub(crate) struct Chooser {
    only: Option<Transport>,
    retry: Duration,
    /// How many in a row failed by WebSocket although the host was reached.
    blocked: u32,
    over_http: bool,
    /// When WebSocket is tried again; it moves on with each try, whatever becomes of connections over HTTP.
    retry_at: Option<Instant>,
}

impl Chooser {
    pub(crate) fn new(only: Option<Transport>, retry: Duration) -> Self {
        Self { only, retry, blocked: 0, over_http: false, retry_at: None }
    }

    pub(crate) fn next(&self) -> Transport {
        let wanted = if self.over_http { Transport::Http } else { Transport::WebSocket };
        self.only.unwrap_or(wanted)
    }

    /// Something the relay said came.
    pub(crate) fn worked(&mut self, transport: Transport) {
        if transport == Transport::WebSocket {
            self.blocked = 0;
            self.over_http = false;
        }
    }

    /// An attempt failed, or a connection ended over which nothing had come.
    pub(crate) fn failed(&mut self, transport: Transport, failure: &Failure, now: Instant) {
        if !failure.blocked {
            return;
        }
        match transport {
            Transport::WebSocket => {
                self.blocked += 1;
                if self.blocked >= BLOCKED && !self.over_http {
                    self.over_http = true;
                    self.retry_at = Some(now + self.retry);
                }
            }
            // No better: it is the relay that is not there, or one that has no door for HTTP.
            Transport::Http => {
                self.blocked = 0;
                self.over_http = false;
            }
        }
    }

    /// When WebSocket is to be tried beside a connection over HTTP; `None`: never.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at.filter(|_| self.only.is_none())
    }

    /// WebSocket was tried.
    pub(crate) fn retried(&mut self, now: Instant) {
        self.retry_at = Some(now + self.retry);
    }
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::Cause;

    use super::*;

    fn failure(blocked: bool) -> Failure {
        Failure { blocked, ..Failure::new(Cause::Reset, "") }
    }

    fn chooser(only: Option<Transport>) -> Chooser {
        Chooser::new(only, WEBSOCKET_RETRY)
    }

    // SPEC P17.1
    #[test]
    fn two_websockets_in_a_row_have_to_fail_at_a_host_that_is_there() {
        let now = Instant::now();
        let mut chooser = chooser(None);
        chooser.failed(Transport::WebSocket, &failure(true), now);
        chooser.failed(Transport::WebSocket, &failure(false), now);
        assert_eq!(chooser.next(), Transport::WebSocket);
        chooser.worked(Transport::WebSocket);
        chooser.failed(Transport::WebSocket, &failure(true), now);
        assert_eq!(chooser.next(), Transport::WebSocket);
        chooser.failed(Transport::WebSocket, &failure(true), now);
        assert_eq!(chooser.next(), Transport::Http);
        assert_eq!(chooser.retry_at(), Some(now + WEBSOCKET_RETRY));
    }

    #[test]
    fn http_is_left_when_it_is_no_better() {
        let now = Instant::now();
        let mut chooser = chooser(None);
        for _ in 0..3 {
            chooser.failed(Transport::WebSocket, &failure(true), now);
            assert_eq!(chooser.next(), Transport::WebSocket);
            chooser.failed(Transport::WebSocket, &failure(true), now);
            assert_eq!(chooser.next(), Transport::Http);
            chooser.failed(Transport::Http, &failure(false), now);
            assert_eq!(chooser.next(), Transport::Http, "the network is down");
            chooser.failed(Transport::Http, &failure(true), now);
            assert_eq!(chooser.next(), Transport::WebSocket);
        }
    }

    #[test]
    fn what_the_program_wants_is_not_changed() {
        let now = Instant::now();
        for only in [Transport::WebSocket, Transport::Http] {
            let mut chooser = chooser(Some(only));
            for _ in 0..5 {
                chooser.failed(only, &failure(true), now);
                assert_eq!(chooser.next(), only);
            }
            assert_eq!(chooser.retry_at(), None);
        }
    }
}
