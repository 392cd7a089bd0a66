//! The state of a server's door.

/// Whether a server opens new sessions.
#[expect(clippy::exhaustive_enums, reason = "a door is open or closed")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It does.
    Open,
    /// It refuses handshakes with 503.
    Closed,
}
