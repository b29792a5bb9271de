//! Audio files of every kind, whole, broken and hostile.

mod common;

use std::path::{Path, PathBuf};

use common::{purity, sine, snr_db, wav};
use glasslink_audio::{AudioFile, FileError};
use proptest::prelude::*;
use tempfile::TempDir;

const RATE: u32 = 16_000;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// What a file has, and the error it ends with.
fn read(path: &Path) -> (Vec<i16>, Option<FileError>) {
    let mut samples = Vec::new();
    let mut file = match AudioFile::open(path, RATE) {
        Ok(file) => file,
        Err(error) => return (samples, Some(error)),
    };
    loop {
        match file.read(&mut samples) {
            Ok(true) => {}
            Ok(false) => return (samples, None),
            Err(error) => {
                assert!(!file.read(&mut samples).unwrap(), "an error ends the file");
                return (samples, Some(error));
            }
        }
    }
}

#[test]
fn samples_that_need_no_change_are_not_changed() {
    let folder = TempDir::new().unwrap();
    let samples: Vec<i16> = (0..5000).map(|n: i32| (n * 7919) as i16).collect();
    let (read, error) = read(&write(&folder, "a.wav", &wav(&samples, RATE, 1)));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(read, samples);
}

#[test]
fn any_rate_and_channel_count_becomes_sixteen_kilohertz_mono_in_its_place() {
    let folder = TempDir::new().unwrap();
    // 44,101 has no common divisor with 16,000.
    for (rate, channels) in
        [(8_000, 1), (11_025, 2), (22_050, 1), (44_100, 2), (44_101, 1), (48_000, 6), (96_000, 2)]
    {
        let path = write(&folder, "a.wav", &wav(&sine(997.0, rate, rate as usize), rate, channels));
        let (samples, error) = read(&path);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(samples.len(), RATE as usize, "{rate} Hz");
        let snr = snr_db(&samples, 997.0, RATE, 400);
        assert!(snr > 60.0, "{rate} Hz, {channels} channels: {snr:.1} dB");
    }
}

#[test]
fn what_sixteen_kilohertz_cannot_carry_is_not_folded_into_the_speech() {
    let folder = TempDir::new().unwrap();
    for hertz in [8_500.0, 9_000.0, 12_000.0, 20_000.0] {
        let (samples, _) = read(&write(&folder, "a.wav", &wav(&sine(hertz, 48_000, 48_000), 48_000, 1)));
        let loudest = samples[400..15_600].iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(loudest < 16, "{hertz} Hz: {loudest}");
    }
}

#[test]
fn flac_mp3_and_vorbis_are_read() {
    for name in ["tone.flac", "tone.mp3", "tone.ogg"] {
        let (samples, error) = read(&data(name));
        assert!(error.is_none(), "{name}: {error:?}");
        // 0.8 and 2 s; a codec may add the padding of its last packet where the file does not say how much it is.
        let expected = if name == "tone.ogg" { 32_000 } else { 12_800 };
        assert!(samples.len().abs_diff(expected) < 1_000, "{name}: {}", samples.len());
        assert!(purity(&samples[2000..10_000], 440.0, RATE) > 0.99, "{name}");
    }
}

#[test]
fn a_file_that_is_no_audio_is_refused_by_name_with_a_remedy() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing.wav");
    let message = AudioFile::open(&missing, RATE).unwrap_err().to_string();
    assert!(message.contains("missing.wav") && message.contains("check the name"), "{message}");
    assert!(matches!(read(folder.path()).1, Some(FileError::Open { .. })));
    assert!(matches!(read(&write(&folder, "empty.wav", b"")).1, Some(FileError::Empty { .. })));
    assert!(matches!(
        read(&write(&folder, "header.wav", &wav(&[], RATE, 1))).1,
        Some(FileError::Empty { .. })
    ));
    let text =
        write(&folder, "text.mp3", "This is a letter, and a long one at that. ".repeat(500).as_bytes());
    let error = read(&text).1.unwrap();
    assert!(matches!(error, FileError::NotAudio { .. }), "{error}");
    assert!(error.to_string().contains("text.mp3") && error.to_string().contains("convert"), "{error}");
}

