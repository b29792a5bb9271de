//! Every setting of `serve`, once: flag, environment variable and key of the file are the same word.

/// One setting.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    /// Its key in the file, and its flag: `tls-cert`.
    pub(crate) key: &'static str,
    /// What its value is, in the help: `FILE`.
    pub(crate) value: &'static str,
    pub(crate) help: &'static str,
    pub(crate) default: Option<&'static str>,
    /// It is not to be shown.
    pub(crate) secret: bool,
}

impl Setting {
    /// `GLASSLINK_TLS_CERT`
    pub(crate) fn variable(&self) -> String {
        format!("GLASSLINK_{}", self.key.replace('-', "_").to_ascii_uppercase())
    }
}

const fn setting(key: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { key, value, help, default: None, secret: false }
}

const fn with_default(setting: Setting, default: &'static str) -> Setting {
    Setting { default: Some(default), ..setting }
}

/// In the order of the help.
pub(crate) static SETTINGS: &[Setting] = &[
    with_default(
        setting(
            "listen",
            "ADDRESS:PORT",
            "Where to listen; any address but 127.0.0.1 and [::1] needs a token, or a data folder and paired devices",
        ),
        "127.0.0.1:7700",
    ),
    Setting {
        secret: true,
        ..setting(
            "token",
            "TOKEN",
            "Clients must send this token; other users of this machine can see it here, so prefer token-file, or the \
             variable",
        )
    },
    setting("token-file", "FILE", "Clients must send the token in this file"),
    with_default(
        setting(
            "tls",
            "HOW",
            "files: speak TLS where tls-cert and tls-key are set; self: with a certificate that the relay makes, which \
             paired devices know",
        ),
        "files",
    ),
    setting("tls-cert", "FILE", "Speak TLS, with this certificate chain (PEM)"),
    setting("tls-key", "FILE", "The certificate's private key (PEM)"),
    setting("public-url", "URL", "Where devices reach the relay, for `pair`; by default where it listens"),
    setting(
        "engine",
        "NAME,...",
        "Speech engines in order of preference: moonshine (needs `glasslink-relay model install`), those of the \
         file's [[engine]] tables, or none; by default those tables, or moonshine",
    ),
    with_default(
        setting(
            "remote-speech",
            "RULE",
            "Whether speech may leave this machine, where its owner allows it: allow, or forbid",
        ),
        "allow",
    ),
    setting("model-dir", "DIR", "Folder of the speech model; by default in the user's data folder"),
    setting("data", "DIR", "Keep sessions in this folder, so that they survive a restart; else in memory"),
    with_default(
        setting(
            "archive-days",
            "DAYS",
            "How long the files of sessions that are over stay in the data folder",
        ),
        "30",
    ),
    with_default(
        setting("session-keep", "SECONDS", "How long a session without a connection is kept"),
        "600",
    ),
    with_default(setting("max-sessions", "NUMBER", "Sessions at once, connected or not"), "10000"),
    with_default(
        setting(
            "max-sessions-each",
            "NUMBER",
            "Sessions of one device, or one app, at once; owners have no such limit",
        ),
        "256",
    ),
    with_default(
        setting(
            "max-message",
            "BYTES",
            "A client's message at most, from 16384; clients that send PCM need all of the 65536",
        ),
        "65536",
    ),
    setting(
        "trusted-proxy",
        "NETWORK,...",
        "Proxies whose X-Forwarded-For says where a request comes from, such as 10.0.0.0/8; nobody by default",
    ),
    setting("max-memory", "MB", "With more memory than this, ask new sessions to wait"),
    with_default(
        setting("log", "FILTER", "What is logged: error, warn, info, debug, trace, or a filter by target"),
        "info",
    ),
    with_default(setting("log-format", "FORMAT", "How it is logged: text, or json"), "text"),
    setting("log-dir", "DIR", "Keep logs of 14 days here as JSON; by default in `logs` of the data folder"),
    with_default(
        setting("metrics", "WHO", "Who gets /metrics: owner (and this machine), or open to everybody"),
        "owner",
    ),
];
