use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor};

use super::runtime::{environment, runtime_error};
use super::tokenizer::Tokenizer;
use crate::engine::{EngineError, SAMPLE_RATE};
use crate::model::{File, ModelDir};
use crate::transcriber::{Doubt, Hypothesis, Transcriber, repeats};

const BEGIN: i64 = 1;
const END: u32 = 2;
const LAYERS: usize = 6;
const HEADS: usize = 8;
const HEAD_SIZE: usize = 36;
/// Nobody speaks faster; the model's authors cap it the same.
const TOKENS_PER_SECOND: f32 = 6.5;
/// The encoder's convolutions need some 60 ms; less says nothing anyway.
const SHORTEST: usize = SAMPLE_RATE as usize / 10;

/// The encoder and the decoder, loaded. Takes about 100 MB.
pub(super) struct Network {
    encoder: Session,
    decoder: Session,
    tokenizer: Tokenizer,
    /// The names of the decoder's cached keys and values: as inputs, as outputs, and whether each is of the decoder's
    /// own tokens (which grows) or of the audio (which stays).
    caches: Vec<Cache>,
}

struct Cache {
    input: String,
    output: String,
    grows: bool,
}

impl Network {
    pub(super) fn load(model: &ModelDir) -> Result<Self, EngineError> {
        let environment = environment(&model.path(File::Runtime))?;
        let session = |file| -> Result<Session, EngineError> {
            // One thread: the scheduler has as many decodes at once as there are cores to use. Spinning would burn
            // the cores the link needs.
            Session::builder(environment)
                .map_err(runtime_error)?
                .with_intra_threads(1)
                .map_err(runtime_error)?
                .with_intra_op_spinning(false)
                .map_err(runtime_error)?
                .commit_from_file(model.path(file))
                .map_err(runtime_error)
        };
        let vocabulary = std::fs::read(model.path(File::Tokenizer)).map_err(runtime_error)?;
        let tokenizer =
            Tokenizer::parse(&vocabulary).ok_or_else(|| runtime_error("the tokenizer's file is not one"))?;
        let caches = (0..LAYERS)
            .flat_map(|layer| {
                [("decoder", "key"), ("decoder", "value"), ("encoder", "key"), ("encoder", "value")].map(
                    |(side, kind)| Cache {
                        input: format!("past_key_values.{layer}.{side}.{kind}"),
                        output: format!("present.{layer}.{side}.{kind}"),
                        grows: side == "decoder",
                    },
                )
            })
            .collect();
        Ok(Self { encoder: session(File::Encoder)?, decoder: session(File::Decoder)?, tokenizer, caches })
    }

    fn run(
        &mut self,
        audio: &[i16],
        said: &[u32],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Hypothesis>, ort::Error> {
        if audio.len() < SHORTEST {
            return Ok(Some(Hypothesis::default()));
        }
        let samples: Vec<f32> = audio.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
        let length = samples.len();
        let most = said.len() + (length as f32 / SAMPLE_RATE as f32 * TOKENS_PER_SECOND).ceil() as usize;
        // The decoder's mask is over samples too, though its input is named otherwise.
        let mask = Tensor::from_array(([1, length], vec![1_i64; length]))?;
        let heard = {
            let samples = Tensor::from_array(([1, length], samples))?;
            let mut outputs =
                self.encoder.run(ort::inputs!["input_values" => &samples, "attention_mask" => &mask])?;
            take(&mut outputs, "last_hidden_state")?
        };

        let mut caches: Vec<DynValue> = Vec::with_capacity(self.caches.len());
        for _ in &self.caches {
            let empty = vec![0_f32; HEADS * HEAD_SIZE];
            caches.push(Tensor::from_array(([1, HEADS, 1, HEAD_SIZE], empty))?.into_dyn());
        }
        let mut input: Vec<i64> =
            std::iter::once(BEGIN).chain(said.iter().map(|&token| i64::from(token))).collect();
        let mut tokens = said.to_vec();
        let mut doubt = None;
        for step in 0.. {
            if stop() {
                return Ok(None);
            }
            let ids = Tensor::from_array(([1, input.len()], std::mem::take(&mut input)))?;
            let continues = Tensor::from_array(([1], vec![step > 0]))?;
            let mut inputs: Vec<(_, SessionInputValue<'_>)> = Vec::with_capacity(4 + caches.len());
            inputs.push(("input_ids", (&ids).into()));
            inputs.push(("encoder_hidden_states", (&heard).into()));
            inputs.push(("encoder_attention_mask", (&mask).into()));
            inputs.push(("use_cache_branch", (&continues).into()));
            inputs.extend(
                self.caches.iter().zip(&caches).map(|(name, value)| (name.input.as_str(), value.into())),
            );
            let mut outputs = self.decoder.run(inputs)?;
            let logits = take(&mut outputs, "logits")?;
            for (name, value) in self.caches.iter().zip(&mut caches) {
                if step == 0 || name.grows {
                    *value = take(&mut outputs, &name.output)?;
                }
            }
            let (shape, logits) = logits.try_extract_tensor::<f32>()?;
            let vocabulary = shape.last().map_or(0, |&size| size as usize);
            let token = best(&logits[logits.len() - vocabulary..]);
            if token == END {
                break;
            }
            tokens.push(token);
            if let Some(surplus) = repeats(&tokens) {
                tokens.truncate((tokens.len() - surplus).max(said.len()));
                doubt = Some(Doubt::Loop);
                break;
            }
            if tokens.len() >= most {
                doubt = Some(Doubt::Endless);
                break;
            }
            input.push(i64::from(token));
        }
        let tokens = tokens.split_off(said.len());
        Ok(Some(Hypothesis { tokens, doubt }))
    }
}

impl Transcriber for Network {
    fn transcribe(
        &mut self,
        audio: &[i16],
        said: &[u32],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Hypothesis>, EngineError> {
        self.run(audio, said, stop).map_err(|error| EngineError::Failed { detail: error.to_string() })
    }

    fn text(&self, tokens: &[u32]) -> String {
        self.tokenizer.text(tokens)
    }
}

fn take(outputs: &mut ort::session::SessionOutputs<'_>, name: &str) -> Result<DynValue, ort::Error> {
    outputs.remove(name).ok_or_else(|| ort::Error::new(format!("the model gives no {name}")))
}

/// The likeliest token.
fn best(logits: &[f32]) -> u32 {
    let mut at = 0;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > logits[at] {
            at = token;
        }
    }
    at as u32
}
