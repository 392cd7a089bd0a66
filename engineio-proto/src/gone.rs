//! The one error of commands about something that is no more.

/// What a token or key was about is gone: the peer went away, an answer came too late, or a socket was forgotten.
#[expect(clippy::exhaustive_structs, reason = "the layer above gives it too")]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is gone")]
pub struct Gone;
