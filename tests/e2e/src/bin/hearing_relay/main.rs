//! A relay whose engine hears a word in every second of audio and costs nothing: for tests with more sessions than a
//! real engine could follow. `hearing_relay ADDRESS FOLDER [TOKEN]`

mod seconds;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use glasslink_relay::Relay;

use crate::seconds::Seconds;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hearing_relay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().context("where to listen")?.parse()?;
    let data = arguments.next().context("where to keep sessions")?;
    let mut relay = Relay::builder().listen(address).data(data).engine(Arc::new(Seconds));
    if let Some(token) = arguments.next() {
        relay = relay.token(token);
    }
    let relay = relay.start().await?;
    println!("{}", relay.url());
    std::io::stdout().flush()?;
    // Until it is killed.
    std::future::pending().await
}
