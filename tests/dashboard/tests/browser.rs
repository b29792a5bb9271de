//! What somebody sees who opens the dashboard. The browser is headless, new and empty.

mod support;

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::key::Key;
use glasslink_protocol::{ClientMessage, FrameIndex, Gap, GapCause, StreamId};
use glasslink_relay::{Relay, ticket};
use serde_json::{Value, json};
use support::{Browser, Client, PATIENCE, lc3};

const ANN: &str = "00000000000000000000000000000001";
const TOKEN: &str = "the owner's token";

async fn relay(folder: &tempfile::TempDir) -> glasslink_relay::RelayHandle {
    Relay::builder().token(TOKEN).named_token("ann", "ann's").data(folder.path()).start().await.unwrap()
}

async fn log_in(browser: &Browser, url: &str, token: &str) {
    browser.goto(&format!("{url}/dashboard")).await.unwrap();
    let field = browser.wait().at_most(PATIENCE).for_element(Locator::Css("#token")).await.unwrap();
    browser.until("return !document.getElementById('login').hidden", true).await;
    field.send_keys(token).await.unwrap();
    field.send_keys(&char::from(Key::Enter).to_string()).await.unwrap();
}

#[tokio::test]
async fn a_session_is_seen_live_opened_by_keyboard_and_deleted() {
    let Some(browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let relay = relay(&folder).await;
    let mut client = Client::connect(&relay.url(), "ann's", 1).await;
    client.say(&ClientMessage::Open(Client::stream(1))).await;
    client.audio(1, 0, 200).await;

    log_in(&browser, &relay.url(), "wrong").await;
    browser
        .until("return document.getElementById('login-error').textContent.includes('does not know')", true)
        .await;
    log_in(&browser, &relay.url(), TOKEN).await;
    browser.until("return document.querySelectorAll('#rows tr').length", 1).await;
    browser.until("return document.getElementById('ready').textContent", "ready").await;
    browser.until("return document.querySelector('#rows tr td:nth-child(3)').textContent", "token:ann").await;

    // By keyboard alone.
    let body = browser.find(Locator::Css("body")).await.unwrap();
    body.send_keys(&char::from(Key::Down).to_string()).await.unwrap();
    let row = browser.active_element().await.unwrap();
    row.send_keys(&char::from(Key::Enter).to_string()).await.unwrap();
    browser
        .until(
            "return document.querySelector('#d-timeline li:last-child')?.textContent.includes('Created')",
            true,
        )
        .await;

    // What happens now is on the timeline without a reload.
    let gap = Gap::new(StreamId(1), FrameIndex(200), FrameIndex(700), GapCause::Overflow, &lc3());
    client.say(&ClientMessage::Gap(gap)).await;
    browser
        .until("return document.querySelector('#d-timeline li').textContent.includes('5000 ms')", true)
        .await;
    client.audio(1, 700, 200).await;
    browser.picture("dashboard-light").await;
    browser.execute("document.getElementById('theme').click()", Vec::new()).await.unwrap();
    browser.until("return document.documentElement.classList.contains('dark')", true).await;
    browser.picture("dashboard-dark").await;

    browser.execute("document.getElementById('d-delete').click()", Vec::new()).await.unwrap();
    browser.until("return document.getElementById('confirm').open", true).await;
    browser.execute("document.getElementById('c-yes').click()", Vec::new()).await.unwrap();
    client.until_closed().await;
    browser.until("return document.querySelectorAll('#rows tr').length", 0).await;
    browser.until("return document.getElementById('detail').hidden", true).await;
    browser.end().await;
}

#[tokio::test]
async fn a_link_opens_it_once_and_leaves_no_trace_in_the_address() {
    let Some(browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let relay = relay(&folder).await;
    let link = format!("{}/dashboard#ticket={}", relay.url(), ticket(folder.path()).unwrap());
    browser.goto(&link).await.unwrap();
    browser.until("return document.getElementById('who').textContent", "owner").await;
    assert_eq!(browser.current_url().await.unwrap().fragment(), None);
    let hidden = browser.execute("return document.cookie", Vec::new()).await.unwrap();
    assert_eq!(hidden, json!(""), "no script reads the cookie");
    let cookies = browser.get_all_cookies().await.unwrap();
    assert_eq!(cookies.len(), 1);
    assert_eq!(cookies[0].http_only(), Some(true));
    assert_eq!(cookies[0].same_site().map(|same| same.to_string()).as_deref(), Some("Strict"));

    browser.execute("document.getElementById('logout').click()", Vec::new()).await.unwrap();
    browser.until("return document.getElementById('login').hidden", false).await;
    browser.goto("about:blank").await.unwrap();
    browser.goto(&link).await.unwrap();
    browser
        .until("return document.getElementById('login-error').textContent.includes('was used')", true)
        .await;
    browser.end().await;
}

/// Runs `fetch` in the page; its status.
async fn status(browser: &Browser, path: &str, options: Value) -> Value {
    let script = "const [path, options, done] = arguments; fetch(path, options).then((a) => done(a.status), (e) => done(String(e)));";
    browser.execute_async(script, vec![json!(path), options]).await.unwrap()
}

#[tokio::test]
async fn who_has_the_cookie_alone_changes_nothing_and_sees_only_their_own() {
    let Some(browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let relay = relay(&folder).await;
    let _owners = Client::connect(&relay.url(), TOKEN, 2).await;
    let _anns = Client::connect(&relay.url(), "ann's", 1).await;
    log_in(&browser, &relay.url(), "ann's").await;
    browser.until("return document.querySelectorAll('#rows tr').length", 1).await;
    let other = ANN.replace('1', "2");
    assert_eq!(status(&browser, &format!("/dashboard/api/sessions/{other}"), json!({})).await, json!(404));
    let path = format!("/dashboard/api/sessions/{ANN}");
    assert_eq!(status(&browser, &path, json!({})).await, json!(200));
    let delete = format!("{path}?end=true");
    assert_eq!(
        status(&browser, &delete, json!({ "method": "DELETE" })).await,
        json!(403),
        "without the token"
    );
    let wrong = json!({ "method": "DELETE", "headers": { "x-csrf-token": "0" } });
    assert_eq!(status(&browser, &delete, wrong).await, json!(403));
    assert_eq!(status(&browser, "/dashboard/logout", json!({ "method": "POST" })).await, json!(403));
    assert_eq!(
        status(&browser, &format!("/v1/sessions/{ANN}"), json!({})).await,
        json!(401),
        "the cookie is the dashboard's"
    );
    assert_eq!(status(&browser, &path, json!({})).await, json!(200), "it is still there");

    // Nothing inline runs, and nothing is sent elsewhere.
    let inline = "const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.body.append(s); return window.ran ?? false;";
    assert_eq!(browser.execute(inline, Vec::new()).await.unwrap(), json!(false));
    let elsewhere = status(&browser, "http://127.0.0.1:9/", json!({})).await;
    assert!(elsewhere.as_str().is_some_and(|error| error.contains("TypeError")), "{elsewhere}");
    browser.end().await;
    tokio::time::timeout(Duration::from_secs(20), relay.shutdown())
        .await
        .expect("who looks on holds nobody up");
}
