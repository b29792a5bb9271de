//! Something between client and relay strips upgrades: captions go on over HTTP.

use std::thread;
use std::time::Duration;

use glasslink_e2e::{Clip, RelayProcess, StripsUpgrades, replay, speech};

/// WebSocket is tried each minute; the clips last 99 s.
const BLOCKED: Duration = Duration::from_secs(30);

// SPEC P17.1 P17.2
#[test]
fn captions_go_on_over_http_and_return_to_websocket_when_it_is_unblocked() {
    let Some([long, short]) = speech() else { return };
    let folder = tempfile::tempdir().unwrap();
    let relay = RelayProcess::keeping(folder.path());
    let proxy = StripsUpgrades::before(relay.address());
    let clips = [&long, &short, &long].map(|Clip { path, .. }| path.to_str().unwrap());
    let play = |address: &str, more: &[&str]| {
        let all = clips.into_iter().chain(["--relay", address]).chain(more.iter().copied());
        replay(all.map(str::to_owned).collect::<Vec<_>>())
    };
    let (report, untouched) = thread::scope(|scope| {
        let playing = scope.spawn(|| play(&proxy.address(), &[]));
        let untouched = play(relay.address(), &["--speed", "8"]);
        thread::sleep(BLOCKED);
        let (stripped, passed, others) = proxy.counts();
        assert_eq!((stripped, passed), (2, 0), "two upgrades, and then HTTP");
        assert!(others >= 2, "{others}");
        proxy.let_through();
        (playing.join().unwrap(), untouched)
    });
    assert_eq!(report.finished.code, Some(0), "{}", report.finished.stderr);
    assert!(report.balances(), "{}", report.json);
    assert_eq!((report.number("lost"), report.number("buffered")), (0, 0), "{}", report.json);
    assert_eq!(report.number("captured"), untouched.number("captured"));
    assert_eq!(report.transcript(), untouched.transcript());
    assert_eq!((proxy.counts().1, report.number("reconnects")), (1, 1), "one change of transport");
    let stderr = &report.finished.stderr;
    assert!(stderr.contains("over HTTP") && stderr.contains("WebSocket gets through again"), "{stderr}");
    println!("upgrades stripped, then not: {}", report.json);
}

#[test]
fn replay_goes_over_http_alone_when_told_to() {
    let Some([_, short]) = speech() else { return };
    let folder = tempfile::tempdir().unwrap();
    let relay = RelayProcess::keeping(folder.path());
    let path = short.path.to_str().unwrap();
    let play = |http: &str| replay([path, "--relay", relay.address(), "--speed", "4", "--http", http]);
    let (over_http, over_websocket) = (play("always"), play("never"));
    assert_eq!(over_http.finished.code, Some(0), "{}", over_http.finished.stderr);
    assert_eq!(over_http.transcript(), over_websocket.transcript());
    assert!(over_http.finished.stderr.contains("over HTTP"), "{}", over_http.finished.stderr);
    assert_eq!(over_http.number("reconnects"), 0);
}
