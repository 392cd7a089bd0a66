//! The counters of Socket.IO servers in the text format of Prometheus, those of all shards together.
//!
//! The numbers are read when somebody asks for them: nothing is counted twice, and no message passes a counter of its
//! own.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use socketio_proto::engine::Transport;
use socketio_proto::engine::server::Stats;
use socketio_proto::server::Server;

pub use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// The numbers of one machine at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    stats: Stats,
    polling: u64,
    websocket: u64,
    webtransport: u64,
    pending_handshakes: u64,
    bytes_held: u64,
    sockets: u64,
    namespaces: u64,
    pending_acks: u64,
}

impl Snapshot {
    /// Reads the numbers of a machine. Looks at each client.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        let engine = server.engine();
        Self {
            stats: *engine.stats(),
            polling: engine.sessions_on(Transport::Polling),
            websocket: engine.sessions_on(Transport::WebSocket),
            webtransport: engine.sessions_on(Transport::WebTransport),
            pending_handshakes: engine.pending_handshakes() as u64,
            bytes_held: server.bytes_held() as u64,
            sockets: server.all_sockets_count() as u64,
            namespaces: server.namespaces().count() as u64,
            pending_acks: server.all_pending_acks_count() as u64,
        }
    }
}

/// Writes the sums of some snapshots.
///
/// # Errors
///
/// None: writing to memory does not fail.
pub fn render(snapshots: Vec<Snapshot>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Sums(snapshots)));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Sums(Vec<Snapshot>);

impl Collector for Sums {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in METRICS {
            let Metric {
                kind, name, help, ..
            } = *metric;
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (value, read) in metric.values {
                let sum = self.0.iter().map(read).fold(0, u64::saturating_add);
                match metric.label {
                    None => write(&mut family, kind, sum)?,
                    Some(label) => {
                        let labels = [(label, *value)];
                        write(&mut family.encode_family(&labels)?, kind, sum)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn write(encoder: &mut MetricEncoder<'_>, kind: MetricType, value: u64) -> fmt::Result {
    match kind {
        MetricType::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
        MetricType::Gauge | MetricType::Histogram | MetricType::Info | MetricType::Unknown => {
            encoder.encode_gauge(&value)
        }
    }
}

/// A function that reads a value.
type Read = fn(&Snapshot) -> u64;

/// One value, or one for each value of a label.
struct Metric {
    kind: MetricType,
    name: &'static str,
    help: &'static str,
    label: Option<&'static str>,
    values: &'static [(&'static str, Read)],
}

impl Metric {
    const fn gauge(
        name: &'static str,
        help: &'static str,
        values: &'static [(&'static str, Read)],
    ) -> Self {
        Self {
            kind: MetricType::Gauge,
            name,
            help,
            label: None,
            values,
        }
    }

    /// Its name is told with `_total` behind it.
    const fn counter(
        name: &'static str,
        help: &'static str,
        values: &'static [(&'static str, Read)],
    ) -> Self {
        Self {
            kind: MetricType::Counter,
            ..Self::gauge(name, help, values)
        }
    }

    const fn by(self, label: &'static str) -> Self {
        Self {
            label: Some(label),
            ..self
        }
    }
}

