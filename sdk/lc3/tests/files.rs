//! Files of the example `lc3` and of liblc3's tools, where they are installed, each read by the other.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use glasslink_lc3::FrameDuration;

#[path = "../examples/lc3/container.rs"]
mod container;
#[path = "../examples/lc3/convert.rs"]
mod convert;
#[path = "support/mod.rs"]
mod support;
#[path = "../examples/lc3/wav.rs"]
mod wav;

use support::{measure, signals};
use wav::Wav;

/// Runs one of liblc3's tools; false, and said, if it is not installed.
fn tool<A: AsRef<OsStr>>(name: &str, arguments: &[A]) -> bool {
    match Command::new(name).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("SKIPPED: {name} is not installed (Debian: liblc3-tools)");
            false
        }
        status => {
            assert!(status.unwrap().success(), "{name} fails");
            true
        }
    }
}

fn stereo(rate: u32) -> Wav {
    let left = signals::voice(rate, 2.0);
    let right = signals::sweep(rate, 2.0);
    // Not a whole number of frames.
    let pcm = left.iter().zip(&right).flat_map(|(l, r)| [*l, *r]).take(2 * (left.len() - 100)).collect();
    Wav { sample_rate: rate, channels: 2, pcm }
}

#[test]
fn files_come_back_as_long_as_they_were_and_sound_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (rate, duration) in
        [(16_000, FrameDuration::Ms10), (44_100, FrameDuration::Ms10), (48_000, FrameDuration::Ms7_5)]
    {
        let original = stereo(rate);
        original.write(&path("in.wav")).unwrap();
        convert::encode(&path("in.wav"), &path("a.lc3"), 256_000, duration).unwrap();
        convert::decode(&path("a.lc3"), &path("out.wav")).unwrap();
        let heard = Wav::read(&path("out.wav")).unwrap();
        assert_eq!((heard.sample_rate, heard.channels), (rate, 2));
        assert_eq!(heard.pcm.len(), original.pcm.len());
        let left = |wav: &Wav| wav.pcm.iter().copied().step_by(2).collect::<Vec<_>>();
        let ratio = measure::snr(&left(&original), &left(&heard));
        assert!(ratio > 15.0, "{rate} Hz: {ratio} dB");
    }
}

#[test]
fn the_tools_of_liblc3_read_our_files_and_we_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (rate, duration, ms) in [(16_000, FrameDuration::Ms10, "10"), (48_000, FrameDuration::Ms7_5, "7.5")] {
        let original = stereo(rate);
        original.write(&path("in.wav")).unwrap();
        convert::encode(&path("in.wav"), &path("ours.lc3"), 128_000, duration).unwrap();
        let words = ["-b", "128000", "-m", ms].map(Into::into);
        let files = [path("in.wav"), path("theirs.lc3")].map(Into::into);
        let arguments: Vec<std::ffi::OsString> = words.into_iter().chain(files).collect();
        if !tool("elc3", &arguments) {
            return;
        }
        for name in ["ours", "theirs"] {
            let (file, a, b) = (path(&format!("{name}.lc3")), path("a.wav"), path("b.wav"));
            if !tool("dlc3", &[&file, &a]) {
                return;
            }
            convert::decode(&file, &b).unwrap();
            let (a, b) = (Wav::read(&a).unwrap(), Wav::read(&b).unwrap());
            assert_eq!((a.channels, a.pcm.len()), (2, original.pcm.len()));
            assert_eq!(b.pcm.len(), a.pcm.len());
            let off = measure::largest_difference(&a.pcm, &b.pcm);
            assert!(off <= 1, "{name}, {rate} Hz: off by {off}");
        }
    }
}

#[test]
fn what_is_no_such_file_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let out = path("out");
    let refused = |data: &[u8]| -> [String; 2] {
        std::fs::write(path("in"), data).unwrap();
        let encoded = convert::encode(&path("in"), &out, 32_000, FrameDuration::Ms10).unwrap_err();
        [encoded.to_string(), convert::decode(&path("in"), &out).unwrap_err().to_string()]
    };
    for data in [b"".as_slice(), b"RIFF", &[0xff; 100]] {
        let [wav, lc3] = refused(data);
        assert!(wav.contains("not a WAV file") && lc3.contains("not an LC3 file"), "{wav}; {lc3}");
    }
    // Every single byte of a good file, and every length of it.
    Wav { sample_rate: 16_000, channels: 1, pcm: vec![100; 40] }.write(&path("in.wav")).unwrap();
    convert::encode(&path("in.wav"), &path("good.lc3"), 32_000, FrameDuration::Ms10).unwrap();
    for name in ["in.wav", "good.lc3"] {
        let good = std::fs::read(path(name)).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            for data in [&bad, &good[..at]] {
                std::fs::write(path("in"), data).unwrap();
                let _ = convert::encode(&path("in"), &out, 32_000, FrameDuration::Ms10);
                let _ = convert::decode(&path("in"), &out);
            }
        }
    }
    assert!(convert::decode(Path::new("/nonexistent/file"), &out).is_err());
}
