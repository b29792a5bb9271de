use std::time::Duration;

use glasslink_protocol::{Cause, GapCause};

use super::{Happening, LinkTimeline, Transport};

/// A network that came back and the attempt that followed are at most this far apart.
const AT_ONCE: Duration = Duration::from_millis(100);

/// A silence is played this much longer than it took to be noticed: the next link may notice a little later.
const NOTICED_LATER: Duration = Duration::from_millis(500);

/// Something the network, the relay or the device did to the link: what makes a link see the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since the link began.
    pub at: Duration,
    /// Zero: it is over in a moment.
    pub lasting: Duration,
    pub what: Network,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Connections are reset.
    Reset,
    /// Nothing passes, and nobody says so.
    Silent,
    /// New connections are refused.
    Refused,
    /// New connections are closed again.
    Closed,
    /// New connections are answered with this HTTP status.
    Answered(u16),
    /// What answers speaks no TLS.
    NoTls,
    /// What answers has a certificate that is not trusted.
    WrongCertificate,
    /// No WebSocket gets through, and HTTP does.
    NoWebSocket,
    /// A round trip takes this long.
    RoundTrip(Duration),
    /// The system says that the network came up.
    NetworkUp,
    /// Somebody acts on a refusal: new credentials, another try.
    Retried,
    /// Another holder takes the session.
    TakenOver,
    /// The relay restarts and remembers nothing.
    Forgotten,
    /// The device sleeps.
    Asleep,
    /// The device's radio loses frames.
    RadioLoss,
}

impl Trouble {
    pub fn end(&self) -> Duration {
        self.at + self.lasting
    }
}

impl LinkTimeline {
    /// What to do to a link, in order, so that it sees the same again.
    ///
    /// The record says when attempts failed, not when the network came back: an outage lasts until the attempt began
    /// that succeeded.
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut reader = Reader::default();
        for entry in &self.entries {
            reader.read(entry.at(), entry.what);
        }
        reader.finish(self.length())
    }

    /// From the link's beginning to the last entry.
    pub fn length(&self) -> Duration {
        self.entries.last().map_or(Duration::ZERO, super::TimelineEntry::at)
    }
}

#[derive(Default)]
struct Reader {
    troubles: Vec<Trouble>,
    live: bool,
    /// Since when the link has not been live.
    down_since: Duration,
    /// When it was last lost.
    lost_at: Duration,
    /// How attempts failed since then, each until the next way to fail.
    failing: Vec<Trouble>,
    attempted_at: Duration,
    network_up_at: Option<Duration>,
    refused: bool,
    no_websocket_since: Option<Duration>,
    round_trip: Option<Trouble>,
}

impl Reader {
    fn read(&mut self, at: Duration, what: Happening) {
        match what {
            Happening::Attempt { transport, .. } => self.attempt(at, transport),
            Happening::Failed { cause, .. } => self.failed(at, cause),
            Happening::Live { .. } => {
                self.live = true;
                let near = |up: &Duration| self.attempted_at.saturating_sub(*up) <= AT_ONCE;
                self.over(self.network_up_at.filter(near).unwrap_or(self.attempted_at));
            }
            Happening::Lost { cause, silent_ms, .. } => {
                let silent = Duration::from_millis(silent_ms).min(at);
                let begun = at.saturating_sub(silent);
                match cause {
                    Cause::Stalled => self.add(begun, silent + NOTICED_LATER, Network::Silent),
                    Cause::LocalClose => {}
                    _ => self.add(at, Duration::ZERO, Network::Reset),
                }
                self.down(at);
            }
            Happening::Refused { cause } => {
                if self.live {
                    let what = if cause == Cause::Superseded { Network::TakenOver } else { Network::Reset };
                    self.add(at, Duration::ZERO, what);
                    self.down(at);
                }
                if cause != Cause::Superseded {
                    self.failed(at, cause);
                }
                self.refused = true;
            }
            Happening::NewEpoch => {
                // The relay says so once it is back; it forgot when it went.
                let reset = |trouble: &&mut Trouble| trouble.what == Network::Reset;
                match self.troubles.iter_mut().rfind(reset) {
                    Some(reset) if reset.at == self.lost_at => reset.what = Network::Forgotten,
                    _ => self.add(self.lost_at, Duration::ZERO, Network::Forgotten),
                }
            }
            Happening::RoundTrip { rtt_ms } => {
                self.round_trip_ends(at);
                let what = Network::RoundTrip(Duration::from_millis(rtt_ms));
                self.round_trip = Some(Trouble { at, lasting: Duration::ZERO, what });
            }
            Happening::NetworkUp => {
                self.network_up_at = Some(at);
                self.add(at, Duration::ZERO, Network::NetworkUp);
            }
            Happening::Asleep { asleep_ms } => {
                let asleep = Duration::from_millis(asleep_ms).min(at);
                self.add(at.saturating_sub(asleep), asleep, Network::Asleep);
            }
            Happening::Gap { cause: GapCause::Radio, lasting_ms, .. } => {
                self.add(at, Duration::from_millis(lasting_ms), Network::RadioLoss);
            }
            // What came of the rest, and the source's own troubles.
            Happening::Opened
            | Happening::Gap { .. }
            | Happening::Continued { .. }
            | Happening::AudioStalled { .. }
            | Happening::AudioRecovered { .. }
            | Happening::AudioLost { .. }
            | Happening::Closed => {}
        }
    }

