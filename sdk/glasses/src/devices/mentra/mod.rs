//! Mentra's glasses: one peripheral each, the same characteristics, two languages.

mod live;
mod live_frames;
mod nex;

pub(crate) use live::MentraLive;
pub(crate) use nex::MentraNex;

use uuid::{Uuid, uuid};

const SERVICE: Uuid = uuid!("00004860-0000-1000-8000-00805f9b34fb");
const WRITE: Uuid = uuid!("000071ff-0000-1000-8000-00805f9b34fb");
const NOTIFY: Uuid = uuid!("000070ff-0000-1000-8000-00805f9b34fb");
/// Bytes of an LC3 frame: 10 ms at 32 kbit/s.
const FRAME_BYTES: usize = 40;

/// Frames of an audio packet: a header byte, a counter, whole frames.
fn audio_frames(packet: &[u8]) -> Option<(u8, Vec<Vec<u8>>)> {
    let (&[_, counter], frames) = packet.split_first_chunk::<2>()?;
    let whole = !frames.is_empty() && frames.len().is_multiple_of(FRAME_BYTES);
    whole.then(|| (counter, frames.chunks(FRAME_BYTES).map(<[u8]>::to_vec).collect()))
}
