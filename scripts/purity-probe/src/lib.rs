//! A wasm module that runs both cores.
//!
//! `scripts/check-wasm.mjs` checks that the module imports nothing, so that whatever the cores do they do by themselves,
//! and that each exported function gives the known answer. A function reads the bytes put in by `input_push` and leaves
//! its result for `output_byte`, so that no pointer crosses the border.

mod engine;
mod socket;

use std::sync::{Mutex, MutexGuard, PoisonError};

struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
}

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers {
    input: Vec::new(),
    output: Vec::new(),
});

fn buffers() -> MutexGuard<'static, Buffers> {
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Empties the input.
#[unsafe(no_mangle)]
pub extern "C" fn input_clear() {
    buffers().input.clear();
}

/// Appends one byte to the input.
#[unsafe(no_mangle)]
pub extern "C" fn input_push(byte: u8) {
    buffers().input.push(byte);
}

/// The number of bytes that the last function left.
#[unsafe(no_mangle)]
pub extern "C" fn output_len() -> usize {
    buffers().output.len()
}

/// One byte of what the last function left, 0 beyond its end.
#[unsafe(no_mangle)]
pub extern "C" fn output_byte(index: usize) -> u8 {
    buffers().output.get(index).copied().unwrap_or(0)
}

/// Runs `function` on the input and keeps its result.
fn run(function: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let mut buffers = buffers();
    buffers.output = function(core::mem::take(&mut buffers.input));
}
