//! The workloads of the clients.

mod broadcast;
mod churn;
mod echo;
mod polling;

pub use broadcast::Broadcast;
pub use churn::Churn;
pub use echo::Echo;
pub use polling::PollingEcho;

use crate::numbered::PLACE;

/// The 48 bytes that each event carries. They name the client, so that an answer for another client is noticed.
fn payload(client: usize) -> String {
    format!("client {client:06} sends forty-eight bytes every time")
}

/// The packet of an echo with a place for the id of its acknowledgement.
fn echo(client: usize) -> String {
    format!(r#"42{PLACE}["echo","{}"]"#, payload(client))
}

/// The packet that answers an echo.
fn echoed(client: usize) -> String {
    format!(r#"43{PLACE}["{}"]"#, payload(client))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_payload_has_48_bytes() {
        assert_eq!(super::payload(0).len(), 48);
        assert_eq!(super::payload(999_999).len(), 48);
    }
}
