//! The link door over real sockets.

mod support;

use std::time::Duration;

use futures_util::SinkExt;
use glasslink_protocol::{ClientMessage, FrameIndex, RelayMessage, StreamId};
use glasslink_relay::Relay;
use support::{Client, HelloFields, PATIENCE, hello, stream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn frames_are_received_and_kept() {
    let relay = Relay::builder().start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 5).await;
    client.audio(1, 5, 5).await;
    client.until(|message| matches!(message, RelayMessage::Received { next: FrameIndex(10), .. })).await;
    client.until(|message| matches!(message, RelayMessage::Kept { next: FrameIndex(10), .. })).await;
    client.say(&ClientMessage::End { stream: StreamId(1), at: FrameIndex(10) }).await;
    client.until(|message| matches!(message, RelayMessage::Ended { .. })).await;
}

#[tokio::test]
async fn a_client_that_comes_back_finds_its_session() {
    let relay = Relay::builder().start().await.unwrap();
    let mut first = Client::plain(&relay.url()).await;
    let RelayMessage::Welcome { epoch, .. } = first.greet(hello(7)).await else { unreachable!() };
    first.say(&ClientMessage::Open(stream(3, 0))).await;
    first.audio(3, 0, 8).await;
    first.until(|message| matches!(message, RelayMessage::Received { .. })).await;
    drop(first);

    let mut again = hello(7);
    (again.attach, again.epoch, again.streams) = (2, Some(epoch), vec![stream(3, 0)]);
    let welcome = Client::plain(&relay.url()).await.greet(again).await;
    let RelayMessage::Welcome { epoch: found, streams, .. } = welcome else { unreachable!() };
    assert_eq!(found, epoch);
    assert_eq!(streams[0].received, FrameIndex(8));
}

#[tokio::test]
async fn a_relay_that_stops_says_restarting_and_closes_with_1012() {
    let relay = Relay::builder().start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    let ((), (messages, code)) = tokio::join!(relay.shutdown(), client.until_closed());
    assert!(
        messages.iter().any(|message| matches!(message, RelayMessage::Restarting { .. })),
        "{messages:?}"
    );
    assert_eq!(code, Some(1012));
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_dropped_and_nobody_else_notices() {
    let relay = Relay::builder().start().await.unwrap();
    let mut deaf = Client::plain(&relay.url()).await;
    deaf.greet(hello(1)).await;
    let mut other = Client::plain(&relay.url()).await;
    other.greet(hello(2)).await;
    let ping = ClientMessage::Ping { id: 1 }.encode();
    let flood = async {
        // Every ping is answered, and no answer is read.
        while deaf.socket.feed(Message::text(ping.clone())).await.is_ok() {}
    };
    let conversation = async {
        loop {
            other.say(&ClientMessage::Ping { id: 7 }).await;
            other.until(|message| matches!(message, RelayMessage::Pong { id: 7 })).await;
        }
    };
    tokio::select! {
        // A machine that is busy floods slowly.
        dropped = timeout(PATIENCE * 3, flood) => dropped.expect("the relay drops who reads nothing"),
        () = conversation => {}
    }
    deaf = Client::plain(&relay.url()).await;
    deaf.greet(HelloFields { attach: 2, ..hello(1) }).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_connection_is_forgotten_in_time() {
    let relay = Relay::builder().session_keep(Duration::from_secs(30)).start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    let RelayMessage::Welcome { epoch, keep_ms, .. } = client.greet(hello(1)).await else { unreachable!() };
    assert_eq!(keep_ms, 30_000);
    drop(client);
    let gone = async {
        while relay.sessions() > 0 {
            tokio::time::advance(Duration::from_secs(1)).await;
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(40), gone).await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    let RelayMessage::Welcome { epoch: new, .. } = client.greet(hello(1)).await else { unreachable!() };
    assert_ne!(new, epoch);
}

#[tokio::test]
async fn a_session_that_says_bye_is_over() {
    let relay = Relay::builder().start().await.unwrap();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Bye).await;
    assert_eq!(client.until_closed().await.1, Some(1000));
    assert_eq!(relay.sessions(), 0);
}
