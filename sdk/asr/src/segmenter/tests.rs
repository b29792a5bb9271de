use super::*;

/// Voice is what is loud: the score of a hop is its first sample in per mille.
struct Loudness;

impl VoiceDetector for Loudness {
    fn score(&mut self, hop: &[i16]) -> f32 {
        f32::from(hop[0]) / 1_000.0
    }

    fn reset(&mut self) {}
}

fn segmenter() -> Segmenter {
    Segmenter::new(Box::new(Loudness), Policy::default())
}

/// Audio of stretches of milliseconds, each with the score that its hops get.
fn audio(stretches: &[(usize, i16)]) -> Vec<i16> {
    stretches.iter().flat_map(|&(ms, score)| std::iter::repeat_n(score, ms / 16 * HOP)).collect()
}

fn complete(outcomes: Vec<Outcome>) -> Vec<Segment> {
    outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            Outcome::Complete(segment) => Some(segment),
            Outcome::Likely(_) | Outcome::Resumed => None,
        })
        .collect()
}

fn segments(pcm: &[i16]) -> Vec<Segment> {
    let (mut segmenter, mut outcomes) = (segmenter(), Vec::new());
    segmenter.push(pcm, &mut outcomes);
    segmenter.finish(&mut outcomes);
    complete(outcomes)
}

const VOICE: i16 = 900;
const SILENCE: i16 = 10;

#[test]
fn a_segment_is_the_voice_with_a_little_before_and_after() {
    let segments = segments(&audio(&[(992, SILENCE), (1_600, VOICE), (2_000, SILENCE)]));
    let [segment] = &segments[..] else { panic!("{segments:?}") };
    assert_eq!((segment.from(), segment.to()), (62 * 256, 162 * 256));
    let policy = Policy::default();
    assert_eq!(segment.start, ((62 - policy.pre_roll) * HOP) as u64);
    assert_eq!(segment.end(), ((162 + policy.tail) * HOP) as u64);
    assert_eq!(segment.follows, None);
}

#[test]
fn no_audio_is_in_two_segments() {
    let speech =
        audio(&[(320, SILENCE), (4_800, VOICE), (656, SILENCE), (4_800, VOICE), (656, SILENCE)].repeat(3));
    let segments = segments(&speech);
    assert_eq!(segments.len(), 6);
    for pair in segments.windows(2) {
        assert!(pair[0].end() <= pair[1].start, "{} > {}", pair[0].end(), pair[1].start);
        assert_eq!(pair[1].follows, Some(pair[0].end()));
    }
}

#[test]
fn segments_are_the_same_however_the_samples_are_chunked() {
    let speech = audio(&[
        (496, SILENCE),
        (3_008, VOICE),
        (304, SILENCE),
        (1_008, VOICE),
        (2_000, SILENCE),
        (16_000, VOICE),
        (400, SILENCE),
        (208, VOICE),
    ]);
    let speech = &speech[..speech.len() - 100];
    let expected = segments(speech);
    assert_eq!(expected.len(), 3);
    for size in [1, 160, 256, 333, 5_000] {
        let (mut segmenter, mut outcomes) = (segmenter(), Vec::new());
        for chunk in speech.chunks(size) {
            segmenter.push(chunk, &mut outcomes);
        }
        segmenter.finish(&mut outcomes);
        assert_eq!(complete(outcomes), expected, "chunks of {size}");
    }
}

#[test]
fn a_likely_segment_is_the_complete_one_unless_speech_resumes() {
    let (mut segmenter, mut outcomes) = (segmenter(), Vec::new());
    segmenter
        .push(&audio(&[(1_600, VOICE), (304, SILENCE), (1_600, VOICE), (1_600, SILENCE)]), &mut outcomes);
    let [Outcome::Likely(first), Outcome::Resumed, Outcome::Likely(second), Outcome::Complete(settled)] =
        &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_ne!(first, settled);
    assert_eq!(second, settled);
}

#[test]
fn long_speech_is_cut_where_the_voice_is_weakest() {
    let policy = Policy::default();
    let longest = policy.longest * 16;
    let segments = segments(&audio(&[(longest - 320, VOICE), (80, 400), (4_000, VOICE)]));
    assert_eq!(segments.len(), 2);
    let cut = segments[0].end() / HOP as u64 * 16;
    assert!((longest as u64 - 320..=longest as u64 - 240).contains(&cut), "cut at {cut} ms");
    assert_eq!(segments[1].start, segments[0].end());
}

#[test]
fn a_pause_that_ends_nothing_in_a_short_segment_ends_a_long_one() {
    let (short, long) = (audio(&[(2_000, VOICE), (208, SILENCE)]), audio(&[(11_008, VOICE), (208, SILENCE)]));
    for (speech, expected) in [(short, 0), (long, 1)] {
        let (mut segmenter, mut outcomes) = (segmenter(), Vec::new());
        segmenter.push(&speech, &mut outcomes);
        assert_eq!(complete(outcomes).len(), expected);
    }
}

#[test]
fn a_click_is_no_speech() {
    assert_eq!(segments(&audio(&[(992, SILENCE), (32, VOICE), (992, SILENCE)])), []);
    assert_eq!(segments(&audio(&[(992, SILENCE), (64, VOICE), (2_000, SILENCE)])), []);
}

#[test]
fn a_gap_ends_the_segment_and_moves_the_position_on() {
    let (mut segmenter, mut outcomes) = (segmenter(), Vec::new());
    let speech = audio(&[(1_600, VOICE)]);
    segmenter.push(&speech[..speech.len() - 100], &mut outcomes);
    segmenter.skip(16_000, &mut outcomes);
    segmenter.push(&speech, &mut outcomes);
    segmenter.finish(&mut outcomes);
    let segments = complete(outcomes);
    let end = speech.len() as u64 - 100;
    assert_eq!((segments[0].from(), segments[0].to(), segments[0].end()), (0, end, end));
    assert_eq!((segments[1].start, segments[1].from()), (end + 16_000, end + 16_000));
    assert_eq!(segments[1].follows, None);
    assert_eq!(segmenter.position(), segments[1].end());
}

#[test]
fn an_hour_of_anything_holds_no_more_than_one_segment() {
    let (mut segmenter, mut outcomes) = (segmenter(), Vec::new());
    let minute = audio(&[(20_000, SILENCE), (30_000, VOICE), (10_000, 450)]);
    for _ in 0..60 {
        segmenter.push(&minute, &mut outcomes);
        outcomes.clear();
        assert!(segmenter.audio.capacity() < 2 * (Policy::default().longest + 40) * HOP);
    }
    assert!(segmenter.position() - segmenter.settled() <= segmenter.audio.len() as u64);
}
