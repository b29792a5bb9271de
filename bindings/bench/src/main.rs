//! What the bridge to other languages costs; `cargo xtask bench bindings` runs it beside their listeners.
//!
//! `talk` is a relay that talks to whoever listens, `listen URL` a listener in plain Rust, `idle` counts how often an idle
//! link wakes a phone's radio.

mod idle;
mod listen;
mod radio;
mod said;
mod talk;

use std::env;

use anyhow::{Context, Result, bail};

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("talk") => talk::talk().await,
        Some("listen") => listen::listen(&arguments.next().context("listen to which URL?")?).await,
        Some("idle") => {
            idle::print();
            Ok(())
        }
        _ => bail!("say talk, listen URL, or idle"),
    }
}
