//! Streams of WebTransport.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::Frame;
use crate::codec::webtransport;
use crate::hidden::Hidden;

use super::mutation::{Mutate, Mutation};

/// The bytes of a WebTransport stream in one direction.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct WebTransportStream {
    /// The frames in it, as long as the bytes were not changed.
    pub frames: Vec<Frame>,
    /// Its bytes.
    pub bytes: Bytes,
    /// The places of headers.
    structure: Vec<usize>,
}

impl WebTransportStream {
    /// Writes frames. None of them should be empty: no frame of a stream is.
    #[must_use]
    pub fn new(frames: Vec<Frame>) -> Self {
        let (mut bytes, mut structure) = (Vec::new(), Vec::new());
        for frame in &frames {
            let (header, content) = webtransport::encode(frame.clone());
            structure.extend(bytes.len()..bytes.len() + header.as_ref().len());
            bytes.extend_from_slice(header.as_ref());
            bytes.extend_from_slice(&content);
        }
        Self {
            frames,
            bytes: bytes.into(),
            structure,
        }
    }
}

impl fmt::Debug for WebTransportStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebTransportStream")
            .field("frames", &self.frames)
            .field("bytes", &Hidden(&self.bytes))
            .finish_non_exhaustive()
    }
}

impl Mutate for WebTransportStream {
    fn mutate(&mut self, mutation: &Mutation) {
        let mut bytes = self.bytes.to_vec();
        mutation.change_bytes(&mut bytes, &self.structure);
        self.bytes = bytes.into();
    }
}
