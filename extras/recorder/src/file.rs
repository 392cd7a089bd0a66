//! Files for recordings.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes the file for a recording. On Unix only its owner may read it, for a recording holds secrets.
///
/// # Errors
///
/// The error of the operating system; one of the kind [`io::ErrorKind::AlreadyExists`] if the file is there already.
pub fn create_file(path: impl AsRef<Path>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
