//! Compressed messages: `permessage-deflate`, without context between messages.
//!
//! Neither end keeps a window from one message to the next. So a connection takes no memory for it, and a message for many
//! clients is compressed once.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use engineio_proto::Frame;
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::http::fields;
use crate::server::Options;

/// What a message ends with before these bytes are left out.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Compresses messages, one after another.
#[derive(Default)]
pub(crate) struct Deflater {
    compressor: Option<Box<CompressorOxide>>,
    /// The last content and what came of it: a broadcast has the same content for every client.
    last: Option<(Bytes, Option<Bytes>)>,
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").finish_non_exhaustive()
    }
}

impl Deflater {
    /// The compressed content of a message, unless it is too short, or grows.
    pub(crate) fn message(&mut self, frame: &Frame, options: &Options) -> Option<Bytes> {
        let least = options.websocket_compression?;
        if frame.len() < least {
            return None;
        }
        let content = match frame {
            Frame::Text(text) => text.clone().into_bytes(),
            Frame::Binary(data) => data.clone(),
        };
        if let Some((known, compressed)) = &self.last
            && known.as_ptr() == content.as_ptr()
            && known.len() == content.len()
        {
            return compressed.clone();
        }
        let compressed = self.deflate(&content);
        let compressed = compressed.filter(|compressed| compressed.len() < content.len());
        let compressed = compressed.map(Bytes::from);
        self.last = Some((content, compressed.clone()));
        compressed
    }

    /// Lets go of the last content.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    fn deflate(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        // Level 6, no header around the stream.
        let fresh = || {
            Box::new(CompressorOxide::new(create_comp_flags_from_zip_params(
                6, -15, 0,
            )))
        };
        let compressor = self.compressor.get_or_insert_with(fresh);
        compressor.reset();
        let mut bytes = vec![0; content.len() / 2 + 64];
        let (mut taken, mut made) = (0_usize, 0_usize);
        loop {
            let (input, room) = (content.get(taken..)?, bytes.get_mut(made..)?);
            let room_len = room.len();
            let (status, read, written) = compress(compressor, input, room, TDEFLFlush::Sync);
            taken = taken.saturating_add(read);
            made = made.saturating_add(written);
            match status {
                TDEFLStatus::Okay if taken == content.len() && written < room_len => break,
                TDEFLStatus::Okay => bytes.resize(bytes.len().saturating_mul(2), 0),
                TDEFLStatus::Done | TDEFLStatus::BadParam | TDEFLStatus::PutBufFailed => {
                    return None;
                }
            }
        }
        bytes.truncate(made);
        bytes.ends_with(&TAIL).then(|| {
            bytes.truncate(made.saturating_sub(TAIL.len()));
            bytes
        })
    }
}

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum InflateError {
    Malformed,
    TooLarge,
}

/// The content of a compressed message, which may have `max` bytes. Memory is taken as the content comes.
///
/// # Errors
///
/// [`InflateError`] if it is no stream of DEFLATE, or has more bytes.
pub(crate) fn inflate(content: &Bytes, max: usize) -> Result<Bytes, InflateError> {
    let mut state = Box::<DecompressorOxide>::default();
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | TINFL_FLAG_HAS_MORE_INPUT;
    // One byte of room beyond the limit tells more from enough.
    let most = max.saturating_add(1);
    let mut bytes = vec![0; content.len().saturating_mul(2).clamp(64, most.max(64))];
    let (mut input, mut rest, mut made) = (&content[..], &TAIL[..], 0_usize);
    loop {
        let (status, read, written) = decompress(&mut state, input, &mut bytes, made, flags);
        made = made.saturating_add(written);
        input = input.get(read..).unwrap_or_default();
        if made > max {
            return Err(InflateError::TooLarge);
        }
        match status {
            TINFLStatus::HasMoreOutput => {
                let len = bytes.len().saturating_mul(2).min(most.max(64));
                if len == bytes.len() {
                    return Err(InflateError::TooLarge);
                }
                bytes.resize(len, 0);
            }
            TINFLStatus::NeedsMoreInput if rest.is_empty() => break,
            TINFLStatus::NeedsMoreInput => input = core::mem::take(&mut rest),
            // A final block within the message is allowed, and nothing may follow it but what was left out.
            TINFLStatus::Done => break,
            TINFLStatus::FailedCannotMakeProgress
            | TINFLStatus::BadParam
            | TINFLStatus::Adler32Mismatch
            | TINFLStatus::Failed
            | _ => return Err(InflateError::Malformed),
        }
    }
    bytes.truncate(made);
    bytes.shrink_to_fit();
    Ok(bytes.into())
}

/// The value of `Sec-WebSocket-Extensions` that answers offers; `None` if none can be taken.
pub(crate) fn agree(offers: &[u8], options: &Options) -> Option<&'static str> {
    options.websocket_compression?;
    fields::list(offers).find_map(accept)
}

