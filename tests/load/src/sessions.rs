use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use glasslink_protocol::{
    AppAudio, AppEvent, AppMessage, AudioMessage, ClientMessage, EventNumber, FrameIndex, RelayMessage,
    SessionId, StreamFormat, StreamId, StreamStart, SubscriptionId, Wanted,
};
use hdrhistogram::Histogram;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::What;
use crate::plan::{Plan, Side};
use crate::socket::{Connector, Socket};

/// Frames of a message: 50 ms.
const FRAMES: u64 = 5;

/// Bytes of a frame: 32 kbit/s, so that a message has 216.
const FRAME_BYTES: u32 = 40;

const STREAM: StreamId = StreamId(1);

/// What comes later than this after the end is lost.
const LATE: Duration = Duration::from_secs(10);

/// The plan, once everybody is connected.
pub(crate) type Start = watch::Receiver<Option<Plan>>;

/// Microseconds from when a message was due.
#[derive(Debug)]
pub(crate) struct Latency(Mutex<Histogram<u64>>);

/// Milliseconds, by quantile.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Quantiles {
    pub(crate) messages: u64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// What all sessions saw together.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) raw: Latency,
    pub(crate) pcm: Latency,
    pub(crate) echo: Latency,
    /// Frames that apps did not get, and those that were not kept.
    pub(crate) lost: AtomicU64,
    pub(crate) not_kept: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        Self(Mutex::new(Histogram::new(3).expect("three digits")))
    }
}

impl Latency {
    fn record(&self, due: Instant) {
        let micros = due.elapsed().as_micros() as u64;
        let mut histogram = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It grows by itself.
        let _ = histogram.record(micros.max(1));
    }

    pub(crate) fn quantiles(&self) -> Quantiles {
        let histogram = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Quantiles {
            messages: histogram.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1_000.0,
        }
    }
}

/// A client whose session the relay knows.
pub(crate) struct Client {
    number: u32,
    socket: Socket,
}

/// An app's connection, which wants nothing yet.
pub(crate) struct App {
    number: u32,
    what: What,
    socket: Socket,
}

/// A connection to the echo.
pub(crate) struct Mirror {
    number: u32,
    socket: Socket,
}

pub(crate) fn session(number: u32) -> SessionId {
    SessionId(u128::from(number) + 1)
}

impl Client {
    pub(crate) async fn connect(connector: &Connector, address: &str, number: u32) -> Result<Self> {
        let mut socket = connector.connect(address, "/v1/link").await?;
        let hello = ClientMessage::Hello {
            session: session(number),
            holder: 1,
            attach: 1,
            take: true,
            epoch: None,
            events_after: EventNumber(0),
            ping_ms: 60_000,
            streams: Vec::new(),
            continues: None,
            remote_speech: false,
            client: "load".into(),
        };
        socket.send(Message::text(hello.encode())).await?;
        loop {
            match socket.next().await.context("the relay hung up")?? {
                Message::Text(text)
                    if matches!(RelayMessage::decode(&text)?, RelayMessage::Welcome { .. }) =>
                {
                    break;
                }
                _ => {}
            }
        }
        Ok(Self { number, socket })
    }

    /// Streams as planned, and waits until everything is kept.
    pub(crate) async fn stream(
        mut self,
        mut start: Start,
        speech: Arc<Vec<u8>>,
        seen: Arc<Seen>,
    ) -> Result<()> {
        let format = StreamFormat::lc3(16_000, FRAME_BYTES)?;
        let open = StreamStart {
            stream: STREAM,
            format,
            from: FrameIndex(0),
            transcribed: FrameIndex(0),
            continues: None,
            label: String::new(),
        };
        self.socket.send(Message::text(ClientMessage::Open(open).encode())).await?;
        let plan = planned(&mut start).await?;
        let (mut number, total, mut kept) = (0, plan.total(), FrameIndex(0));
        let give_up = plan.end() + LATE;
        let message_bytes = FRAMES as usize * FRAME_BYTES as usize;
        while number < total || kept.0 < total * FRAMES {
            let due = if number < total { plan.due(Side::Relay, self.number, number) } else { give_up };
            tokio::select! {
                () = sleep_until(due) => {
                    if number == total {
                        break;
                    }
                    let at = number as usize * message_bytes % (speech.len() / message_bytes * message_bytes);
                    let body = &speech[at..at + message_bytes];
                    let (stream, first) = (STREAM, FrameIndex(number * FRAMES));
                    let mut wire = Vec::with_capacity(message_bytes + 16);
                    AudioMessage { stream, first, count: FRAMES as u16, body }.encode(&mut wire);
                    self.socket.send(Message::binary(wire)).await?;
                    number += 1;
                }
                message = self.socket.next() => {
                    if let Message::Text(text) = message.context("the relay hung up")??
                        && text.starts_with(r#"{"type":"kept""#)
                        && let RelayMessage::Kept { next, .. } = RelayMessage::decode(&text)?
                    {
                        kept = next;
                    }
                }
            }
        }
        seen.not_kept.fetch_add((total * FRAMES).saturating_sub(kept.0), Ordering::Relaxed);
        Ok(())
    }
}

impl App {
    pub(crate) async fn connect(
        connector: &Connector,
        address: &str,
        number: u32,
        what: What,
    ) -> Result<Self> {
        Ok(Self { number, what, socket: connector.connect(address, "/v1/app").await? })
    }

