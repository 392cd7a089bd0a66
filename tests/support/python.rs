//! The packages in Python.

use std::path::PathBuf;

/// The interpreter of the virtual environment that `scripts/test install` makes beside the build results, if it is
/// there.
pub fn python() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    // Under the build results are the profile, `deps` and the test.
    let target = test.ancestors().nth(3)?;
    Some(target.join("python-venv/bin/python")).filter(|python| python.is_file())
}
