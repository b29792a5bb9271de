//! Every file of ours that may have tests.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace;

/// Languages tests are written in.
const LANGUAGES: [&str; 7] = ["rs", "ts", "svelte", "mjs", "py", "kt", "swift"];

/// Folders with nothing of ours in them, and this program's, which only speaks of tests.
const ELSEWHERE: [&str; 5] = ["target", "node_modules", "build", "dist", "xtask"];

/// Shows each file: its path from the workspace's folder, with forward slashes, and its text.
pub(crate) fn each(mut see: impl FnMut(&str, &str)) -> Result<()> {
    walk(workspace::root(), &mut see)
}

fn walk(folder: &Path, see: &mut impl FnMut(&str, &str)) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !ELSEWHERE.contains(&name.as_ref()) {
                walk(&path, see)?;
            }
        } else if path.extension().is_some_and(|kind| LANGUAGES.iter().any(|language| kind == *language)) {
            let file = path.strip_prefix(workspace::root())?.to_string_lossy().replace('\\', "/");
            see(&file, &fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
