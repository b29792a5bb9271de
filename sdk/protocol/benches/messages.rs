//! The cost of each message a live link is made of.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use glasslink_protocol::{
    AudioMessage, ClientMessage, EventNumber, Final, FrameIndex, RelayMessage, StreamFormat, StreamId,
    StreamSums, TranscriptEvent, Word,
};

fn audio(criterion: &mut Criterion) {
    let format = StreamFormat::lc3(16_000, 20).expect("a usual format");
    let message =
        AudioMessage { stream: StreamId(1), first: FrameIndex(9_000), count: 5, body: &[0x5a; 100] };
    let mut wire = Vec::new();
    message.encode(&mut wire);
    let mut group = criterion.benchmark_group("audio, 5 frames");
    group.bench_function("encode", |bencher| {
        let mut out = Vec::with_capacity(wire.len());
        bencher.iter(|| {
            out.clear();
            black_box(&message).encode(&mut out);
            black_box(out.len())
        });
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let message = AudioMessage::decode(black_box(&wire)).expect("it was encoded");
            let frames = message.frames(&format).expect("it has whole frames");
            frames.map(<[u8]>::len).sum::<usize>()
        });
    });
    group.finish();
}

fn text(criterion: &mut Criterion) {
    let sums = StreamSums {
        stream: StreamId(1),
        captured: 9_005,
        acknowledged: 8_960,
        buffered: 45,
        lost: 0,
        absent: 0,
    };
    let from_client =
        [("ping", ClientMessage::Ping { id: 7 }), ("sums", ClientMessage::Sums { streams: vec![sums] })];
    let mut group = criterion.benchmark_group("text, client to relay");
    for (name, message) in from_client {
        let wire = message.encode();
        group.bench_function(format!("{name}, encode"), |bencher| {
            bencher.iter(|| black_box(&message).encode());
        });
        group.bench_function(format!("{name}, decode"), |bencher| {
            bencher.iter(|| ClientMessage::decode(black_box(&wire)));
        });
    }
    group.finish();

    let from_relay = [
        ("received", RelayMessage::Received { stream: StreamId(1), next: FrameIndex(9_005), limit: None }),
        ("kept", RelayMessage::Kept { stream: StreamId(1), next: FrameIndex(8_960) }),
        ("final of 20 words", RelayMessage::Transcript { number: EventNumber(12), event: settled() }),
    ];
    let mut group = criterion.benchmark_group("text, relay to client");
    for (name, message) in from_relay {
        let wire = message.encode();
        group.bench_function(format!("{name}, encode"), |bencher| {
            bencher.iter(|| black_box(&message).encode());
        });
        group.bench_function(format!("{name}, decode"), |bencher| {
            bencher.iter(|| RelayMessage::decode(black_box(&wire)));
        });
    }
    group.finish();
}

fn settled() -> TranscriptEvent {
    let word = |n: u64| Word {
        text: "wisdom".into(),
        from: FrameIndex(8_000 + n * 40),
        to: FrameIndex(8_030 + n * 40),
        estimated: true,
    };
    let words: Vec<Word> = (0..20).map(word).collect();
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    TranscriptEvent::Final(Final {
        stream: StreamId(1),
        from: FrameIndex(8_000),
        to: FrameIndex(8_790),
        text,
        words,
    })
}

criterion_group!(benches, audio, text);
criterion_main!(benches);
