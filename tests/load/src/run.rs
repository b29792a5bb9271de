use std::fs;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use futures_util::stream::{FuturesUnordered, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use crate::child::Server;
use crate::plan::{Plan, Side};
use crate::processors;
use crate::report::{Memory, Report};
use crate::sessions::{App, Client, Mirror, Seen, speech};
use crate::socket::Connector;
use crate::{Run, What};

/// Connections made at once.
const AT_ONCE: usize = 32;

/// Connections that come and go before memory is looked at: what the first ones cost is the program's.
const WARM_UP: u32 = 16;

/// Memory is looked at after everybody has had the time to rest.
const REST: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &Run) -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&certificate, cert.pem())?;
    fs::write(&key, signing_key.serialize_pem())?;
    let data = arguments.data.clone().unwrap_or_else(|| folder.path().join("data"));
    processors::of_servers();
    let relay = Server::relay(&arguments.relay, &certificate, &key, &data)?;
    let mut echo = Command::new(std::env::current_exe()?);
    let echo = Server::start(echo.arg("echo").arg(&certificate).arg(&key))?;
    processors::of_generator();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(load(arguments, &relay, &echo, &Connector::new(&certificate)?))?;
    report.print(arguments.json)?;
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn load(arguments: &Run, relay: &Server, echo: &Server, connector: &Connector) -> Result<Report> {
    let Run { sessions, seconds, .. } = *arguments;
    let seen = Arc::new(Seen::default());
    let speech = Arc::new(speech()?);
    let (started, start) = watch::channel(None);
    let mut tasks = JoinSet::new();

    drop(all(0..WARM_UP, |_| App::connect(connector, &relay.address, 0, What::Raw)).await?);
    sleep(REST).await;
    let at_rest = relay.memory()?;
    let pcm = arguments.pcm.unwrap_or(sessions);
    let wanted = arguments.apps.iter().flat_map(|what| {
        let listeners = if *what == What::Pcm { pcm.min(sessions) } else { sessions };
        (0..listeners).map(|number| (number, *what))
    });
    let wanted: Vec<(u32, What)> = wanted.collect();
    let idle = if wanted.is_empty() { sessions } else { wanted.len() as u32 };
    let apps = if wanted.is_empty() {
        (0..sessions).map(|number| (number, What::Raw)).collect()
    } else {
        wanted.clone()
    };
    let mut apps = all(apps, |(number, what)| App::connect(connector, &relay.address, number, what)).await?;
    sleep(REST).await;
    let with_apps = relay.memory()?;
    if wanted.is_empty() {
        apps.clear();
        sleep(REST).await;
    }
    let before_clients = if wanted.is_empty() { relay.memory()? } else { with_apps };
    let clients = all(0..sessions, |number| Client::connect(connector, &relay.address, number)).await?;
    sleep(REST).await;
    let with_clients = relay.memory()?;

    for mut app in apps {
        app.subscribe().await?;
        tasks.spawn(app.listen(start.clone(), Arc::clone(&seen)));
    }
    for client in clients {
        tasks.spawn(client.stream(start.clone(), Arc::clone(&speech), Arc::clone(&seen)));
    }
    for mirror in all(0..sessions, |number| Mirror::connect(connector, &echo.address, number)).await? {
        tasks.spawn(mirror.look(start.clone(), Arc::clone(&seen)));
    }
    let plan = Plan::new(Instant::now() + REST, sessions, seconds);
    started.send_replace(Some(plan));
    let (mut relay_time, mut echo_time) = (Duration::ZERO, Duration::ZERO);
    let mut streaming = with_clients;
    for round in 0..plan.rounds {
        for (side, server, time) in
            [(Side::Relay, relay, &mut relay_time), (Side::Echo, echo, &mut echo_time)]
        {
            let (from, to) = plan.bounds(side, round);
            sleep_until(from).await;
            let before = server.processor_time()?;
            sleep_until(to).await;
            *time += server.processor_time()?.saturating_sub(before);
        }
        streaming = relay.memory()?;
    }
    while let Some(ended) = tasks.join_next().await {
        ended.context("a session panicked")??;
    }
    let messages = plan.total() * u64::from(sessions);
    let each = |bytes: u64, count: u32| bytes as f64 / 1_024.0 / f64::from(count.max(1));
    let memory = Memory {
        at_rest: each(at_rest, 1),
        idle_connection: each(with_apps.saturating_sub(at_rest), idle),
        attached_session: each(with_clients.saturating_sub(before_clients), sessions),
        streaming: each(streaming.saturating_sub(with_clients), sessions),
        session_with_apps: each(
            streaming.saturating_sub(if wanted.is_empty() { before_clients } else { at_rest }),
            sessions,
        ),
    };
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / messages as f64;
    Ok(Report {
        sessions,
        apps: wanted.len(),
        messages,
        lost_frames: seen.lost.load(Ordering::Relaxed),
        frames_not_kept: seen.not_kept.load(Ordering::Relaxed),
        raw_ms: seen.raw.quantiles(),
        pcm_ms: seen.pcm.quantiles(),
        echo_ms: seen.echo.quantiles(),
        relay_us_a_message: micros(relay_time),
        echo_us_a_message: micros(echo_time),
        memory_kib: memory,
    })
}

/// Makes all of them, some at a time.
async fn all<K, T, F: Future<Output = Result<T>>>(
    keys: impl IntoIterator<Item = K>,
    make: impl Fn(K) -> F,
) -> Result<Vec<T>> {
    let mut keys = keys.into_iter();
    let mut making: FuturesUnordered<F> = keys.by_ref().take(AT_ONCE).map(&make).collect();
    let mut connected = Vec::new();
    while let Some(one) = making.next().await {
        connected.push(one?);
        making.extend(keys.next().map(&make));
    }
    Ok(connected)
}
