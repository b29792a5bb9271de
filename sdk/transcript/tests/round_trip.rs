//! Every format, there and back.

use std::time::Duration;

use glasslink_protocol::GapCause;
use glasslink_transcript::{
    Entry, Format, ImportError, Missing, Speech, TimedWord, Transcript, export, import,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn exported(transcript: &Transcript, format: Format) -> String {
    let mut out = Vec::new();
    export(transcript, format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn imported(format: Format, text: &str) -> Result<Transcript, ImportError> {
    import(format, &mut text.as_bytes())
}

/// What every format but JSON carries.
fn without_words(transcript: &Transcript) -> Transcript {
    let entries = transcript.entries().iter().cloned().filter_map(|entry| match entry {
        Entry::Speech(mut speech) => {
            let blank = |c: char| c.is_whitespace() || c.is_control();
            speech.words.clear();
            speech.text =
                speech.text.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            (!speech.text.is_empty()).then_some(Entry::Speech(speech))
        }
        gap @ Entry::Gap(_) => Some(gap),
    });
    Transcript::new(entries.collect())
}

fn time() -> impl Strategy<Value = Duration> {
    // To 139 hours, in nanoseconds.
    (0_u64..500_000_000_000_000).prop_map(Duration::from_nanos)
}

/// Text that looks like each format's own markup.
fn text() -> impl Strategy<Value = String> {
    let markup = prop_oneof![
        Just("---"),
        Just("\\"),
        Just("**"),
        Just("> "),
        Just("-->"),
        Just("<c.gap.radio>"),
        Just("&amp;"),
        Just("&"),
        Just("[gap of 1.0 s: x (radio)]"),
        Just("--- gap of 1.0 s: x (radio) ---"),
        Just("\u{2060}"),
        Just("NOTE"),
        Just("WEBVTT"),
        Just("7"),
        Just("00:00:01,000 --> 00:00:02,000"),
        Just("\n\n"),
        Just("\r"),
        Just("]"),
        Just("\u{2028}"),
        Just("\u{85}"),
        Just("*gap*"),
        Just("#"),
        Just("\u{feff}"),
        Just("Straße, 東京. 👓"),
    ];
    vec(prop_oneof![markup.prop_map(str::to_owned), any::<String>()], 0..4).prop_map(|parts| parts.concat())
}

fn cause() -> impl Strategy<Value = GapCause> {
    use GapCause::{Absent, Disk, NotTranscribed, Overflow, Radio, Rejected, RelayLostHistory, Unknown};
    prop::sample::select(vec![
        Radio,
        Overflow,
        Rejected,
        Absent,
        Disk,
        RelayLostHistory,
        NotTranscribed,
        Unknown,
    ])
}

fn entry() -> impl Strategy<Value = Entry> {
    let word = (text(), time(), time(), any::<bool>()).prop_map(|(text, from, to, estimated)| TimedWord {
        text,
        from,
        to,
        estimated,
    });
    let speech = (text(), time(), time(), vec(word, 0..4))
        .prop_map(|(text, from, to, words)| Entry::Speech(Speech { from, to, text, words }));
    let gap = (time(), time(), cause()).prop_map(|(from, to, cause)| Entry::Gap(Missing { from, to, cause }));
    prop_oneof![speech, gap]
}

proptest! {
    #[test]
    fn every_format_is_read_as_it_was_written(entries in vec(entry(), 0..12)) {
        let transcript = Transcript::new(entries);
        for format in Format::ALL {
            let text = exported(&transcript, format);
            let back = imported(format, &text).unwrap();
            let carried = if format == Format::Json { transcript.clone() } else { without_words(&transcript) };
            prop_assert_eq!(&back, &carried, "{}: {}", format, text);
            prop_assert_eq!(exported(&back, format), text, "{}", format);
        }
    }

    #[test]
    fn hostile_text_is_an_error_or_a_transcript(text in text(), more in text()) {
        for format in Format::ALL {
            for text in [text.clone(), format!("WEBVTT\n\n{text}\n{more}"), format!("1\n00:00:01,000 --> {text}\n{more}"),
                format!("[00:00:01.000 - 00:00:02.000] {text}\n{more}"), format!("{{\"version\":1,\"entries\":[{text}]}}")] {
                if let Ok(transcript) = imported(format, &text) {
                    let written = exported(&transcript, format);
                    prop_assert_eq!(exported(&imported(format, &written).unwrap(), format), written);
                }
            }
        }
    }

    // SPEC P4.3
    #[test]
    fn a_gap_is_in_every_export(from in time(), to in time(), cause in cause()) {
        let transcript = Transcript::new(vec![Entry::Gap(Missing { from, to, cause })]);
        for format in Format::ALL {
            let back = imported(format, &exported(&transcript, format)).unwrap();
            prop_assert_eq!(back, transcript.clone());
        }
    }
}

#[test]
fn the_importers_say_what_is_wrong_and_where() {
    let line = |format, text| match imported(format, text) {
        Err(ImportError::Malformed { line, .. }) => line,
        other => panic!("{format}: {other:?}"),
    };
    assert_eq!(line(Format::Txt, "[00:00:01.000 - 00:00:02.000] fine\nnot a line of ours"), 2);
    assert_eq!(line(Format::Txt, "[00:00:03.000 - 00:00:02.000] ends before it begins"), 1);
    assert_eq!(line(Format::Markdown, "# Transcript\n\nprose"), 3);
    assert_eq!(line(Format::Srt, "1\n00:00:01,000 -> 00:00:02,000\ntext"), 2);
    assert_eq!(line(Format::Srt, "1"), 1);
    assert_eq!(line(Format::Vtt, "1\n00:00:01.000 --> 00:00:02.000\ntext"), 1);
    assert_eq!(line(Format::Vtt, "WEBVTT\n\nx --> y\ntext"), 3);
    assert!(matches!(imported(Format::Json, "{"), Err(ImportError::Json(_))));
    assert!(matches!(imported(Format::Json, r#"{"version":2,"new":true}"#), Err(ImportError::Newer(2))));
    assert!(matches!(import(Format::Txt, &mut [0xff_u8, 0xfe].as_slice()), Err(ImportError::NotText)));
    assert!(matches!(import(Format::Txt, &mut std::io::repeat(b'x')), Err(ImportError::TooLarge)));
}

#[test]
fn subtitles_of_other_programs_are_read() {
    let srt = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500\r\nGood\r\nmorning.\r\n\r\n00:00:03,000 --> 00:00:04,000\r\nNo number.\r\n";
    assert_eq!(imported(Format::Srt, srt).unwrap().text(), "Good morning. No number.");
    let vtt = "WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\na remark\n\nid\n\
               00:01.000 --> 00:02.500 align:start\n<v Ann>Good <00:01.500>morning &amp; welcome.</v>\n";
    let transcript = imported(Format::Vtt, vtt).unwrap();
    assert_eq!(transcript.text(), "Good morning & welcome.");
    assert_eq!(transcript.entries()[0].end(), Duration::from_millis(2500));
}

#[test]
fn a_format_is_named_by_its_extension() {
    for format in Format::ALL {
        assert_eq!(format.extension().parse(), Ok(format));
    }
    assert_eq!(Format::of_path("talk.SRT".as_ref()), Ok(Format::Srt));
    assert_eq!(
        "docx".parse::<Format>().unwrap_err().to_string(),
        "\"docx\" is not a transcript format; there are txt, md, json, srt and vtt"
    );
}