#[test]
fn a_wav_whose_writer_did_not_know_its_length_is_whole() {
    let folder = TempDir::new().unwrap();
    let samples = sine(440.0, RATE, 16_100);
    for length in [u32::MAX, 0xffff_fff0, 0x7fff_ffff, 0] {
        let mut bytes = wav(&samples, RATE, 1);
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(read(&write(&folder, "head.wav", &bytes)).0, samples, "{length:x}");
        bytes[40..44].copy_from_slice(&length.to_le_bytes());
        let (read, error) = read(&write(&folder, "stream.wav", &bytes));
        assert!(error.is_none(), "{length:x}: {error:?}");
        assert_eq!(read, samples, "{length:x}");
    }
}

#[test]
fn a_file_cut_in_the_middle_yields_what_there_is_and_then_says_so() {
    let folder = TempDir::new().unwrap();
    let whole_wav = wav(&sine(440.0, 48_000, 38_400), 48_000, 2);
    let files = ["tone.flac", "tone.mp3", "tone.ogg"].map(|name| (name, std::fs::read(data(name)).unwrap()));
    for (name, bytes) in files.into_iter().chain([("tone.wav", whole_wav)]) {
        let (whole, _) = read(&write(&folder, name, &bytes));
        let (half, error) = read(&write(&folder, name, &bytes[..bytes.len() * 6 / 10]));
        assert!(matches!(error, Some(FileError::Truncated { .. })), "{name}: {error:?}");
        assert!(
            (whole.len() / 3..whole.len() * 2 / 3).contains(&half.len()),
            "{name}: {} of {}",
            half.len(),
            whole.len()
        );
        assert!(purity(&half[2000..], 440.0, RATE) > 0.95, "{name}");
    }
}

#[test]
fn a_cut_wav_file_yields_every_sample_that_is_left() {
    let folder = TempDir::new().unwrap();
    let samples = sine(440.0, RATE, 16_000);
    let bytes = wav(&samples, RATE, 1);
    let (left, error) = read(&write(&folder, "a.wav", &bytes[..=44 + 2 * 9_999]));
    assert_eq!(left, samples[..9_999]);
    assert!(matches!(error, Some(FileError::Truncated { .. })), "{error:?}");
}

#[test]
fn damage_inside_a_file_is_silence_of_its_length_and_said() {
    let folder = TempDir::new().unwrap();
    let mut bytes = std::fs::read(data("tone.flac")).unwrap();
    let (whole, _) = read(&data("tone.flac"));
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    let (damaged, error) = read(&write(&folder, "damaged.flac", &bytes));
    let Some(FileError::Damaged { missing, .. }) = error else { panic!("{error:?}") };
    assert!(missing.as_millis() > 10, "{missing:?}");
    assert_eq!(damaged.len(), whole.len());
    // What follows the damage is where it was.
    let end = whole.len() - 2000;
    assert!(whole[end..].iter().zip(&damaged[end..]).all(|(a, b)| a.abs_diff(*b) <= 1));
}

#[test]
fn a_wav_of_more_channels_than_there_are_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut bytes = wav(&sine(440.0, 8_000, 4_000), 8_000, 2);
    // Two bytes a sample: more than a 16-bit block has room for.
    bytes[22..24].copy_from_slice(&0x8001_u16.to_le_bytes());
    let (samples, error) = read(&write(&folder, "channels.wav", &bytes));
    assert!(samples.is_empty());
    let Some(FileError::NotAudio { problem, .. }) = error else { panic!("{error:?}") };
    assert_eq!(problem, "32769 channels");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_mutated_file_is_read_or_refused(
        kind in 0_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        head in any::<bool>(),
    ) {
        let folder = TempDir::new().unwrap();
        let name = ["tone.flac", "tone.mp3", "tone.ogg", "tone.wav"][kind];
        let mut bytes = if kind == 3 { wav(&sine(440.0, 8_000, 4_000), 8_000, 2) } else { std::fs::read(data(name)).unwrap() };
        let reach = if head { 200 } else { bytes.len() };
        for (place, byte) in changes {
            bytes[place.index(reach)] = byte;
        }
        let (samples, _) = read(&write(&folder, name, &bytes));
        // A header that lies about its rate may stretch a second, never to hours.
        prop_assert!(samples.len() < 60 * 60 * RATE as usize);
    }
}
