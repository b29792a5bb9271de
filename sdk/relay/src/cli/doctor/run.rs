use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::json;

use crate::cli::arguments;
use crate::cli::config::{Config, Layers};
use crate::cli::doctor::finding::{Finding, State};
use crate::cli::doctor::{certificate, clock, data, engine, port};

/// Exit code 1 when there is a problem.
pub(crate) fn run(matches: &ArgMatches) -> ExitCode {
    let layers = Layers::gather(matches, |name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let findings = match layers.and_then(|layers| layers.config()) {
        Ok(config) => examine(&config, matches.get_one::<String>(arguments::TIME_SERVER)),
        Err(error) => {
            let remedy = "`glasslink-relay serve --help` lists the settings; `serve --print-config` shows where each comes from";
            vec![Finding::problem("settings", format!("{error:#}"), remedy)]
        }
    };
    let healthy = findings.iter().all(|finding| finding.state != State::Problem);
    if matches.get_flag(arguments::JSON) {
        println!("{:#}", json!({ "healthy": healthy, "findings": findings }));
    } else {
        let colours = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        for finding in &findings {
            if colours {
                println!("{finding:#}");
            } else {
                println!("{finding}");
            }
        }
    }
    if healthy { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn examine(config: &Config, time_server: Option<&String>) -> Vec<Finding> {
    let mut findings = vec![Finding::good("settings", "they can be read, and fit together")];
    findings.push(port::check(config));
    findings.push(certificate::check(config));
    findings.extend(engine::check(config));
    findings.extend(data::check(config));
    findings.push(clock::check(config, time_server.map(String::as_str)));
    findings
}
