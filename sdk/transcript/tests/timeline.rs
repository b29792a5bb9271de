//! Partials, finals and gaps, in whatever order they arrive.

use std::time::Duration;

use glasslink_protocol::{
    ClockMark, Epoch, EventNumber, Final, FrameIndex, Gap, GapCause, Partial, StreamFormat, StreamId,
    TranscriptEvent, Word,
};
use glasslink_transcript::{Continues, Entry, Timeline, TimelineError};

const STREAM: StreamId = StreamId(1);
const EPOCH: Epoch = Epoch(7);

fn format() -> StreamFormat {
    StreamFormat::lc3(16_000, 20).unwrap()
}

fn timeline() -> Timeline {
    let mut timeline = Timeline::new();
    timeline.declare(STREAM, format(), None).unwrap();
    timeline
}

fn said(from: u64, to: u64, text: &str) -> TranscriptEvent {
    let (from, to) = (FrameIndex(from), FrameIndex(to));
    TranscriptEvent::Final(Final { stream: STREAM, from, to, text: text.into(), words: vec![] })
}

/// One word every 10 frames.
fn said_words(from: u64, text: &str) -> TranscriptEvent {
    let words: Vec<Word> = (from..)
        .step_by(10)
        .zip(text.split(' '))
        .map(|(at, text)| Word {
            text: text.into(),
            from: FrameIndex(at),
            to: FrameIndex(at + 10),
            estimated: true,
        })
        .collect();
    let (from, to) = (FrameIndex(from), words.last().unwrap().to);
    TranscriptEvent::Final(Final { stream: STREAM, from, to, text: text.into(), words })
}

fn gap(from: u64, to: u64, cause: GapCause) -> Gap {
    Gap::new(STREAM, FrameIndex(from), FrameIndex(to), cause, &format())
}

fn partial(from: u64, revision: u32, text: &str) -> Partial {
    Partial { stream: STREAM, from: FrameIndex(from), revision, text: text.into() }
}

fn spans(timeline: &Timeline) -> Vec<(u128, u128, String)> {
    let span = |entry: &Entry| {
        let what = match entry {
            Entry::Speech(speech) => speech.text.clone(),
            Entry::Gap(gap) => format!("{:?}", gap.cause),
        };
        (entry.start().as_millis(), entry.end().as_millis(), what)
    };
    timeline.transcript().entries().iter().map(span).collect()
}

fn live(timeline: &Timeline) -> Vec<String> {
    timeline.partials().into_iter().map(|partial| partial.text).collect()
}

#[test]
fn finals_and_gaps_are_ordered_by_stream_time() {
    let mut timeline = timeline();
    timeline.event(EPOCH, EventNumber(1), said(300, 400, "second")).unwrap();
    timeline.event(EPOCH, EventNumber(2), TranscriptEvent::Gap(gap(200, 250, GapCause::Radio))).unwrap();
    timeline.event(EPOCH, EventNumber(3), said(100, 200, "first")).unwrap();
    let expected =
        [(1000, 2000, "first".into()), (2000, 2500, "Radio".into()), (3000, 4000, "second".into())];
    assert_eq!(spans(&timeline), expected);
}

#[test]
fn a_replayed_event_is_taken_once() {
    let mut timeline = timeline();
    assert!(timeline.event(EPOCH, EventNumber(1), said(0, 10, "once")).unwrap());
    assert!(!timeline.event(EPOCH, EventNumber(1), said(0, 10, "once")).unwrap());
    assert_eq!(timeline.transcript().text(), "once");
}

#[test]
fn a_partial_is_replaced_by_its_next_revision_and_settled_by_a_final() {
    let mut timeline = timeline();
    assert!(timeline.partial(partial(10, 1, "good")).unwrap());
    assert!(timeline.partial(partial(10, 3, "good morning")).unwrap());
    assert!(!timeline.partial(partial(10, 2, "good more")).unwrap());
    timeline.partial(partial(200, 1, "how")).unwrap();
    assert_eq!(live(&timeline), ["good morning", "how"]);

    timeline.event(EPOCH, EventNumber(1), said(12, 150, "Good morning.")).unwrap();
    assert_eq!(live(&timeline), ["how"]);
    assert!(!timeline.partial(partial(10, 4, "late")).unwrap());
    assert_eq!(live(&timeline), ["how"]);
}

#[test]
fn an_empty_partial_takes_back_what_was_no_speech() {
    let mut timeline = timeline();
    timeline.partial(partial(10, 1, "mm")).unwrap();
    timeline.partial(partial(10, 2, "")).unwrap();
    assert!(live(&timeline).is_empty());
}

