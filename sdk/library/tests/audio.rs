//! Playing, exporting and importing.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use common::{Making, STREAM, frames, library, ms, rms, ten_seconds, tone};
use glasslink_audio::AudioFile;
use glasslink_library::{AudioFormat, ExportError, ImportError, ImportOptions, Library, RecordingState};
use glasslink_protocol::{GapCause, StreamId};

fn all(library: &Library, id: glasslink_protocol::SessionId) -> Vec<i16> {
    let mut audio = library.audio(id).unwrap();
    let mut samples = Vec::new();
    while audio.read(&mut samples).unwrap() {}
    samples
}

#[test]
fn gaps_are_silence_of_their_length() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    let samples = all(&library, id);
    assert_eq!(samples.len(), 160_000);
    let second = |n: usize| rms(&samples[n * 16_000 + 400..(n + 1) * 16_000 - 400]);
    assert!(samples[64_400..96_000].iter().all(|sample| *sample == 0), "4 s to 6 s is a gap");
    for n in [0, 1, 2, 3, 6, 7, 8, 9] {
        let expected = (2_000.0 + 1_500.0 * n as f64) / 2_f64.sqrt();
        assert!((second(n) / expected - 1.0).abs() < 0.2, "second {n}: {} of {expected}", second(n));
    }
    let audio = library.audio(id).unwrap();
    assert_eq!((audio.gaps().len(), audio.gaps()[0].cause), (1, GapCause::Radio));
    assert_eq!(audio.duration(), ms(10_000));
}

#[test]
fn any_place_sounds_as_it_does_from_the_start() {
    let (_folder, library) = library();
    let id = ten_seconds(&library);
    let whole = all(&library, id);
    let mut audio = library.audio(id).unwrap();
    for start in [0, 10, 995, 1_000, 3_900, 3_990, 4_000, 5_000, 5_999, 6_000, 6_500, 9_990, 10_000, 99_000] {
        audio.seek(ms(start));
        let mut samples = Vec::new();
        let any = audio.read(&mut samples).unwrap();
        assert_eq!(any, start < 10_000, "{start}");
        let from = (start as usize * 16).min(whole.len());
        let expected = &whole[from..(from + 4_000).min(whole.len())];
        let difference: Vec<i16> = samples.iter().zip(expected).map(|(a, b)| a.saturating_sub(*b)).collect();
        assert_eq!(samples.len(), expected.len());
        // The codec's post-filter remembers a little more than the frames that are decoded before.
        assert!(rms(&difference) <= 0.02 * rms(expected) + 1.0, "{start}: {}", rms(&difference));
    }
}

#[test]
fn sources_that_overlap_are_mixed() {
    let (_folder, library) = library();
    let making = Making::begin(&library);
    let now = Instant::now();
    for (stream, hertz, after) in [(STREAM, 440.0, 0), (StreamId(2), 1_000.0, 1_000)] {
        making.open(stream, "", None);
        making.clock(stream, 0, now + ms(after));
        making.append(stream, 0, &frames(tone(2, hertz)));
    }
    let id = making.end(&[(STREAM, 200), (StreamId(2), 200)]);
    library.refresh().unwrap();
    let samples = all(&library, id);
    assert_eq!(samples.len(), 48_000);
    let level = |from: usize, to: usize| rms(&samples[from + 500..to - 500]);
    let (one, both, other) = (level(0, 16_000), level(16_000, 32_000), level(32_000, 48_000));
    assert!((one - 1_414.0).abs() < 200.0 && (other - 2_475.0).abs() < 300.0, "{one} {other}");
    assert!((both - 2_850.0).abs() < 400.0, "the second of one and the first of the other: {both}");
}

#[test]
fn a_long_pause_takes_no_memory_and_no_time() {
    let (_folder, library) = library();
    let making = Making::begin(&library);
    making.open(STREAM, "", None);
    let frames = frames(tone(1, 440.0));
    making.append(STREAM, 0, &frames);
    let week = 7 * 24 * 360_000;
    making.gap(STREAM, 100, week, GapCause::Absent);
    making.append(STREAM, week, &frames);
    let id = making.end(&[(STREAM, week + 100)]);
    library.refresh().unwrap();
    let mut audio = library.audio(id).unwrap();
    let mut samples = Vec::new();
    audio.seek(ms(week * 10));
    while audio.read(&mut samples).unwrap() {}
    assert_eq!(samples.len(), 16_000);
    assert!(rms(&samples) > 1_000.0);
    let error = library.export_audio(id, AudioFormat::Wav, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, ExportError::TooLong(_)), "{error}");
}

