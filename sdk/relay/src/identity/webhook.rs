use axum::http::Uri;
use rusqlite::Row;
use serde::Serialize;

use crate::identity::apps::{find, note};
use crate::identity::audit::AuditEvent;
use crate::identity::{AppEntry, Keys, KeysError};

/// Bytes of an app's settings: a page of them.
const SETTINGS_BYTES: usize = 16 << 10;

/// Where an app that the relay calls listens, and what it may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Webhook {
    /// What a person calls the app.
    pub name: String,
    /// What the app calls itself: `com.example.captions`.
    pub package: String,
    /// `http://127.0.0.1:7010`; no slash at its end.
    pub url: String,
    pub permissions: Vec<Permission>,
    /// A JSON array of `{"key", "value"}`.
    pub settings: String,
}

/// What a wearer would be asked for, in the words of Mentra.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Permission {
    /// Audio, and what was said.
    Microphone,
    Location,
    Calendar,
    Camera,
    ReadNotifications,
    All,
}

impl Permission {
    const EVERY: [Self; 6] =
        [Self::Microphone, Self::Location, Self::Calendar, Self::Camera, Self::ReadNotifications, Self::All];

    /// As Mentra writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Microphone => "MICROPHONE",
            Self::Location => "LOCATION",
            Self::Calendar => "CALENDAR",
            Self::Camera => "CAMERA",
            Self::ReadNotifications => "READ_NOTIFICATIONS",
            Self::All => "ALL",
        }
    }

    /// From its word, in any case.
    pub fn named(word: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|permission| permission.word().eq_ignore_ascii_case(word))
    }
}

impl Webhook {
    /// From the columns name, package, url, permissions and settings, of which the first is number `at`.
    pub(crate) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Self>> {
        let (package, url): (Option<String>, Option<String>) = (row.get(at + 1)?, row.get(at + 2)?);
        let Some((package, url)) = package.zip(url) else { return Ok(None) };
        let words: Option<String> = row.get(at + 3)?;
        let permissions = words.iter().flat_map(|words| words.split(' ')).filter_map(Permission::named);
        let settings: Option<String> = row.get(at + 4)?;
        Ok(Some(Self {
            name: row.get(at)?,
            package,
            url,
            permissions: permissions.collect(),
            settings: settings.unwrap_or_else(|| "[]".to_owned()),
        }))
    }

    pub(crate) fn has(&self, permission: Permission) -> bool {
        self.permissions.contains(&Permission::All) || self.permissions.contains(&permission)
    }
}

impl Keys {
    /// Has the relay call an app: `package` is what the app calls itself, `url` where it listens.
    pub fn set_webhook(
        &self,
        who: &str,
        package: &str,
        url: &str,
        permissions: &[Permission],
    ) -> Result<AppEntry, KeysError> {
        let url = url.trim_end_matches('/');
        check(package, url)?;
        let words: Vec<&str> = permissions.iter().map(|permission| permission.word()).collect();
        let words = words.join(" ");
        self.change(|transaction| {
            let id = find(transaction, who)?;
            let taken: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM apps WHERE package = ?1 AND id <> ?2 AND revoked_ms IS NULL)",
                (package, id.0 as i64),
                |row| row.get(0),
            )?;
            if taken {
                return Err(KeysError::PackageExists(package.to_owned()));
            }
            transaction.execute(
                "UPDATE apps SET package = ?2, url = ?3, permissions = ?4 WHERE id = ?1",
                (id.0 as i64, package, url, &words),
            )?;
            note(AuditEvent::AppChanged, id, package).write(transaction)?;
            crate::identity::apps::by_id(transaction, id, who)
        })
    }

    /// The settings that an app is told: a JSON array of `{"key", "value"}`.
    pub fn set_app_settings(&self, who: &str, settings: &str) -> Result<(), KeysError> {
        let is_array = serde_json::from_str::<Vec<serde_json::Value>>(settings).is_ok();
        if !is_array || settings.len() > SETTINGS_BYTES {
            return Err(KeysError::Webhook("its settings are a JSON array of at most 16 KiB"));
        }
        self.change(|transaction| {
            let id = find(transaction, who)?;
            transaction.execute("UPDATE apps SET settings = ?2 WHERE id = ?1", (id.0 as i64, settings))?;
            Ok(())
        })
    }
}

fn check(package: &str, url: &str) -> Result<(), KeysError> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if package.is_empty() || package.len() > 128 || !package.bytes().all(letters) {
        return Err(KeysError::Webhook(
            "its package name has 1 to 128 letters, digits, dots, dashes and underscores",
        ));
    }
    let parsed: Option<Uri> = url.parse().ok();
    let good = parsed.as_ref().is_some_and(|uri| {
        let scheme = uri.scheme_str().is_some_and(|scheme| scheme == "http" || scheme == "https");
        let authority = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        scheme && authority && uri.query().is_none()
    });
    if good { Ok(()) } else { Err(KeysError::Webhook("its address is http://HOST:PORT or https://HOST")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_called_where_it_says_and_a_package_is_one_apps() {
        let keys = Keys::in_memory().unwrap();
        keys.add_app("captions", true).unwrap();
        keys.add_app("other", true).unwrap();
        let permissions = [Permission::Microphone, Permission::Location];
        keys.set_webhook("captions", "com.example.captions", "http://127.0.0.1:7010/", &permissions).unwrap();
        keys.set_app_settings("captions", r#"[{"key":"lang","value":"en"}]"#).unwrap();
        let snapshot = Snapshot::read(&keys.database).unwrap();
        let known: Vec<_> = snapshot.apps.values().filter_map(|app| app.webhook.as_deref()).collect();
        assert_eq!(known.len(), 1);
        assert_eq!(
            (known[0].url.as_str(), &known[0].permissions[..]),
            ("http://127.0.0.1:7010", &permissions[..])
        );
        assert!(known[0].has(Permission::Location) && !known[0].has(Permission::Camera));
        let taken = keys.set_webhook("other", "com.example.captions", "http://127.0.0.1:7011", &[]);
        assert!(matches!(taken, Err(KeysError::PackageExists(_))));
    }

    #[test]
    fn addresses_and_names_that_cannot_be_called_are_refused() {
        for (package, url) in [
            ("", "http://a"),
            ("a b", "http://a"),
            ("a", "ftp://a"),
            ("a", "127.0.0.1:7010"),
            ("a", "http://user:secret@a"),
            ("a", "http://a?x=1"),
        ] {
            assert!(matches!(check(package, url), Err(KeysError::Webhook(_))), "{package} {url}");
        }
        assert!(check("com.example.a_b-c", "https://apps.example/captions").is_ok());
    }

    use crate::identity::snapshot::Snapshot;
}
