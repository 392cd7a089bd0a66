//! The numbers of every two seconds.

use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use socketio_proto::Payload;
use socketio_proto::engine::server::Stats;
use socketio_proto::engine::{Instant, Transport};
use socketio_proto::server::Commands;

use super::Admin;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerStats<'a> {
    server_id: &'a str,
    hostname: &'a str,
    pid: u32,
    /// In seconds.
    uptime: f64,
    clients_count: usize,
    polling_clients_count: u64,
    aggregated_events: &'a [Aggregated],
    namespaces: Vec<NamespaceStats<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NamespaceStats<'a> {
    name: &'a str,
    sockets_count: usize,
}

/// The number of times that something happened in one second.
#[derive(Debug, PartialEq, Serialize)]
struct Aggregated {
    /// In milliseconds since 1970, and whole seconds.
    timestamp: u64,
    r#type: &'static str,
    #[serde(rename = "subType", skip_serializing_if = "Option::is_none")]
    sub_type: Option<String>,
    count: u64,
}

/// The events since the numbers were last reported.
#[derive(Debug, Default)]
pub(super) struct Aggregate {
    events: Vec<Aggregated>,
    /// The counters of the machine at the last look.
    seen: Seen,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    messages_in: u64,
    messages_out: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl Aggregate {
    pub(super) fn opened(&mut self) {
        self.add(second(), "rawConnection", None, 1);
    }

    pub(super) fn closed(&mut self, reason: String) {
        self.add(second(), "rawDisconnection", Some(reason), 1);
    }

    /// Counts the packets that came and went since the last look.
    fn look(&mut self, stats: &Stats) {
        let before = std::mem::replace(
            &mut self.seen,
            Seen {
                messages_in: stats.messages_in,
                messages_out: stats.messages_out,
                bytes_in: stats.bytes_in,
                bytes_out: stats.bytes_out,
            },
        );
        let (now, seen) = (second(), self.seen);
        for (what, before, after) in [
            ("packetsIn", before.messages_in, seen.messages_in),
            ("packetsOut", before.messages_out, seen.messages_out),
            ("bytesIn", before.bytes_in, seen.bytes_in),
            ("bytesOut", before.bytes_out, seen.bytes_out),
        ] {
            self.add(now, what, None, after.saturating_sub(before));
        }
    }

    fn add(&mut self, timestamp: u64, what: &'static str, sub_type: Option<String>, count: u64) {
        if count == 0 {
            return;
        }
        // A few for each second, and two seconds.
        let same = self.events.iter_mut().find(|event| {
            event.timestamp == timestamp && event.r#type == what && event.sub_type == sub_type
        });
        match same {
            Some(event) => event.count = event.count.saturating_add(count),
            None => self.events.push(Aggregated {
                timestamp,
                r#type: what,
                sub_type,
                count,
            }),
        }
    }
}

impl Admin {
    /// Counts traffic; often enough that it is told with the second in which it was.
    pub(super) fn count_traffic(&mut self, server: &impl Commands) {
        self.aggregate.look(server.engine().stats());
    }

    pub(super) fn tell_stats(&mut self, server: &mut impl Commands, now: Instant) {
        self.count_traffic(server);
        let hostname = gethostname::gethostname();
        let hostname = hostname.to_string_lossy();
        let namespaces = server.namespaces().map(|name| NamespaceStats {
            name,
            sockets_count: server.socket_count(name),
        });
        let stats = ServerStats {
            server_id: self.options.server_id.as_deref().unwrap_or(&hostname),
            hostname: &hostname,
            pid: process::id(),
            uptime: now.saturating_duration_since(self.started).as_secs_f64(),
            clients_count: server.engine().session_count(),
            polling_clients_count: server.engine().sessions_on(Transport::Polling),
            aggregated_events: &self.aggregate.events,
            namespaces: namespaces.collect(),
        };
        let payload = Payload::event("server_stats").arg(&stats);
        self.tell(server, payload);
        self.aggregate.events.clear();
    }
}

fn second() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_in_one_second_is_one_entry_for_each_kind_and_reason() {
        let mut aggregate = Aggregate::default();
        for (timestamp, reason) in [(1, "a"), (1, "b"), (1, "a"), (2, "a")] {
            aggregate.add(timestamp, "x", Some(reason.into()), 2);
        }
        aggregate.add(2, "x", None, 0);
        let counts = aggregate.events.iter();
        let counts: Vec<_> = counts
            .map(|event| (event.timestamp, event.sub_type.as_deref(), event.count))
            .collect();
        assert_eq!(
            counts,
            [(1, Some("a"), 4), (1, Some("b"), 2), (2, Some("a"), 2)]
        );
    }
}
