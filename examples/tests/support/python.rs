//! Where the packages in Python are.

use std::path::{Path, PathBuf};

/// The interpreter of the virtual environment that `scripts/test install` makes beside the build results, if it is
/// there.
pub fn python() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_BIN_EXE_sio")).parent()?.parent()?;
    Some(target.join("python-venv/bin/python")).filter(|python| python.is_file())
}
