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

    /// Whether nothing follows in the array or object that was entered last.
    fn is_last(&mut self, left: &Self::Left, of: Kind) -> bool;

    /// Says that an item or member was passed.
    fn passed(&mut self, left: &mut Self::Left);

    /// Leaves an array or object; false if there is more in it.
    fn close(&mut self, left: Self::Left, of: Kind) -> bool;

    /// Passes a string, which may be a key.
    fn string(&mut self) -> Option<Cow<'de, str>>;

    /// Passes what stands between a key and its value.
    fn key_end(&mut self);

    fn number(&mut self) -> Option<Number<'de>>;

    fn bool(&mut self) -> Option<bool>;

    /// Passes any value or key.
    fn skip(&mut self) -> Option<()>;

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
            b']' | b'}' => return None,
            _ => Kind::Number,
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
    fn is_last(&mut self, (): &(), of: Kind) -> bool {
        self.peek() == Some(end_of(of))
    }

    #[inline]
    fn passed(&mut self, (): &mut ()) {
        self.eat(b',');
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
    fn key_end(&mut self) {
        self.eat(b':');
    }

    #[inline]
    fn number(&mut self) -> Option<Number<'de>> {
        Cursor::skip(self).map(Number::Text)
    }

    fn bool(&mut self) -> Option<bool> {
        Cursor::skip(self).map(|token| token == "true")
    }

    fn skip(&mut self) -> Option<()> {
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
