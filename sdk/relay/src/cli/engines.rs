//! Which engines there are: names in the setting `engine`, and the file's `[[engine]]` tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use glasslink_asr::model::ModelDir;
use glasslink_asr::{Deepgram, Engine, Moonshine, OpenAi, Remote};
use serde::{Deserialize, Serialize};

/// One engine, as the file has it. Its key is in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct EngineTable {
    kind: Kind,
    /// What people call it, and the setting `engine`; its kind by default.
    name: Option<String>,
    url: Option<String>,
    key_file: Option<PathBuf>,
    model: Option<String>,
    language: Option<String>,
    /// It may be on this machine or in its network.
    #[serde(default)]
    private: bool,
    /// The certificate of an authority to trust beyond this machine's.
    authority: Option<PathBuf>,
    /// Seconds it may take over an answer.
    timeout: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Moonshine,
    Deepgram,
    OpenAi,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Moonshine => "moonshine",
            Self::Deepgram => "deepgram",
            Self::OpenAi => "openai",
        }
    }
}

impl EngineTable {
    /// The embedded engine, which needs no table.
    fn moonshine() -> Self {
        Self {
            kind: Kind::Moonshine,
            name: None,
            url: None,
            key_file: None,
            model: None,
            language: None,
            private: false,
            authority: None,
            timeout: None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.kind.word())
    }

    pub(crate) fn is_embedded(&self) -> bool {
        self.kind == Kind::Moonshine
    }

    /// The engine, as far as its settings make one.
    pub(crate) fn engine(&self, model_dir: Option<&Path>) -> Result<Arc<dyn Engine>> {
        let name = self.name();
        if self.is_embedded() {
            if self.url.is_some() || self.key_file.is_some() {
                bail!("engine {name}: moonshine runs here, and has neither url nor key-file");
            }
            let engine = model_dir.map_or_else(Moonshine::default, |dir| Moonshine::new(ModelDir::new(dir)));
            return Ok(Arc::new(engine));
        }
        let url = self.url.as_deref().with_context(|| format!("engine {name}: url is not set"))?;
        let mut remote = Remote::at(url).name(name).allow_private(self.private);
        if let Some(file) = &self.key_file {
            remote = remote.key_file(file);
        }
        if let Some(model) = &self.model {
            remote = remote.model(model);
        }
        if let Some(language) = &self.language {
            remote = remote.language(language);
        }
        if let Some(path) = &self.authority {
            let pem = std::fs::read(path);
            remote = remote
                .authorities(pem.with_context(|| format!("engine {name}: cannot read {}", path.display()))?);
        }
        if let Some(seconds) = self.timeout {
            remote = remote.timeout(Duration::from_secs(seconds.into()));
        }
        let wrong = || format!("engine {name}");
        Ok(match self.kind {
            Kind::Deepgram => Arc::new(Deepgram::new(&remote).with_context(wrong)?),
            Kind::OpenAi | Kind::Moonshine => Arc::new(OpenAi::new(&remote).with_context(wrong)?),
        })
    }
}

/// The engines that `names` (with commas between them) speaks of; without names, all tables in their order, or the
/// embedded engine where there are none.
pub(crate) fn chosen(names: Option<&str>, tables: &[EngineTable]) -> Result<Vec<EngineTable>> {
    for (index, table) in tables.iter().enumerate() {
        if tables[..index].iter().any(|other| other.name() == table.name()) {
            bail!("two engines are called {:?}: give one of them another name", table.name());
        }
    }
    let Some(names) = names else {
        return Ok(if tables.is_empty() { vec![EngineTable::moonshine()] } else { tables.to_vec() });
    };
    if names.trim() == "none" {
        return Ok(Vec::new());
    }
    let find = |name: &str| {
        let table = tables.iter().find(|table| table.name() == name).cloned();
        table.or_else(|| (name == "moonshine").then(EngineTable::moonshine)).with_context(|| {
            let known: Vec<&str> = tables.iter().map(EngineTable::name).collect();
            let known = if known.is_empty() { String::new() } else { format!(", {}", known.join(", ")) };
            format!("{name:?} is not an engine: there are moonshine, none{known}")
        })
    };
    names.split(',').map(|name| find(name.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(text: &str) -> Vec<EngineTable> {
        let table: toml::Table = text.parse().unwrap();
        table["engine"].clone().try_into().unwrap()
    }

    fn names(engines: &[EngineTable]) -> Vec<&str> {
        engines.iter().map(EngineTable::name).collect()
    }

    const TWO: &str = "[[engine]]\nkind = \"deepgram\"\nurl = \"https://api.deepgram.com\"\nkey-file = \"/key\"\n\
        [[engine]]\nkind = \"openai\"\nname = \"whisper\"\nurl = \"http://127.0.0.1:8000/v1\"\nprivate = true\n";

    #[test]
    fn engines_are_asked_in_the_order_they_are_named() {
        let two = tables(TWO);
        assert_eq!(names(&chosen(None, &[]).unwrap()), ["moonshine"]);
        assert_eq!(names(&chosen(None, &two).unwrap()), ["deepgram", "whisper"]);
        assert_eq!(names(&chosen(Some("whisper, moonshine"), &two).unwrap()), ["whisper", "moonshine"]);
        assert!(chosen(Some("none"), &two).unwrap().is_empty());
        let error = chosen(Some("other"), &two).unwrap_err().to_string();
        assert_eq!(error, "\"other\" is not an engine: there are moonshine, none, deepgram, whisper");
    }

    #[test]
    fn a_table_makes_an_engine_that_says_where_speech_goes() {
        let two = tables(TWO);
        let (deepgram, whisper) = (two[0].engine(None).unwrap(), two[1].engine(None).unwrap());
        assert_eq!((deepgram.name(), deepgram.host()), ("deepgram", Some("api.deepgram.com")));
        assert_eq!((whisper.name(), whisper.host()), ("whisper", None));
    }

    #[test]
    fn a_table_that_is_wrong_says_what_is() {
        let wrong = |text: &str| tables(text)[0].engine(None).err().map(|error| format!("{error:#}"));
        assert_eq!(wrong("[[engine]]\nkind = \"deepgram\"\n").unwrap(), "engine deepgram: url is not set");
        let error = wrong("[[engine]]\nkind = \"openai\"\nurl = \"nowhere\"\n").unwrap();
        assert!(error.contains("write it as https://"), "{error}");
        let table: toml::Table = "[[engine]]\nkind = \"deepgram\"\nkey = \"s3cret\"\n".parse().unwrap();
        let keyed: Result<Vec<EngineTable>, _> = table["engine"].clone().try_into();
        assert!(keyed.is_err(), "keys are in files of their own");
        let twice = format!("{TWO}{}", "[[engine]]\nkind = \"deepgram\"\nurl = \"https://x.example\"\n");
        assert!(chosen(None, &tables(&twice)).unwrap_err().to_string().contains("two engines"));
    }
}
