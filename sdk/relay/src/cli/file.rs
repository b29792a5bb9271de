use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use toml::Value;

use crate::cli::engines::EngineTable;
use crate::cli::settings::SETTINGS;

/// What is in a TOML file.
#[derive(Default)]
pub(crate) struct Settings {
    /// As text.
    pub(crate) values: BTreeMap<&'static str, String>,
    pub(crate) engines: Vec<EngineTable>,
}

pub(crate) fn read(path: &Path) -> Result<Settings> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("{shown} is not TOML"))?;
    let (mut values, mut engines) = (BTreeMap::new(), Vec::new());
    for (key, value) in table {
        if key == "engine" && value.is_array() {
            engines = value.try_into().with_context(|| format!("{shown}: [[engine]]"))?;
            continue;
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let known = SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
            bail!("{shown}: there is no setting {key:?}; there are {known}");
        };
        let text = match value {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            other => bail!("{shown}: {key} is a {}, and must be a text or a number", other.type_str()),
        };
        values.insert(setting.key, text);
    }
    Ok(Settings { values, engines })
}
