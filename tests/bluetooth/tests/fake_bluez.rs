//! The real client of the system's Bluetooth stack against virtual glasses behind a D-Bus.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A process with lines in and out, ended when dropped.
struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it speaks");
        assert!(!line.is_empty(), "it ended too soon");
        line.trim_end().to_owned()
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it listens");
    }

    fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.line()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Rig {
    _bus: Program,
    bluez: Program,
    client: Program,
    _folder: tempfile::TempDir,
}

fn rig(model: &str, seconds: u32) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let configuration = folder.path().join("bus.conf");
    std::fs::write(
        &configuration,
        format!(
            "<busconfig><type>custom</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            socket.display()
        ),
    )
    .unwrap();
    let mut bus = Program::start(
        Command::new("dbus-daemon")
            .arg(format!("--config-file={}", configuration.display()))
            .args(["--nofork", "--nopidfile", "--print-address"])
            .stderr(Stdio::null()),
    );
    bus.line();
    let address = format!("unix:path={}", socket.display());
    let on_bus = |program: &str, arguments: &[&str]| {
        Program::start(Command::new(program).args(arguments).env("DBUS_SYSTEM_BUS_ADDRESS", &address))
    };
    let mut bluez = on_bus(env!("CARGO_BIN_EXE_fake-bluez"), &[model]);
    assert_eq!(bluez.line(), "ready");
    let client = on_bus(env!("CARGO_BIN_EXE_bluetooth-check"), &[model, "--seconds", &seconds.to_string()]);
    Rig { _bus: bus, bluez, client, _folder: folder }
}

impl Rig {
    fn until_listening(&mut self) -> u64 {
        let line = loop {
            let line = self.client.line();
            if let Some(frames) = line.strip_prefix("listening ") {
                break frames.to_owned();
            }
        };
        line.parse().unwrap()
    }

    fn drop_arm(&mut self, arm: &str) {
        self.bluez.say(&format!("lose {arm} 0.5"));
        self.client.say("dropped");
        assert!(self.client.line().starts_with("back "));
    }

    fn finish(&mut self) -> serde_json::Value {
        self.client.say("end");
        let heard = serde_json::from_str(&self.client.line()).unwrap();
        assert!(self.client.child.wait().unwrap().success());
        heard
    }
}

#[test]
fn both_arms_bond_and_a_minute_of_audio_and_a_dropped_arm_leave_no_frame_unaccounted_for() {
    let start = Instant::now();
    let mut rig = rig("even-g1", 60);
    let frames = rig.until_listening();
    assert!(frames >= 5900, "{frames} frames in a minute");
    assert_eq!(rig.bluez.ask("lenses"), r#"[["shown over the air"],["shown over the air"]]"#);
    rig.drop_arm("left");
    rig.drop_arm("right");
    assert_eq!(rig.bluez.ask("lenses"), r#"[["shown over the air"],["shown over the air"]]"#);
    let heard = rig.finish();
    let ledger: serde_json::Value = serde_json::from_str(&rig.bluez.ask("ledger")).unwrap();
    assert_eq!(heard["frames"], ledger["delivered"], "{heard} {ledger}");
    assert_eq!(heard["radio"], 0);
    assert!(start.elapsed() < Duration::from_secs(90), "{:?}", start.elapsed());
}

#[test]
fn every_device_is_heard_through_the_system_s_stack() {
    for model in ["even-g2", "mentra-live", "mentra-nex", "frame", "halo", "omi", "friend"] {
        let mut rig = rig(model, 3);
        let frames = rig.until_listening();
        assert!(frames >= 100, "{model}: {frames} frames");
        let heard = rig.finish();
        assert_eq!(heard["radio"], 0, "{model}");
    }
}
