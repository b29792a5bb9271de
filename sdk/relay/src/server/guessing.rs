use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use glasslink_protocol::Cause;
use tokio::time::{Instant, sleep};

use crate::doors::app::authorization;
use crate::identity::{AuditEvent, AuditNote, PeerId, claimed};
use crate::server::Refusal;
use crate::shared::Shared;

/// Wrong credentials in a row before answers are held back: a person's typing errors, and a client with an old token.
const SLOW_AFTER: u32 = 3;

/// The first pause, doubled each time ...
const PAUSE: Duration = Duration::from_millis(250);

/// ... up to this: a request has 20 s.
const PAUSE_MOST: Duration = Duration::from_secs(4);

/// Wrong credentials before an address is refused, ...
const REFUSE_AFTER: u32 = 10;

/// ... for this, doubled with each that follows ...
const REFUSAL: Duration = Duration::from_mins(1);

/// ... up to this.
const REFUSAL_MOST: Duration = Duration::from_mins(16);

/// What is older is forgotten.
const FORGET: Duration = Duration::from_mins(30);

/// Addresses, and claimed identities, that are remembered. The least recent go first.
const MOST: usize = 10_000;

/// Who showed wrong credentials lately, and how often.
#[derive(Default)]
pub(crate) struct Guessing {
    /// An IPv6 network counts as one address: whoever has one has 2^64.
    addresses: Mutex<HashMap<IpAddr, Failures>>,
    /// Those whose keys are guessed at. They are slowed and never refused: else anybody could lock them out.
    peers: Mutex<HashMap<PeerId, Failures>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn pause(&self) -> Duration {
        match self.count.checked_sub(SLOW_AFTER + 1) {
            Some(over) => PAUSE.saturating_mul(1 << over.min(8)).min(PAUSE_MOST),
            None => Duration::ZERO,
        }
    }

    fn refused_until(&self) -> Option<Instant> {
        let over = self.count.checked_sub(REFUSE_AFTER)?;
        Some(self.last + REFUSAL.saturating_mul(1 << over.min(8)).min(REFUSAL_MOST))
    }
}

