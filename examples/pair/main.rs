//! Pairs this computer with a relay, by the code that `glasslink-relay pair` shows, and links to it:
//!
//! ```sh
//! cargo run --example pair -- https://192.168.1.5:7700 K7QF-2M9X
//! cargo run --example pair -- 'glasslink://pair?v=1&url=...'
//! ```
//!
//! What is kept is printed by nobody: it is in the file `--keep` names, for its owner alone. A program for people keeps it
//! in the keychain. With that file, `pair --keep FILE` links again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use glasslink::Link;
use glasslink::pairing::{Pairing, pair_with_code, pair_with_qr};

#[derive(Parser)]
struct Args {
    /// What the QR code holds, or the relay's address; nothing to link by what was kept.
    offer: Option<String>,
    /// The code that the relay shows, with its address.
    code: Option<String>,
    /// What this device is called at the relay.
    #[arg(long, default_value = "an example")]
    name: String,
    /// Where the pairing is kept.
    #[arg(long, default_value = "pairing.secret")]
    keep: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Args { offer, code, name, keep } = Args::parse();
    let pairing: Pairing = match (&offer, &code) {
        (Some(url), Some(code)) => pair_with_code(url, code, &name).await?,
        (Some(offer), None) => pair_with_qr(offer, &name).await?,
        (None, _) => {
            let kept = std::fs::read_to_string(&keep);
            kept.with_context(|| format!("{} is not there: pair first", keep.display()))?.parse()?
        }
    };
    if offer.is_some() {
        write(&keep, &pairing.to_secret_text())
            .with_context(|| format!("cannot keep it in {}", keep.display()))?;
        println!("paired as {}; kept in {}", pairing.device(), keep.display());
    }
    let (link, _) = Link::builder(pairing.url()).paired(&pairing).client_name("pair 0.1").connect()?;
    link.wait_live(Some(Duration::from_secs(10))).await?;
    println!("the link to {} is live", pairing.url());
    link.close().await;
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}