    fn attempt(&mut self, at: Duration, transport: Transport) {
        if std::mem::take(&mut self.refused) {
            self.over(at);
            self.add(at, Duration::ZERO, Network::Retried);
        }
        match (transport, self.no_websocket_since) {
            (Transport::Http, None) => {
                // What failed was the upgrade.
                self.failing.clear();
                self.no_websocket_since = Some(self.down_since);
            }
            (Transport::WebSocket, Some(since)) => {
                self.no_websocket_since = None;
                self.add(since, at.saturating_sub(since), Network::NoWebSocket);
            }
            _ => {}
        }
        self.attempted_at = at;
    }

    fn failed(&mut self, at: Duration, cause: Cause) {
        let Some(what) = failing(cause) else { return };
        let from = self.failing.last().map_or(self.down_since, Trouble::end);
        match self.failing.last_mut() {
            Some(last) if last.what == what => last.lasting = at.saturating_sub(last.at),
            _ => self.failing.push(Trouble { at: from, lasting: at.saturating_sub(from), what }),
        }
    }

    /// Attempts do not fail any more, from `at` on.
    fn over(&mut self, at: Duration) {
        if let Some(last) = self.failing.last_mut() {
            last.lasting = at.saturating_sub(last.at).max(last.lasting);
        }
        for Trouble { at, lasting, what } in std::mem::take(&mut self.failing) {
            let goes_on =
                |before: &&mut Trouble| before.what == what && before.at <= at && at <= before.end();
            match self.troubles.iter_mut().rfind(goes_on) {
                Some(before) => {
                    before.lasting = (at + lasting).max(before.end()).saturating_sub(before.at);
                }
                None => self.add(at, lasting, what),
            }
        }
        self.down_since = at;
    }

    fn down(&mut self, at: Duration) {
        self.live = false;
        (self.down_since, self.lost_at) = (at, at);
    }

    fn round_trip_ends(&mut self, at: Duration) {
        if let Some(before) = self.round_trip.take() {
            self.add(before.at, at.saturating_sub(before.at), before.what);
        }
    }

    fn add(&mut self, at: Duration, lasting: Duration, what: Network) {
        self.troubles.push(Trouble { at, lasting, what });
    }

    fn finish(mut self, end: Duration) -> Vec<Trouble> {
        self.over(end);
        self.round_trip_ends(end);
        if let Some(since) = self.no_websocket_since {
            self.add(since, end.saturating_sub(since), Network::NoWebSocket);
        }
        self.troubles.sort_by_key(|trouble| trouble.at);
        self.troubles
    }
}

