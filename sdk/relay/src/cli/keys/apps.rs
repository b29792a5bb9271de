use std::process::ExitCode;

use anyhow::Result;
use clap::ArgMatches;
use glasslink_relay::{AppEntry, Keys, NewAppKey, Permission};
use serde_json::json;

use crate::cli::keys::say::{argument, say, when};

/// `glasslink-relay apps`
pub(super) fn run(keys: &Keys, matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("add", add)) => {
            let new = keys.add_app(argument(add, "name"), add.get_flag("all-sessions"))?;
            if add.contains_id("package") {
                webhook(keys, add, &new.app.id)?;
            }
            show(add, &new, "keep it: it is not shown again")?;
        }
        Some(("rotate", rotate)) => {
            let new = keys.rotate_app(argument(rotate, "who"))?;
            show(rotate, &new, "the one before it is good for another week")?;
        }
        Some(("webhook", of)) => {
            let app = webhook(keys, of, argument(of, "who"))?;
            say(of, &app, || println!("{} is called at {}", app.name, argument(of, "url")))?;
        }
        Some(("settings", of)) => {
            keys.set_app_settings(argument(of, "who"), argument(of, "settings"))?;
            say(of, &json!({}), || println!("the app is told within a second"))?;
        }
        Some(("revoke", revoke)) => {
            let app = keys.revoke_app(argument(revoke, "who"))?;
            say(revoke, &app, || println!("{} is revoked", app.name))?;
        }
        _ => {
            let apps = keys.apps()?;
            say(matches, &apps, || {
                if apps.is_empty() {
                    println!("no app was added: `glasslink-relay apps add NAME`");
                }
                for app in &apps {
                    let sees = if app.sees_all { "every session" } else { "its own sessions" };
                    let state = match app.revoked_ms {
                        Some(at) => format!("revoked {}", when(at)),
                        None => format!("{sees}, {} keys, {}", app.keys, seen(app.seen_ms)),
                    };
                    println!("{}  {}  {state}", app.id, app.name);
                }
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn webhook(keys: &Keys, matches: &ArgMatches, who: &str) -> Result<AppEntry> {
    let given = matches.get_many::<Permission>("permission").into_iter().flatten().copied();
    let mut permissions: Vec<_> = given.collect();
    if permissions.is_empty() {
        permissions.push(Permission::Microphone);
    }
    Ok(keys.set_webhook(who, argument(matches, "package"), argument(matches, "url"), &permissions)?)
}

fn seen(ms: Option<i64>) -> String {
    ms.map_or_else(|| "never here".to_owned(), |ms| format!("seen {}", when(ms)))
}

fn show(matches: &ArgMatches, NewAppKey { app, key }: &NewAppKey, hint: &str) -> Result<()> {
    say(matches, &json!({ "app": app, "key": key }), || {
        println!("{key}\nthe key of {} ({}); {hint}", app.name, app.id);
    })
}
