use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ArgMatches;
use glasslink_relay::Network;
use serde::Serialize;

use crate::cli::engines::EngineTable;
use crate::cli::settings::{SETTINGS, Setting};
use crate::cli::{arguments, engines, file};

/// The settings that count, as text, and where each comes from.
#[derive(Debug)]
pub(crate) struct Layers {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// Those of the file.
    engines: Vec<EngineTable>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    Flag(String),
}

/// What `serve` is to do.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) token: Option<Token>,
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// With a certificate that the relay makes for itself.
    pub(crate) own_tls: bool,
    pub(crate) public_url: Option<String>,
    /// In order of preference.
    pub(crate) engines: Vec<EngineTable>,
    pub(crate) remote_speech: bool,
    pub(crate) model_dir: Option<PathBuf>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) archive_keep: Duration,
    pub(crate) session_keep: Duration,
    pub(crate) max_sessions: usize,
    pub(crate) max_sessions_each: u32,
    /// Bytes.
    pub(crate) max_message: usize,
    pub(crate) trusted_proxies: Vec<Network>,
    /// Bytes.
    pub(crate) max_memory: Option<u64>,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    pub(crate) log_dir: Option<PathBuf>,
    pub(crate) open_metrics: bool,
}

impl Config {
    /// Where log files go, if anywhere.
    pub(crate) fn log_dir(&self) -> Option<PathBuf> {
        self.log_dir.clone().or_else(|| Some(self.data.as_ref()?.join("logs")))
    }
}

/// A token that does not print.
pub(crate) struct Token(pub(crate) String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Layers {
    pub(crate) fn gather(matches: &ArgMatches, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let config = matches.get_one::<PathBuf>(arguments::CONFIG).cloned();
        let path = config.or_else(|| variable("GLASSLINK_CONFIG").map(PathBuf::from));
        let mut from_file = path.as_deref().map(file::read).transpose()?.unwrap_or_default();
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            let flag = matches.get_one::<String>(setting.key);
            let flag = flag.map(|value| (value.clone(), Origin::Flag(format!("--{}", setting.key))));
            let name = setting.variable();
            let value = flag
                .or_else(|| Some((variable(&name)?, Origin::Variable(name))))
                .or_else(|| Some((from_file.values.remove(setting.key)?, Origin::File(path.clone()?))))
                .or_else(|| Some((setting.default?.to_owned(), Origin::Default)));
            if let Some(value) = value {
                values.insert(setting.key, value);
            }
        }
        Ok(Self { values, engines: from_file.engines })
    }

    pub(crate) fn config(&self) -> Result<Config> {
        let tls = match (self.path("tls-cert"), self.path("tls-key")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                bail!("tls-cert is set and tls-key is not: a certificate needs its private key")
            }
            (None, Some(_)) => {
                bail!("tls-key is set and tls-cert is not: a private key needs its certificate")
            }
        };
        let own_tls = self.parse("tls", "files, or self", |text| match text {
            "self" => Some(true),
            "files" => Some(false),
            _ => None,
        })?;
        if own_tls && tls.is_some() {
            bail!("tls = self makes a certificate, and tls-cert gives one: set one of them");
        }
        Ok(Config {
            listen: self.parse("listen", "an address and a port, such as 127.0.0.1:7700", address)?,
            token: self.token()?,
            tls,
            own_tls,
            public_url: self.text("public-url").filter(|url| !url.is_empty()).map(str::to_owned),
            engines: self.engines()?,
            remote_speech: self.parse("remote-speech", "allow or forbid", |text| match text {
                "allow" => Some(true),
                "forbid" => Some(false),
                _ => None,
            })?,
            model_dir: self.path("model-dir"),
            data: self.path("data"),
            archive_keep: self.parse("archive-days", "a number of days", |text| {
                text.parse().ok().map(|days: u32| Duration::from_hours(24) * days)
            })?,
            session_keep: self.parse("session-keep", "a number of seconds", |text| {
                text.parse().ok().map(Duration::from_secs)
            })?,
            max_sessions_each: self.parse("max-sessions-each", "a number from 1 on", |text| {
                text.parse().ok().filter(|sessions| *sessions > 0)
            })?,
            max_sessions: self.parse("max-sessions", "a number from 1 on", |text| {
                text.parse().ok().filter(|sessions| *sessions > 0)
            })?,
            max_message: self.parse("max-message", "a number of bytes from 16384 to 65536", |text| {
                text.parse().ok().filter(|bytes| (16_384..=65_536).contains(bytes))
            })?,
            trusted_proxies: self
                .parse_if_set("trusted-proxy", "networks with commas between, such as 10.0.0.0/8", |text| {
                    text.split(',').map(|network| network.trim().parse().ok()).collect()
                })?
                .unwrap_or_default(),
            max_memory: self.parse_if_set("max-memory", "a number of megabytes", |text| {
                text.parse::<u64>().ok()?.checked_mul(1_000_000)
            })?,
            log: self.text("log").unwrap_or_default().to_owned(),
            log_format: self.parse("log-format", "text or json", |text| match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            })?,
            log_dir: self.path("log-dir"),
            open_metrics: self.parse("metrics", "owner or open", |text| match text {
                "owner" => Some(false),
                "open" => Some(true),
                _ => None,
            })?,
        })
    }

    /// Those that `engine` names, or those of the file.
    fn engines(&self) -> Result<Vec<EngineTable>> {
        match self.values.get("engine") {
            Some((names, origin)) => {
                engines::chosen(Some(names), &self.engines).with_context(|| origin.to_string())
            }
            None => engines::chosen(None, &self.engines),
        }
    }

    /// The token, from whichever of `token` and `token_file` was set more strongly.
    fn token(&self) -> Result<Option<Token>> {
        let value = match (self.values.get("token"), self.values.get("token-file")) {
            (None, None) => return Ok(None),
            (Some((_, a)), Some((_, b))) if a.strength() == b.strength() => {
                bail!("{a} sets token and {b} sets token-file: set one of them")
            }
            (Some((token, a)), Some((_, b))) if a.strength() > b.strength() => token.clone(),
            (Some((token, _)), None) => token.clone(),
            (_, Some((path, _))) => {
                std::fs::read_to_string(path).with_context(|| format!("cannot read the token file {path}"))?
            }
        };
        let token = value.trim();
        if token.is_empty() || token.contains(char::is_whitespace) {
            bail!("the token is empty, or has a space in it");
        }
        Ok(Some(Token(token.to_owned())))
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|(value, _)| value.as_str())
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    fn parse<T>(&self, key: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        let value = self.parse_if_set(key, wanted, parse)?;
        value.with_context(|| format!("{key} is not set: it is {wanted}"))
    }

    fn parse_if_set<T>(
        &self,
        key: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some((value, origin)) = self.values.get(key) else { return Ok(None) };
        parse(value.trim()).with_context(|| format!("{origin}: {value:?} is not {wanted}")).map(Some)
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?))),
        None => SocketAddr::from_str(text).ok(),
    }
}

