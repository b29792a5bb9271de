use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use glasslink::audio::{AudioFile, Source as _};
use glasslink::{Event, Events, Link, StreamOptions, TranscriptEvent};
use glasslink_asr::Moonshine;
use glasslink_glasses::virtual_glasses::{Fault, Faults, Lens, VirtualGlasses};
use glasslink_glasses::{Captions, Glasses, Screen};
use glasslink_relay::Relay;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::network::Network;
use crate::open::DeviceOptions;
use crate::{lenses, words};

#[derive(Args)]
pub(crate) struct CaptionsOptions {
    /// What the wearer of virtual glasses says: WAV, FLAC, MP3 or Ogg Vorbis.
    #[arg(long, value_name = "FILE")]
    voice: Option<PathBuf>,
    /// The words of the voice, to count errors against. Without it FILE.txt beside the voice, if it is there.
    #[arg(long, value_name = "FILE")]
    words: Option<PathBuf>,
    /// `hard`: an arm is lost twice, 2 % of the packets are lost, the network is cut three times.
    #[arg(long, value_enum, default_value_t = Trial::None)]
    faults: Trial,
    /// A relay to use instead of one of our own.
    #[arg(long, value_name = "URL")]
    relay: Option<String>,
    /// The token for that relay.
    #[arg(long, env = "GLASSLINK_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Trial {
    None,
    Hard,
}

impl Trial {
    /// Word error rate that is still good, percent.
    fn allowed(self) -> f64 {
        match self {
            Self::None => 10.0,
            Self::Hard => 15.0,
        }
    }
}

/// Share of packets that a hard trial loses.
const LOSS: f64 = 0.02;
/// How long an arm is out of sight, and the network down.
const ARM_AWAY: Duration = Duration::from_millis(300);
const NETWORK_DOWN: Duration = Duration::from_secs(2);
/// Time after the last word until the last packet is in.
const TAIL: Duration = Duration::from_millis(1500);

pub(crate) async fn run(device: &DeviceOptions, options: &CaptionsOptions) -> anyhow::Result<bool> {
    let voice = options.voice.as_deref().map(read_voice).transpose()?;
    let said = options.said()?;
    ensure!(
        device.simulated.is_none() || voice.is_some(),
        "virtual glasses hear only what they are given: --voice FILE"
    );
    let air = device.air(Faults::default()).await?;
    let glasses = air.ready(device).await?;

    let (relay, network) = if options.relay.is_some() {
        (None, None)
    } else {
        let relay = Relay::builder().engine(Arc::new(Moonshine::default())).start().await?;
        let network = Network::before(relay.local_addr()).await?;
        (Some(relay), Some(network))
    };
    let url = match (&options.relay, &network) {
        (Some(url), _) => url.clone(),
        (None, Some(network)) => format!("http://{}", network.address),
        (None, None) => bail!("no relay"),
    };
    let mut builder = Link::builder(url).client_name("glasses example");
    if let Some(token) = &options.token {
        builder = builder.token(token);
    }
    let (link, events) = builder.connect()?;
    link.wait_live(Some(Duration::from_secs(10))).await?;

    let microphone = glasses.microphone().context("these glasses have no microphone")?;
    println!("{} hears {:?}", glasses.model().name, microphone.format());
    let attached = link.attach(
        microphone,
        StreamOptions { label: glasses.model().name.into(), ..StreamOptions::default() },
    )?;
    let stream = attached.stream();

    let simulated = air.simulated.clone();
    let show = Show::new(&glasses, simulated.clone());
    let speak = async {
        match (&simulated, voice) {
            (Some(simulated), Some(voice)) => {
                let length = voice.len() as u64 * 1000 / 16_000;
                // The first packet is in before the first word is said.
                sleep(Duration::from_secs(1)).await;
                simulated.speak(voice);
                if options.faults == Trial::Hard {
                    simulated.set_packet_loss(LOSS);
                    trial(&glasses, simulated, network.as_ref(), Duration::from_millis(length)).await;
                }
                while !simulated.is_silent() {
                    sleep(Duration::from_millis(50)).await;
                }
                sleep(TAIL).await;
                // So that the last packet lost is followed by one that tells of it.
                simulated.set_packet_loss(0.0);
                sleep(TAIL).await;
            }
            _ => {
                let _ = tokio::signal::ctrl_c().await;
            }
        }
    };
    let glasses_ref = &glasses;
    let heard = caption(events, &link, show, glasses_ref, async {
        speak.await;
        glasses_ref.stop_listening();
        let _ = attached.ended().await;
    })
    .await?;
    let stats = link.stats();
    glasses.close().await;
    link.close().await;
    if let Some(relay) = relay {
        relay.shutdown().await;
    }
    let ledger = simulated.map(|simulated| simulated.ledger());
    println!(
        "stream {stream}: captured {} = acknowledged {} + buffered {} + lost {}; absent {}, {} reconnects",
        stats.captured, stats.acknowledged, stats.buffered, stats.lost, stats.absent, stats.reconnects
    );
    let mut good = stats.captured == stats.acknowledged + stats.buffered + stats.lost && stats.buffered == 0;
    if let Some(ledger) = ledger {
        println!("the radio delivered {} frames and lost {}", ledger.delivered, ledger.lost);
        good &= ledger.lost == stats.lost && ledger.delivered == stats.acknowledged;
    }
    if let Some(said) = said {
        let (wrong, all) = words::errors(&said, &heard);
        let rate = 100.0 * wrong as f64 / all.max(1) as f64;
        println!("word error rate {rate:.1} % ({wrong} of {all}), allowed {:.0} %", options.faults.allowed());
        good &= rate <= options.faults.allowed();
    }
    println!("{}", if good { "good" } else { "NOT GOOD" });
    Ok(good)
}

