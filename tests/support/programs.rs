//! Programs of this workspace that a test starts.

use std::path::PathBuf;

/// A program of another package of this workspace. `cargo test --workspace` builds all of them before any test runs; who
/// tests one package builds the others with `cargo build --bins` first.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let folder = test.ancestors().nth(2).expect("the folder of the profile");
    let program = folder
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        program.is_file(),
        "{} is missing: `cargo build --workspace --bins` makes it",
        program.display()
    );
    program
}
