//! Golden files: read, compared by the caller, written once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use serde_json::Value;

/// The file's text without its closing newline.
pub(crate) fn golden_text(name: &str, fresh: &str) -> String {
    let bytes = golden_bytes(name, format!("{fresh}\n").as_bytes());
    let text = String::from_utf8(bytes).unwrap();
    text.trim_end().to_owned()
}

/// The file's value, whatever the order of its fields.
pub(crate) fn golden_json(name: &str, fresh: &Value) -> Value {
    serde_json::from_str(&golden_text(name, &fresh.to_string())).unwrap()
}

/// The file's bytes. A file that is missing is written from `fresh` if `GLASSLINK_BLESS` is set.
pub(crate) fn golden_bytes(name: &str, fresh: &[u8]) -> Vec<u8> {
    let path = directory().join(name);
    if !path.exists() && env::var_os("GLASSLINK_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, fresh).unwrap();
    }
    fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}. For a new message, run the test once with GLASSLINK_BLESS=1.", path.display())
    })
}

/// The names of the golden files in a folder: none may be left without a sample.
pub(crate) fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(directory().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}
