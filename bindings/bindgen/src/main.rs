//! `glasslink-bindgen generate --library LIBRARY --language kotlin --out-dir FOLDER`; `cargo xtask bindings` calls it.
//!
//! A program of its own, so that the library has nothing of it.

fn main() {
    uniffi::uniffi_bindgen_main();
}
