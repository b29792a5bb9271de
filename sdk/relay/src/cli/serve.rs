use std::io::Write;

use anyhow::Result;
use clap::ArgMatches;
use glasslink_relay::Relay;
use metrics_exporter_prometheus::PrometheusBuilder;
use sd_notify::NotifyState;
use tracing::{info, warn};

use crate::cli::config::{Config, Layers};
use crate::cli::{arguments, logging};

/// `glasslink-relay serve`
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let layers = Layers::gather(matches, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))?;
    if matches.get_flag(arguments::PRINT_CONFIG) {
        layers.config()?;
        print!("{layers}");
        return Ok(());
    }
    let config = layers.config()?;
    // Until the end: what is left is written then.
    let _logging = logging::start(&config)?;
    let exposition = exposition()?;
    // The link waits for the network, and engines have threads of their own; more would only cost memory.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(config, exposition))
}

/// The process's recorder, and what it knows.
fn exposition() -> Result<impl Fn() -> String + Send + Sync + 'static> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    Ok(move || {
        handle.run_upkeep();
        handle.render()
    })
}

async fn serve(config: Config, exposition: impl Fn() -> String + Send + Sync + 'static) -> Result<()> {
    let mut relay = Relay::builder()
        .listen(config.listen)
        .session_keep(config.session_keep)
        .max_sessions(config.max_sessions)
        .max_sessions_each(config.max_sessions_each)
        .max_message_bytes(config.max_message)
        .metrics(exposition);
    relay = config.trusted_proxies.iter().fold(relay, |relay, network| relay.trusted_proxy(*network));
    if config.open_metrics {
        relay = relay.open_metrics();
    }
    if let Some(data) = config.data {
        relay = relay.data(data).archive_keep(config.archive_keep);
    }
    if let Some(token) = config.token {
        relay = relay.token(token.0);
    }
    if let Some(bytes) = config.max_memory {
        relay = relay.max_memory(bytes);
    }
    if let Some((certificate, key)) = config.tls {
        relay = relay.tls(certificate, key);
    }
    if config.own_tls {
        relay = relay.own_tls();
    }
    if let Some(url) = config.public_url {
        relay = relay.public_url(url);
    }
    relay = relay.remote_speech(config.remote_speech);
    for engine in &config.engines {
        relay = relay.engine(engine.engine(config.model_dir.as_deref())?);
    }
    // Before the port is open: who waits for it may send a signal at once.
    let stop = stop_signal()?;
    #[cfg(unix)]
    let again = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    let relay = relay.start().await?;
    println!("listening on {}", relay.url());
    std::io::stdout().flush()?;
    info!(address = %relay.local_addr(), "listening");
    tell_supervisor(NotifyState::Ready);
    #[cfg(unix)]
    until_stopped(stop, again, &relay).await;
    #[cfg(not(unix))]
    stop.await;
    info!("stopping");
    tell_supervisor(NotifyState::Stopping);
    relay.shutdown().await;
    Ok(())
}

/// Until the program is to end. SIGHUP means that the certificate's files were changed.
#[cfg(unix)]
async fn until_stopped(
    stop: impl Future<Output = ()>,
    mut again: tokio::signal::unix::Signal,
    relay: &glasslink_relay::RelayHandle,
) {
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            // What is wrong with them is in the log; the relay goes on with what it has.
            _ = again.recv() => drop(relay.reload_certificate()),
        }
    }
}

/// systemd, when it is the one that waits.
fn tell_supervisor(state: NotifyState) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "the supervisor was not told");
    }
}

/// Completes on Ctrl-C or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            let _ = tokio::signal::ctrl_c().await;
        })
    }
}
