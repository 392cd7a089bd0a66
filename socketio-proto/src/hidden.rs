//! `Debug` output of names that may hold ids: rooms are named after sockets, or as an application likes.

use alloc::collections::BTreeSet;
use core::fmt;

use engineio_proto::hidden::Hidden;

/// A list of names of which `Debug` shows the lengths, and with `{:-?}` the names.
pub(crate) struct HiddenList<'a, T>(pub(crate) &'a [T]);

impl<T: AsRef<str>> fmt::Debug for HiddenList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|name| Hidden(name.as_ref()));
        f.debug_list().entries(names).finish()
    }
}

/// A set of names, shown as a [`HiddenList`] is.
pub(crate) struct HiddenSet<'a, T>(pub(crate) &'a BTreeSet<T>);

impl<T: AsRef<str>> fmt::Debug for HiddenSet<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|name| Hidden(name.as_ref()));
        f.debug_set().entries(names).finish()
    }
}

/// Writes a variant with these fields as a derived `Debug` does.
macro_rules! debug_fields {
    ($f:expr, $name:literal, $($field:ident),+) => {
        $f.debug_struct($name)$(.field(stringify!($field), $field))+.finish()
    };
}

pub(crate) use debug_fields;
