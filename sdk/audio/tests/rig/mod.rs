//! A sound server of our own: a speaker that goes nowhere, and microphones that hear it.
//!
//! The server's address is in the environment, which a process may not change safely once it runs: each test runs in a
//! process of its own, with a server and a home of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use glasslink_audio::microphone::{Microphone, MicrophoneControl, MicrophoneState};
use glasslink_audio::{Captured, SourceExt};
use glasslink_protocol::GapCause;

const DIR: &str = "GLASSLINK_SOUND_RIG";

/// Runs `test`, which is called `name`, with a folder for a sound server. Skips where there is none to start.
pub(crate) fn run<F: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> F) {
    if let Some(dir) = std::env::var_os(DIR) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        return runtime.block_on(test(dir.into()));
    }
    let programs = ["pulseaudio", "pactl", "pacat"];
    if let Some(missing) = programs.iter().find(|program| !is_there(program)) {
        assert!(std::env::var_os("GLASSLINK_REQUIRE_SOUND").is_none(), "{missing} is not installed");
        println!("skipped: {missing} is not installed (Debian: pulseaudio pulseaudio-utils)");
        return;
    }
    let dir = tempfile::TempDir::new().unwrap();
    // Without a server, programs of ALSA are sent to one as well, as they are on a desktop.
    let alsa = "pcm.!default { type pulse }\nctl.!default { type pulse }\n";
    std::fs::write(dir.path().join(".asoundrc"), alsa).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .env(DIR, dir.path())
        .env("HOME", dir.path())
        .env("XDG_RUNTIME_DIR", dir.path())
        .env("PULSE_SERVER", format!("unix:{}", socket(dir.path()).display()))
        .env_remove("PULSE_RUNTIME_PATH")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .status()
        .unwrap();
    assert!(status.success(), "{name}");
}

/// Whether times are held to what they are on a machine that does nothing else.
pub(crate) fn is_strict() -> bool {
    std::env::var_os("GLASSLINK_NIGHTLY").is_some()
}

/// How long a device's failure or return may take to show: 3 s, and on a loaded machine more.
pub(crate) fn limit() -> Duration {
    if is_strict() { Duration::from_secs(3) } else { Duration::from_secs(40) }
}

fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("native")
}

/// A sound server that is killed when this is dropped.
pub(crate) struct Server {
    process: Child,
}

impl Server {
    /// A speaker, and nothing to record from but what it plays.
    pub(crate) fn start(dir: &Path) -> Self {
        let _ = std::fs::remove_file(socket(dir));
        let protocol =
            format!("module-native-protocol-unix socket={} auth-anonymous=1", socket(dir).display());
        let speaker = "module-null-sink sink_name=speaker rate=48000 channels=2 format=float32le \
                       sink_properties=device.description=Speaker";
        let process = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"])
            .args(["-L", &protocol, "-L", speaker])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process };
        let until = Instant::now() + Duration::from_secs(20);
        while !Command::new("pactl").arg("info").output().unwrap().status.success() {
            assert!(Instant::now() < until, "the sound server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A microphone that hears the speaker.
pub(crate) fn plug(name: &str) -> Plug {
    let module = pactl(&[
        "load-module",
        "module-remap-source",
        "master=speaker.monitor",
        &format!("source_name={name}"),
        &format!("source_properties=device.description={name}_microphone"),
    ]);
    Plug { module: module.trim().into() }
}

pub(crate) fn set_default(name: &str) {
    pactl(&["set-default-source", name]);
}

/// Plays mono samples at 48 kHz, until they are over or this is dropped.
pub(crate) fn play(samples: &[i16]) -> Playing {
    let mut process = Command::new("pacat")
        .args(["--playback", "--raw", "--format=s16le", "--rate=48000", "--channels=1", "--device=speaker"])
        .arg("--latency-msec=100")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut stdin = process.stdin.take().unwrap();
    // It ends with an error when the program is killed.
    std::thread::spawn(move || stdin.write_all(&bytes));
    Playing { process }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) struct Playing {
    process: Child,
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) struct Plug {
    module: String,
}

impl Plug {
    pub(crate) fn pull(self) {
        pactl(&["unload-module", &self.module]);
    }
}

fn pactl(words: &[&str]) -> String {
    let output = Command::new("pactl").args(words).output().unwrap();
    assert!(output.status.success(), "pactl {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A microphone that is recorded from, and what came of it.
pub(crate) struct Heard {
    pub(crate) microphone: Microphone,
    pub(crate) control: MicrophoneControl,
    pub(crate) samples: Vec<i16>,
    pub(crate) frames: u64,
    pub(crate) gaps: Vec<(u64, GapCause)>,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Heard {
    pub(crate) fn from(microphone: Microphone) -> Self {
        let control = microphone.control();
        let (samples, gaps) = (Vec::new(), Vec::new());
        Self { microphone, control, samples, frames: 0, gaps, first: None, last: None }
    }

    /// Takes what comes for `lasting`.
    pub(crate) async fn listen(&mut self, lasting: Duration) {
        let _ = tokio::time::timeout(lasting, self.listen_to_the_end()).await;
    }

    /// Takes what comes until the state is as wanted; says how long that took.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&MicrophoneState) -> bool) -> Duration {
        let start = Instant::now();
        while !wanted(&self.control.state()) {
            let state = self.control.state();
            assert!(start.elapsed() < limit(), "not {what} after {:?}, but {state:?}", start.elapsed());
            self.listen(Duration::from_millis(20)).await;
        }
        println!("{what}: after {:?}", start.elapsed());
        start.elapsed()
    }

    pub(crate) async fn listen_to_the_end(&mut self) {
        let mut frame = Vec::new();
        while let Some(captured) = self.microphone.next(&mut frame).await.unwrap() {
            match captured {
                Captured::Frame { captured_at } => {
                    self.first.get_or_insert(captured_at);
                    self.last = Some(captured_at);
                    self.frames += 1;
                    self.samples.extend(frame.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)));
                }
                Captured::Gap { frames, cause } => self.gaps.push((frames, cause)),
            }
        }
    }

    pub(crate) fn gap_frames(&self) -> u64 {
        self.gaps.iter().map(|(frames, _)| frames).sum()
    }

    /// Frames and gaps are the time from the first frame to the end of the last, within one frame; and that frame is
    /// of just now. When something was captured is known from when it arrived, which a loaded machine delays.
    pub(crate) fn assert_time(&self) {
        let (first, last) = (self.first.unwrap(), self.last.unwrap());
        let elapsed = last - first + Duration::from_millis(10);
        let counted = Duration::from_millis((self.frames + self.gap_frames()) * 10);
        let off = counted.abs_diff(elapsed);
        println!("{} frames, gaps {:?}: {off:?} off", self.frames, self.gaps);
        let bound = if is_strict() { 10 } else { 100 };
        assert!(off <= Duration::from_millis(bound), "{counted:?} counted, {elapsed:?} passed");
        let late = last.elapsed();
        let bound = if is_strict() { 300 } else { 5_000 };
        assert!(late < Duration::from_millis(bound), "the last frame is {late:?} old");
    }
}
