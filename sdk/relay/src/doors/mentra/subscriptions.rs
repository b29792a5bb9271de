use std::collections::BTreeSet;

use glasslink_protocol::Wanted;
use serde_json::Value;

use super::limits;
use crate::identity::{Permission, Webhook};

/// What speech is taken to be: the embedded engine knows English alone, and no engine says what it heard.
pub(super) const LANGUAGE: &str = "en-US";

/// What an app wants of a session, in its own words: what it is told is addressed by them, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subscriptions(BTreeSet<String>);

impl Subscriptions {
    /// Those that the app may have, and those that it may not, each with the permission that is missing.
    pub(super) fn new(said: &[Value], webhook: &Webhook) -> (Self, Vec<(String, &'static str)>) {
        let (mut wanted, mut denied) = (BTreeSet::new(), Vec::new());
        // One that has a rate is an object.
        let words = said.iter().filter_map(|one| one.as_str().or_else(|| one["stream"].as_str()));
        for word in words.take(limits::SUBSCRIPTIONS) {
            match needs(word).filter(|permission| !webhook.has(*permission)) {
                Some(permission) => denied.push((word.to_owned(), permission.word())),
                None => drop(wanted.insert(word.to_owned())),
            }
        }
        (Self(wanted), denied)
    }

    /// What that is in our own protocol.
    pub(super) fn wants(&self, want: Wanted) -> bool {
        match want {
            Wanted::Transcript => self.transcriptions().next().is_some(),
            Wanted::Pcm => self.has("audio_chunk"),
            Wanted::Device => true,
            Wanted::Raw => false,
        }
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    /// The subscriptions that what was said in [`LANGUAGE`] is for.
    pub(super) fn transcriptions(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|word| {
            let kind = word.split_once('?').map_or(*word, |(kind, _)| kind);
            match kind.split_once(':') {
                None => kind == "transcription",
                Some(("transcription", language)) => language == "auto" || same_language(language),
                Some(_) => false,
            }
        })
    }
}

/// `en`, `en-GB`: an engine that knows a language knows what is spoken elsewhere, too.
fn same_language(language: &str) -> bool {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    primary(language) == primary(LANGUAGE)
}

fn needs(word: &str) -> Option<Permission> {
    match word.split([':', '?']).next().unwrap_or_default() {
        "audio_chunk" | "transcription" | "translation" | "VAD" => Some(Permission::Microphone),
        "location_update" | "location_stream" => Some(Permission::Location),
        "calendar_event" => Some(Permission::Calendar),
        "photo_request" | "photo_response" | "photo_taken" | "video" => Some(Permission::Camera),
        "phone_notification" | "phone_notification_dismissed" => Some(Permission::ReadNotifications),
        "all" | "*" => Some(Permission::All),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn webhook(permissions: &[Permission]) -> Webhook {
        Webhook {
            name: "captions".into(),
            package: "com.example.captions".into(),
            url: "http://127.0.0.1:1".into(),
            permissions: permissions.to_vec(),
            settings: "[]".into(),
        }
    }

    #[test]
    fn what_is_said_is_addressed_by_the_apps_own_words_and_only_in_its_language() {
        let said = json!([
            "transcription:en-US?no-language-identification=true",
            "transcription:auto",
            "transcription",
            "transcription:fr-FR",
            {"stream": "location_stream", "rate": "high"},
            7,
        ]);
        let (wanted, denied) =
            Subscriptions::new(said.as_array().unwrap(), &webhook(&[Permission::Microphone]));
        let words: Vec<_> = wanted.transcriptions().collect();
        let ours =
            ["transcription", "transcription:auto", "transcription:en-US?no-language-identification=true"];
        assert_eq!(words, ours);
        assert_eq!(denied, [("location_stream".to_owned(), "LOCATION")]);
    }

    #[test]
    fn nothing_is_heard_without_the_permission() {
        let said = [json!("audio_chunk"), json!("transcription:en-US"), json!("button_press")];
        let (wanted, denied) = Subscriptions::new(&said, &webhook(&[]));
        assert!(
            !wanted.wants(Wanted::Pcm) && !wanted.wants(Wanted::Transcript) && wanted.has("button_press")
        );
        assert_eq!(denied.len(), 2);
        let (wanted, denied) = Subscriptions::new(&said, &webhook(&[Permission::All]));
        assert!(wanted.wants(Wanted::Pcm) && wanted.wants(Wanted::Transcript) && denied.is_empty());
    }

    #[test]
    fn what_an_app_may_want_is_bounded() {
        let said: Vec<_> = (0..10_000).map(|n| json!(format!("touch_event:{n}"))).collect();
        let (wanted, _) = Subscriptions::new(&said, &webhook(&[]));
        assert_eq!(wanted.0.len(), limits::SUBSCRIPTIONS);
    }
}
