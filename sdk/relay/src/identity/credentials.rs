use std::sync::Arc;
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::identity::clerk::Audit;
use crate::identity::database::{KeysError, millis, now_ms};
use crate::identity::secret::{Hash, Kind, Secret, Shown, hash};
use crate::identity::snapshot::Snapshot;
use crate::identity::who::App;
use crate::identity::{Identity, Keys, PeerId, Webhook, limits};

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) identity: Identity,
    /// When it expires.
    pub(crate) until: Option<Instant>,
}

/// Which tokens are valid, and whose they are.
pub(crate) struct Credentials {
    /// Those the relay was started with.
    start: Vec<(Grant, Hash)>,
    /// Whether whoever shows none of them is [`Identity::Local`]: nobody else reaches the relay.
    is_local: bool,
    keys: Keys,
    live: watch::Receiver<Arc<Snapshot>>,
    audit: Audit,
}

/// A device's token.
pub(crate) struct NewToken {
    pub(crate) token: String,
    pub(crate) lasts: Duration,
}

impl Credentials {
    /// `is_local`: who shows no credentials is on this machine.
    pub(crate) fn new(keys: Keys, audit: Audit, is_local: bool) -> Self {
        let live = keys.live().map_or_else(|| watch::channel(Arc::default()).1, |live| live.changes());
        Self { start: Vec::new(), is_local, keys, live, audit }
    }

    /// Takes a token that the relay was started with.
    pub(crate) fn add(&mut self, grant: Grant, token: &Secret) {
        self.start.push((grant, token.hash()));
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Who sent this `Authorization` header. Takes the same time for every token that is not known.
    pub(crate) fn identify(&self, authorization: Option<&[u8]>) -> Option<Grant> {
        let token = authorization.and_then(bearer);
        let snapshot = Arc::clone(&self.live.borrow());
        if let Some(shown) = token.and_then(Shown::parse) {
            return self.peer(&snapshot, &shown);
        }
        if self.start.is_empty() && self.is_local {
            return Some(Grant { identity: Identity::Local, until: None });
        }
        // Digests have one length, so that the comparison tells nothing about the token's.
        let offered = hash(token?);
        let mut found = None;
        for (grant, kept) in &self.start {
            if bool::from(offered.ct_eq(kept)) {
                found = Some(grant);
            }
        }
        let now = Instant::now();
        let is_good = |grant: &&Grant| grant.until.is_none_or(|until| now < until);
        found.filter(is_good).filter(|_| !snapshot.burnt.contains(&offered)).cloned()
    }

    fn peer(&self, snapshot: &Snapshot, shown: &Shown) -> Option<Grant> {
        match shown.kind {
            Kind::DeviceKey => None,
            Kind::Token => {
                let expires_ms = shown.expires_ms(&snapshot.signing_keys)?;
                let left = Duration::from_millis(u64::try_from(expires_ms - now_ms()).ok()?);
                let identity = snapshot.devices.contains(&shown.id).then_some(Identity::Device(shown.id))?;
                Some(Grant { identity, until: Some(Instant::now() + left) })
            }
            Kind::AppKey => {
                let app = snapshot.apps.get(&shown.id)?;
                let now = now_ms();
                let (mut until, mut is_known) = (None, false);
                for (kept, ends) in &app.keys {
                    if shown.is(kept) && ends.is_none_or(|ends| now < ends) {
                        (until, is_known) = (*ends, true);
                    }
                }
                let left = until.and_then(|until| u64::try_from(until - now).ok()).map(Duration::from_millis);
                is_known.then(|| {
                    self.audit.seen(shown.id);
                    let identity = Identity::App(App { id: shown.id, sees_all: app.sees_all });
                    Grant { identity, until: left.map(|left| Instant::now() + left) }
                })
            }
        }
    }

    /// Whether the identity of a connection that is open is still let in.
    pub(crate) fn is_valid(&self, identity: &Identity) -> bool {
        let snapshot = self.live.borrow();
        match identity {
            Identity::Local => true,
            Identity::Device(id) => snapshot.devices.contains(id),
            Identity::App(app) => snapshot.apps.contains_key(&app.id),
            Identity::Owner | Identity::Token(_) => {
                let of_it = |grant: &Grant| grant.identity == *identity;
                self.start.iter().any(|(grant, kept)| of_it(grant) && !snapshot.burnt.contains(kept))
            }
        }
    }

    /// Where the relay calls an app, if it does.
    pub(crate) fn webhook(&self, identity: &Identity) -> Option<Arc<Webhook>> {
        let Identity::App(app) = identity else { return None };
        self.live.borrow().apps.get(&app.id)?.webhook.clone()
    }

    /// Every app that the relay calls, where, and what its newest key is known by.
    pub(crate) fn webhooks(&self) -> Vec<(App, Arc<Webhook>, Option<Hash>)> {
        let snapshot = self.live.borrow();
        let called = snapshot.apps.iter().filter_map(|(id, grant)| {
            let app = App { id: *id, sees_all: grant.sees_all };
            let newest = grant.keys.iter().find(|(_, until)| until.is_none()).map(|(hash, _)| *hash);
            Some((app, grant.webhook.clone()?, newest))
        });
        called.collect()
    }

    /// Told whenever [`is_valid`](Self::is_valid) may have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.live.clone()
    }