impl Origin {
    /// The strongest has the highest.
    fn strength(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File(_) => 1,
            Self::Variable(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

/// The file's tables, as it has them.
#[derive(Serialize)]
struct Tables<'a> {
    engine: &'a [EngineTable],
}

/// As the TOML file that would say the same, secrets left out.
impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Setting { key, secret, .. } in SETTINGS {
            match self.values.get(key) {
                Some((_, origin)) if *secret => writeln!(f, "# {key} = [redacted]  # {origin}")?,
                Some((value, origin)) => {
                    writeln!(f, "{key} = {}  # {origin}", toml::Value::String(value.clone()))?;
                }
                None => writeln!(f, "# {key} is not set")?,
            }
        }
        // Beside the tables, the key would be one of the same name.
        if !self.engines.is_empty() && !self.values.contains_key("engine") {
            let tables = toml::to_string(&Tables { engine: &self.engines }).map_err(|_| fmt::Error)?;
            write!(f, "\n{tables}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Layers> {
        let line = ["glasslink-relay", "serve"].iter().chain(arguments);
        let matches = arguments::command().try_get_matches_from(line).unwrap();
        let serve = matches.subcommand_matches("serve").unwrap();
        Layers::gather(serve, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_flag_counts_more_than_a_variable_and_that_more_than_the_file() {
        let file = file("listen = \"127.0.0.1:1\"\nmax-sessions = 5\nsession-keep = \"30\"\n");
        let path = file.path().to_str().unwrap();
        let variables = [("GLASSLINK_LISTEN", "127.0.0.1:2"), ("GLASSLINK_MAX_SESSIONS", "6")];
        let layers = layers(&["--config", path, "--listen", "localhost:3"], &variables).unwrap();
        let config = layers.config().unwrap();
        assert_eq!(config.listen.port(), 3);
        assert_eq!(config.max_sessions, 6);
        assert_eq!(config.session_keep, Duration::from_secs(30));
        assert_eq!(config.log_format, LogFormat::Text);
    }

    #[test]
    fn what_does_not_parse_is_named_with_its_origin() {
        let error = |arguments: &[&str], variables: &[(&str, &str)]| {
            let layers = layers(arguments, variables);
            format!("{:#}", layers.and_then(|layers| layers.config()).unwrap_err())
        };
        assert_eq!(
            error(&[], &[("GLASSLINK_LISTEN", "here")]),
            "GLASSLINK_LISTEN: \"here\" is not an address and a port, such as 127.0.0.1:7700"
        );
        assert_eq!(
            error(&["--engine", "x"], &[]),
            "--engine: \"x\" is not an engine: there are moonshine, none"
        );
        assert!(error(&["--tls-cert", "x"], &[]).contains("tls-key is not"));
        let file = file("listne = 1\n");
        let message = error(&["--config", file.path().to_str().unwrap()], &[]);
        assert!(message.contains("there is no setting \"listne\""), "{message}");
    }

    #[test]
    fn proxies_and_the_size_of_messages_are_what_they_say_or_refused() {
        let config = |arguments: &[&str]| layers(arguments, &[]).unwrap().config();
        let plain = config(&[]).unwrap();
        assert_eq!((plain.max_message, plain.trusted_proxies.len()), (65_536, 0));
        let set = config(&["--max-message", "16384", "--trusted-proxy", "10.0.0.0/8, fd00::/8"]).unwrap();
        assert_eq!((set.max_message, set.trusted_proxies.len()), (16_384, 2));
        for wrong in [["--max-message", "100"], ["--max-message", "70000"], ["--trusted-proxy", "everybody"]]
        {
            assert!(config(&wrong).unwrap_err().to_string().contains(wrong[0]), "{wrong:?}");
        }
    }

    #[test]
    fn the_token_comes_from_the_stronger_of_its_two_places() {
        let file = file("from-the-file\n");
        let path = file.path().to_str().unwrap();
        let token = |arguments: &[&str], variables: &[(&str, &str)]| {
            let layers = layers(arguments, variables)?;
            Ok::<_, anyhow::Error>(layers.config()?.token.map(|token| token.0))
        };
        assert_eq!(token(&[], &[]).unwrap(), None);
        assert_eq!(token(&["--token-file", path], &[]).unwrap().unwrap(), "from-the-file");
        let variable = [("GLASSLINK_TOKEN", "from-the-environment")];
        assert_eq!(token(&["--token-file", path], &variable).unwrap().unwrap(), "from-the-file");
        assert_eq!(token(&[], &variable).unwrap().unwrap(), "from-the-environment");
        assert_eq!(token(&["--token", "x"], &variable).unwrap().unwrap(), "x");
        assert!(token(&["--token", "x", "--token-file", path], &[]).is_err());
        assert!(token(&["--token", " "], &[]).is_err());
    }

    #[test]
    fn printed_settings_have_no_secrets_and_read_back() {
        let variables = [("GLASSLINK_TOKEN", "s3cret"), ("GLASSLINK_LOG", "debug")];
        let printed = layers(&["--listen", "127.0.0.1:9"], &variables).unwrap().to_string();
        assert!(!printed.contains("s3cret"), "{printed}");
        assert!(printed.contains("listen = \"127.0.0.1:9\"  # --listen"), "{printed}");
        let file = file(&printed);
        let again = layers(&["--config", file.path().to_str().unwrap()], &[]).unwrap();
        assert_eq!(again.config().unwrap().log, "debug");
    }

    #[test]
    fn printed_engines_read_back() {
        let tables = "[[engine]]\nkind = \"deepgram\"\nurl = \"https://api.example\"\nkey-file = \"/key\"\n";
        let file = file(tables);
        let read = |path: &std::path::Path| layers(&["--config", path.to_str().unwrap()], &[]).unwrap();
        let first = read(file.path());
        std::fs::write(file.path(), first.to_string()).unwrap();
        let again = read(file.path());
        assert_eq!(again.config().unwrap().engines, first.config().unwrap().engines);
        assert_eq!(again.config().unwrap().engines[0].name(), "deepgram");
    }
}
