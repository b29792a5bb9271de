mod doors;
mod formats;
mod messages;
mod sessions;
mod unpack;

use bytes::Bytes;

/// Something that reads what others wrote.
pub struct Target {
    pub name: &'static str,
    /// Panics if the input breaks it.
    pub(crate) read: fn(&[u8]),
    /// Folders with input that is good, from the workspace's.
    pub(crate) corpora: &'static [&'static str],
    /// Input that is made.
    pub(crate) made: fn() -> Vec<Vec<u8>>,
}

pub const TARGETS: [Target; 10] = [
    Target {
        name: "text",
        read: messages::text,
        corpora: &[
            "sdk/protocol/tests/golden/client",
            "sdk/protocol/tests/golden/relay",
            "sdk/protocol/tests/golden/newer",
        ],
        made: Vec::new,
    },
    Target {
        name: "audio",
        read: messages::audio,
        corpora: &["sdk/protocol/tests/golden/audio"],
        made: Vec::new,
    },
    Target { name: "relay_session", read: sessions::relay, corpora: &[], made: Vec::new },
    Target { name: "client_session", read: sessions::client, corpora: &[], made: Vec::new },
    Target { name: "lc3", read: formats::lc3, corpora: &[], made: formats::lc3_frames },
    Target {
        name: "timeline",
        read: formats::timeline,
        corpora: &["sdk/session/tests/golden", "tests/simulation/timelines"],
        made: Vec::new,
    },
    Target {
        name: "journal",
        read: formats::journal,
        corpora: &["sdk/audio/tests/golden/v1", "sdk/audio/tests/golden/v2"],
        made: Vec::new,
    },
    Target { name: "unpack", read: unpack::unpack, corpora: &[], made: unpack::packed },
    Target { name: "deepgram", read: doors::deepgram, corpora: &[], made: Vec::new },
    Target { name: "omi", read: doors::omi, corpora: &[], made: Vec::new },
];

/// The bytes that hexadecimal digits stand for.
fn hexadecimal(text: &str) -> Bytes {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
