//! The arguments of a payload, one by one.

use bytes::Bytes;
use serde::de::Deserialize;

use super::Payload;
use super::budget::Budget;
use super::cursor::Cursor;
use super::de::{Attachments, Reader};
use super::packed::{Left, PackedCursor};
use super::source::{Kind, Source};
use crate::ReadError;

/// The JSON of the arguments of a payload, made by [`Payload::raw_args`].
#[derive(Clone, Debug)]
pub struct RawArgs<'a> {
    args: Args<'a>,
    attachments: &'a [Bytes],
    /// What is left for all that is read.
    budget: Budget,
}

/// The place of the next argument.
#[derive(Clone, Debug)]
enum Args<'a> {
    /// The payload is no array.
    None,
    Json(Cursor<'a>),
    Packed {
        payload: &'a Payload,
        cursor: PackedCursor<'a>,
        left: Left,
        /// The number of arguments passed.
        passed: usize,
    },
}

impl<'a> RawArgs<'a> {
    pub(super) fn new(payload: &'a Payload) -> Self {
        let args = if let Some((cursor, left)) = payload.packed_args() {
            Args::Packed {
                payload,
                cursor,
                left,
                passed: 0,
            }
        } else {
            payload.json_args().map_or(Args::None, Args::Json)
        };
        Self {
            args,
            attachments: payload.attachments(),
            budget: payload.budget(),
        }
    }

    /// Reads the next argument as [`Payload::args`] does; `None` if there is none. The argument is passed, also if it
    /// cannot be read.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is of another type, or if all that was read so far
    /// [takes too much](Payload#how-much-reading-takes).
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Payload;
    ///
    /// let payload = Payload::event("set").arg("volume").arg(&11).build()?;
    /// let mut args = payload.raw_args();
    /// let name: &str = args.read().ok_or("no name")??;
    /// let value: u8 = args.read().ok_or("no value")??;
    /// assert_eq!((name, value), ("volume", 11));
    /// assert!(args.read::<u8>().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read<T: Deserialize<'a>>(&mut self) -> Option<Result<T, ReadError>> {
        let attachments = Attachments::Shared(self.attachments);
        let (value, budget) = match &mut self.args {
            Args::None => return None,
            Args::Json(cursor) => {
                let start = cursor.clone();
                next_json(cursor)?;
                read_at(start, attachments, self.budget.clone())
            }
            Args::Packed {
                cursor,
                left,
                passed,
                ..
            } => {
                let start = cursor.clone();
                pass(cursor, left)?;
                *passed = passed.saturating_add(1);
                read_at(start, attachments, self.budget.clone())
            }
        };
        self.budget = budget;
        Some(value)
    }
}

fn read_at<'a, T: Deserialize<'a>, S: Source<'a>>(
    start: S,
    attachments: Attachments<'a>,
    budget: Budget,
) -> (Result<T, ReadError>, Budget) {
    let mut reader = Reader::new(start, attachments, budget);
    let value = T::deserialize(&mut reader);
    (value, reader.into_budget())
}

impl RawArgs<'_> {
    /// Passes so many arguments, or all there are.
    pub(super) fn pass(&mut self, count: usize) {
        for _ in 0..count {
            let passed = match &mut self.args {
                Args::None => None,
                Args::Json(cursor) => next_json(cursor).map(drop),
                Args::Packed {
                    cursor,
                    left,
                    passed,
                    ..
                } => {
                    *passed = passed.saturating_add(1);
                    pass(cursor, left)
                }
            };
            if passed.is_none() {
                break;
            }
        }
    }
}

impl<'a> Iterator for RawArgs<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if let Args::Packed {
            payload, passed, ..
        } = &self.args
        {
            // From here on by the JSON, in which all arguments lie one behind the other.
            let mut cursor = payload.json_args().ok()?;
            for _ in 0..*passed {
                next_json(&mut cursor)?;
            }
            self.args = Args::Json(cursor);
        }
        match &mut self.args {
            Args::Json(cursor) => next_json(cursor),
            Args::None | Args::Packed { .. } => None,
        }
    }
}

fn next_json<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    if cursor.peek()? == b']' {
        return None;
    }
    let arg = cursor.skip();
    cursor.eat(b',');
    arg
}

/// Passes an argument; `None` if there is none.
pub(super) fn pass(cursor: &mut PackedCursor<'_>, left: &mut Left) -> Option<()> {
    if cursor.next(left, Kind::Array) {
        cursor.skip()
    } else {
        None
    }
}
