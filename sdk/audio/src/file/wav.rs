use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// A file whose WAV lengths are those of the file, whatever its header says.
///
/// Recorders that are killed, and programs that write to a pipe, leave lengths of 0 or of 4 GiB; a file that was cut
/// has less than it says. The lengths that decoders see are what there is.
#[derive(Debug)]
pub(super) struct WavLengths {
    file: File,
    at: u64,
    size: u64,
    patches: Vec<Patch>,
}

/// What a WAV header says that the file does not have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Sample frames that the header says there are.
    pub(super) declared: u64,
}

/// Bytes that stand at a place instead of those in the file.
type Patch = (u64, [u8; 4]);

/// Chunks before the audio: cover pictures and notes; few files have more than five.
const MAX_CHUNKS: usize = 64;
/// More channels than any recorder has; symphonia counts the bytes of a sample of all of them in 16 bits.
const MAX_CHANNELS: u16 = 1_024;
/// Lengths from here on are what programs write that do not know.
const UNKNOWN: u32 = 0x7fff_0000;

impl WavLengths {
    /// `file` as it is if it is not a WAV file.
    pub(super) fn new(mut file: File) -> io::Result<(Self, Option<Cut>)> {
        let size = file.seek(SeekFrom::End(0))?;
        let (patches, cut) = patches(&mut file, size)?;
        file.rewind()?;
        Ok((Self { file, at: 0, size, patches }, cut))
    }
}

fn patches(file: &mut File, size: u64) -> io::Result<(Vec<Patch>, Option<Cut>)> {
    let nothing = (Vec::new(), None);
    let Some(head) = read::<12>(file, 0)? else { return Ok(nothing) };
    if !head.starts_with(b"RIFF") || !head.ends_with(b"WAVE") {
        return Ok(nothing);
    }
    let (mut at, mut block) = (12, 2);
    for _ in 0..MAX_CHUNKS {
        let Some([id @ .., a, b, c, d]) = read::<8>(file, at)? else { break };
        let length = u32::from_le_bytes([a, b, c, d]);
        if id == *b"fmt " {
            let channels = read::<2>(file, at + 8 + 2)?.map_or(0, u16::from_le_bytes);
            if channels > MAX_CHANNELS {
                let problem = format!("{channels} channels");
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            block = read::<2>(file, at + 8 + 12)?.map_or(2, u16::from_le_bytes).max(1);
        }
        if id == *b"data" {
            let (there, block) = (size - at - 8, u64::from(block));
            let unknown = length >= UNKNOWN && u64::from(length) > there
                || length == 0 && !is_chunk(file, at + 8, there)?;
            let riff = u32::try_from(size - 8).unwrap_or(u32::MAX);
            if !unknown && u64::from(length) <= there {
                return Ok((vec![(4, riff.to_le_bytes())], None));
            }
            let whole = u32::try_from(there / block * block).unwrap_or(u32::MAX - 1);
            let cut = (!unknown).then(|| Cut { declared: u64::from(length) / block });
            return Ok((vec![(4, riff.to_le_bytes()), (at + 4, whole.to_le_bytes())], cut));
        }
        at += 8 + u64::from(length) + u64::from(length % 2);
    }
    Ok(nothing)
}

/// Whether the `there` bytes from `at` on are none, or another chunk that ends with the file.
fn is_chunk(file: &mut File, at: u64, there: u64) -> io::Result<bool> {
    let Some([id @ .., a, b, c, d]) = read::<8>(file, at)? else { return Ok(true) };
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    Ok(id.iter().all(u8::is_ascii_graphic) && length + 8 <= there && there <= length + 9)
}

/// `None` where the file ends before.
fn read<const N: usize>(file: &mut File, at: u64) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

impl Read for WavLengths {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        for (place, patch) in &self.patches {
            for (at, byte) in (*place..).zip(patch) {
                let within = at.checked_sub(self.at).and_then(|at| into[..read].get_mut(at as usize));
                if let Some(within) = within {
                    *within = *byte;
                }
            }
        }
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for WavLengths {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}

impl MediaSource for WavLengths {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.size)
    }
}
