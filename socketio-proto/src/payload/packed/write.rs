//! Writing MessagePack in the form that a packed payload has.

use alloc::vec::Vec;

use bytes::Bytes;
use rmp::encode::{self, ByteBuf};

use super::size;

/// MessagePack in the making.
///
/// An array or map that is opened has a place of one byte for its length, which up to 15 items or members fit. Longer ones
/// are written down, and so is what is large, until the length of the whole is known: everything is copied once, into a
/// buffer of that length.
#[derive(Default)]
pub(crate) struct Packer<'a> {
    out: ByteBuf,
    changes: Vec<Change<'a>>,
}

/// What has to be put into a place.
struct Change<'a> {
    at: usize,
    to: To<'a>,
}

enum To<'a> {
    /// The head of an array or map, instead of as many bytes as `before` says.
    Head {
        before: u8,
        len: u32,
        map: bool,
    },
    Data(&'a [u8]),
    Shared(Bytes),
}

impl To<'_> {
    /// The bytes that are replaced.
    const fn before(&self) -> usize {
        match self {
            Self::Head { before, .. } => *before as usize,
            Self::Data(_) | Self::Shared(_) => 0,
        }
    }

    const fn len(&self) -> usize {
        match self {
            Self::Head { len, .. } => size::container(*len),
            Self::Data(data) => data.len(),
            Self::Shared(data) => data.len(),
        }
    }

    fn write(&self, out: &mut ByteBuf) {
        let data = match self {
            Self::Head { len, map, .. } => {
                let _ = if *map {
                    encode::write_map_len(out, *len)
                } else {
                    encode::write_array_len(out, *len)
                };
                return;
            }
            Self::Data(data) => data,
            Self::Shared(data) => &data[..],
        };
        out.as_mut_vec().extend_from_slice(data);
    }
}

/// An array or map that is not complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    at: usize,
    /// The length that stands in its place.
    written: u32,
    map: bool,
}

