//! Rules of WebSocket that a peer broke.

/// Why the bytes of a peer are no frames that it may send.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A client sent a frame that is not masked.
    #[error("a frame of a client is not masked")]
    Unmasked,
    /// A server sent a frame that is masked.
    #[error("a frame of a server is masked")]
    Masked,
    /// A reserved bit is set.
    #[error("a reserved bit is set")]
    ReservedBits,
    /// An opcode has no meaning.
    #[error("the opcode {0} is reserved")]
    Opcode(u8),
    /// A control frame is a fragment.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A control frame has more than 125 bytes.
    #[error("a control frame has more than 125 bytes")]
    LongControl,
    /// A continuation without a message that it continues.
    #[error("there is no message to be continued")]
    Continuation,
    /// A message began before the last one was whole.
    #[error("a message begins within another")]
    Interrupted,
    /// A close frame has one byte, or a code that may not be sent.
    #[error("a close frame is malformed")]
    CloseFrame,
    /// Text is not UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// A message has more bytes than the limit.
    #[error("a message is larger than allowed")]
    TooLarge,
}

impl Violation {
    /// The code to close with.
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::Utf8 => 1007,
            Self::TooLarge => 1009,
            Self::Unmasked
            | Self::Masked
            | Self::ReservedBits
            | Self::Opcode(_)
            | Self::FragmentedControl
            | Self::LongControl
            | Self::Continuation
            | Self::Interrupted
            | Self::CloseFrame => 1002,
        }
    }
}
