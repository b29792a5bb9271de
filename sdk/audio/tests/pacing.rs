//! Sources keep time, on a paused clock.

mod common;

use std::time::Duration;

use common::sine;
use glasslink_audio::{Captured, Pace, SampleSource, Source, SourceExt};
use tokio::time::Instant;

fn source(pace: Pace) -> SampleSource {
    SampleSource::new(sine(440.0, 16_000, 16_000), 16_000, pace).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_paced_source_yields_each_frame_when_it_is_spoken() {
    for (pace, speed) in [(Pace::REAL_TIME, 1), (Pace::times(8.0).unwrap(), 8)] {
        let (mut source, mut frame) = (source(pace), Vec::new());
        let start = Instant::now();
        for n in 0..100 {
            let Some(Captured::Frame { captured_at }) = source.next(&mut frame).await.unwrap() else {
                panic!()
            };
            let spoken = Duration::from_millis(10) * n / speed;
            assert_eq!(captured_at, (start + spoken).into_std());
            // The timer's own step is 1 ms.
            let late = start.elapsed().checked_sub(spoken + Duration::from_millis(10) / speed).unwrap();
            assert!(late <= Duration::from_millis(1), "frame {n}: {late:?}");
        }
        assert_eq!(source.next(&mut frame).await.unwrap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_was_late_makes_nothing_drift() {
    let (mut source, mut frame) = (source(Pace::REAL_TIME), Vec::new());
    let start = Instant::now();
    source.next(&mut frame).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 1..100 {
        source.next(&mut frame).await.unwrap();
    }
    assert!(start.elapsed() <= Duration::from_millis(1001), "{:?}", start.elapsed());
}

#[test]
fn an_unpaced_source_needs_neither_time_nor_a_runtime() {
    let mut source: Box<dyn Source> = Box::new(source(Pace::UNPACED));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let mut frame = Vec::new();
    let mut frames = 0;
    while let std::task::Poll::Ready(Ok(Some(_))) = source.poll_next(&mut cx, &mut frame) {
        assert!(source.format().accepts(frame.len()));
        frames += 1;
    }
    assert_eq!(frames, 100);
}

#[test]
fn impossible_speeds_are_refused() {
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        assert!(Pace::times(speed).is_err(), "{speed}");
    }
}
