use std::time::Duration;

use anyhow::{Result, bail, ensure};
use glasslink::{Event, Link, TranscriptEvent};

use crate::said::{BURST, BURSTS, LISTENER, TIMED, now};

/// What a listener in plain Rust sees; those in other languages print the same line.
pub(crate) async fn listen(url: &str) -> Result<()> {
    let (link, mut events) = Link::builder(url).client_name(LISTENER).connect()?;
    let (mut rates, mut latencies) = (Vec::new(), Vec::new());
    let (mut began, mut count) = (Duration::ZERO, 0_u32);
    loop {
        let said = match events.next().await {
            Some(Ok(Event::Transcript { event: TranscriptEvent::Final(said), .. })) => said,
            Some(Ok(_)) => continue,
            Some(Err(lagged)) => bail!("{lagged}"),
            None => bail!("the link ended"),
        };
        count += 1;
        let mut words = said.text.split(' ');
        let marker = words.next();
        let mut sent = || words.next().unwrap_or_default().parse().map(Duration::from_nanos);
        match marker {
            Some("first") => (began, count) = (sent()?, 1),
            Some("last") => {
                ensure!(count as usize == BURST, "{count} finals of a burst");
                rates.push(f64::from(count) / now().saturating_sub(began).as_secs_f64());
            }
            Some("at") => latencies.push(now().saturating_sub(sent()?)),
            Some("over") => break,
            _ => {}
        }
    }
    link.close().await;
    ensure!(rates.len() >= BURSTS && latencies.len() >= TIMED, "not everything was heard");
    let mut rates = rates.split_off(BURSTS / 3);
    rates.sort_by(f64::total_cmp);
    latencies.sort();
    let at = |share: usize| latencies[latencies.len() * share / 100].as_secs_f64() * 1e6;
    println!(
        "listener in rust: {:.0} finals/s, latency p50 {:.0} us, p99 {:.0} us",
        rates[rates.len() / 2],
        at(50),
        at(99)
    );
    Ok(())
}
