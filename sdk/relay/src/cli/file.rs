use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use toml::Value;

use crate::cli::settings::SETTINGS;

/// The settings in a TOML file, as text.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<&'static str, String>> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("{shown} is not TOML"))?;
    let mut settings = BTreeMap::new();
    for (key, value) in table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let known = SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
            bail!("{shown}: there is no setting {key:?}; there are {known}");
        };
        let text = match value {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            other => bail!("{shown}: {key} is a {}, and must be a text or a number", other.type_str()),
        };
        settings.insert(setting.key, text);
    }
    Ok(settings)
}
