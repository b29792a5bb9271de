//! `glasslink-faults --help`

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use glasslink_faults::{Proxy, Rule, control};
use tokio::net::{TcpListener, lookup_host};

/// A TCP proxy that fails as it is told, between a client and its relay
///
/// Rules are set over HTTP, at --control, and everything that happens is in a log there. The first line of output is
/// JSON and says where both are: {"proxy":"127.0.0.1:4001","control":"http://127.0.0.1:4002"}. It runs until it is
/// killed.
#[derive(Parser)]
#[command(name = "glasslink-faults", version, max_term_width = 110, after_help = EXAMPLES)]
struct Arguments {
    /// What is behind the proxy, HOST:PORT
    #[arg(long, value_name = "HOST:PORT")]
    upstream: String,

    /// Where clients connect to
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Where rules are set. Whoever reaches it may do so
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    control: SocketAddr,

    /// A rule from the start, as JSON; more than once for more
    #[arg(long, value_name = "JSON", value_parser = rule)]
    rule: Vec<Rule>,

    /// End the clients' TLS with this certificate, PEM: rules see the requests inside
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Speak TLS to upstream, and trust this authority, PEM
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,

    /// The name in upstream's certificate; without it, the host of --upstream
    #[arg(long, value_name = "NAME", requires = "upstream_ca")]
    upstream_name: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  glasslink-faults --upstream 127.0.0.1:8787 --listen 127.0.0.1:9000 --control 127.0.0.1:9001
  curl 127.0.0.1:9001                                                            # what can be asked
  curl 127.0.0.1:9001/rules --json '{\"fault\":\"black_hole\",\"for_ms\":10000}'
  curl 127.0.0.1:9001/rules --json '{\"fault\":\"answer\",\"status\":503,\"times\":1}'
  curl '127.0.0.1:9001/events?event=closed&wait_ms=20000'";

fn rule(json: &str) -> Result<Rule, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("glasslink-faults: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { upstream, listen, control: at, .. } = arguments;
    let address = lookup_host(&upstream).await.ok().and_then(|mut addresses| addresses.next());
    let address = address.with_context(|| format!("{upstream} is no HOST:PORT that resolves"))?;
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| path.display().to_string());
    let mut builder = Proxy::builder(address).listen(listen);
    if let (Some(certificate), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        builder = builder.tls(read(certificate)?, read(key)?);
    }
    if let Some(authority) = &arguments.upstream_ca {
        let host = upstream.rsplit_once(':').map_or(upstream.as_str(), |(host, _)| host);
        let name = arguments.upstream_name.as_deref().unwrap_or(host.trim_matches(['[', ']']));
        builder = builder.upstream_tls(read(authority)?, name);
    }
    let proxy = builder.start()?;
    for rule in arguments.rule {
        proxy.try_add(rule)?;
    }
    let listener = TcpListener::bind(at).await.with_context(|| format!("cannot listen on {at}"))?;
    let control_at = format!("http://{}", listener.local_addr()?);
    let ready = serde_json::json!({ "proxy": proxy.address().to_string(), "control": control_at });
    // Whoever started it may not read what it says.
    let _ = writeln!(std::io::stdout(), "{ready}");
    tokio::select! {
        served = axum::serve(listener, control(proxy)) => Ok(served?),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}
