//! Test package: everything is in `tests/`.
