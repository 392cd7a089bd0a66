//! Limits on the data that a client or a slow reader can make a server hold.

use socketio_proto::engine::Counted;
use socketio_proto::engine::server::{Config as EngineConfig, SlowReader};
use socketio_proto::parser::Limits;
use socketio_proto::server::{Config, EmitError};
use socketio_proto::{EncodeError, Payload};

use crate::support::{config, run, run_with};

fn with_engine(change: impl FnOnce(EngineConfig) -> EngineConfig) -> Config {
    let engine = config().engine;
    config().with_engine(change(engine))
}

#[test]
fn namespaces_are_counted_to_the_limit() {
    run_with(config().with_max_namespaces_per_connection(2), |net| {
        for name in ["/a", "/b", "/c"] {
            net.add_namespace(name);
        }
        let client = net.websocket();
        net.join(client, "/a");
        net.text(client, "0/b");
        assert_eq!(net.drain(), ["c0 connecting /b"]);
        for packet in ["0/c", "0/unknown"] {
            net.text(client, packet);
        }
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 44/c,{"message":"too many namespaces"}"#,
                r#"c0 < 44/unknown,{"message":"too many namespaces"}"#
            ]
        );
        net.reject("no", None).unwrap();
        net.drain();
        net.join(client, "/c");
        net.text(client, "1/a");
        net.drain();
        net.join(client, "/b");
        net.joined(&["/a", "/b"]);
    });
}

#[test]
fn namespaces_that_the_server_left_do_not_count() {
    run_with(config().with_max_namespaces_per_connection(1), |net| {
        for number in 0..10 {
            net.add_namespace(&format!("/{number}"));
        }
        let client = net.websocket();
        for number in 0..10 {
            let socket = net.join(client, &format!("/{number}"));
            net.disconnect(socket);
            assert_eq!(net.drain().len(), 2);
        }
    });
}

