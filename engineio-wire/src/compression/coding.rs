//! Codings of responses.

use alloc::vec::Vec;

use bytes::Bytes;
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

use crate::http::fields;
use crate::server::Options;

/// How the body of a response is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Deflate,
}

/// The level that zlib takes if none is chosen.
const LEVEL: u8 = 6;

impl Coding {
    /// None.
    pub(crate) const NONE: Self = Self::Identity;

    /// The coding that a client likes best, by its `Accept-Encoding`. Of those that it likes alike the first is taken.
    pub(crate) fn accepted(value: &[u8]) -> Self {
        let mut best = (Self::Identity, 0);
        for element in fields::list(value) {
            let mut parts = element.split(|byte| *byte == b';').map(fields::trim);
            let name = parts.next().unwrap_or_default();
            let coding =
                if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") {
                    Self::Gzip
                } else if name.eq_ignore_ascii_case(b"deflate") {
                    Self::Deflate
                } else if name == b"*" {
                    Self::Gzip
                } else {
                    continue;
                };
            let weight = parts.find_map(weight).unwrap_or(1000);
            if weight > best.1 {
                best = (coding, weight);
            }
        }
        best.0
    }

    /// The name and the content of a compressed body, unless it is too short, or grows.
    pub(crate) fn compress(self, body: &Bytes, options: &Options) -> Option<(&'static str, Bytes)> {
        if options
            .http_compression
            .is_none_or(|least| body.len() < least)
        {
            return None;
        }
        let (name, compressed) = match self {
            Self::Identity => return None,
            Self::Gzip => ("gzip", gzip(body)),
            Self::Deflate => ("deflate", compress_to_vec_zlib(body, LEVEL)),
        };
        (compressed.len() < body.len()).then(|| (name, compressed.into()))
    }
}

/// A weight such as `q=0.5`, in thousandths. One that is malformed counts as none.
fn weight(parameter: &[u8]) -> Option<u16> {
    let (b'q' | b'Q', value) = parameter.split_first()? else {
        return None;
    };
    let value = fields::trim(fields::trim(value).strip_prefix(b"=")?);
    let (whole, fraction) = match value {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return Some(0),
    };
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(10)
            .and_then(|digit| u16::try_from(digit).ok())
    };
    let mut thousandths = digit(whole)?.checked_mul(1000)?;
    for (byte, unit) in fraction.iter().zip([100, 10, 1]) {
        thousandths = thousandths.checked_add(digit(byte)?.checked_mul(unit)?)?;
    }
    Some(thousandths.min(1000))
}

/// Source: RFC 1952: magic bytes, DEFLATE, no flags, no time, no level, an unknown system.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut bytes = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff].to_vec();
    bytes.extend(compress_to_vec(body, LEVEL));
    bytes.extend(crc32fast::hash(body).to_le_bytes());
    // The length counts modulo 2³².
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use std::io::Read;

    use super::*;

    #[test]
    fn the_coding_is_the_one_that_the_client_likes_best() {
        for (value, expected) in [
            ("", Coding::Identity),
            ("br", Coding::Identity),
            ("gzip, deflate, br", Coding::Gzip),
            ("deflate, gzip", Coding::Deflate),
            ("deflate;q=0.5, gzip;q=0.9", Coding::Gzip),
            ("deflate; q = 0.901, GZIP;q=0.9", Coding::Deflate),
            ("gzip;q=0, deflate;q=0.001", Coding::Deflate),
            ("gzip;q=0", Coding::Identity),
            ("gzip;q=2.5, deflate", Coding::Gzip),
            ("gzip;q=nonsense, deflate", Coding::Deflate),
            ("*", Coding::Gzip),
            ("identity", Coding::Identity),
        ] {
            assert_eq!(Coding::accepted(value.as_bytes()), expected, "{value:?}");
        }
    }

    #[test]
    fn a_body_comes_back() {
        let options = Options::new("/");
        let body = Bytes::from(b"0123456789".repeat(200));
        let (name, bytes) = Coding::Gzip.compress(&body, &options).unwrap();
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!((name, &back), ("gzip", &body.to_vec()));
        assert!(bytes.len() < 100);
        let (name, bytes) = Coding::Deflate.compress(&body, &options).unwrap();
        let mut back = Vec::new();
        flate2::read::ZlibDecoder::new(&bytes[..])
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!((name, &back), ("deflate", &body.to_vec()));
    }

    #[test]
    fn what_is_short_or_would_grow_stays_as_it_is() {
        let mut options = Options::new("/");
        assert_eq!(Coding::Gzip.compress(&vec![0; 1023].into(), &options), None);
        assert!(
            Coding::Gzip
                .compress(&vec![0; 1024].into(), &options)
                .is_some()
        );
        assert_eq!(
            Coding::Identity.compress(&vec![0; 1024].into(), &options),
            None
        );
        options.http_compression = Some(0);
        assert_eq!(
            Coding::Gzip.compress(&Bytes::from_static(b"short"), &options),
            None
        );
        options.http_compression = None;
        assert_eq!(Coding::Gzip.compress(&vec![0; 1024].into(), &options), None);
    }
}
