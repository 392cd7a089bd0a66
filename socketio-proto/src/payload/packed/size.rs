//! The length of MessagePack, so that a message is allocated once.

/// The length of an array or map with so many elements or members, what is in it aside.
pub(crate) const fn container(len: u32) -> usize {
    match len {
        0..=15 => 1,
        16..=0xffff => 3,
        _ => 5,
    }
}

pub(crate) const fn text(len: usize) -> usize {
    let head = match len {
        0..=31 => 1,
        32..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    };
    len.saturating_add(head)
}

pub(crate) const fn binary(len: usize) -> usize {
    let head = match len {
        0..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    };
    len.saturating_add(head)
}

pub(crate) const fn uint(value: u64) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// The length of a negative integer.
pub(crate) const fn negative(value: i64) -> usize {
    match value {
        -32.. => 1,
        -0x80.. => 2,
        -0x8000.. => 3,
        -0x8000_0000.. => 5,
        _ => 9,
    }
}

pub(crate) const FLOAT: usize = 9;
