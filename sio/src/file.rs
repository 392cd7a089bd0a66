//! The files that a command line names.

use std::io::{self, Read};

/// Reads a file; `-` is standard input, which is there once.
pub(crate) fn read(path: &str) -> io::Result<Vec<u8>> {
    if path != "-" {
        return std::fs::read(path);
    }
    let mut data = Vec::new();
    io::stdin().lock().read_to_end(&mut data)?;
    Ok(data)
}