#[test]
fn a_gap_told_twice_or_in_parts_is_one_gap() {
    let mut timeline = timeline();
    assert!(timeline.gap(gap(100, 200, GapCause::Radio)).unwrap());
    assert!(!timeline.gap(gap(120, 180, GapCause::Radio)).unwrap());
    timeline.event(EPOCH, EventNumber(1), TranscriptEvent::Gap(gap(150, 300, GapCause::Radio))).unwrap();
    timeline.gap(gap(50, 400, GapCause::Overflow)).unwrap();
    let expected =
        [(500, 1000, "Overflow".into()), (1000, 3000, "Radio".into()), (3000, 4000, "Overflow".into())];
    assert_eq!(spans(&timeline), expected);
}

#[test]
fn a_new_epoch_does_not_say_settled_words_again() {
    let mut timeline = timeline();
    timeline.event(Epoch(1), EventNumber(9), said_words(100, "a b c")).unwrap();
    timeline.event(Epoch(2), EventNumber(1), said_words(110, "b c d e")).unwrap();
    timeline.event(Epoch(2), EventNumber(2), said(100, 130, "a b c")).unwrap();
    assert_eq!(spans(&timeline), [(1000, 1300, "a b c".into()), (1300, 1500, "d e".into())]);
}

#[test]
fn a_stream_that_continues_another_lies_behind_it() {
    let mut timeline = timeline();
    let next = StreamId(2);
    let continues = Some(Continues { stream: STREAM, at: FrameIndex(1000) });
    timeline.declare(next, StreamFormat::lc3(48_000, 60).unwrap(), continues).unwrap();
    let mut event = said(100, 200, "after the break");
    if let TranscriptEvent::Final(said) = &mut event {
        said.stream = next;
    }
    timeline.event(EPOCH, EventNumber(1), event).unwrap();
    timeline.event(EPOCH, EventNumber(2), said(900, 1000, "filled in behind")).unwrap();
    let expected = [(9000, 10_000, "filled in behind".into()), (11_000, 12_000, "after the break".into())];
    assert_eq!(spans(&timeline), expected);
}

#[test]
fn streams_are_aligned_by_clock_marks() {
    let mut timeline = timeline();
    let glasses = StreamId(2);
    timeline.declare(glasses, format(), None).unwrap();
    let mark = |stream, index, monotonic_us| ClockMark {
        stream,
        index: FrameIndex(index),
        monotonic_us,
        utc_ms: 1_700_000_000_000,
        utc_offset_min: 60,
    };
    timeline.mark(mark(STREAM, 0, 5_000_000)).unwrap();
    timeline.mark(mark(glasses, 50, 8_000_000)).unwrap();
    let mut gap = gap(0, 100, GapCause::Radio);
    gap.stream = glasses;
    timeline.gap(gap).unwrap();
    assert_eq!(spans(&timeline), [(2500, 3500, "Radio".into())]);
    assert_eq!(timeline.utc_ms(glasses, FrameIndex(150)), Some(1_700_000_001_000));
    assert_eq!(timeline.utc_ms(glasses, FrameIndex(0)), Some(1_699_999_999_500));
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let mut timeline = timeline();
    let unknown = StreamId(9);
    let at = FrameIndex(0);
    assert_eq!(timeline.declare(STREAM, format(), None), Ok(()));
    let other = StreamFormat::pcm(16_000).unwrap();
    assert_eq!(timeline.declare(STREAM, other, None), Err(TimelineError::Declared(STREAM)));
    let continues = Some(Continues { stream: unknown, at });
    assert_eq!(timeline.declare(StreamId(2), other, continues), Err(TimelineError::Unknown(unknown)));
    assert!(matches!(
        timeline.event(EPOCH, EventNumber(1), said(5, 5, "x")),
        Err(TimelineError::Range { .. })
    ));
    assert!(timeline.event(EPOCH, EventNumber(1), said(5, 6, "x")).unwrap());
    for id in 2..1025 {
        timeline.declare(StreamId(id), format(), None).unwrap();
    }
    assert!(matches!(timeline.declare(StreamId(2000), format(), None), Err(TimelineError::Full(_))));
}

#[test]
fn hours_of_partials_and_marks_take_bounded_room() {
    let mut timeline = timeline();
    for n in 0..20_000_u64 {
        timeline.partial(partial(n * 100, 1, "never settled")).unwrap();
        let index = FrameIndex(n * 1000);
        let ms = n * 10_000;
        timeline
            .mark(ClockMark {
                stream: STREAM,
                index,
                monotonic_us: ms * 1000,
                utc_ms: ms as i64,
                utc_offset_min: 0,
            })
            .unwrap();
    }
    assert_eq!(timeline.partials().len(), 8);
    assert_eq!(timeline.utc_ms(STREAM, FrameIndex(12_345_678)), Some(123_456_780));
    assert_eq!(timeline.partials()[0].from, Duration::from_secs(19_992));
}
