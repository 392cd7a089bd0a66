//! The encoding of a recording: numbers of variable length, and data with its length in front.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use socketio_proto::engine::Instant;

use crate::outcome::Party;

/// A value of a call, written and read.
pub(crate) trait Wire<'a>: Sized {
    fn write(&self, out: &mut Writer);
    fn read(input: &mut Reader<'a>) -> Result<Self, Fault>;
    /// Its text in a diagram; empty if the diagram leaves it out.
    fn show(&self) -> String;

    /// The peer that it names.
    fn party(&self) -> Option<Party> {
        None
    }
}

/// The reason why bytes are not a valid value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The bytes end before the value does.
    End,
    Malformed(&'static str),
}

#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    /// Instants are written as the distance to the previous one.
    last: u64,
}

#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    last: u64,
}

impl Writer {
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub(crate) fn slice(&mut self, slice: &[u8]) {
        self.number(slice.len() as u64);
        self.bytes.extend_from_slice(slice);
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            last: 0,
        }
    }

    /// Continues to read where this is the latest instant that was read.
    pub(crate) fn at(bytes: &'a [u8], time: Instant) -> Self {
        Self {
            rest: bytes,
            last: time.as_nanos(),
        }
    }

    /// The bytes that are still unread.
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    /// The latest instant that was read.
    pub(crate) fn time(&self) -> Instant {
        Instant::from_nanos(self.last)
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Fault::End)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let (byte, rest) = self.rest.split_first().ok_or(Fault::End)?;
        self.rest = rest;
        Ok(*byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Fault::Malformed("a number of more than 64 bits"))
    }

    pub(crate) fn slice(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.number()?;
        self.take(usize::try_from(len).map_err(|_| Fault::End)?)
    }
}

/// Numbers, written as 64 bits.
macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Wire<'_> for $number {
            fn write(&self, out: &mut Writer) {
                out.number(*self as u64);
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
                Self::try_from(input.number()?).map_err(|_| Fault::Malformed("a number that is too large"))
            }

            fn show(&self) -> String {
                self.to_string()
            }
        })*
    };
}

numbers!(u8 u16 u32 u64 usize);

impl Wire<'_> for bool {
    fn write(&self, out: &mut Writer) {
        out.bytes.push(u8::from(*self));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        match input.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Fault::Malformed("neither true nor false")),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl<'a> Wire<'a> for &'a [u8] {
    fn write(&self, out: &mut Writer) {
        out.slice(self);
    }

    fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
        input.slice()
    }

    fn show(&self) -> String {
        match std::str::from_utf8(self) {
            Ok(text) => text.replace('\x1e', "␞"),
            Err(_) => format!("{} bytes", self.len()),
        }
    }
}

impl<'a> Wire<'a> for &'a str {
    fn write(&self, out: &mut Writer) {
        out.slice(self.as_bytes());
    }

    fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
        std::str::from_utf8(input.slice()?).map_err(|_| Fault::Malformed("text that is not UTF-8"))
    }

    fn show(&self) -> String {
        format!("{self:-?}")
    }
}

/// Types that borrow as another type, and are made from it.
macro_rules! owned {
    ($($owned:ty as $lent:ty;)*) => {
        $(impl<'a> Wire<'a> for $owned {
            fn write(&self, out: &mut Writer) {
                let lent: $lent = self.as_ref();
                lent.write(out);
            }

            fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
                let lent = <$lent>::read(input)?;
                Ok(lent.to_owned().into())
            }

            fn show(&self) -> String {
                let lent: $lent = self.as_ref();
                lent.show()
            }
        })*
    };
}

owned! {
    Bytes as &[u8];
    ByteString as &str;
    String as &str;
    std::sync::Arc<str> as &str;
}

impl Wire<'_> for Instant {
    fn write(&self, out: &mut Writer) {
        let distance = self.as_nanos().wrapping_sub(out.last) as i64;
        out.last = self.as_nanos();
        // Small distances make small numbers, whichever way they go.
        out.number((distance << 1 ^ distance >> 63) as u64);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let number = input.number()?;
        let distance = number >> 1 ^ (number & 1).wrapping_neg();
        input.last = input.last.wrapping_add(distance);
        Ok(Self::from_nanos(input.last))
    }

    /// A diagram shows the time at its side.
    fn show(&self) -> String {
        String::new()
    }
}

