use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};
use glasslink_relay::Permission;

use crate::cli::arguments::{CONFIG, JSON};

/// The commands about who is let in.
pub(crate) fn commands() -> [Command; 6] {
    [pair(), devices(), apps(), keys(), audit(), lockdown()]
}

fn pair() -> Command {
    let url = Arg::new("url")
        .long("url")
        .value_name("URL")
        .help("Where the device reaches the relay; by default where the relay says it listens");
    common(Command::new("pair"))
        .about("Let a device in: shows a QR code and a code to type, and waits until one of them is used")
        .after_help(
            "Either is good for one device and 5 minutes; a typed code may be wrong five times. The relay has to run, with \
             this data folder. Exit code 1 when nobody paired.",
        )
        .arg(url)
}

fn devices() -> Command {
    common(Command::new("devices"))
        .about("The devices that were paired")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("list").about("Who is let in, since when, and when it was last here"))
        .subcommand(
            Command::new("revoke").about("End a device's pairing; its connections close at once").arg(who()),
        )
        .subcommand(Command::new("rename").about("Call a device by another name").arg(who()).arg(name("TO")))
}

fn apps() -> Command {
    let all = Arg::new("all-sessions")
        .long("all-sessions")
        .action(ArgAction::SetTrue)
        .help("It may hear and read every session; without this, only those made with its own key");
    common(Command::new("apps"))
        .about("Third parties' programs, and their keys")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("list").about("Who is let in, and what they may see"))
        .subcommand(
            Command::new("add")
                .about("Let an app in, and print its key, this once")
                .arg(name("NAME"))
                .arg(all)
                .args(webhook().map(|arg| {
                    let needed: Vec<_> =
                        ["package", "url"].into_iter().filter(|id| arg.get_id() != id).collect();
                    arg.requires_all(needed)
                })),
        )
        .subcommand(
            Command::new("webhook")
                .about("Have the relay call an app for each session: one that is built on MentraOS' SDK")
                .arg(who())
                .args(webhook().map(|arg| {
                    let required = arg.get_id() != "permission";
                    arg.required(required)
                })),
        )
        .subcommand(
            Command::new("settings")
                .about("What an app that the relay calls is told of its settings")
                .arg(who())
                .arg(
                    Arg::new("settings")
                        .value_name("JSON")
                        .required(true)
                        .help("An array, [{\"key\": \"lang\", \"value\": \"en\"}]"),
                ),
        )
        .subcommand(
            Command::new("rotate")
                .about("Print a new key for an app; the one it has is good for another week")
                .arg(who()),
        )
        .subcommand(
            Command::new("revoke").about("End an app's access; its connections close at once").arg(who()),
        )
}

fn webhook() -> [Arg; 3] {
    [
        Arg::new("package")
            .long("package")
            .value_name("NAME")
            .help("What the app calls itself: com.example.captions"),
        Arg::new("url")
            .long("url")
            .value_name("URL")
            .help("Where the app listens, without /webhook: http://127.0.0.1:7010"),
        Arg::new("permission")
            .long("permission")
            .value_name("WORD")
            .action(ArgAction::Append)
            .value_parser(|word: &str| Permission::named(word).ok_or("there is no such permission"))
            .help(
                "microphone (audio, and what was said; alone by default), location, calendar, camera, \
                 read_notifications or all; may be given again",
            ),
    ]
}

fn keys() -> Command {
    common(Command::new("keys"))
        .about("What the relay signs its devices' tokens with")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("rotate").about(
                "Sign with a new key; tokens of the old one are good until they expire, nobody notices",
            ),
        )
}

fn audit() -> Command {
    common(Command::new("audit"))
        .about("What happened to keys, pairings and the door: the last 10,000 events, oldest first")
        .after_help("--json prints one JSON object a line. Neither secrets nor speech are in it.")
}

fn lockdown() -> Command {
    let out = Arg::new("out")
        .long("out")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Where the audit log is exported; by default audit-TIME.jsonl in this folder");
    common(Command::new("lockdown"))
        .about("A token leaked: revoke everything, close every session, export the audit log")
        .after_help(
            "Ends every device, app, token and offer, and the token that the relay was started with, which it never takes \
             again. Sessions and transcripts stay. Says what to do next.",
        )
        .arg(out)
}

fn common(command: Command) -> Command {
    let data = Arg::new("data")
        .long("data")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .global(true)
        .help("The relay's data folder [env: GLASSLINK_DATA]");
    let config = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .global(true)
        .help("The relay's settings, which name its data folder [env: GLASSLINK_CONFIG]");
    let json =
        Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).global(true).help("Print JSON, for programs");
    command.args([data, config, json])
}

fn who() -> Arg {
    Arg::new("who").value_name("ID|NAME").required(true).help("Its id, or its name where only one has it")
}

fn name(value: &'static str) -> Arg {
    Arg::new("name").value_name(value).required(true).help("What it is called, 1 to 64 characters")
}