/// Writing to memory does not fail, and so what the functions of `rmp` return says nothing.
impl<'a> Packer<'a> {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            out: ByteBuf::with_capacity(bytes),
            changes: Vec::new(),
        }
    }

    /// Starts an array. The length may be wrong; without one it is thought of as short.
    pub(crate) fn open_array(&mut self, len: Option<usize>) -> Opened {
        let at = self.written();
        let written = expected(len);
        let _ = encode::write_array_len(&mut self.out, written);
        let map = false;
        Opened { at, written, map }
    }

    /// Starts a map. The number of members may be wrong; without one it is thought of as short.
    pub(crate) fn open_map(&mut self, members: Option<usize>) -> Opened {
        let at = self.written();
        let written = expected(members);
        let _ = encode::write_map_len(&mut self.out, written);
        let map = true;
        Opened { at, written, map }
    }

    /// Ends an array or map that has so many items or members.
    pub(crate) fn close(&mut self, opened: Opened, len: u32) {
        let Opened { at, written, map } = opened;
        if len == written {
            return;
        }
        if written < 16
            && let Some(short) = u8::try_from(len).ok().filter(|len| *len < 16)
            && let Some(head) = self.out.as_mut_vec().get_mut(at)
        {
            *head = if map { 0x80 } else { 0x90 } | short;
        } else {
            let before = if written < 16 {
                1
            } else if written < 0x1_0000 {
                3
            } else {
                5
            };
            let to = To::Head { before, len, map };
            self.changes.push(Change { at, to });
        }
    }

    /// Writes the head of a map with so many members, which are few.
    pub(crate) fn map(&mut self, members: u8) {
        let _ = encode::write_map_len(&mut self.out, members.into());
    }

    #[inline]
    pub(crate) fn text(&mut self, text: &str) {
        // Most strings are short.
        if text.len() < 32 {
            let head = core::iter::once(0xa0 | text.len() as u8);
            self.out.as_mut_vec().extend(head.chain(text.bytes()));
        } else {
            self.long_text(text);
        }
    }

    #[inline(never)]
    fn long_text(&mut self, text: &str) {
        let _ = encode::write_str(&mut self.out, text);
    }

    /// Writes bytes.
    pub(crate) fn copied_binary(&mut self, data: &[u8]) {
        let _ = encode::write_bin(&mut self.out, data);
    }

    /// Writes bytes that are copied with the whole.
    pub(crate) fn binary(&mut self, data: &'a [u8]) {
        self.later(data.len(), To::Data(data));
    }

    /// The same for bytes that are shared until then.
    pub(crate) fn shared_binary(&mut self, data: Bytes) {
        self.later(data.len(), To::Shared(data));
    }

    fn later(&mut self, len: usize, to: To<'a>) {
        // Of a length beyond 32 bits nothing comes but an error.
        let _ = encode::write_bin_len(&mut self.out, u32::try_from(len).unwrap_or(0));
        let at = self.written();
        self.changes.push(Change { at, to });
    }

    pub(crate) fn bool(&mut self, value: bool) {
        let _ = encode::write_bool(&mut self.out, value);
    }

    pub(crate) fn nil(&mut self) {
        let _ = encode::write_nil(&mut self.out);
    }

    pub(crate) fn uint(&mut self, value: u64) {
        let _ = encode::write_uint(&mut self.out, value);
    }

    pub(crate) fn int(&mut self, value: i64) {
        let _ = encode::write_sint(&mut self.out, value);
    }

    /// Writes a float, and nil for what JSON has no number for.
    pub(crate) fn float(&mut self, value: f64) {
        if value.is_finite() {
            self.any_float(value);
        } else {
            self.nil();
        }
    }

    /// Writes a float that may be none that JSON has, as a number in JSON may be too large for one.
    pub(crate) fn any_float(&mut self, value: f64) {
        let _ = encode::write_f64(&mut self.out, value);
    }

    /// Makes room for so many bytes.
    pub(crate) fn reserve(&mut self, room: usize) {
        self.out.as_mut_vec().reserve(room);
    }

    /// Writes what is MessagePack already.
    pub(crate) fn raw(&mut self, packed: &[u8]) {
        self.out.as_mut_vec().extend_from_slice(packed);
    }

    /// The bytes written so far, apart from what has to be put into them.
    fn written(&self) -> usize {
        self.out.as_vec().len()
    }

    /// The length of the whole.
    pub(crate) fn len(&self) -> usize {
        let changes = self.changes.iter();
        let more = changes
            .clone()
            .map(|change| change.to.len())
            .fold(0, usize::saturating_add);
        let less: usize = changes.map(|change| change.to.before()).sum();
        self.written().saturating_sub(less).saturating_add(more)
    }

    /// Appends the whole that another has written.
    pub(crate) fn append(&mut self, mut other: Packer<'_>) {
        // Arrays and maps are known at their ends, and so outer ones behind inner ones. Bytes that end where an array or map
        // begins have the same place, and come first: they replace nothing.
        other
            .changes
            .sort_unstable_by_key(|change| (change.at, change.to.before()));
        let written = other.out.as_vec();
        let mut copied = 0_usize;
        for change in &other.changes {
            self.raw(written.get(copied..change.at).unwrap_or_default());
            copied = change.at.saturating_add(change.to.before());
            change.to.write(&mut self.out);
        }
        self.raw(written.get(copied..).unwrap_or_default());
    }

    /// The whole, in a buffer of its length.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut packed = self.into_buffer();
        packed.shrink_to_fit();
        packed
    }

    /// The whole, in the buffer that it was written into if it can stay there.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        if self.changes.is_empty() {
            return self.out.into_vec();
        }
        let mut whole = Packer::with_capacity(self.len());
        whole.append(self);
        whole.out.into_vec()
    }
}

fn expected(len: Option<usize>) -> u32 {
    len.and_then(|len| u32::try_from(len).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An array of arrays, each of which holds the next, and so many nils.
    fn nested(lens: &[u32], hint: impl Fn(u32) -> Option<usize>) -> Vec<u8> {
        let mut packer = Packer::default();
        let opened: Vec<_> = lens
            .iter()
            .map(|&len| {
                let opened = packer.open_array(hint(len));
                for _ in 0..len {
                    packer.nil();
                }
                (opened, len + 1)
            })
            .collect();
        packer.nil();
        for (opened, len) in opened.into_iter().rev() {
            packer.close(opened, len);
        }
        let packed = packer.finish();
        assert_eq!(packed.len(), packed.capacity());
        packed
    }

    #[test]
    fn heads_are_right_whatever_was_expected() {
        for lens in [&[3][..], &[15, 1, 14], &[20, 2, 300, 16], &[70_000, 0]] {
            let exact = nested(lens, |len| usize::try_from(len + 1).ok());
            for hint in [0, 1, 15, 16, 300, 65_536] {
                assert_eq!(nested(lens, |_| Some(hint)), exact, "{hint}");
            }
            assert_eq!(nested(lens, |_| None), exact);
        }
    }
}
