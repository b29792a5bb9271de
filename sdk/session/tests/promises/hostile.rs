//! The other end may say anything. What it says may end the connection; it breaks nothing else.

use glasslink_protocol::{
    ClientMessage, EventNumber, Final, FrameIndex, RelayMessage, StreamId, StreamSums, TranscriptEvent,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::any;
use crate::pair::{Pair, millis};

proptest! {
    #[test]
    fn a_relay_that_says_anything_neither_stops_a_client_nor_costs_it_a_frame(
        messages in vec(any::relay_message(), 1..30),
    ) {
        let (mut pair, stream) = Pair::live();
        for message in messages {
            pair.capture(stream, millis(50));
            if pair.connection.is_some() {
                pair.tell(&message);
            }
        }
        let sums = pair.client.sums(stream);
        prop_assert!(sums.is_none_or(|sums| sums.balances()));
    }

    #[test]
    fn a_client_that_says_anything_keeps_no_relay_from_accounting(
        messages in vec(any::client_message(), 1..30),
    ) {
        let (mut pair, stream) = Pair::live();
        for mut message in messages {
            pair.capture(stream, millis(50));
            of_stream(&mut message, stream);
            if pair.attachment.is_some() {
                pair.say(&message);
            }
        }
    }
}

/// Mostly about the stream that there is: other messages end at the door.
fn of_stream(message: &mut ClientMessage, open: StreamId) {
    match message {
        ClientMessage::Gap(gap) => gap.stream = open,
        ClientMessage::Clock(mark) => mark.stream = open,
        ClientMessage::End { stream, .. } => *stream = open,
        _ => {}
    }
}

#[test]
fn a_number_out_of_range_ends_the_connection_and_no_more() {
    for number in [u64::MAX - 1, u64::MAX, 0, 1] {
        let (mut pair, stream) = Pair::live();
        let connection = pair.connection.unwrap();
        let end = Final {
            stream,
            from: FrameIndex(0),
            to: FrameIndex(u64::MAX),
            text: String::new(),
            words: vec![],
        };
        let event = TranscriptEvent::Final(end);
        let message = RelayMessage::Transcript { number: EventNumber(number), event };
        assert!(pair.client.text(pair.now, connection, &message.encode()).is_err());
        pair.capture(stream, millis(50));
        assert!(pair.client.sums(stream).is_some_and(|sums| sums.balances()));
    }
}

#[test]
fn a_ledger_too_large_to_add_up_does_not_balance() {
    let sums = StreamSums {
        stream: StreamId(1),
        captured: 1,
        acknowledged: u64::MAX,
        buffered: 2,
        lost: 0,
        absent: 0,
    };
    assert!(!sums.balances());
}
