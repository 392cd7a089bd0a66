//! The handshake that opens a session.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytestring::ByteString;
use serde::Serialize;

use super::DecodeError;
use crate::hidden::Hidden;

mod read;

/// The content of the first packet of a session: its id and the settings both sides go by.
///
/// As JSON the intervals are whole milliseconds and the keys stand in the official order: `sid`, `upgrades`,
/// `pingInterval`, `pingTimeout`, `maxPayload`.
///
/// Source: Engine.IO protocol revision 4, "Handshake".
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use engineio_proto::codec::Open;
///
/// let text = r#"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
/// let open = Open::decode(text)?;
/// assert_eq!(open.ping_interval, Duration::from_secs(25));
/// assert_eq!(open.encode(), text);
/// # Ok::<(), engineio_proto::codec::DecodeError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Open {
    /// The session id, opaque to clients.
    pub sid: ByteString,
    /// The transports that the session may be upgraded to, by their official names.
    pub upgrades: Vec<ByteString>,
    /// How long the server waits after a pong, or after opening, before it sends a ping.
    pub ping_interval: Duration,
    /// How long the server waits for the pong.
    pub ping_timeout: Duration,
    /// The largest payload, in bytes, that the server takes in one request or frame; servers before 6.2 do not tell.
    pub max_payload: Option<u64>,
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sid,
            upgrades,
            ping_interval,
            ping_timeout,
            max_payload,
        } = self;
        f.debug_struct("Open")
            .field("sid", &Hidden(&**sid))
            .field("upgrades", upgrades)
            .field("ping_interval", ping_interval)
            .field("ping_timeout", ping_timeout)
            .field("max_payload", max_payload)
            .finish()
    }
}

/// The handshake as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    sid: &'a str,
    upgrades: Vec<&'a str>,
    ping_interval: u64,
    ping_timeout: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_payload: Option<u64>,
}

impl Open {
    /// Makes a handshake.
    #[must_use]
    pub fn new(
        sid: impl Into<ByteString>,
        ping_interval: Duration,
        ping_timeout: Duration,
    ) -> Self {
        Self {
            sid: sid.into(),
            upgrades: Vec::new(),
            ping_interval,
            ping_timeout,
            max_payload: None,
        }
    }

    /// Sets the transports that the session may be upgraded to.
    #[must_use]
    pub fn with_upgrades(mut self, upgrades: Vec<ByteString>) -> Self {
        self.upgrades = upgrades;
        self
    }

    /// Sets the largest payload in bytes.
    #[must_use]
    pub fn with_max_payload(mut self, max_payload: u64) -> Self {
        self.max_payload = Some(max_payload);
        self
    }

    /// Reads the data of an open packet: JSON with the keys in any order; others are skipped.
    ///
    /// Takes what the official client can work with:
    ///
    /// | key | taken | read as |
    /// |---|---|---|
    /// | `sid` | a string of 1 to 1,024 bytes, a number | the text of it |
    /// | `upgrades` | a list; anything else, or nothing, is an empty one | the names of known transports, each once |
    /// | `pingInterval`, `pingTimeout` | a number, also as a string; `null` and what is negative is 0 | whole milliseconds, rounded down |
    /// | `maxPayload` | a number, also as a string; anything else, or nothing, is no limit | whole bytes, rounded down |
    ///
    /// A `maxPayload` below 1 that is not 0 is read as 1: packets go one by one. Of a key that comes twice, the last counts.
    ///
    /// Source: `engine.io-client/lib/socket.ts`, `onHandshake`, and what JavaScript makes of the values.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Handshake`] if it is no JSON object, or `sid`, `pingInterval` or `pingTimeout` is missing or nothing
    /// that is taken.
    pub fn decode(json: &str) -> Result<Self, DecodeError> {
        read::open(json).ok_or(DecodeError::Handshake)
    }

    /// Writes the data of an open packet.
    #[must_use]
    pub fn encode(&self) -> String {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let json = Json {
            sid: &self.sid,
            upgrades: self.upgrades.iter().map(|name| &**name).collect(),
            ping_interval: millis(self.ping_interval),
            ping_timeout: millis(self.ping_timeout),
            max_payload: self.max_payload,
        };
        // Strings and integers always serialise.
        serde_json::to_string(&json).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn max_payload_may_be_missing_and_keys_may_come_in_any_order() {
        let open = Open::decode(
            r#"{"extra":[{}],"pingTimeout":5,"upgrades":[],"sid":"a\u0062","pingInterval":7}"#,
        );
        let expected = Open::new("ab", Duration::from_millis(7), Duration::from_millis(5));
        assert_eq!(open, Ok(expected));
    }

    #[test]
    fn malformed_handshakes_are_refused() {
        for json in ["", "[]", "{}", "null", "1", "{", r#"{"sid":"a"}{}"#] {
            assert_eq!(Open::decode(json), Err(DecodeError::Handshake), "{json}");
        }
    }

    #[test]
    fn encodes_as_the_official_server() {
        let open = Open::new("x", Duration::from_millis(300), Duration::from_millis(200))
            .with_upgrades(vec!["websocket".into()])
            .with_max_payload(1_000_000);
        let json = r#"{"sid":"x","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#;
        assert_eq!(open.encode(), json);
    }
}