    pub(crate) async fn subscribe(&mut self) -> Result<()> {
        let want = match self.what {
            What::Raw => Wanted::Raw,
            What::Pcm => Wanted::Pcm,
        };
        let (subscription, epoch, since) = (SubscriptionId(1), None, EventNumber(0));
        let subscribe =
            AppMessage::Subscribe { subscription, session: session(self.number), want, epoch, since };
        self.socket.send(Message::text(subscribe.encode())).await?;
        match self.socket.next().await.context("the relay hung up")?? {
            Message::Text(text) => match AppEvent::decode(&text)? {
                AppEvent::Subscribed { .. } => Ok(()),
                other => bail!("not subscribed: {other:?}"),
            },
            other => bail!("not subscribed: {other:?}"),
        }
    }

    /// Listens to the end, and counts what does not come.
    pub(crate) async fn listen(mut self, mut start: Start, seen: Arc<Seen>) -> Result<()> {
        let plan = planned(&mut start).await?;
        let latency = match self.what {
            What::Raw => &seen.raw,
            What::Pcm => &seen.pcm,
        };
        let (all, mut next, mut heard) = (plan.total() * FRAMES, 0, 0);
        let until = plan.end() + LATE;
        while next < all {
            let Ok(message) =
                timeout(until.saturating_duration_since(Instant::now()), self.socket.next()).await
            else {
                break;
            };
            let Message::Binary(bytes) = message.context("the relay hung up")?? else { continue };
            let AppAudio { first, count, .. } = AppAudio::decode(&bytes)?;
            if first.0 >= next {
                heard += u64::from(count);
            }
            next = first.0 + u64::from(count);
            latency.record(plan.due(Side::Relay, self.number, next.div_ceil(FRAMES) - 1));
        }
        seen.lost.fetch_add(all.saturating_sub(heard), Ordering::Relaxed);
        Ok(())
    }
}

impl Mirror {
    pub(crate) async fn connect(connector: &Connector, address: &str, number: u32) -> Result<Self> {
        Ok(Self { number, socket: connector.connect(address, "/").await? })
    }

    /// Sends as planned, and times what comes back.
    pub(crate) async fn look(mut self, mut start: Start, seen: Arc<Seen>) -> Result<()> {
        let plan = planned(&mut start).await?;
        let payload = vec![0x5a; 16 + FRAMES as usize * FRAME_BYTES as usize];
        let (total, mut sent, mut back) = (plan.total(), 0, 0);
        let until = plan.end() + LATE;
        while back < total {
            let due = if sent < total { plan.due(Side::Echo, self.number, sent) } else { until };
            tokio::select! {
                () = sleep_until(due) => {
                    if sent == total {
                        bail!("the echo kept {} messages", total - back);
                    }
                    self.socket.send(Message::binary(payload.clone())).await?;
                    sent += 1;
                }
                message = self.socket.next() => {
                    message.context("the echo hung up")??;
                    seen.echo.record(plan.due(Side::Echo, self.number, back));
                    back += 1;
                }
            }
        }
        Ok(())
    }
}

async fn planned(start: &mut Start) -> Result<Plan> {
    let plan = *start.wait_for(Option::is_some).await?;
    plan.context("there is a plan")
}

/// A second of sounds, encoded, so that a decoder has something to do.
pub(crate) fn speech() -> Result<Vec<u8>> {
    use glasslink_lc3::{Encoder, FrameDuration};
    let mut encoder = Encoder::new(16_000, FrameDuration::Ms10)?;
    let sample = |at: usize| {
        let time = at as f64 / 16_000.0;
        let tone = |hertz: f64, level: f64| (time * hertz * std::f64::consts::TAU).sin() * level;
        (tone(140.0, 6_000.0) + tone(700.0, 3_000.0) + tone(2_300.0, 900.0)) as i16
    };
    let mut speech = Vec::new();
    for frame in 0..100 {
        let pcm: Vec<i16> = (frame * 160..(frame + 1) * 160).map(sample).collect();
        let mut bytes = [0; FRAME_BYTES as usize];
        encoder.encode(&pcm, &mut bytes)?;
        speech.extend(bytes);
    }
    Ok(speech)
}
