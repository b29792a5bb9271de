/// What differs between the two devices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant {
    pub(super) id: &'static str,
    /// The argument of `frame.microphone.start`.
    audio: &'static str,
    /// Bytes of an audio packet, after its code and counter.
    pub(super) packet: usize,
    /// Bytes of a frame.
    pub(super) frame: usize,
    /// Pixels from one line of text to the next.
    line: u16,
}

/// Frame: 16-bit PCM. A frame of 10 ms is 320 bytes and travels in two halves, each within an MTU of 247.
pub(super) const FRAME: Variant =
    Variant { id: "frame", audio: "{sample_rate=16000,bit_depth=16}", packet: 160, frame: 320, line: 60 };

/// Halo: LC3 at 32 kbit/s, five frames of 10 ms a packet. Durations are in units of 10 µs.
pub(super) const HALO: Variant = Variant {
    id: "halo",
    audio: "{encoder='lc3',sample_rate=16000,channels=1,duration=1000,bitrate=32000}",
    packet: 200,
    frame: 40,
    line: 30,
};

/// The name of the program's file on the glasses, without its ending.
pub(super) const NAME: &str = "glasslink";

impl Variant {
    /// The program, as it is put on the glasses: comments and indents stay behind.
    pub(super) fn program(&self) -> String {
        let lines = include_str!("program.lua").lines().map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("--")).collect();
        format!(
            "local AUDIO,PACKET,LINE={},{},{}\n{}\n",
            self.audio,
            self.packet,
            self.line,
            lines.join("\n")
        )
    }
}