#[test]
fn audio_is_exported_as_wav_and_flac_with_what_is_missing() {
    let (folder, library) = library();
    let id = ten_seconds(&library);
    let samples = all(&library, id);
    for format in AudioFormat::ALL {
        let path = folder.path().join(format!("out.{format}"));
        let exported = library.export_audio_to(id, format, &path).unwrap();
        assert_eq!((exported.duration, exported.sample_rate, exported.gaps.len()), (ms(10_000), 16_000, 1));
        assert_eq!(read(&path, 16_000), samples, "{format}");
        let bytes = fs::read(&path).unwrap();
        let sentence = b"gap of 2.0 s at 0:00:04.0: lost on the radio link to the device";
        assert!(bytes.windows(sentence.len()).any(|part| part == sentence), "{format}");
    }
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "nothing half written is left: {names:?}");
    let nowhere = library.export_audio_to(id, AudioFormat::Wav, &folder.path().join("no/such/folder.wav"));
    assert!(matches!(nowhere, Err(ExportError::Write(_))));
}

#[test]
fn wav_flac_and_mp3_are_imported_at_full_quality() {
    let (folder, library) = library();
    let wav = folder.path().join("speech.wav");
    let tone: Vec<i16> = (0..96_000)
        .map(|n| ((f64::from(n) * 440.0 * std::f64::consts::TAU / 48_000.0).sin() * 9_000.0) as i16)
        .collect();
    write_wav(&wav, 48_000, &tone);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../audio/tests/data");
    for path in [wav.clone(), data.join("tone.flac"), data.join("tone.mp3")] {
        let imported = library.import(&path, ImportOptions::default()).unwrap();
        assert!(imported.problem.is_none(), "{:?}", imported.problem);
        let summary = library.recording(imported.id).unwrap();
        assert_eq!(summary.state, RecordingState::Ended);
        assert_eq!(summary.title, path.file_stem().unwrap().to_str().unwrap());
        assert_eq!((summary.duration, summary.untranscribed), (imported.duration, imported.duration));
        let (samples, original) = (all(&library, imported.id), read(&path, 48_000));
        assert_eq!(samples[..original.len()], original, "{}: to the bit", path.display());
        assert!(samples.len() - original.len() < 480);
    }
    let small = library.import(&wav, ImportOptions { full_quality: false, utc_offset_min: 0 }).unwrap();
    let audio = library.audio(small.id).unwrap();
    assert_eq!((audio.sample_rate(), audio.duration()), (16_000, ms(2_000)));
    assert!(library.recording(small.id).unwrap().bytes < 20_000);
}

#[test]
fn what_is_not_audio_is_not_imported_and_leaves_nothing() {
    let (folder, library) = library();
    let path = folder.path().join("notes.wav");
    fs::write(&path, "these are notes").unwrap();
    assert!(matches!(library.import(&path, ImportOptions::default()), Err(ImportError::File(_))));
    fs::write(
        &path,
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\0\0\0",
    )
    .unwrap();
    assert!(matches!(library.import(&path, ImportOptions::default()), Err(ImportError::File(_))));
    assert!(library.recordings().unwrap().is_empty());
    let dirs = fs::read_dir(library.root()).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(dirs.count(), 0);
}

#[test]
fn a_file_that_was_cut_is_imported_as_far_as_it_goes() {
    let (folder, library) = library();
    let path = folder.path().join("cut.wav");
    write_wav(&path, 16_000, &tone(4, 440.0));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let imported = library.import(&path, ImportOptions::default()).unwrap();
    assert!(imported.problem.unwrap().to_string().contains("ends early"));
    assert!((1_900..2_100).contains(&imported.duration.as_millis()));
}

fn read(path: &PathBuf, rate: u32) -> Vec<i16> {
    let mut file = AudioFile::open(path, rate).unwrap();
    let mut samples = Vec::new();
    while file.read(&mut samples).unwrap() {}
    samples
}

fn write_wav(path: &Path, rate: u32, samples: &[i16]) {
    let mut bytes = b"RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    let data = samples.len() as u32 * 2;
    bytes[4..8].copy_from_slice(&(data + 36).to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(data.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}
