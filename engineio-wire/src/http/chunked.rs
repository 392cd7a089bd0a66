//! Bodies in chunks.

use super::{BodyError, Malformed, TooLarge, fields};

/// Takes chunks apart, in pieces of any size. It holds no bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks {
    state: State,
    /// The bytes of extensions, and later of trailers, that may still come.
    spare: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// In the size, of which this much has come.
    Size {
        size: u64,
        digits: u8,
    },
    /// Behind the semicolon that begins an extension.
    ExtensionStart {
        size: u64,
    },
    Extension {
        size: u64,
    },
    /// Behind the carriage return of that line.
    SizeEnd {
        size: u64,
    },
    /// In a chunk that has this many bytes left.
    Content {
        left: u64,
    },
    ContentEnd,
    ContentLineFeed,
    /// At the beginning of a line of the trailers.
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    /// Behind the carriage return of the empty line.
    LastLineFeed,
    Done,
}

const FIRST: State = State::Size { size: 0, digits: 0 };

/// The most bytes of all extensions of a body, and of its trailers.
const MAX_SPARE: usize = 1024;

/// What comes next in a body of chunks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Chunk<'a> {
    Content(&'a [u8]),
    /// All bytes are taken.
    More,
    /// The body is over; what follows is not part of it.
    End,
}

impl Chunks {
    pub(crate) const fn new() -> Self {
        Self {
            state: FIRST,
            spare: MAX_SPARE,
        }
    }

    /// Takes the next content off the front of `input`. No size may be above `max`.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if the chunks break the rules or a limit.
    pub(crate) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        max: u64,
    ) -> Result<Chunk<'a>, BodyError> {
        loop {
            if let State::Content { left } = self.state {
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let Some((content, rest)) = input.split_at_checked(count) else {
                    return Ok(Chunk::More);
                };
                if content.is_empty() {
                    return Ok(Chunk::More);
                }
                *input = rest;
                self.state = match left.saturating_sub(count as u64) {
                    0 => State::ContentEnd,
                    left => State::Content { left },
                };
                return Ok(Chunk::Content(content));
            }
            if self.state == State::Done {
                return Ok(Chunk::End);
            }
            let Some((byte, rest)) = input.split_first() else {
                return Ok(Chunk::More);
            };
            *input = rest;
            self.state = self.step(*byte, max)?;
        }
    }

    /// Takes a byte that is not content.
    fn step(&mut self, byte: u8, max: u64) -> Result<State, BodyError> {
        let next = match (self.state, byte) {
            (State::Size { digits: 1.., size }, b'\r') => State::SizeEnd { size },
            (State::Size { digits: 1.., size }, b';') => State::ExtensionStart { size },
            (State::Size { size, digits }, _) => add_digit(size, digits, byte, max)?,
            (State::Extension { size }, b'\r') => State::SizeEnd { size },
            (State::ExtensionStart { .. }, b'\r') => return Err(Malformed::ChunkSize.into()),
            (State::ExtensionStart { size } | State::Extension { size }, _) => {
                self.spend(byte, TooLarge::ChunkExtensions)?;
                State::Extension { size }
            }
            (State::SizeEnd { size: 0 }, b'\n') => {
                self.spare = MAX_SPARE;
                State::TrailerStart
            }
            (State::SizeEnd { size: left }, b'\n') => State::Content { left },
            (State::ContentEnd, b'\r') => State::ContentLineFeed,
            (State::ContentLineFeed, b'\n') => FIRST,
            (State::TrailerStart, b'\r') => State::LastLineFeed,
            (State::TrailerValue, b'\r') => State::TrailerLineFeed,
            (State::TrailerName, b':') | (State::TrailerValue, _) => {
                self.spend(byte, TooLarge::Trailers)?;
                State::TrailerValue
            }
            (State::TrailerStart | State::TrailerName, _) => {
                self.spend(byte, TooLarge::Trailers)?;
                if !fields::is_token_byte(byte) {
                    return Err(Malformed::Head.into());
                }
                State::TrailerName
            }
            (State::TrailerLineFeed, b'\n') => State::TrailerStart,
            (State::LastLineFeed, b'\n') => State::Done,
            (State::SizeEnd { .. } | State::TrailerLineFeed | State::LastLineFeed, _) => {
                return Err(Malformed::BareLineFeed.into());
            }
            (
                State::ContentEnd | State::ContentLineFeed | State::Content { .. } | State::Done,
                _,
            ) => {
                return Err(Malformed::ChunkEnd.into());
            }
        };
        Ok(next)
    }

    /// Takes a byte that nobody reads.
    fn spend(&mut self, byte: u8, fault: TooLarge) -> Result<(), BodyError> {
        if byte == b'\n' {
            return Err(Malformed::BareLineFeed.into());
        }
        if !fields::is_value(&[byte]) {
            return Err(Malformed::Head.into());
        }
        self.spare = self.spare.checked_sub(1).ok_or(fault)?;
        Ok(())
    }
}

/// Sixteen digits fill the number; more of them only lead with zeros.
const MAX_DIGITS: u8 = 16;