/// Takes an offer, unless it asks for what we do not do: a smaller window of ours, or something unknown.
fn accept(offer: &[u8]) -> Option<&'static str> {
    let mut parts = offer.split(|byte| *byte == b';').map(fields::trim);
    if parts.next()? != b"permessage-deflate" {
        return None;
    }
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut names_window = false;
    for part in parts {
        let mut halves = part.splitn(2, |byte| *byte == b'=').map(fields::trim);
        let (name, value) = (halves.next()?, halves.next().map(unquoted));
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        match (name, value) {
            (
                b"server_no_context_takeover"
                | b"client_no_context_takeover"
                | b"client_max_window_bits",
                None,
            ) => {}
            (b"client_max_window_bits", Some(bits)) if is_window(bits) => {}
            (b"server_max_window_bits", Some(b"15")) => names_window = true,
            _ => return None,
        }
    }
    Some(if names_window {
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15"
    } else {
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    })
}

fn is_window(bits: &[u8]) -> bool {
    matches!(fields::decimal(bits), Some(8..=15)) && !bits.starts_with(b"0")
}

fn unquoted(value: &[u8]) -> &[u8] {
    let inner = value.strip_prefix(b"\"");
    inner
        .and_then(|inner| inner.strip_suffix(b"\""))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options() -> Options {
        let mut options = Options::new("/");
        options.websocket_compression = Some(0);
        options
    }

    fn deflated(content: &[u8]) -> Option<Vec<u8>> {
        Deflater::default().deflate(content)
    }

    proptest! {
        // A compressor is slow without optimisation.
        #![proptest_config(ProptestConfig::with_cases(50))]

        #[test]
        fn a_message_comes_back(
            content in prop::collection::vec(prop_oneof![Just(7_u8), any::<u8>()], 0..2_000),
        ) {
            let compressed = Bytes::from(deflated(&content).unwrap());
            let back = inflate(&compressed, content.len());
            prop_assert_eq!(back, Ok(content.clone().into()));
            if let Some(less) = content.len().checked_sub(1) {
                prop_assert_eq!(inflate(&compressed, less), Err(InflateError::TooLarge));
            }
        }

        #[test]
        fn any_bytes_are_within_the_limit(content in prop::collection::vec(any::<u8>(), 0..300), max in 0..500_usize) {
            if let Ok(inflated) = inflate(&content.into(), max) {
                prop_assert!(inflated.len() <= max);
            }
        }
    }

    #[test]
    fn a_bomb_takes_no_more_memory_than_the_limit() {
        let bomb = Bytes::from(deflated(&vec![0; 10_000_000]).unwrap());
        assert!(bomb.len() < 20_000);
        let info = allocation_counter::measure(|| {
            assert_eq!(inflate(&bomb, 100_000), Err(InflateError::TooLarge));
        });
        assert!(info.bytes_max < 500_000, "{info:?}");
    }

    #[test]
    fn the_example_of_the_rfc_is_read() {
        let hello = Bytes::from_static(b"\xf2\x48\xcd\xc9\xc9\x07\x00");
        assert_eq!(inflate(&hello, 5), Ok(Bytes::from_static(b"Hello")));
        // With a final block, and as one that is not compressed.
        let last = Bytes::from_static(b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00");
        assert_eq!(inflate(&last, 5), Ok(Bytes::from_static(b"Hello")));
        let stored = Bytes::from_static(b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00");
        assert_eq!(inflate(&stored, 5), Ok(Bytes::from_static(b"Hello")));
        assert_eq!(
            inflate(&Bytes::from_static(b"\xff"), 5),
            Err(InflateError::Malformed)
        );
    }

    #[test]
    fn a_broadcast_is_compressed_once() {
        let mut deflater = Deflater::default();
        let frame = Frame::Text("x".repeat(5000).into());
        let first = deflater.message(&frame, &options()).unwrap();
        let second = deflater.message(&frame.clone(), &options()).unwrap();
        assert_eq!(first.as_ptr(), second.as_ptr());
        deflater.forget();
        let third = deflater.message(&frame, &options()).unwrap();
        assert!(first == third && first.as_ptr() != third.as_ptr());
    }

    #[test]
    fn offers_are_taken_that_can_be_kept() {
        let plain =
            Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover");
        for (offers, expected) in [
            ("permessage-deflate", plain),
            ("permessage-deflate; client_max_window_bits", plain),
            ("permessage-deflate;client_max_window_bits=\"10\"", plain),
            (
                "x-other, permessage-deflate; server_no_context_takeover",
                plain,
            ),
            (
                "permessage-deflate; server_max_window_bits=10, permessage-deflate",
                plain,
            ),
            ("permessage-deflate; server_max_window_bits=10", None),
            ("permessage-deflate; client_max_window_bits=7", None),
            ("permessage-deflate; client_max_window_bits=08", None),
            ("permessage-deflate; unknown", None),
            (
                "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
                None,
            ),
            ("permessage-deflate; server_no_context_takeover=1", None),
            ("", None),
        ] {
            assert_eq!(agree(offers.as_bytes(), &options()), expected, "{offers:?}");
        }
        let window = agree(b"permessage-deflate; server_max_window_bits=15", &options()).unwrap();
        assert!(window.ends_with("; server_max_window_bits=15"));
        assert_eq!(agree(b"permessage-deflate", &Options::new("/")), None);
    }
}
