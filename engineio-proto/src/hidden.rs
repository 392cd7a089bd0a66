//! `Debug` output of data that may hold secrets.
//!
//! Frames, bodies, queries and headers carry session ids, pids, cookies, authentications and tokens. `Debug` of a type
//! with such data shows its length. With a minus sign, `{:-?}`, it shows the data itself, for tests and for tools that
//! compare the outputs of machines.
//!
//! ```
//! use engineio_proto::Message;
//!
//! let message = Message::text("secret");
//! assert_eq!(format!("{message:?}"), "Text(6 bytes)");
//! assert_eq!(format!("{message:-?}"), r#"Text("secret")"#);
//! ```

use alloc::string::String;
use core::fmt;

use bytes::Bytes;

/// Data whose `Debug` is its length, or the names in it, except with `{:-?}`.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct Hidden<'a, T: ?Sized>(pub &'a T);

impl fmt::Debug for Hidden<'_, str> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.sign_minus() {
            fmt::Debug::fmt(self.0, f)
        } else {
            write!(f, "{} bytes", self.0.len())
        }
    }
}

impl fmt::Debug for Hidden<'_, Bytes> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.sign_minus() {
            fmt::Debug::fmt(self.0, f)
        } else {
            write!(f, "{} bytes", self.0.len())
        }
    }
}

/// Attachments, or other buffers.
impl fmt::Debug for Hidden<'_, [Bytes]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Hidden)).finish()
    }
}

/// Values of headers of one name.
impl fmt::Debug for Hidden<'_, [String]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.0.iter().map(|value| Hidden(value.as_str()));
        f.debug_list().entries(values).finish()
    }
}

/// Names, which are shown, and values, which are not.
impl fmt::Debug for Hidden<'_, [(String, String)]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.0.iter();
        f.debug_map()
            .entries(pairs.map(|(name, value)| (name, Hidden(value.as_str()))))
            .finish()
    }
}

/// A URL, or the name of a namespace, whose query `Debug` hides except with `{:-?}`.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct HiddenQuery<'a>(pub &'a str);

impl fmt::Debug for HiddenQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once('?') {
            Some((path, query)) if !f.sign_minus() => {
                write!(f, "{path:?} and a query of {} bytes", query.len())
            }
            _ => fmt::Debug::fmt(self.0, f),
        }
    }
}