fn add_digit(size: u64, digits: u8, byte: u8, max: u64) -> Result<State, BodyError> {
    let digit = char::from(byte).to_digit(16).ok_or(Malformed::ChunkSize)?;
    if digits >= MAX_DIGITS {
        return Err(Malformed::ChunkSize.into());
    }
    // Sixteen digits of four bits fit.
    let size = size << 4 | u64::from(digit);
    if size > max {
        return Err(TooLarge::Body.into());
    }
    Ok(State::Size {
        size,
        digits: digits.saturating_add(1),
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    type ContentAndRest = (Vec<u8>, Vec<u8>);

    /// The content of a body, and what follows it; `None` if it is not whole.
    fn read(mut input: &[u8], max: u64) -> Result<Option<ContentAndRest>, BodyError> {
        let (mut chunks, mut content) = (Chunks::new(), Vec::new());
        loop {
            match chunks.next(&mut input, max)? {
                Chunk::Content(bytes) => content.extend_from_slice(bytes),
                Chunk::More => return Ok(None),
                Chunk::End => return Ok(Some((content, input.to_vec()))),
            }
        }
    }

    fn whole(input: &str) -> String {
        let (content, rest) = read(input.as_bytes(), 1000).unwrap().unwrap();
        assert_eq!(rest, b"rest");
        String::from_utf8(content).unwrap()
    }

    #[test]
    fn chunks_are_joined() {
        assert_eq!(
            whole("4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\nrest"),
            "wikipedia"
        );
        assert_eq!(whole("0A\r\n0123456789\r\n000\r\n\r\nrest"), "0123456789");
        assert_eq!(
            whole("1;a=b;c=\"d\"\r\nx\r\n1; e\r\ny\r\n0;f\r\n\r\nrest"),
            "xy"
        );
        assert_eq!(
            whole("1\r\nx\r\n0\r\ntrailer: a\r\nother: b\r\n\r\nrest"),
            "x"
        );
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        for (input, fault) in [
            ("+3\r\nabc\r\n", Malformed::ChunkSize),
            ("\r\n", Malformed::ChunkSize),
            (" 3\r\nabc\r\n", Malformed::ChunkSize),
            ("0x3\r\nabc\r\n", Malformed::ChunkSize),
            ("-1\r\n", Malformed::ChunkSize),
            ("3\nabc\r\n", Malformed::ChunkSize),
            ("3;a\nabc\r\n", Malformed::BareLineFeed),
            ("3\r\rabc", Malformed::BareLineFeed),
            ("3\r\nabcd\r\n", Malformed::ChunkEnd),
            ("3\r\nabc\n", Malformed::ChunkEnd),
            ("3\r\nabc\r\r", Malformed::ChunkEnd),
            ("0\r\n\n", Malformed::BareLineFeed),
            ("0\r\na: b\n\r\n", Malformed::BareLineFeed),
            ("0\r\na: b\r\r", Malformed::BareLineFeed),
            ("0\r\n\r\r", Malformed::BareLineFeed),
            ("3;\0\r\n", Malformed::Head),
            ("3;\r\nabc\r\n", Malformed::ChunkSize),
            ("3 \r\nabc\r\n", Malformed::ChunkSize),
            ("3 3\r\nabc\r\n", Malformed::ChunkSize),
            ("3 ;a\r\nabc\r\n", Malformed::ChunkSize),
            ("0\r\na\r\n\r\n", Malformed::Head),
            ("0\r\n: b\r\n\r\n", Malformed::Head),
            ("0\r\n a: b\r\n\r\n", Malformed::Head),
            ("0\r\na : b\r\n\r\n", Malformed::Head),
            ("0\r\na: b\0\r\n\r\n", Malformed::Head),
        ] {
            assert_eq!(read(input.as_bytes(), 1000), Err(fault.into()), "{input:?}");
        }
    }

    #[test]
    fn sizes_extensions_and_trailers_have_limits() {
        assert_eq!(read(b"3e9\r\n", 1000), Err(TooLarge::Body.into()));
        assert_eq!(read(b"ffffffffffffffff", 1000), Err(TooLarge::Body.into()));
        assert_eq!(read(b"ffffffffffffffff", u64::MAX), Ok(None));
        let zeros = "0".repeat(17);
        assert_eq!(
            read(zeros.as_bytes(), 1000),
            Err(Malformed::ChunkSize.into())
        );
        let (spare, more) = ("e".repeat(MAX_SPARE), "e".repeat(MAX_SPARE + 1));
        assert_eq!(
            read(format!("1;{spare}\r\nx\r\n1").as_bytes(), 1000),
            Ok(None)
        );
        for bytes in [
            format!("1;{more}"),
            format!("1;{spare}\r\nx\r\n1;e"),
            "1;e\r\nx\r\n".repeat(MAX_SPARE + 1),
        ] {
            let extensions = read(bytes.as_bytes(), 1 << 20);
            assert_eq!(extensions, Err(TooLarge::ChunkExtensions.into()));
        }
        let spare = format!("e:{}", "e".repeat(MAX_SPARE - 2));
        assert_eq!(read(format!("0\r\n{spare}\r\n").as_bytes(), 1000), Ok(None));
        let extensions = "e".repeat(MAX_SPARE);
        let body = format!("1;{extensions}\r\nx\r\n0\r\n{spare}\r\n\r\n");
        assert!(read(body.as_bytes(), 1000).unwrap().is_some());
        let trailers = read(format!("0\r\n{spare}\r\ne").as_bytes(), 1000);
        assert_eq!(trailers, Err(TooLarge::Trailers.into()));
    }
}
