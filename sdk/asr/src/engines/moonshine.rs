//! Moonshine tiny-en through ONNX Runtime.

mod engine;
mod network;
mod runtime;
mod tokenizer;

pub use engine::Moonshine;
