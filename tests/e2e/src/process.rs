use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A program that needs longer than this hangs. The longest replay lasts a minute.
pub const LIMIT: Duration = Duration::from_mins(4);

/// Memory is looked at this often.
const SAMPLE: Duration = Duration::from_millis(50);

/// What a program came to.
#[derive(Clone, Debug)]
pub struct Finished {
    /// `None`: a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// Most bytes of memory it held, where the system tells (Linux).
    pub peak_memory: Option<u64>,
}

/// Runs a program to its end, or kills it and panics when that takes longer than `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Finished {
    let began = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = reader(child.stderr.take().expect("it is piped"));
    let stdout = reader(child.stdout.take().expect("it is piped"));
    let (ended, end) = channel();
    let waiting = thread::spawn(move || {
        let outputs =
            (stdout.join().expect("reading does not panic"), stderr.join().expect("reading does not panic"));
        // Nobody listens any more when the limit has passed.
        let _ = ended.send(());
        outputs
    });
    let mut peak = None;
    while let Err(RecvTimeoutError::Timeout) = end.recv_timeout(SAMPLE) {
        peak = peak_memory(child.id()).or(peak);
        if began.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            let (stdout, stderr) = waiting.join().expect("reading does not panic");
            panic!("{command:?} did not end within {limit:?}:\n{stdout}\n{stderr}");
        }
    }
    let (stdout, stderr) = waiting.join().expect("reading does not panic");
    let code = child.wait().expect("it is our child").code();
    Finished { code, stdout, stderr, peak_memory: peak }
}

/// Most bytes a process has held so far, where the system tells.
pub fn peak_memory(process: u32) -> Option<u64> {
    memory(process, "VmHWM:")
}

/// Bytes a process holds now, where the system tells.
pub fn present_memory(process: u32) -> Option<u64> {
    memory(process, "VmRSS:")
}

/// Files and sockets a process has open, where the system tells.
pub fn descriptors(process: u32) -> Option<u64> {
    Some(fs::read_dir(format!("/proc/{process}/fd")).ok()?.count() as u64)
}

fn memory(process: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix(field))?.trim().strip_suffix(" kB")?;
    Some(kibibytes.parse::<u64>().ok()? << 10)
}

fn reader(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What a killed program leaves half written is still worth showing.
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
