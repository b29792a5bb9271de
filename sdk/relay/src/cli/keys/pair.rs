use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ArgMatches;
use glasslink_relay::{CodeOffer, Keys, OfferState, QrOffer};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;

use crate::cli::keys::say::{argument, say};

/// How often it is looked whether somebody paired.
const LOOK: Duration = Duration::from_millis(200);

/// `glasslink-relay pair`
pub(super) fn run(keys: &Keys, matches: &ArgMatches) -> Result<ExitCode> {
    let url = Some(argument(matches, "url")).filter(|url| !url.is_empty());
    let (code, qr) = (keys.offer_code(url)?, keys.offer_qr(url)?);
    let offers = [code.number, qr.number];
    show(matches, &code, &qr)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(wait(keys, offers));
    for number in offers {
        keys.withdraw(number)?;
    }
    match ended? {
        Some(OfferState::Paired(device)) => {
            say(matches, &json!({ "paired": device }), || {
                println!("paired: {} ({})", device.name, device.id);
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Some(OfferState::Exhausted) => {
            failed(matches, "five wrong codes: somebody guesses, or misreads; start again")
        }
        Some(_) => failed(matches, "nobody paired in time; start again"),
        None => failed(matches, "taken back"),
    }
}

fn show(matches: &ArgMatches, CodeOffer { code, url, lasts, .. }: &CodeOffer, qr: &QrOffer) -> Result<()> {
    let uri = qr.offer.to_string();
    let certificate = qr.offer.certificate.map(|certificate| certificate.to_string());
    let json = json!({
        "url": url, "code": code.to_string(), "uri": uri, "certificate": certificate, "seconds": lasts.as_secs(),
    });
    let picture = QrCode::new(&uri).context("the address is too long for a QR code")?;
    let picture =
        picture.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    say(matches, &json, || {
        // Where nobody scans a screen, the text in it.
        println!("{}", if stdout().is_terminal() { &picture } else { &uri });
        println!("scan this, or at {url} type:  {code}");
        println!("waiting for one device, for {} minutes", lasts.as_secs() / 60);
    })?;
    Ok(stdout().flush()?)
}

/// Until an offer is used or over; `None` when the operator does not want to wait.
async fn wait(keys: &Keys, offers: [i64; 2]) -> Result<Option<OfferState>> {
    loop {
        let states: Vec<_> =
            offers.into_iter().filter_map(|number| keys.offer_state(number).transpose()).collect();
        let states = states.into_iter().collect::<Result<Vec<_>, _>>()?;
        let is_open = |state: &OfferState| matches!(state, OfferState::Open { .. });
        let is_paired = |state: &OfferState| matches!(state, OfferState::Paired(_));
        let is_exhausted = |state: &OfferState| *state == OfferState::Exhausted;
        let ends = |state: &&OfferState| is_paired(state) || is_exhausted(state);
        if let Some(state) = states.iter().find(ends) {
            return Ok(Some(state.clone()));
        }
        if !states.iter().any(is_open) {
            return Ok(Some(OfferState::Over));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = tokio::signal::ctrl_c() => return Ok(None),
        }
    }
}

fn failed(matches: &ArgMatches, why: &str) -> Result<ExitCode> {
    say(matches, &json!({ "paired": null, "why": why }), || println!("{why}"))?;
    Ok(ExitCode::from(1))
}