impl Wire<'_> for Duration {
    fn write(&self, out: &mut Writer) {
        out.number(self.as_secs());
        out.number(u64::from(self.subsec_nanos()));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let (seconds, nanos) = (input.number()?, u32::read(input)?);
        if nanos < 1_000_000_000 {
            Ok(Self::new(seconds, nanos))
        } else {
            Err(Fault::Malformed("more nanoseconds than a second has"))
        }
    }

    fn show(&self) -> String {
        format!("{self:-?}")
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for Option<T> {
    fn write(&self, out: &mut Writer) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
        bool::read(input)?.then(|| T::read(input)).transpose()
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "none".into(), T::show)
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for Vec<T> {
    fn write(&self, out: &mut Writer) {
        write_list(self, out);
    }

    fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
        // Each takes a byte at least, so that a length that is made up ends with the input.
        (0..input.number()?).map(|_| T::read(input)).collect()
    }

    fn show(&self) -> String {
        let shown: Vec<_> = self.iter().map(T::show).collect();
        format!("[{}]", shown.join(", "))
    }
}

impl<'a, A: Wire<'a>, B: Wire<'a>> Wire<'a> for (A, B) {
    fn write(&self, out: &mut Writer) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
        Ok((A::read(input)?, B::read(input)?))
    }

    fn show(&self) -> String {
        format!("{}: {}", self.0.show(), self.1.show())
    }
}

/// Writes the form that reads as a `Vec`.
pub(crate) fn write_list<'a, 'b, T: Wire<'b> + 'a>(
    list: impl IntoIterator<Item = &'a T, IntoIter: ExactSizeIterator>,
    out: &mut Writer,
) {
    let list = list.into_iter();
    out.number(list.len() as u64);
    for item in list {
        item.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: for<'a> Wire<'a> + PartialEq + std::fmt::Debug>(values: &[T]) {
        let mut out = Writer::default();
        for value in values {
            value.write(&mut out);
        }
        let mut input = Reader::new(&out.bytes);
        for value in values {
            assert_eq!(T::read(&mut input).as_ref(), Ok(value));
        }
        assert_eq!(input.len(), 0);
        for end in 0..out.bytes.len() {
            let mut input = Reader::new(&out.bytes[..end]);
            let read: Result<Vec<_>, _> = values.iter().map(|_| T::read(&mut input)).collect();
            assert_eq!(read, Err(Fault::End));
        }
    }

    #[test]
    fn values_come_back_and_end_with_their_bytes() {
        round(&[0, 1, 127, 128, u64::MAX]);
        round(&[u16::MAX, 0]);
        round(&[true, false]);
        round(&[Duration::MAX, Duration::ZERO]);
        round(&[Some("a".to_owned()), None]);
        round(&[vec![(1_u64, Bytes::from_static(b"x"))], vec![]]);
    }

    #[test]
    fn instants_come_back_in_any_order() {
        round(&[5, 3, u64::MAX, 0, 1 << 63, 7].map(Instant::from_nanos));
    }

    #[test]
    fn a_step_of_some_microseconds_takes_three_bytes() {
        let mut out = Writer::default();
        Instant::from_millis(1_000_000).write(&mut out);
        let before = out.bytes.len();
        (Instant::from_millis(1_000_000) + Duration::from_micros(500)).write(&mut out);
        assert_eq!(out.bytes.len() - before, 3);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let malformed = |fault| matches!(fault, Err(Fault::Malformed(_)));
        assert!(malformed(
            u64::read(&mut Reader::new(&[0xff; 10])).map(drop)
        ));
        assert!(malformed(u8::read(&mut Reader::new(&[0x80, 2])).map(drop)));
        assert!(malformed(bool::read(&mut Reader::new(&[2])).map(drop)));
        assert!(malformed(
            <&str>::read(&mut Reader::new(&[1, 0xff])).map(drop)
        ));
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(<Vec<Bytes>>::read(&mut Reader::new(&huge)), Err(Fault::End));
        assert_eq!(Bytes::read(&mut Reader::new(&huge)), Err(Fault::End));
    }
}
