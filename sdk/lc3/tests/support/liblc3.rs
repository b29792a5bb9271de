//! Google's liblc3, opened at run time where it is installed.

// A foreign library can only be called so; nothing but the comparison uses it.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint, c_void};

use glasslink_lc3::FrameDuration;

use super::Setup;

type Size = unsafe extern "C" fn(c_int, c_int) -> c_uint;
type Set = unsafe extern "C" fn(c_int, c_int, c_int, *mut c_void) -> *mut c_void;
type Encode = unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_int, c_int, *mut c_void) -> c_int;
type Decode = unsafe extern "C" fn(*mut c_void, *const c_void, c_int, c_int, *mut c_void, c_int) -> c_int;

/// The library and the functions we call.
pub struct Library {
    encoder_size: Size,
    decoder_size: Size,
    setup_encoder: Set,
    setup_decoder: Set,
    encode: Encode,
    decode: Decode,
    /// Keeps the functions loaded.
    _keep: libloading::Library,
}

impl Library {
    /// Opens the library that the variable `LIBLC3` names, else the system's. `None`: there is none; says so.
    pub fn open() -> Option<Self> {
        let named = std::env::var_os("LIBLC3");
        let paths = match &named {
            Some(path) => vec![path.clone()],
            None => ["liblc3.so.1", "liblc3.so.0", "liblc3.so", "liblc3.dylib"].map(Into::into).to_vec(),
        };
        let Some(library) = paths.iter().find_map(|path| {
            // SAFETY: liblc3 runs no code when it is loaded.
            unsafe { libloading::Library::new(path) }.ok()
        }) else {
            assert!(named.is_none(), "LIBLC3 names no library that can be opened");
            println!(
                "SKIPPED: liblc3 is not installed (Debian: liblc3-dev), so there is nothing to compare with"
            );
            return None;
        };
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the types are those of liblc3's public header.
                *unsafe { library.get(concat!($name, "\0").as_bytes()) }
                    .expect(concat!("liblc3 lacks ", $name))
            };
        }
        Some(Self {
            encoder_size: function!("lc3_encoder_size"),
            decoder_size: function!("lc3_decoder_size"),
            setup_encoder: function!("lc3_setup_encoder"),
            setup_decoder: function!("lc3_setup_decoder"),
            encode: function!("lc3_encode"),
            decode: function!("lc3_decode"),
            _keep: library,
        })
    }

    pub fn encoder(&self, setup: Setup) -> Encoder<'_> {
        let memory = Memory::new(self.encoder_size, self.setup_encoder, setup);
        Encoder { library: self, memory }
    }

    pub fn decoder(&self, setup: Setup) -> Decoder<'_> {
        let memory = Memory::new(self.decoder_size, self.setup_decoder, setup);
        Decoder { library: self, memory }
    }
}

/// What liblc3 keeps between frames.
struct Memory(Vec<u64>);

impl Memory {
    fn new(size: Size, set: Set, setup: Setup) -> Self {
        let microseconds = match setup.duration {
            FrameDuration::Ms7_5 => 7500,
            FrameDuration::Ms10 => 10_000,
        };
        // It treats 44.1 kHz as 48 kHz.
        let rate = if setup.rate == 44_100 { 48_000 } else { setup.rate as c_int };
        // SAFETY: a function without side effects.
        let bytes = unsafe { size(microseconds, rate) } as usize;
        assert!(bytes > 0, "liblc3 refuses {setup}");
        let mut memory = vec![0u64; bytes.div_ceil(8)];
        // SAFETY: the memory is as large as liblc3 asked, and aligned.
        let state = unsafe { set(microseconds, rate, 0, memory.as_mut_ptr().cast()) };
        assert!(!state.is_null(), "liblc3 refuses {setup}");
        Self(memory)
    }

    fn pointer(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }
}

/// Samples of 16 bits, as liblc3 names them.
const S16: c_int = 0;

pub struct Encoder<'a> {
    library: &'a Library,
    memory: Memory,
}

impl Encoder<'_> {
    pub fn encode(&mut self, pcm: &[i16], bytes: usize) -> Vec<u8> {
        let mut frame = vec![0; bytes];
        self.encode_to(pcm, &mut frame);
        frame
    }

    /// Encodes one frame of samples.
    pub fn encode_to(&mut self, pcm: &[i16], frame: &mut [u8]) {
        let state = self.memory.pointer();
        // SAFETY: the callers give as many samples as a frame has, and liblc3 writes as many bytes as it is told.
        let result = unsafe {
            (self.library.encode)(
                state,
                S16,
                pcm.as_ptr().cast(),
                1,
                frame.len() as c_int,
                frame.as_mut_ptr().cast(),
            )
        };
        assert_eq!(result, 0, "liblc3 does not encode");
    }

    /// Bytes it keeps.
    pub fn size(&self) -> usize {
        8 * self.memory.0.len()
    }
}

pub struct Decoder<'a> {
    library: &'a Library,
    memory: Memory,
}

impl Decoder<'_> {
    /// Decodes one frame, or conceals a lost one (`None`); whether it concealed.
    pub fn decode(&mut self, frame: Option<&[u8]>, pcm: &mut [i16]) -> bool {
        let state = self.memory.pointer();
        let (data, bytes) =
            frame.map_or((std::ptr::null(), 0), |frame| (frame.as_ptr(), frame.len() as c_int));
        // SAFETY: the callers give room for the samples of a frame; null stands for a lost one.
        let result =
            unsafe { (self.library.decode)(state, data.cast(), bytes, S16, pcm.as_mut_ptr().cast(), 1) };
        assert!(result >= 0, "liblc3 refuses the call");
        result > 0
    }

    /// Bytes it keeps.
    pub fn size(&self) -> usize {
        8 * self.memory.0.len()
    }
}