/// What makes an attempt fail for `cause`.
fn failing(cause: Cause) -> Option<Network> {
    Some(match cause {
        Cause::Dns
        | Cause::ConnectionRefused
        | Cause::NetworkDown
        | Cause::Proxy
        | Cause::CredentialsUnavailable
        | Cause::Restarting => Network::Refused,
        Cause::Reset | Cause::ProtocolError => Network::Closed,
        Cause::Timeout | Cause::Stalled => Network::Silent,
        Cause::Tls => Network::NoTls,
        Cause::Certificate => Network::WrongCertificate,
        Cause::HttpStatus(status) => Network::Answered(status),
        Cause::Overloaded => Network::Answered(503),
        Cause::RateLimited => Network::Answered(429),
        Cause::Unauthorized => Network::Answered(401),
        Cause::Forbidden => Network::Answered(403),
        Cause::UnsupportedVersion => Network::Answered(426),
        Cause::Superseded | Cause::LocalClose => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimelineEntry;

    fn troubles(happenings: &[(u64, Happening)]) -> Vec<(u64, u64, Network)> {
        let entries = happenings.iter().map(|(ms, what)| TimelineEntry { ms: *ms, what: *what }).collect();
        let troubles = LinkTimeline::new(0, "", 0, entries).troubles();
        let ms = |time: Duration| time.as_millis() as u64;
        troubles.iter().map(|trouble| (ms(trouble.at), ms(trouble.lasting), trouble.what)).collect()
    }

    fn attempt(transport: Transport) -> Happening {
        Happening::Attempt { attempt: 1, transport }
    }

    fn failed(cause: Cause) -> Happening {
        Happening::Failed { cause, retry_in_ms: 0 }
    }

    const LIVE: Happening = Happening::Live { outage_ms: 0 };
    const WEBSOCKET: Transport = Transport::WebSocket;

    #[test]
    fn an_outage_lasts_until_the_attempt_that_succeeded() {
        let lost = Happening::Lost { cause: Cause::Reset, silent_ms: 5, retry_in_ms: 0 };
        let refused = failed(Cause::ConnectionRefused);
        let told = troubles(&[
            (0, attempt(WEBSOCKET)),
            (5, LIVE),
            (1_000, lost),
            (1_000, attempt(WEBSOCKET)),
            (1_001, refused),
            (1_200, attempt(WEBSOCKET)),
            (1_201, refused),
            (1_900, attempt(WEBSOCKET)),
            (1_905, LIVE),
        ]);
        assert_eq!(told, [(1_000, 0, Network::Reset), (1_000, 900, Network::Refused)]);
    }

    #[test]
    fn a_silence_begins_when_the_last_word_came_and_goes_on_while_attempts_time_out() {
        let lost = Happening::Lost { cause: Cause::Stalled, silent_ms: 1_600, retry_in_ms: 0 };
        let told = troubles(&[
            (0, attempt(WEBSOCKET)),
            (5, LIVE),
            (9_000, lost),
            (9_000, attempt(WEBSOCKET)),
            (19_000, failed(Cause::Timeout)),
            (20_000, Happening::NetworkUp),
            (20_001, attempt(WEBSOCKET)),
            (20_005, LIVE),
        ]);
        assert_eq!(told, [(7_400, 12_600, Network::Silent), (20_000, 0, Network::NetworkUp)]);
    }

    #[test]
    fn a_silence_lasts_until_it_can_be_noticed_again() {
        let lost = Happening::Lost { cause: Cause::Stalled, silent_ms: 1_600, retry_in_ms: 0 };
        let told = troubles(&[
            (0, attempt(WEBSOCKET)),
            (5, LIVE),
            (9_000, lost),
            (9_000, attempt(WEBSOCKET)),
            (9_005, LIVE),
        ]);
        assert_eq!(told, [(7_400, 2_100, Network::Silent)]);
    }

    #[test]
    fn a_refusal_lasts_until_somebody_acts() {
        let told = troubles(&[
            (0, attempt(WEBSOCKET)),
            (5, Happening::Refused { cause: Cause::Unauthorized }),
            (3_000, attempt(WEBSOCKET)),
            (3_005, LIVE),
            (4_000, Happening::Refused { cause: Cause::Superseded }),
            (5_000, attempt(WEBSOCKET)),
            (5_005, LIVE),
        ]);
        assert_eq!(
            told,
            [
                (0, 3_000, Network::Answered(401)),
                (3_000, 0, Network::Retried),
                (4_000, 0, Network::TakenOver),
                (5_000, 0, Network::Retried),
            ]
        );
    }

    #[test]
    fn upgrades_are_blocked_while_http_carries_the_link() {
        let lost = Happening::Lost { cause: Cause::Reset, silent_ms: 5, retry_in_ms: 0 };
        let told = troubles(&[
            (0, attempt(WEBSOCKET)),
            (5, failed(Cause::HttpStatus(400))),
            (5, attempt(WEBSOCKET)),
            (9, failed(Cause::HttpStatus(400))),
            (200, attempt(Transport::Http)),
            (210, LIVE),
            (60_000, lost),
            (60_000, attempt(WEBSOCKET)),
            (60_010, LIVE),
            (61_000, Happening::Closed),
        ]);
        assert_eq!(told, [(0, 60_000, Network::NoWebSocket), (60_000, 0, Network::Reset)]);
    }

    #[test]
    fn a_relay_that_comes_back_without_its_memory_forgot_when_it_went() {
        let lost = Happening::Lost { cause: Cause::Reset, silent_ms: 5, retry_in_ms: 0 };
        let told = troubles(&[
            (0, attempt(WEBSOCKET)),
            (5, LIVE),
            (700, lost),
            (700, attempt(WEBSOCKET)),
            (710, Happening::NewEpoch),
            (710, LIVE),
            (711, Happening::RoundTrip { rtt_ms: 30 }),
            (900, Happening::Closed),
        ]);
        let round_trip = Network::RoundTrip(Duration::from_millis(30));
        assert_eq!(told, [(700, 0, Network::Forgotten), (711, 189, round_trip)]);
    }
}