impl Guessing {
    /// How long an address is not listened to yet.
    fn refused_for(&self, address: IpAddr) -> Option<Duration> {
        let failures = *lock(&self.addresses).get(&network(address))?;
        failures.refused_until()?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// Counts a failure; how long its answer is held back, and what is to be written down.
    fn failed(&self, address: IpAddr, peer: Option<PeerId>) -> (Duration, Option<AuditEvent>) {
        let of_address = count(&mut lock(&self.addresses), network(address));
        let of_peer = peer.map(|peer| count(&mut lock(&self.peers), peer).pause()).unwrap_or_default();
        let event = match of_address.count {
            count if count >= REFUSE_AFTER => Some(AuditEvent::GuessingRefused),
            count if count > SLOW_AFTER => Some(AuditEvent::GuessingSlowed),
            _ => None,
        };
        (of_address.pause().max(of_peer), event)
    }
}

fn count<K: Hash + Eq + Copy>(known: &mut HashMap<K, Failures>, who: K) -> Failures {
    let now = Instant::now();
    if known.len() >= MOST && !known.contains_key(&who) {
        known.retain(|_, failures| now - failures.last < FORGET);
        if known.len() >= MOST
            && let Some(oldest) = known.iter().min_by_key(|(_, failures)| failures.last).map(|(who, _)| *who)
        {
            known.remove(&oldest);
        }
    }
    let failures = known.entry(who).or_insert(Failures { count: 0, last: now });
    if now - failures.last >= FORGET {
        failures.count = 0;
    }
    *failures = Failures { count: failures.count.saturating_add(1), last: now };
    *failures
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Slows whoever guesses down, then refuses to listen, and writes down what comes that no client sends.
///
/// Tokens and keys of the relay's own making have 256 random bits, which nobody guesses: whoever shows a right one is
/// let in from a refused address, too, so that neighbours behind one address or proxy cannot be locked out.
pub(crate) async fn watch(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(peer) = request.extensions().get::<SocketAddr>().map(SocketAddr::ip) else {
        return next.run(request).await;
    };
    let authorization = authorization(request.headers()).map(Cow::into_owned);
    let claimed = authorization.as_deref().and_then(claimed);
    let path = request.uri().path();
    let offers = path.starts_with("/v1/pair") || path == "/dashboard/login";
    let is_guess = offers || (authorization.is_some() && claimed.is_none());
    if is_guess && let Some(left) = shared.guessing.refused_for(peer) {
        shared.credentials.audit().note(AuditNote::new(AuditEvent::GuessingRefused).from(peer));
        return too_often(left);
    }
    let strange = strange(request.uri(), request.headers());
    let response = next.run(request).await;
    let audit = shared.credentials.audit();
    let status = response.status();
    if status == StatusCode::BAD_REQUEST || strange {
        audit.note(AuditNote::new(AuditEvent::Malformed).from(peer).saying("request"));
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        audit.note(AuditNote::new(AuditEvent::TooLarge).from(peer).saying("request"));
    }
    let wrong_credentials = status == StatusCode::UNAUTHORIZED;
    if let Some(event) = response.extensions().get::<AuditEvent>() {
        audit.note(AuditNote::new(*event).from(peer));
    } else if wrong_credentials {
        let detail = if authorization.is_some() { "wrong credentials" } else { "no credentials" };
        audit.note(AuditNote::new(AuditEvent::Unauthorized).from(peer).saying(detail));
    }
    let refusals = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::GONE];
    let wrong_offer = offers && refusals.contains(&status);
    if (wrong_credentials && authorization.is_some()) || wrong_offer {
        let (pause, event) = shared.guessing.failed(peer, claimed);
        if let Some(event) = event {
            audit.note(AuditNote::new(event).from(peer));
        }
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
    response
}

/// Whether a request tries what no client does: another folder, or credentials in the address.
fn strange(uri: &Uri, headers: &HeaderMap) -> bool {
    let address = uri.to_string().to_ascii_lowercase();
    let climbs =
        ["..", "%2e%2e", ".%2e", "%2e.", "%00", "\\", "%5c"].iter().any(|part| address.contains(part));
    let shows = uri.query().is_some_and(|query| query.contains("token=") || query.contains("key="));
    climbs || (shows && !headers.contains_key(AUTHORIZATION))
}

fn too_often(left: Duration) -> Response {
    let message = "too many wrong credentials came from this address";
    let mut response = Refusal::because(Cause::RateLimited, message).into_response();
    response.headers_mut().insert(RETRY_AFTER, (left.as_secs() + 1).into());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u16) -> IpAddr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, last, 1, 2, 3, last).into()
    }

    // SPEC P19.6
    #[tokio::test(start_paused = true)]
    async fn guessing_is_slowed_then_refused_and_forgotten_in_time() {
        let (guessing, who) = (Guessing::default(), address(1));
        let pauses: Vec<_> = (0..REFUSE_AFTER).map(|_| guessing.failed(who, None).0.as_millis()).collect();
        assert_eq!(pauses, [0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
        assert_eq!(guessing.refused_for(who), Some(REFUSAL));
        assert_eq!(guessing.refused_for(address(2)), None, "others are not");
        let neighbour = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9).into();
        assert_eq!(guessing.refused_for(neighbour), Some(REFUSAL), "it is the same network");
        tokio::time::advance(REFUSAL).await;
        assert_eq!(guessing.refused_for(who), None);
        assert_eq!(guessing.failed(who, None).1, Some(AuditEvent::GuessingRefused));
        assert_eq!(guessing.refused_for(who), Some(REFUSAL * 2));
        tokio::time::advance(FORGET).await;
        assert_eq!(guessing.failed(who, None), (Duration::ZERO, None));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_guessed_at_from_everywhere_is_slowed_and_not_locked_out() {
        let (guessing, peer) = (Guessing::default(), Some(PeerId(7)));
        let pauses: Vec<_> = (0..20).map(|n| guessing.failed(address(n), peer).0).collect();
        assert_eq!(pauses[..3], [Duration::ZERO; 3]);
        assert_eq!(pauses[19], PAUSE_MOST);
        assert!((0..20).all(|n| guessing.refused_for(address(n)).is_none()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let guessing = Guessing::default();
        for n in 0..MOST as u32 + 100 {
            guessing.failed(IpAddr::from(n.to_be_bytes()), Some(PeerId(n.into())));
        }
        assert_eq!((lock(&guessing.addresses).len(), lock(&guessing.peers).len()), (MOST, MOST));
    }

    #[test]
    fn what_no_client_asks_for_is_noticed() {
        for strange_one in
            ["/v1/../etc", "/v1/sessions/%2e%2E/x", "/v1/link?token=x", "/a%5c..", "/x?access_token=1"]
        {
            assert!(strange(&strange_one.parse().unwrap(), &HeaderMap::new()), "{strange_one}");
        }
        assert!(!strange(&"/v1/link?since=4".parse().unwrap(), &HeaderMap::new()));
    }
}