const METRICS: &[Metric] = &[
    Metric::gauge(
        "engineio_sessions",
        "Sessions that are open.",
        &[
            ("polling", |now| now.polling),
            ("websocket", |now| now.websocket),
            ("webtransport", |now| now.webtransport),
        ],
    )
    .by("transport"),
    Metric::gauge(
        "engineio_pending_handshakes",
        "Handshakes that wait for the application.",
        &[("", |now| now.pending_handshakes)],
    ),
    Metric::gauge(
        "engineio_buffered_bytes",
        "Bytes that are held for all clients, as the memory limit counts them.",
        &[("", |now| now.bytes_held)],
    ),
    Metric::gauge(
        "socketio_sockets",
        "Sockets in all namespaces, and clients that wait to be let in.",
        &[("", |now| now.sockets)],
    ),
    Metric::gauge(
        "socketio_namespaces",
        "Namespaces.",
        &[("", |now| now.namespaces)],
    ),
    Metric::gauge(
        "socketio_pending_acks",
        "Acknowledgements that are awaited.",
        &[("", |now| now.pending_acks)],
    ),
    Metric::counter(
        "engineio_requests",
        "Plain requests, refused ones too.",
        &[("", |now| now.stats.requests)],
    ),
    Metric::counter(
        "engineio_upgrade_requests",
        "Requests to become a WebSocket, refused ones too.",
        &[("", |now| now.stats.upgrade_requests)],
    ),
    Metric::counter(
        "engineio_webtransport_requests",
        "Requests for a WebTransport session, refused ones too.",
        &[("", |now| now.stats.webtransport_requests)],
    ),
    Metric::counter(
        "engineio_refused_requests",
        "Requests that were refused.",
        &[
            ("unknown transport", |now| {
                now.stats.refused.unknown_transport
            }),
            ("unknown sid", |now| now.stats.refused.unknown_sid),
            ("bad handshake method", |now| {
                now.stats.refused.bad_handshake_method
            }),
            ("bad request", |now| now.stats.refused.bad_request),
            ("forbidden", |now| now.stats.refused.forbidden),
            ("foreign origin", |now| now.stats.refused.foreign_origin),
            ("unsupported revision", |now| {
                now.stats.refused.unsupported_revision
            }),
            ("unknown method", |now| now.stats.refused.unknown_method),
            ("unavailable", |now| now.stats.refused.unavailable),
            ("memory limit", |now| now.stats.refused.memory_limit),
        ],
    )
    .by("reason"),
    Metric::counter(
        "engineio_opened_sessions",
        "Sessions that opened, by their first transport.",
        &[
            ("polling", |now| now.stats.opened.polling),
            ("websocket", |now| now.stats.opened.websocket),
            ("webtransport", |now| now.stats.opened.webtransport),
        ],
    )
    .by("transport"),
    Metric::counter(
        "engineio_upgrades",
        "Sessions that moved to another transport.",
        &[("", |now| now.stats.upgraded)],
    ),
    Metric::counter(
        "engineio_closed_sessions",
        "Sessions that ended.",
        &[
            ("ping timeout", |now| now.stats.closed.ping_timeout),
            ("transport close", |now| now.stats.closed.transport_close),
            ("transport error", |now| now.stats.closed.transport_error),
            ("parse error", |now| now.stats.closed.parse_error),
            ("forced close", |now| now.stats.closed.forced_close),
        ],
    )
    .by("reason"),
    Metric::counter(
        "engineio_frames",
        "Frames of connections.",
        &[
            ("in", |now| now.stats.frames_in),
            ("out", |now| now.stats.frames_out),
        ],
    )
    .by("direction"),
    Metric::counter(
        "engineio_packets",
        "Packets with data, on all transports.",
        &[
            ("in", |now| now.stats.messages_in),
            ("out", |now| now.stats.messages_out),
        ],
    )
    .by("direction"),
    Metric::counter(
        "engineio_packet_bytes",
        "Bytes of those packets, without their types and encoding.",
        &[
            ("in", |now| now.stats.bytes_in),
            ("out", |now| now.stats.bytes_out),
        ],
    )
    .by("direction"),
    Metric::counter(
        "engineio_refused_sends",
        "Messages that were not taken because too much waited for their client.",
        &[("", |now| now.stats.full)],
    ),
    Metric::counter(
        "engineio_memory_limit_ended_sessions",
        "Sessions that ended because more was held than may be.",
        &[("", |now| now.stats.ended_by_memory_limit)],
    ),
    Metric::counter(
        "socketio_memory_limit_forgotten",
        "Packets and sessions of connection state recovery that were forgotten for the same reason.",
        &[("", |now| now.stats.forgotten_by_memory_limit)],
    ),
    Metric::counter(
        "engineio_dropped_volatile",
        "Volatile messages that were dropped.",
        &[("", |now| now.stats.dropped)],
    ),
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use socketio_proto::Payload;
    use socketio_proto::engine::http::RequestHead;
    use socketio_proto::engine::server::Output;
    use socketio_proto::engine::{ConnectionId, Frame, Instant, Seed};
    use socketio_proto::server::{Config, Event};

    use super::*;

    #[test]
    fn the_numbers_of_all_shards_are_added() {
        let snapshot = |clients: u64| {
            let seed = Seed::new([1; 32]);
            let mut server = Server::new(Config::default(), 0, &seed).unwrap();
            for client in 0..clients {
                let head = RequestHead::new("GET", "/", "EIO=4&transport=websocket");
                server.handle_upgrade(ConnectionId(client), &head, Instant::ZERO);
            }
            Snapshot::of(&server)
        };
        let text = render(vec![snapshot(1), snapshot(2)]).unwrap();
        for line in [
            "# HELP engineio_sessions Sessions that are open.",
            "# TYPE engineio_sessions gauge",
            "engineio_sessions{transport=\"polling\"} 0",
            "engineio_sessions{transport=\"websocket\"} 3",
            "# TYPE engineio_opened_sessions_total counter",
            "engineio_opened_sessions_total{transport=\"websocket\"} 3",
            "socketio_namespaces 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn what_waits_is_told() {
        let (client, now) = (ConnectionId(1), Instant::ZERO);
        let mut server = Server::new(Config::default(), 0, &Seed::new([1; 32])).unwrap();
        let head = RequestHead::new("GET", "/", "EIO=4&transport=websocket");
        server.handle_upgrade(client, &head, now);
        server.handle_frame(client, Frame::Text("40".into()), now);
        while let Some(output) = server.poll_output() {
            if let Output::Event(Event::Connecting { token, .. }) = output {
                let socket = server.accept(token, now).unwrap();
                let event = Payload::event("a").build().unwrap();
                let timeout = Duration::from_secs(1);
                server.emit_with_ack(socket, &event, timeout, now).unwrap();
            }
        }
        let text = render(vec![Snapshot::of(&server)]).unwrap();
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert_eq!(line("socketio_pending_acks "), "socketio_pending_acks 1");
        assert_ne!(
            line("engineio_buffered_bytes "),
            "engineio_buffered_bytes 0"
        );
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
    }
}
