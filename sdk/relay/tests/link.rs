//! The link door over real sockets.

mod support;

use glasslink_protocol::{ClientMessage, FrameIndex, RelayMessage, StreamId};
use glasslink_relay::Relay;
use support::{Client, hello, stream};

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
