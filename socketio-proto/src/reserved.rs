//! The names of events that are kept for the library.

/// Whether an event name is kept for the library itself: applications must not emit it and peers must not send it.
///
/// The names are `connect`, `connect_error`, `disconnect`, `disconnecting`, and for the sake of the official
/// implementation `newListener` and `removeListener`.
#[must_use]
pub fn is_reserved_event(name: &str) -> bool {
    is_reserved(name.as_bytes())
}

/// The same for a name of which it does not matter here whether it is UTF-8.
pub(crate) const fn is_reserved(name: &[u8]) -> bool {
    matches!(
        name,
        b"connect"
            | b"connect_error"
            | b"disconnect"
            | b"disconnecting"
            | b"newListener"
            | b"removeListener"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_event_names_are_reserved() {
        for name in [
            "connect",
            "connect_error",
            "disconnect",
            "disconnecting",
            "newListener",
            "removeListener",
        ] {
            assert!(is_reserved_event(name), "{name}");
        }
        for name in [
            "",
            "connection",
            "error",
            "new_namespace",
            "Connect",
            "message",
        ] {
            assert!(!is_reserved_event(name), "{name}");
        }
    }
}
