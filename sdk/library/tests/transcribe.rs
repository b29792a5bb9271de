//! Transcribing again, whole or part.

mod common;

use std::convert::Infallible;

use common::{STREAM, library, ms, said, ten_seconds, texts, utterances};
use glasslink_audio::{Captured, Source, SourceExt};
use glasslink_library::{Passage, RecordedSource, TranscribeError, Transcribed, Transcriber};
use glasslink_protocol::{GapCause, StreamId, TranscriptEvent};

/// Hears a word a second.
#[derive(Default)]
struct Counts {
    heard: Vec<(u64, u64)>,
}

impl Transcriber for Counts {
    type Error = Infallible;

    fn name(&self) -> String {
        "counts".into()
    }

    async fn transcribe(&mut self, mut audio: RecordedSource) -> Result<Vec<TranscriptEvent>, Infallible> {
        let (mut frame, mut frames, mut gaps, mut events) = (Vec::new(), 0, 0, Vec::new());
        let progress = audio.progress();
        while let Some(captured) = audio.next(&mut frame).await.unwrap() {
            match captured {
                Captured::Frame { .. } => {
                    assert!(audio.format().accepts(frame.len()));
                    if frames % 100 == 0 {
                        let words = format!("word {}", frames / 100);
                        events.push(TranscriptEvent::Final(said(StreamId(9), frames, frames + 60, &words)));
                    }
                    frames += 1;
                }
                Captured::Gap { frames: missing, .. } => {
                    frames += missing;
                    gaps += missing;
                }
            }
            assert_eq!(progress.load(std::sync::atomic::Ordering::Relaxed), frames);
        }
        assert_eq!(frames, audio.frames());
        self.heard.push((frames, gaps));
        Ok(events)
    }
}

#[tokio::test]
async fn a_recording_is_transcribed_again_and_the_old_words_come_back_when_that_is_undone() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    let mut counts = Counts::default();
    let made = library.transcribe(id, None, &mut counts).await.unwrap();
    assert_eq!(made, Transcribed { duration: ms(10_000), utterances: 8 });
    assert_eq!(counts.heard, [(1000, 200)], "gaps are handed on as they were recorded");
    let words = texts(&library, id);
    assert_eq!((words.len(), words[0].as_str(), words[7].as_str()), (8, "word 0", "word 9"));
    let passages = library.passages(id).unwrap();
    assert!(
        passages.iter().any(|passage| matches!(passage, Passage::Gap(gap) if gap.cause == GapCause::Radio))
    );
    assert_eq!(library.search("word", None, 0, 100).unwrap().total, 8);
    library.undo(id).unwrap();
    assert_eq!(texts(&library, id), ["The tide is out", "And the moon is up"]);
    library.redo(id).unwrap();
    assert_eq!(texts(&library, id).len(), 8);
}

#[tokio::test]
async fn a_part_is_transcribed_with_the_whole_of_what_it_cuts_through() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    let mut counts = Counts::default();
    library.transcribe(id, Some(ms(7_500)..ms(7_600)), &mut counts).await.unwrap();
    assert_eq!(counts.heard, [(201, 0)]);
    let all = utterances(&library, id);
    let at: Vec<_> = all.iter().map(|said| (said.text.as_str(), said.from)).collect();
    assert_eq!(
        at,
        [("The tide is out", ms(1_000)), ("word 0", ms(7_000)), ("word 1", ms(8_000)), ("word 2", ms(9_000))]
    );
    assert_eq!((all[1].stream, all[1].words[0].from), (STREAM, ms(7_000)));
}

#[tokio::test]
async fn what_a_person_changed_holds_where_the_same_is_heard_again() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    library.transcribe(id, None, &mut Counts::default()).await.unwrap();
    library.change_words(id, &utterances(&library, id)[2], "Word two!").unwrap();
    library.transcribe(id, None, &mut Counts::default()).await.unwrap();
    assert_eq!(texts(&library, id)[2], "Word two!");
}

#[tokio::test]
async fn a_transcriber_that_fails_changes_nothing() {
    #[derive(Debug, thiserror::Error)]
    #[error("no relay")]
    struct NoRelay;
    struct Fails;
    impl Transcriber for Fails {
        type Error = NoRelay;
        fn name(&self) -> String {
            "fails".into()
        }
        async fn transcribe(&mut self, _: RecordedSource) -> Result<Vec<TranscriptEvent>, NoRelay> {
            Err(NoRelay)
        }
    }
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    let before = library.passages(id).unwrap();
    let error = library.transcribe(id, None, &mut Fails).await.unwrap_err();
    assert!(matches!(error, TranscribeError::Transcriber(NoRelay)));
    assert_eq!(library.passages(id).unwrap(), before);
    assert!(library.history(id).unwrap().is_empty());
}