#[test]
fn the_names_of_namespaces_are_measured_to_the_limit() {
    run_with(
        config().with_limits(Limits::default().with_max_namespace_len(8)),
        |net| {
            let client = net.websocket();
            net.text(client, "0/1234567,");
            assert_eq!(
                net.drain(),
                [r#"c0 < 44/1234567,{"message":"Invalid namespace"}"#]
            );
            net.text(client, "0/12345678,");
            assert_eq!(
                net.drain(),
                ["c0 closed by the server", "c0 closed: forced close"]
            );
        },
    );
}

#[test]
fn events_that_are_not_taken_stop_the_reading() {
    run_with(
        with_engine(|engine| engine.with_max_undelivered(1_000, 3)),
        |net| {
            let (client, _) = net.joined(&["/"]);
            let (other, _) = net.joined(&["/"]);
            for _ in 0..2 {
                net.text(client, r#"2["a"]"#);
                assert!(net.wants_read(client));
            }
            net.text(client, r#"2["a"]"#);
            assert!(!net.wants_read(client), "at the limit");
            assert!(net.wants_read(other), "others are read");
            assert_eq!(net.server.undelivered(net.session(client)), (3, 15));
            assert_eq!(net.drain().len(), 3);
            assert_eq!(net.server.undelivered(net.session(client)), (0, 0));
            assert!(net.wants_read(client));
        },
    );
}

#[test]
fn the_bytes_of_events_that_are_not_taken_stop_the_reading() {
    run_with(
        with_engine(|engine| engine.with_max_undelivered(100, 1_000)),
        |net| {
            let (client, _) = net.joined(&["/"]);
            net.text(client, &format!(r#"2["{}"]"#, "x".repeat(95)));
            assert!(net.wants_read(client), "99 bytes");
            net.text(client, "2[0]");
            assert!(!net.wants_read(client));
            assert_eq!(net.drain().len(), 2);
            assert!(net.wants_read(client));
            net.text(client, &format!(r#"2["{}"]"#, "x".repeat(96)));
            assert!(!net.wants_read(client), "100 bytes");
            assert_eq!(net.drain().len(), 1);
        },
    );
}

#[test]
fn text_and_attachments_of_an_event_count_both() {
    run_with(
        with_engine(|engine| engine.with_max_undelivered(1_000_000, 1_000)),
        |net| {
            let (client, socket) = net.joined(&["/"]);
            net.emit_with_ack(socket, r#"["q"]"#, 1_000).unwrap();
            net.drain();
            let session = net.session(client);
            let placeholder = r#"{"_placeholder":true,"num":0}"#;
            for (header, start) in [("51-", r#"["x","#), ("61-0", "[")] {
                let json = format!("{start}{placeholder}]");
                net.text(client, &format!("{header}{json}"));
                assert_eq!(net.server.undelivered(session), (0, 0));
                net.binary(client, &[0; 100]);
                assert_eq!(net.server.undelivered(session), (1, json.len() + 100));
                assert_eq!(net.drain().len(), 1);
            }
            net.text(client, &format!(r#"52-["x",{placeholder}]"#));
            net.binary(client, &[0; 7]);
            assert!(
                net.server.bytes_held() >= 7,
                "of a packet that is not whole"
            );
            net.vanish(client);
            net.drain();
            assert_eq!(net.server.bytes_held(), 0);
        },
    );
}

#[test]
fn repeats_of_an_attachment_count_but_end_no_session() {
    let engine =
        |engine: EngineConfig| engine.with_max_undelivered(1_000, 10).with_max_payload(300);
    let limits = Limits::default().with_max_attachments(1);
    run_with(with_engine(engine).with_limits(limits), |net| {
        let (client, _) = net.joined(&["/"]);
        let session = net.session(client);
        let place = r#"{"_placeholder":true,"num":0}"#;
        let json = format!(r#"["a",{}]"#, [place; 8].join(","));
        net.text(client, &format!("51-{json}"));
        net.binary(client, &[0; 300]);
        // More than the mark and the largest packet without repeats, and the driver did nothing wrong.
        assert_eq!(net.server.undelivered(session), (1, json.len() + 8 * 300));
        assert!(!net.wants_read(client));
        assert_eq!(net.drain().len(), 1);
        assert!(net.wants_read(client));
        assert_eq!(net.server.undelivered(session), (0, 0));
    });
}

#[test]
fn a_driver_that_reads_on_loses_the_session_one_packet_with_its_attachments_later() {
    let engine = |engine: EngineConfig| engine.with_max_undelivered(10, 1_000).with_max_payload(20);
    let limits = Limits::default().with_max_attachments(1);
    run_with(with_engine(engine).with_limits(limits), |net| {
        let (client, _) = net.joined(&["/"]);
        // As much as the mark, the largest packet and its attachment together, and more.
        for json in [r#"["0123456789"]"#; 3].into_iter().chain([r#"["0123"]"#]) {
            net.text(client, &format!("2{json}"));
        }
        assert_eq!(net.server.undelivered(net.session(client)), (4, 50));
        net.text(client, "2[0]");
        let lines = net.drain();
        let last = [
            "$0 disconnected: forced server close (too many undelivered events)",
            "c0 closed: forced close",
        ];
        assert_eq!((lines.len(), &lines[5..]), (7, &last.map(String::from)[..]));
    });
}

#[test]
fn a_driver_that_reads_on_loses_the_session() {
    let small = |engine: EngineConfig| {
        engine
            .with_max_undelivered(1_000_000, 2)
            .with_max_packets_per_payload(3)
    };
    run_with(with_engine(small), |net| {
        let (client, _) = net.joined(&["/"]);
        let (other, _) = net.joined(&["/"]);
        for number in 0..5 {
            net.text(client, &format!("2[{number}]"));
        }
        assert_eq!(net.drain().len(), 5, "one full payload beyond the limit");
        for number in 0..6 {
            net.text(client, &format!("2[{number}]"));
        }
        assert_eq!(
            net.drain(),
            [
                "c0 closed by the server",
                "$0 event [0]",
                "$0 event [1]",
                "$0 event [2]",
                "$0 event [3]",
                "$0 event [4]",
                "$0 disconnected: forced server close (too many undelivered events)",
                "c0 closed: forced close"
            ]
        );
        net.text(other, "2[0]");
        assert_eq!(net.drain(), ["$1 event [0]"]);
    });
}

#[test]
fn answers_that_are_not_taken_count_like_events() {
    run_with(
        with_engine(|engine| engine.with_max_undelivered(1_000, 2)),
        |net| {
            let (client, socket) = net.joined(&["/"]);
            for _ in 0..2 {
                net.emit_with_ack(socket, r#"["q"]"#, 1_000).unwrap();
            }
            net.drain();
            net.text(client, "30[]");
            assert!(net.wants_read(client));
            net.text(client, "31[]");
            assert!(!net.wants_read(client));
            assert_eq!(net.drain(), ["$0 ack 0 []", "$0 ack 1 []"]);
        },
    );
}

#[test]
fn a_reader_that_never_reads_is_refused_more_and_told_when_there_is_room() {
    run_with(
        with_engine(|engine| engine.with_max_buffered(60, 100)),
        |net| {
            let (client, socket) = net.joined(&["/"]);
            net.stall(client);
            let event = format!(r#"["{}"]"#, "x".repeat(15));
            for _ in 0..3 {
                net.emit(socket, &event).unwrap();
            }
            assert_eq!(
                net.emit(socket, &event),
                Err(EmitError::Full {
                    counted: Counted::Bytes,
                    buffered: 60,
                    limit: 60
                })
            );
            assert_eq!(net.drain(), ["c0 frames"]);
            net.pull(client);
            assert_eq!(net.drain(), [""; 0], "two thirds wait");
            net.pull(client);
            assert_eq!(net.drain(), ["c0 drained"]);
            net.emit(socket, &event).unwrap();
            while net.pull(client).is_some() {}
            assert_eq!(net.drain(), [""; 0]);
        },
    );
}

#[test]
fn an_event_and_its_attachments_are_refused_as_a_whole() {
    run_with(
        with_engine(|engine| engine.with_max_buffered(1_000_000, 2)),
        |net| {
            let (client, socket) = net.joined(&["/"]);
            net.stall(client);
            net.emit(socket, r#"["a"]"#).unwrap();
            let payload = socketio_proto::Payload::event("b")
                .binary(vec![1])
                .build()
                .unwrap();
            assert_eq!(
                net.server.emit(net.key(socket), &payload, net.now),
                Err(EmitError::Full {
                    counted: Counted::Messages,
                    buffered: 1,
                    limit: 2
                })
            );
            net.drain();
            assert_eq!(net.pull(client).unwrap(), r#"42["a"]"#);
            assert_eq!(net.pull(client), None);
            assert_eq!(net.drain(), ["c0 drained"]);
        },
    );
}

#[test]
fn who_has_no_room_for_a_refusal_does_not_read_and_is_dropped() {
    run_with(
        with_engine(|engine| engine.with_max_buffered(1_000_000, 1)),
        |net| {
            let (client, socket) = net.joined(&["/"]);
            net.stall(client);
            net.emit(socket, r#"["a"]"#).unwrap();
            net.text(client, "0/unknown");
            assert_eq!(
                net.drain(),
                [
                    "c0 frames",
                    "$0 disconnected: forced server close (client does not read)"
                ]
            );
            net.advance(30_000);
            assert_eq!(
                net.drain(),
                ["c0 closed by the server", "c0 closed: forced close"]
            );
        },
    );
}

#[test]
fn who_has_no_room_for_the_answer_to_connect_has_not_joined() {
    run_with(
        with_engine(|engine| engine.with_max_buffered(1_000_000, 1)),
        |net| {
            net.add_namespace("/a");
            let (client, socket) = net.joined(&["/"]);
            net.text(client, "0/a");
            assert_eq!(net.drain(), ["c0 connecting /a"]);
            net.stall(client);
            net.emit(socket, r#"["a"]"#).unwrap();
            assert!(net.accept().is_err());
            assert_eq!(
                net.drain(),
                [
                    "c0 frames",
                    "$0 disconnected: forced server close (client does not read)"
                ],
                "no event of the socket that the application never got"
            );
            net.vanish(client);
            assert_eq!(net.drain(), ["c0 closed: transport close"]);
        },
    );
}

#[test]
fn who_has_no_room_for_a_disconnect_is_dropped() {
    run_with(
        with_engine(|engine| engine.with_max_buffered(1_000_000, 1)),
        |net| {
            net.add_namespace("/a");
            let (client, socket) = net.joined(&["/", "/a"]);
            net.stall(client);
            net.emit(socket, r#"["a"]"#).unwrap();
            net.disconnect(socket);
            assert_eq!(
                net.drain(),
                [
                    "c0 frames",
                    "$0 disconnected: server namespace disconnect",
                    "$1 disconnected: forced server close (client does not read)"
                ]
            );
        },
    );
}

#[test]
fn a_session_with_no_room_is_disconnected_all_the_same() {
    run_with(
        with_engine(|engine| engine.with_max_buffered(1_000_000, 1)),
        |net| {
            net.add_namespace("/a");
            let (client, socket) = net.joined(&["/", "/a"]);
            net.stall(client);
            net.emit(socket, r#"["a"]"#).unwrap();
            net.disconnect_session(client);
            let lines = net.drain();
            assert_eq!(lines[0], "c0 frames");
            assert_eq!(lines[1], "$0 disconnected: server namespace disconnect");
            assert_eq!(lines[2], "$1 disconnected: server namespace disconnect");
            assert_eq!(lines.len(), 3);
        },
    );
}

#[test]
fn attachments_are_counted_to_the_limit() {
    run_with(
        config().with_limits(Limits::default().with_max_attachments(1)),
        |net| {
            let (client, _) = net.joined(&["/"]);
            net.text(client, r#"51-["a",{"_placeholder":true,"num":0}]"#);
            net.binary(client, &[1]);
            assert_eq!(net.drain().len(), 1);
            net.text(
                client,
                r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
            );
            assert_eq!(
                net.drain(),
                [
                    "c0 closed by the server",
                    "$0 disconnected: forced close (undecodable packet) (too many attachments)",
                    "c0 closed: forced close"
                ]
            );
        },
    );
}

#[test]
fn the_nesting_of_json_is_measured_to_the_limit() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        let nested =
            |levels: usize| format!(r#"2["a",{}{}]"#, "[".repeat(levels), "]".repeat(levels));
        net.text(client, &nested(127));
        assert_eq!(net.drain().len(), 1);
        net.text(client, &nested(128));
        assert_eq!(
            net.drain()[1],
            "$0 disconnected: forced close (undecodable packet) (payload nested deeper than 128)"
        );
    });
}

#[test]
fn more_attachments_than_receivers_accept_are_not_emitted() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        let with = |count: u8| {
            let payload = (0..count).fold(Payload::event("a"), |payload, byte| {
                payload.binary(vec![byte])
            });
            payload.build().unwrap()
        };
        net.server
            .emit(net.key(socket), &with(10), net.now)
            .unwrap();
        assert_eq!(net.drain().len(), 11);
        let error = EncodeError::TooManyAttachments {
            count: 11,
            limit: 10,
        };
        assert_eq!(
            net.server.emit(net.key(socket), &with(11), net.now),
            Err(EmitError::Encode(error))
        );
    });
}

#[test]
fn a_client_that_loses_its_session_by_an_event_has_lost_it_at_once() {
    for with_ack in [false, true] {
        let close = |engine: EngineConfig| {
            let engine = engine.with_max_buffered(1_000_000, 1);
            engine.with_slow_reader(SlowReader::Close)
        };
        run_with(with_engine(close), |net| {
            let (client, socket) = net.joined(&["/"]);
            net.stall(client);
            net.emit(socket, r#"["a"]"#).unwrap();
            let refused = if with_ack {
                net.emit_with_ack(socket, r#"["b"]"#, 1).map(|_| ())
            } else {
                net.emit(socket, r#"["b"]"#)
            };
            assert!(
                matches!(refused, Err(EmitError::Full { .. })),
                "{refused:?}"
            );
            assert_eq!(net.server.all_sockets_count(), 0);
            net.drain();
        });
    }
}
