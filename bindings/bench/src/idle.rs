//! An hour of a link on which nobody says anything: both halves of it, a network in between, and a clock that jumps from
//! one moment at which something happens to the next.

use std::collections::VecDeque;
use std::time::Duration;

use glasslink::{Link, LinkState};
use glasslink_protocol::{ClientMessage, CloseCode, Durability, Epoch, SessionId};
use glasslink_session::{
    Action, Attachment, ClientConfig, ClientSession, ConnectionId, Event, Hello, RelayAction, RelayConfig,
    RelaySession, Timestamp, defaults,
};

use crate::radio::Radio;

const HOUR: Duration = Duration::from_hours(1);

/// From the phone to the relay, or back.
const ONE_WAY: Duration = Duration::from_millis(40);

/// What an hour came to.
#[derive(Debug)]
struct Hour {
    radio: Radio,
    pings: u32,
    /// Connections that were lost.
    lost: u32,
}

pub(crate) fn print() {
    let background = Hour::of(Some(Link::BACKGROUND_PING));
    let foreground = Hour::of(None);
    for (place, interval, hour) in [
        ("background", Link::BACKGROUND_PING, background),
        ("foreground", defaults::PING_INTERVAL, foreground),
    ] {
        println!(
            "idle in the {place}, a ping each {} s: {} radio wake-ups an hour, awake {:.0} % of it; {} pings, {} messages of \
             {} bytes in all, {} connections lost",
            interval.as_secs(),
            hour.radio.wake_ups,
            hour.radio.awake.as_secs_f64() / HOUR.as_secs_f64() * 100.0,
            hour.pings,
            hour.radio.messages,
            hour.radio.bytes,
            hour.lost,
        );
    }
}

enum Packet {
    Opened(ConnectionId),
    ToRelay(ConnectionId, String),
    ToClient(ConnectionId, String),
    Closed(ConnectionId, CloseCode),
}

struct Air {
    now: Timestamp,
    client: ClientSession,
    relay: RelaySession,
    under_way: VecDeque<(Timestamp, Packet)>,
    attached: Option<(ConnectionId, Attachment)>,
    hour: Hour,
}

impl Hour {
    /// The hour after a program went to the background, where it pings each `interval`; or one in front.
    fn of(interval: Option<Duration>) -> Self {
        let now = Timestamp::ZERO;
        let mut air = Air {
            now,
            client: ClientSession::new(ClientConfig::default(), SessionId(1), 1),
            relay: RelaySession::new(RelayConfig::new(Epoch(1), Durability::Memory), SessionId(1), now),
            under_way: VecDeque::new(),
            attached: None,
            hour: Self { radio: Radio::default(), pings: 0, lost: 0 },
        };
        air.client.connect(now);
        while air.client.state() != LinkState::Live {
            air.step();
        }
        if let Some(interval) = interval {
            air.client.set_ping_interval(interval);
        }
        let begins = air.now;
        air.hour = Self { radio: Radio::default(), pings: 0, lost: 0 };
        while air.now.since(begins) < HOUR {
            air.step();
        }
        air.hour
    }
}

impl Air {
    /// Does what is due next, and what follows from it.
    fn step(&mut self) {
        self.drain();
        let arrival = self.under_way.front().map(|(at, _)| *at);
        let due = [self.client.poll_timeout(), self.relay.poll_timeout(), arrival];
        self.now = due.into_iter().flatten().min().unwrap_or(self.now + HOUR).max(self.now);
        if self.client.poll_timeout().is_some_and(|due| due <= self.now) {
            self.client.handle_timeout(self.now);
        }
        if self.relay.poll_timeout().is_some_and(|due| due <= self.now) {
            self.relay.handle_timeout(self.now);
        }
        while let Some((_, packet)) = self.under_way.pop_front_if(|(at, _)| *at <= self.now) {
            self.arrive(packet);
        }
        self.drain();
    }

    fn arrive(&mut self, packet: Packet) {
        match packet {
            Packet::Opened(connection) => self.client.opened(self.now, connection),
            Packet::ToRelay(connection, text) => match self.attached {
                Some((known, attachment)) if known == connection => {
                    self.relay.text(self.now, attachment, &text);
                }
                _ => {
                    let hello = ClientMessage::decode(&text).map(Hello::try_from);
                    let hello = hello.expect("the client writes messages").expect("hello comes first");
                    let attachment = self.relay.attach(self.now, &hello).expect("one program, one session");
                    self.attached = Some((connection, attachment));
                }
            },
            Packet::ToClient(connection, text) => {
                self.hour.radio.carries(self.now, text.len());
                self.client.text(self.now, connection, &text).expect("the relay writes messages");
            }
            Packet::Closed(connection, code) => {
                self.hour.radio.carries(self.now, 0);
                self.client.closed(self.now, connection, CloseCode::cause(code.code()), None);
            }
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::Connect { connection } => {
                    self.hour.radio.carries(self.now, 0);
                    // Of TCP and of the upgrade; TLS has one more.
                    self.send(ONE_WAY * 4, Packet::Opened(connection));
                }
                Action::SendText { connection, text } => {
                    self.hour.radio.carries(self.now, text.len());
                    self.hour.pings += u32::from(text.contains(r#""type":"ping""#));
                    self.send(ONE_WAY, Packet::ToRelay(connection, text));
                }
                Action::Event(Event::State(LinkState::Waiting { .. })) => self.hour.lost += 1,
                _ => {}
            }
        }
        while let Some(action) = self.relay.poll_action() {
            let Some((connection, _)) = self.attached else { continue };
            match action {
                RelayAction::SendText { text, .. } => {
                    self.send(ONE_WAY, Packet::ToClient(connection, text));
                }
                RelayAction::Close { code, .. } => self.send(ONE_WAY, Packet::Closed(connection, code)),
                RelayAction::Event(_) => {}
            }
        }
    }

    fn send(&mut self, takes: Duration, packet: Packet) {
        self.under_way.push_back((self.now + takes, packet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_link_in_the_background_pings_twice_a_minute() {
        let hour = Hour::of(Some(Link::BACKGROUND_PING));
        assert!((118..=121).contains(&hour.pings), "{hour:?}");
        assert!(hour.radio.wake_ups <= hour.pings + 2, "{hour:?}");
    }

    #[test]
    fn an_idle_link_in_front_keeps_its_connection() {
        let hour = Hour::of(None);
        assert_eq!(hour.lost, 0, "{hour:?}");
        assert!((700..=721).contains(&hour.pings), "{hour:?}");
    }
}
