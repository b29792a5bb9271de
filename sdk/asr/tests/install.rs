//! Installing the model. The wheel at hand is made from the installed model: its files are what is verified.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use glasslink_asr::model::{File, InstallError, ModelDir, ModelError, Progress, Source, install};

mod common;

/// Where each file is in its wheel, on the platforms whose runtime comes with the model.
const MEMBERS: [(File, &str); 6] = [
    (File::Encoder, "moonshine_voice/assets/tiny-en/encoder_model.ort"),
    (File::Decoder, "moonshine_voice/assets/tiny-en/decoder_model_merged.ort"),
    (File::Tokenizer, "moonshine_voice/assets/tiny-en/tokenizer.bin"),
    (File::Runtime, "moonshine_voice.libs/libonnxruntime-13ab8084.so.1"),
    (File::TwoCities, "moonshine_voice/assets/two_cities.wav"),
    (File::Beckett, "moonshine_voice/assets/beckett.wav"),
];

fn wheel(folder: &Path, model: &ModelDir, members: &[(File, &str)], damage: Option<File>) -> PathBuf {
    let path = folder.join("at-hand.whl");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for &(file, member) in members {
        let mut bytes = fs::read(model.path(file)).unwrap();
        if damage == Some(file) {
            bytes[1_000] ^= 1;
        }
        archive.start_file(member, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
    path
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn a_wheel_at_hand_is_verified_and_takes_its_place_at_once() {
    let Some(installed) = common::model(&File::ALL) else { return };
    let folder = tempfile::tempdir().unwrap();
    let fresh = ModelDir::new(folder.path().join("models").join("moonshine-tiny-en"));

    let damaged = wheel(folder.path(), &installed, &MEMBERS, Some(File::Decoder));
    let error = install(&Source::Wheels(vec![damaged]), &fresh, &mut |_| {}).unwrap_err();
    assert!(matches!(error, InstallError::NotInside { file: "decoder_model_merged.ort", .. }), "{error}");
    assert!(matches!(fresh.check(&File::ALL), Err(ModelError::Missing { .. })), "nothing half done is left");

    let whole = wheel(folder.path(), &installed, &MEMBERS, None);
    let mut unpacked = Vec::new();
    install(&Source::Wheels(vec![whole.clone()]), &fresh, &mut |progress| {
        if let Progress::Unpacking { name } = progress {
            unpacked.push(name);
        }
    })
    .unwrap();
    assert_eq!(unpacked, File::ALL.map(File::name));
    fresh.verify(&File::ALL).unwrap();

    fs::write(fresh.path(File::Encoder), b"damaged").unwrap();
    install(&Source::Wheels(vec![whole.clone()]), &fresh, &mut |_| {}).unwrap();
    fresh.verify(&File::ALL).unwrap();

    fs::remove_file(whole).unwrap();
    install(&Source::Wheels(Vec::new()), &fresh, &mut |_| {}).expect("a whole model is left as it is");
    let beside: Vec<_> =
        fs::read_dir(folder.path().join("models")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(beside.iter().all(|name| !name.to_string_lossy().starts_with(".installing-")), "{beside:?}");
}

#[test]
fn what_is_no_wheel_or_not_the_wheel_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = ModelDir::new(folder.path().join("model"));
    let text = folder.path().join("page.whl");
    fs::write(&text, b"<html>not found</html>").unwrap();
    let error = install(&Source::Wheels(vec![text]), &fresh, &mut |_| {}).unwrap_err();
    assert!(matches!(error, InstallError::NotAWheel { .. }), "{error}");

    let missing = folder.path().join("nowhere.whl");
    let error = install(&Source::Wheels(vec![missing.clone()]), &fresh, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("nowhere.whl"), "{error}");

    let error = install(&Source::Wheels(Vec::new()), &fresh, &mut |_| {}).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("encoder_model.ort is not in what was given: it is in moonshine_voice-0.0.73"),
        "{error}"
    );
}
