//! No compression.

use bytes::Bytes;
use engineio_proto::Frame;

use crate::server::Options;

/// How the body of a response is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coding(());

impl Coding {
    /// None.
    pub(crate) const NONE: Self = Self(());

    pub(crate) const fn accepted(_: &[u8]) -> Self {
        Self(())
    }

    pub(crate) const fn compress(self, _: &Bytes, _: &Options) -> Option<(&'static str, Bytes)> {
        None
    }
}

#[derive(Debug, Default)]
pub(crate) struct Deflater(());

#[expect(clippy::needless_pass_by_ref_mut, reason = "as with the feature")]
impl Deflater {
    pub(crate) const fn message(&mut self, _: &Frame, _: &Options) -> Option<Bytes> {
        None
    }

    pub(crate) const fn forget(&mut self) {}
}

pub(crate) const fn agree(_: &[u8], _: &Options) -> Option<&'static str> {
    None
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum InflateError {
    Malformed,
    #[expect(dead_code, reason = "nothing is inflated")]
    TooLarge,
}

pub(crate) const fn inflate(_: &Bytes, _: usize) -> Result<Bytes, InflateError> {
    Err(InflateError::Malformed)
}
