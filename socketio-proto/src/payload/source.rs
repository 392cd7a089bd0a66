//! The two forms of a payload, as a deserialiser sees them.

use alloc::borrow::Cow;

use super::cursor::Cursor;
use super::number::Number;
use super::placeholder;

/// What a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Bool,
    Null,
}

/// How keys start by which `serde_json` knows values of its own: `RawValue` and `Number`.
pub(crate) const PRIVATE: &str = "$serde_json::private::";

/// A place in a payload that was validated, in either of its forms.
///
/// The methods that pass what is next give `None` if something else is; nothing is said about where they go then.
pub(crate) trait Source<'de>: Clone {
    /// What is left of an array or object that was entered.
    type Left: Clone;

    /// What is next; `None` at the end of an array or object as well.
    fn kind(&mut self) -> Option<Kind>;

    /// How far it is: a number of bytes from anywhere.
    fn position(&self) -> usize;

    fn open_array(&mut self) -> Option<Self::Left>;

    fn open_object(&mut self) -> Option<Self::Left>;

    /// Goes to the next item or member of the array or object that was entered last; false if nothing follows. What was
    /// gone to has to be passed before the next call.
    fn next(&mut self, left: &mut Self::Left, of: Kind) -> bool;

    /// Leaves an array or object; false if there is more in it.
    fn close(&mut self, left: Self::Left, of: Kind) -> bool;

    /// Passes a string that is next.
    fn string(&mut self) -> Option<Cow<'de, str>>;

    /// The same for a string that stands for itself. Does not move at others.
    fn plain_string(&mut self) -> Option<&'de str>;

    /// Passes a key that is next, and what stands between it and its value.
    fn key(&mut self) -> Option<Cow<'de, str>>;

    /// The same for a key that stands for itself. Does not move at others.
    fn plain_key(&mut self) -> Option<&'de str>;

    fn number(&mut self) -> Option<Number<'de>>;

    fn bool(&mut self) -> Option<bool>;

    /// Passes null, which is next.
    fn null(&mut self) -> Option<()>;

    /// Passes any value.
    fn skip(&mut self) -> Option<()>;

    /// Passes a key and its value.
    fn skip_member(&mut self) -> Option<()>;

    /// Passes any value and gives its JSON.
    fn raw(&mut self) -> Option<&'de str>;

    /// Passes an attachment, if one is next, and gives its number. Does not move otherwise.
    fn attachment(&mut self) -> Option<u32>;

    /// Whether the key that is next starts with [`PRIVATE`].
    fn is_private_key(&self) -> bool;
}

/// The bracket at the end of an array or object.
#[inline]
fn end_of(of: Kind) -> u8 {
    if of == Kind::Object { b'}' } else { b']' }
}

impl<'de> Source<'de> for Cursor<'de> {
    type Left = ();

    #[inline]
    fn kind(&mut self) -> Option<Kind> {
        Some(match self.peek()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::Text,
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            b'-' | b'0'..=b'9' => Kind::Number,
            _ => return None,
        })
    }

    #[inline]
    fn position(&self) -> usize {
        self.pos()
    }

    #[inline]
    fn open_array(&mut self) -> Option<()> {
        self.eat(b'[').then_some(())
    }

    #[inline]
    fn open_object(&mut self) -> Option<()> {
        self.eat(b'{').then_some(())
    }

    #[inline]
    fn next(&mut self, (): &mut (), of: Kind) -> bool {
        match self.peek() {
            Some(b',') => {
                self.eat(b',');
                // The place is that of the item.
                self.peek();
                true
            }
            sign => sign != Some(end_of(of)),
        }
    }

    #[inline]
    fn close(&mut self, (): (), of: Kind) -> bool {
        self.eat(end_of(of))
    }

    #[inline]
    fn string(&mut self) -> Option<Cow<'de, str>> {
        Cursor::string(self)
    }

    #[inline]
    fn plain_string(&mut self) -> Option<&'de str> {
        Cursor::plain_string(self)
    }

    #[inline]
    fn plain_key(&mut self) -> Option<&'de str> {
        let key = Cursor::plain_string(self)?;
        self.eat(b':');
        Some(key)
    }

    fn key(&mut self) -> Option<Cow<'de, str>> {
        let key = Cursor::string(self);
        self.eat(b':');
        key
    }

    #[inline]
    fn number(&mut self) -> Option<Number<'de>> {
        Cursor::number(self)
    }

    #[inline]
    fn bool(&mut self) -> Option<bool> {
        match self.peek()? {
            b't' => {
                self.word("true");
                Some(true)
            }
            b'f' => {
                self.word("false");
                Some(false)
            }
            _ => None,
        }
    }

    #[inline]
    fn null(&mut self) -> Option<()> {
        if self.peek() != Some(b'n') {
            return None;
        }
        self.word("null");
        Some(())
    }

    fn skip(&mut self) -> Option<()> {
        Cursor::skip(self).map(drop)
    }

    fn skip_member(&mut self) -> Option<()> {
        Cursor::skip(self)?;
        self.eat(b':');
        Cursor::skip(self).map(drop)
    }

    fn raw(&mut self) -> Option<&'de str> {
        Cursor::skip(self)
    }

    fn attachment(&mut self) -> Option<u32> {
        if self.peek() != Some(b'{') {
            return None;
        }
        placeholder::read(self)
    }

    fn is_private_key(&self) -> bool {
        let mut cursor = self.clone();
        cursor.peek();
        // Most keys show at their first character that they are others.
        matches!(cursor.rest().as_bytes().get(1), Some(b'$' | b'\\'))
            && cursor.string().is_some_and(|key| key.starts_with(PRIVATE))
    }
}