    /// Waits until an identity is no longer let in.
    pub(crate) async fn revoked(&self, identity: &Identity) {
        let mut changes = self.changes();
        while self.is_valid(identity) {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// A token for whoever shows a device's key. Reads and writes the database.
    pub(crate) fn token_for(&self, authorization: Option<&[u8]>) -> Result<Option<NewToken>, KeysError> {
        let Some(shown) = authorization.and_then(bearer).and_then(Shown::parse) else { return Ok(None) };
        let Some(device) = self.keys.device_of(&shown)? else { return Ok(None) };
        let snapshot = Arc::clone(&self.live.borrow());
        let Some(key) = snapshot.signing_keys.first() else { return Ok(None) };
        let token = key.token(device, now_ms() + millis(limits::TOKEN));
        Ok(Some(NewToken { token, lasts: limits::TOKEN }))
    }
}

/// Which device, or app, an `Authorization` header says to be of.
pub(crate) fn claimed(authorization: &[u8]) -> Option<PeerId> {
    Some(Shown::parse(bearer(authorization)?)?.id)
}

/// The token in an `Authorization` header, under the name that HTTP has for it or Deepgram's.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let shown = |scheme: &str| {
        let (named, token) = authorization.split_at_checked(scheme.len())?;
        named.eq_ignore_ascii_case(scheme.as_bytes()).then(|| token.trim_ascii())
    };
    shown("Bearer ").or_else(|| shown("Token "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::database::clock::pass;
    use crate::identity::offers::Newcomer;

    fn credentials(is_local: bool) -> Credentials {
        let keys = Keys::in_memory().unwrap();
        let audit = Audit::start(keys.clone(), false).unwrap();
        Credentials::new(keys, audit, is_local)
    }

    fn for_ever(identity: Identity) -> Grant {
        Grant { identity, until: None }
    }

    fn who(credentials: &Credentials, token: &str) -> Option<Identity> {
        Some(credentials.identify(Some(format!("Bearer {token}").as_bytes()))?.identity)
    }

    fn paired(credentials: &Credentials) -> (PeerId, String) {
        credentials.keys.relay_is_at("http://127.0.0.1:1", None).unwrap();
        let qr = credentials.keys.offer_qr(None).unwrap();
        let newcomer = Newcomer { name: "phone", client: "test", address: None };
        let paired = credentials.keys.pair_by_secret(&qr.offer.secret, &newcomer).unwrap().unwrap();
        assert!(credentials.keys.pair_by_secret(&qr.offer.secret, &newcomer).unwrap().is_none(), "once");
        (paired.id, paired.key)
    }

    fn token(credentials: &Credentials, key: &str) -> Option<String> {
        Some(credentials.token_for(Some(format!("Bearer {key}").as_bytes())).unwrap()?.token)
    }

    // SPEC P5.5
    #[test]
    fn a_token_is_good_for_an_hour_and_its_device_until_it_did_not_come_for_180_days() {
        let credentials = credentials(false);
        let (id, key) = paired(&credentials);
        let first = token(&credentials, &key).unwrap();
        pass(Duration::from_secs(3_599));
        assert_eq!(who(&credentials, &first), Some(Identity::Device(id)));
        pass(Duration::from_secs(2));
        assert_eq!(who(&credentials, &first), None);
        assert!(token(&credentials, &key).is_some());
        // Each time it comes the half year begins anew.
        for _ in 0..2 {
            pass(Duration::from_hours(180 * 24 - 1));
            let next = token(&credentials, &key).unwrap();
            assert_eq!(who(&credentials, &next), Some(Identity::Device(id)));
        }
        pass(Duration::from_hours(180 * 24 + 1));
        assert_eq!(token(&credentials, &key), None);
    }

    #[test]
    fn a_token_is_known_by_its_identity_and_by_nothing_else() {
        let mut credentials = credentials(true);
        credentials.add(for_ever(Identity::Owner), &Secret::new("s3cret"));
        credentials.add(for_ever(Identity::Token("phone".into())), &Secret::new("other"));
        let identify = |header: &str| Some(credentials.identify(Some(header.as_bytes()))?.identity);
        assert_eq!(identify("Bearer s3cret"), Some(Identity::Owner));
        assert_eq!(identify("bearer other"), Some(Identity::Token("phone".into())));
        assert_eq!(identify("Token other"), Some(Identity::Token("phone".into())));
        for wrong in ["Bearer s3cre", "Bearer s3crett", "Bearer ", "Basic s3cret", "s3cret", ""] {
            assert_eq!(identify(wrong), None, "{wrong:?}");
        }
        assert_eq!(credentials.identify(None), None);
    }

    #[test]
    fn without_tokens_everybody_on_this_machine_is_local_and_nobody_else_is() {
        assert_eq!(credentials(true).identify(None), Some(for_ever(Identity::Local)));
        assert_eq!(credentials(false).identify(None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_expired_is_unknown() {
        let mut credentials = credentials(true);
        let until = Some(Instant::now() + Duration::from_mins(1));
        credentials.add(Grant { identity: Identity::Owner, until }, &Secret::new("s3cret"));
        assert!(credentials.identify(Some(b"Bearer s3cret")).is_some());
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(credentials.identify(Some(b"Bearer s3cret")), None);
    }

    #[test]
    fn a_device_has_tokens_until_it_is_revoked() {
        let credentials = credentials(true);
        let (id, key) = paired(&credentials);
        assert_eq!(who(&credentials, &key), None, "a key is good for tokens alone");
        let first = token(&credentials, &key).unwrap();
        let grant = credentials.identify(Some(format!("Bearer {first}").as_bytes())).unwrap();
        assert_eq!(grant.identity, Identity::Device(id));
        let left = grant.until.unwrap() - Instant::now();
        assert!(left <= limits::TOKEN && left > limits::TOKEN / 2, "{left:?}");
        assert!(credentials.is_valid(&grant.identity));
        credentials.keys.revoke_device(&id.to_string()).unwrap();
        assert_eq!(who(&credentials, &first), None, "it is not local either");
        assert_eq!(token(&credentials, &key), None);
        assert!(!credentials.is_valid(&grant.identity));
    }

    #[test]
    fn tokens_outlive_the_key_that_signed_them_by_one_rotation() {
        let credentials = credentials(false);
        let (id, key) = paired(&credentials);
        let before = token(&credentials, &key).unwrap();
        credentials.keys.rotate_signing_key().unwrap();
        let after = token(&credentials, &key).unwrap();
        assert!([&before, &after].iter().all(|token| who(&credentials, token) == Some(Identity::Device(id))));
        credentials.keys.rotate_signing_key().unwrap();
        assert_eq!(who(&credentials, &before), None);
        assert_eq!(who(&credentials, &after), Some(Identity::Device(id)));
    }

    #[test]
    fn an_app_has_two_keys_while_one_takes_the_place_of_the_other_and_never_three() {
        let credentials = credentials(false);
        let first = credentials.keys.add_app("captions", true).unwrap();
        assert!(matches!(credentials.keys.add_app("captions", true), Err(KeysError::AppExists(_))));
        let second = credentials.keys.rotate_app("captions").unwrap();
        assert_eq!((first.app.id.clone(), second.app.keys), (second.app.id.clone(), 2));
        let is_in = |key: &str| matches!(who(&credentials, key), Some(Identity::App(app)) if app.sees_all);
        assert!(is_in(&first.key) && is_in(&second.key));
        let third = credentials.keys.rotate_app("captions").unwrap();
        assert!(!is_in(&first.key) && is_in(&second.key) && is_in(&third.key));
        credentials.keys.revoke_app(&first.app.id).unwrap();
        assert!(!is_in(&second.key) && !is_in(&third.key));
    }

    #[test]
    fn a_lockdown_ends_everything_that_could_have_leaked() {
        let mut credentials = credentials(false);
        credentials.add(for_ever(Identity::Owner), &Secret::new("s3cret"));
        credentials.keys.start_tokens(&[Secret::new("s3cret").hash()]).unwrap();
        let (_, key) = paired(&credentials);
        let (token_before, app) =
            (token(&credentials, &key).unwrap(), credentials.keys.add_app("x", false).unwrap());
        let ended = credentials.keys.lockdown().unwrap();
        assert_eq!((ended.devices, ended.apps, ended.tokens), (1, 1, 1));
        for leaked in [token_before.as_str(), &app.key, "s3cret", &key] {
            assert_eq!(who(&credentials, leaked), None);
        }
        assert_eq!(token(&credentials, &key), None);
        assert!(!credentials.is_valid(&Identity::Owner));
        assert!(matches!(
            credentials.keys.start_tokens(&[Secret::new("s3cret").hash()]),
            Err(KeysError::Burnt)
        ));
        credentials.keys.start_tokens(&[Secret::new("another").hash()]).unwrap();
        assert!(credentials.keys.audit().unwrap().iter().any(|row| row.event == "lockdown"));
    }

    #[test]
    fn what_another_process_changes_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::of_relay(Some(folder.path())).unwrap();
        let audit = Audit::start(keys.clone(), true).unwrap();
        let credentials = Credentials::new(keys, audit, false);
        let other = Keys::open(folder.path()).unwrap();
        let app = other.add_app("captions", false).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while who(&credentials, &app.key).is_none() {
            assert!(std::time::Instant::now() < deadline, "it is not noticed");
            std::thread::yield_now();
        }
    }
}
