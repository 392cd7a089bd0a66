//! The main namespace, which servers let clients of the old protocol into unasked.

/// What the server did with the client in its main namespace, on the connection there is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::client) enum Main {
    #[default]
    Awaited,
    Joined,
    Over,
}