impl CaptionsOptions {
    fn said(&self) -> anyhow::Result<Option<String>> {
        let beside = self.voice.as_ref().map(|voice| voice.with_extension("txt"));
        match (&self.words, beside) {
            (Some(path), _) => {
                Ok(Some(std::fs::read_to_string(path).with_context(|| path.display().to_string())?))
            }
            (None, Some(path)) if path.exists() => Ok(Some(std::fs::read_to_string(&path)?)),
            _ => Ok(None),
        }
    }
}

fn read_voice(path: &std::path::Path) -> anyhow::Result<Vec<i16>> {
    let mut file = AudioFile::open(path, 16_000)?;
    let mut samples = Vec::new();
    while file.read(&mut samples)? {}
    Ok(samples)
}

/// Spreads the faults of a hard trial over the voice.
async fn trial(glasses: &Glasses, simulated: &VirtualGlasses, network: Option<&Network>, length: Duration) {
    let start = Instant::now();
    let at = |share: u32| start + length * share / 100;
    let arms = glasses.model().arms;
    let lose = |arm| simulated.fault(Fault::LoseArm { arm, back: ARM_AWAY });
    for (step, share) in [15, 30, 45, 65, 80].into_iter().enumerate() {
        sleep_until(at(share)).await;
        match (step, network) {
            (1, _) => lose(arms[0]),
            (3, _) => lose(arms[arms.len() - 1]),
            (_, Some(network)) => network.cut(NETWORK_DOWN).await,
            (_, None) => {}
        }
    }
}

/// Where captions go: on the glasses, or in the terminal.
struct Show {
    captions: Option<Captions>,
    simulated: Option<VirtualGlasses>,
    drawn: Vec<Lens>,
    start: Instant,
}

impl Show {
    fn new(glasses: &Glasses, simulated: Option<VirtualGlasses>) -> Self {
        let display = glasses.model().display.as_ref();
        let captions = display.map(|display| Captions::new(display.text.clone(), display.refresh));
        Self { captions, simulated, drawn: Vec::new(), start: Instant::now() }
    }

    fn event(&mut self, event: &Event) {
        let now = self.start.elapsed();
        match (event, &mut self.captions) {
            (Event::Partial(partial), Some(captions)) => captions.partial(partial, now),
            (Event::Transcript { event: TranscriptEvent::Final(settled), .. }, captions) => match captions {
                Some(captions) => captions.settled(settled, now),
                None => println!("  {}", settled.text),
            },
            (Event::Gap(gap), _) => println!("  [{} ms: {}]", gap.ms, gap.cause.words()),
            (Event::State(state), _) => println!("  link: {state:?}"),
            _ => {}
        }
    }

    /// Sends the page that is due, and draws what the lenses show.
    fn refresh(&mut self, glasses: &Glasses) {
        let now = self.start.elapsed();
        if let Some(Screen::Text(lines)) = self.captions.as_mut().and_then(|captions| captions.page(now)) {
            let _ = glasses.show(Screen::Text(lines));
        }
        let Some(simulated) = &self.simulated else { return };
        let lenses = simulated.lenses();
        if lenses != self.drawn && !lenses.iter().all(|lens| lens.lines.is_empty()) {
            println!("{}", lenses::draw(&lenses));
            self.drawn = lenses;
        }
    }
}

/// Captions until `end` is over and everything said is transcribed; what was said.
async fn caption(
    mut events: Events,
    link: &Link,
    mut show: Show,
    glasses: &Glasses,
    end: impl Future<Output = ()>,
) -> anyhow::Result<String> {
    let finish = async {
        end.await;
        timeout(Duration::from_mins(1), link.finish()).await.context("the last words did not come")??;
        anyhow::Ok(())
    };
    tokio::pin!(finish);
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            result = &mut finish => {
                result?;
                break;
            }
            event = events.next() => match event {
                Some(Ok(event)) => show.event(&event),
                Some(Err(lagged)) => println!("  {lagged}"),
                None => bail!("the link ended"),
            },
            _ = ticks.tick() => show.refresh(glasses),
        }
    }
    while let Some(Ok(event)) = events.try_next() {
        show.event(&event);
    }
    Ok(link.transcript().text())
}
