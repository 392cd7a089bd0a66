//! Clients that lose their connection and come back to what they had.

use std::time::Duration;

use socketio_proto::Payload;
use socketio_proto::engine::server::Config as EngineConfig;
use socketio_proto::server::{Config, NamespacePattern, RecoveryConfig, Target};

use crate::support::{Net, config, event, run, run_with};

const MAIN: Target<'static> = Target::namespace("/");

fn recovering() -> Config {
    recovering_with(RecoveryConfig::default())
}

fn recovering_with(recovery: RecoveryConfig) -> Config {
    config().with_connection_state_recovery(Some(recovery))
}

/// A client that has got one event, with the offset `@0`, and then lost its connection.
fn lost(net: &mut Net) {
    let (client, socket) = net.joined(&["/"]);
    net.emit(socket, r#"["first"]"#).unwrap();
    assert_eq!(net.drain(), [format!(r#"c{client} < 42["first","@0"]"#)]);
    net.lose(client);
}

/// Checks the answer to a client whose session cannot be restored.
fn joins_as_new(net: &mut Net, client: usize) {
    let lines = net.drain();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with(&format!("c{client} connecting /")),
        "{lines:?}"
    );
    let (socket, pid) = (net.socket_count(), net.pid_count());
    net.accept().unwrap();
    let lines = net.drain();
    let answer = format!(r#"c{client} < 40{{"sid":"${socket}","pid":"%{pid}"}}"#);
    assert_eq!(lines, [answer], "id and pid are new");
    assert!(!net.server.is_recovered(net.key(socket)));
}

#[test]
fn the_answer_to_connect_has_a_pid_and_events_have_offsets() {
    run_with(recovering(), |net| {
        let (client, socket) = net.joined(&["/"]);
        assert_ne!(
            net.pid(0),
            net.id(socket),
            "the secret is not the public id"
        );
        net.emit(socket, r#"["a",1]"#).unwrap();
        net.emit(socket, r#"["b"]"#).unwrap();
        net.broadcast(MAIN, r#"["c"]"#);
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 42["a",1,"@0"]"#,
                r#"c0 < 42["b","@1"]"#,
                r#"c0 < 42["c","@2"]"#
            ]
        );
        net.lose(client);
    });
}

#[test]
fn without_the_option_there_is_no_pid_and_no_offset_and_nothing_is_kept() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["a"]"#).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 42["a"]"#]);
        net.lose(client);
        assert!(net.server.recovery_store("/").is_none());
        let client = net.websocket();
        net.text(client, r#"0{"pid":"AAAAAAAAAAAAAAAAAAAA","offset":"x"}"#);
        net.accept_after_events();
    });
}

#[test]
fn volatile_events_those_with_acknowledgement_and_answers_have_no_offset() {
    run_with(recovering(), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit_volatile(socket, r#"["a"]"#).unwrap();
        net.broadcast(MAIN.volatile(), r#"["b"]"#);
        assert_eq!(
            net.drain(),
            [r#"c0 < 42["a"]"#],
            "the second found the first in its way"
        );
        net.emit_with_ack(socket, r#"["c"]"#, 10).unwrap();
        net.broadcast_with_ack(MAIN, r#"["d"]"#, 10);
        net.text(client, r#"27["q"]"#);
        net.drain();
        net.respond("[1]").unwrap();
        assert_eq!(net.drain(), ["c0 < 437[1]"]);
        assert!(net.server.recovery_store("/").is_none(), "nothing was kept");
        net.advance(10);
        net.drain();
    });
}

#[test]
fn what_was_missed_comes_in_order_before_the_answer_with_the_old_id_and_pid() {
    run_with(recovering(), |net| {
        lost(net);
        let (other, other_socket) = net.joined(&["/"]);
        let id = net.id(0);
        net.broadcast(MAIN, r#"["to all"]"#);
        net.broadcast(MAIN.rooms(&[&id]), r#"["to it"]"#);
        net.emit(other_socket, r#"["not to it"]"#).unwrap();
        net.broadcast(MAIN.except_rooms(&[&id]), r#"["to the others"]"#);
        let attachment = Payload::event("binary").binary(vec![1]).build().unwrap();
        net.server.broadcast(&MAIN, &attachment, net.now).unwrap();
        net.drain();
        let client = net.come_back("/", 0, 0);
        let lines = net.drain();
        let missed = [
            format!(r#"c{client} < 42["to all","@1"]"#),
            format!(r#"c{client} < 42["to it","@5"]"#),
            format!(r#"c{client} < 451-["binary",{{"_placeholder":true,"num":0}},"@4"]"#),
            format!(r#"c{client} < b"\x01""#),
            format!(r#"c{client} < 40{{"sid":"$0","pid":"%0"}}"#),
            format!("c{client} back in / as $2"),
        ];
        assert_eq!(lines, missed);
        net.lose(client);
        net.lose(other);
    });
}

#[test]
fn on_polling_what_was_missed_and_the_answer_share_one_payload() {
    run_with(recovering(), |net| {
        lost(net);
        net.broadcast(MAIN, r#"["a"]"#);
        net.broadcast(MAIN, r#"["b"]"#);
        let client = net.polling();
        net.poll(client);
        net.ask_back(client, "/", 0, 0);
        let lines = net.drain();
        let payload = r#"c1 < 42["a","@1"]|42["b","@2"]|40{"sid":"$0","pid":"%0"}"#;
        assert_eq!(lines, [payload, "c1 back in / as $1"]);
    });
}

#[test]
fn rooms_and_data_are_there_again_and_the_flag_is_set() {
    run_with(recovering(), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.drain();
        let key = net.key(socket);
        for room in ["b", "a"] {
            net.server.join(key, room).unwrap();
        }
        let data = Payload::object(&serde_json::json!({"name": "Ann"})).unwrap();
        assert!(net.server.set_data(key, Some(data.clone())));
        net.lose(client);
        assert!(!net.server.set_data(key, None), "the key is stale");
        net.broadcast(MAIN.rooms(&["a", "c"]), r#"["to a"]"#);
        net.broadcast(MAIN.rooms(&["c"]), r#"["to c"]"#);
        let client = net.come_back("/", 0, 0);
        assert_eq!(
            net.drain(),
            [
                r#"c1 < 42["to a","@1"]"#,
                r#"c1 < 40{"sid":"$0","pid":"%0"}"#,
                "c1 back in / as $1"
            ]
        );
        let key = net.key(1);
        let id = net.id(0);
        assert!(net.server.rooms(key).eq([id.as_str(), "a", "b"]));
        assert_eq!(net.server.data(key), Some(&data));
        assert!(net.server.is_recovered(key));
        assert_eq!(
            net.server.find_socket("/", &id),
            Some(key),
            "the id leads to it"
        );
        net.broadcast(MAIN.rooms(&[&id]), r#"["direct"]"#);
        assert_eq!(net.drain(), [r#"c1 < 42["direct","@2"]"#]);
        net.lose(client);
        assert_eq!(net.server.find_socket("/", &id), None);
    });
}

#[test]
fn a_socket_that_left_its_own_room_is_not_in_it_again() {
    run_with(recovering(), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.drain();
        let id = net.id(0);
        net.server.leave_room(net.key(socket), &id);
        net.lose(client);
        net.broadcast(MAIN.rooms(&[&id]), r#"["to its room"]"#);
        net.come_back("/", 0, 0);
        assert_eq!(
            net.drain(),
            [r#"c1 < 40{"sid":"$0","pid":"%0"}"#, "c1 back in / as $1"]
        );
        assert_eq!(net.server.rooms(net.key(1)).count(), 0);
    });
}

#[test]
fn a_client_may_come_back_again_and_again() {
    run_with(recovering(), |net| {
        lost(net);
        for round in 1..4 {
            net.broadcast(MAIN, r#"["e"]"#);
            let client = net.come_back("/", 0, round - 1);
            assert_eq!(
                net.drain(),
                [
                    format!(r#"c{client} < 42["e","@{round}"]"#),
                    format!(r#"c{client} < 40{{"sid":"$0","pid":"%0"}}"#),
                    format!("c{client} back in / as ${round}"),
                ]
            );
            net.lose(client);
        }
    });
}

#[test]
fn one_whose_answer_was_lost_gets_everything_again() {
    run_with(recovering(), |net| {
        lost(net);
        net.broadcast(MAIN, r#"["e"]"#);
        for client in 1..3 {
            assert_eq!(net.come_back("/", 0, 0), client);
            let lines = net.drain();
            assert_eq!(lines[0], format!(r#"c{client} < 42["e","@1"]"#));
            net.lose(client);
        }
    });
}

#[test]
fn one_pid_is_not_used_twice_at_the_same_time() {
    run_with(recovering(), |net| {
        lost(net);
        net.come_back("/", 0, 0);
        assert_eq!(net.drain()[1], "c1 back in / as $1");
        let second = net.come_back("/", 0, 0);
        joins_as_new(net, second);
    });
}

#[test]
fn a_session_whose_socket_is_still_there_is_not_restored() {
    run_with(recovering(), |net| {
        let (_, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.drain();
        let second = net.come_back("/", 0, 0);
        joins_as_new(net, second);
        assert!(net.server.find_socket("/", &net.id(0)).is_some());
    });
}

#[test]
fn an_unknown_pid_or_offset_and_what_is_neither_make_a_new_session() {
    let pid = |net: &Net| net.pid(0);
    let cases: [fn(&Net) -> String; 6] = [
        |net| {
            format!(
                r#"{{"pid":"AAAAAAAAAAAAAAAAAAAA","offset":"{}"}}"#,
                net.offset(0)
            )
        },
        |net| format!(r#"{{"pid":"short","offset":"{}"}}"#, net.offset(0)),
        |net| format!(r#"{{"pid":"{}","offset":"unknown"}}"#, net.pid(0)),
        |net| format!(r#"{{"pid":"{}"}}"#, net.pid(0)),
        |net| format!(r#"{{"pid":"{}","offset":1}}"#, net.pid(0)),
        |net| {
            format!(
                r#"{{"pid":["{}"],"offset":"{}"}}"#,
                net.pid(0),
                net.offset(0)
            )
        },
    ];
    for auth in cases {
        run_with(recovering(), |net| {
            lost(net);
            assert_eq!(pid(net).len(), 20);
            let client = net.websocket();
            let auth = auth(net);
            net.text(client, &format!("0{auth}"));
            joins_as_new(net, client);
        });
    }
}

#[test]
fn a_session_belongs_to_its_namespace() {
    run_with(recovering(), |net| {
        net.add_namespace("/other");
        lost(net);
        net.come_back("/other", 0, 0);
        let lines = net.drain();
        assert!(lines[0].starts_with("c1 connecting /other"), "{lines:?}");
        net.accept().unwrap();
        assert_eq!(net.drain(), [r#"c1 < 40/other,{"sid":"$1","pid":"%1"}"#]);
        net.come_back("/", 0, 0);
        assert_eq!(net.drain()[1], "c2 back in / as $2", "it was not used up");
    });
}

#[test]
fn one_who_stays_away_too_long_is_forgotten() {
    let short = RecoveryConfig::default().with_max_disconnection_duration(Duration::from_secs(10));
    run_with(recovering_with(short), |net| {
        lost(net);
        net.advance(10_000);
        let client = net.come_back("/", 0, 0);
        assert_eq!(net.drain()[1], "c1 back in / as $1", "at the limit");
        net.emit(1, r#"["second"]"#).unwrap();
        net.drain();
        net.lose(client);
        net.advance(10_001);
        let client = net.come_back("/", 0, 1);
        joins_as_new(net, client);
    });
}

#[test]
fn what_is_too_old_is_freed_by_a_timer_that_ends() {
    run_with(recovering(), |net| {
        lost(net);
        let store = net.server.recovery_store("/").unwrap();
        assert_eq!((store.packets().count(), store.sessions().count()), (1, 1));
        net.advance(300_000);
        assert!(net.server.recovery_store("/").is_none());
        assert_eq!(net.server.poll_timeout(), None);
    });
}

#[test]
fn who_leaves_or_is_taken_out_does_not_come_back() {
    let ways: [fn(&mut Net); 4] = [
        |net| net.text(0, "1"),
        |net| net.disconnect(0),
        |net| net.disconnect_session(0),
        |net| net.packet(0, "!"),
    ];
    for leave in ways {
        run_with(recovering(), |net| {
            let (_, socket) = net.joined(&["/"]);
            net.emit(socket, r#"["first"]"#).unwrap();
            net.drain();
            leave(net);
            net.drain();
            assert_eq!(
                net.server.recovery_store("/").unwrap().sessions().count(),
                0
            );
            let client = net.come_back("/", 0, 0);
            joins_as_new(net, client);
        });
    }
}

#[test]
fn whose_connection_is_lost_or_forced_to_close_comes_back() {
    let ways: [fn(&mut Net); 6] = [
        |net| net.vanish(0),
        |net| net.fail(0),
        |net| net.packet(0, "1"),
        |net| net.text(0, "nonsense"),
        |net| net.text(0, "0"),
        |net| net.shut_down(),
    ];
    for lose in ways {
        run_with(recovering(), |net| {
            let (_, socket) = net.joined(&["/"]);
            net.emit(socket, r#"["first"]"#).unwrap();
            net.drain();
            lose(net);
            net.drain();
            net.come_back("/", 0, 0);
            assert_eq!(net.drain()[1], "c1 back in / as $1");
        });
    }
}

#[test]
fn whose_heartbeat_stops_comes_back() {
    let engine = EngineConfig::default();
    run_with(recovering().with_engine(engine), |net| {
        let (_, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.advance(45_000);
        let lines = net.drain();
        assert!(
            lines.contains(&"$0 disconnected: ping timeout".to_owned()),
            "{lines:?}"
        );
        net.come_back("/", 0, 0);
        assert_eq!(net.drain()[1], "c1 back in / as $1");
    });
}

#[test]
fn with_skip_middlewares_off_the_application_is_asked_and_what_was_missed_waits_for_it() {
    let asking = RecoveryConfig::default().with_skip_middlewares(false);
    run_with(recovering_with(asking), |net| {
        lost(net);
        net.broadcast(MAIN, r#"["missed"]"#);
        net.come_back("/", 0, 0);
        let lines = net.drain();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("c1 connecting again /"), "{lines:?}");
        let socket = net.accept().unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c1 < 42["missed","@1"]"#,
                r#"c1 < 40{"sid":"$0","pid":"%0"}"#
            ]
        );
        assert!(net.server.is_recovered(net.key(socket)));
    });
}

#[test]
fn what_is_sent_while_the_application_thinks_about_one_who_came_back_is_missed_too() {
    let asking = RecoveryConfig::default().with_skip_middlewares(false);
    run_with(recovering_with(asking), |net| {
        lost(net);
        net.broadcast(MAIN, r#"["before"]"#);
        net.come_back("/", 0, 0);
        net.drain();
        net.broadcast(MAIN, r#"["meanwhile"]"#);
        net.broadcast(MAIN.rooms(&["elsewhere"]), r#"["for others"]"#);
        net.accept().unwrap();
        net.broadcast(MAIN, r#"["after"]"#);
        assert_eq!(
            net.drain(),
            [
                r#"c1 < 42["before","@1"]"#,
                r#"c1 < 42["meanwhile","@2"]"#,
                r#"c1 < 40{"sid":"$0","pid":"%0"}"#,
                r#"c1 < 42["after","@3"]"#,
            ]
        );
    });
}

#[test]
fn one_who_misses_more_than_may_wait_while_the_application_thinks_is_dropped() {
    let asking = RecoveryConfig::default().with_skip_middlewares(false);
    let mut config = recovering_with(asking);
    config.engine = config.engine.with_max_buffered(1000, 10);
    run_with(config, |net| {
        lost(net);
        net.come_back("/", 0, 0);
        net.drain();
        for _ in 0..100 {
            net.broadcast(MAIN, r#"["meanwhile"]"#);
        }
        assert!(net.accept().is_err());
        assert!(!net.drain().iter().any(|line| line.contains("meanwhile")));
    });
}

#[test]
fn what_is_sent_to_rooms_meanwhile_is_missed_by_those_who_were_in_them() {
    let asking = RecoveryConfig::default().with_skip_middlewares(false);
    run_with(recovering_with(asking), |net| {
        let (client, socket) = net.joined(&["/"]);
        for room in ["a", "b"] {
            net.server.join(net.key(socket), room).unwrap();
        }
        net.emit(socket, r#"["first"]"#).unwrap();
        net.drain();
        net.lose(client);
        let id = net.id(0);
        net.joined(&["/"]);
        net.come_back("/", 0, 0);
        net.drain();
        net.broadcast(MAIN.rooms(&["a", "b", "a"]), r#"["both"]"#);
        net.broadcast(MAIN.rooms(&["b"]).except_rooms(&["a"]), r#"["not a"]"#);
        net.broadcast(MAIN.rooms(&["c", &id]), r#"["its own"]"#);
        net.broadcast(MAIN.except_rooms(&[&id]), r#"["not it"]"#);
        net.broadcast(MAIN.except_rooms(&["c"]), r#"["all but c"]"#);
        net.drain();
        let socket = net.accept().unwrap();
        let lines = net.drain();
        let names = lines.iter().filter_map(|line| line.split('"').nth(1));
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["both", "its own", "all but c", "sid"]
        );
        assert!(net.server.is_in(net.key(socket), "a") && net.server.is_in(net.key(socket), "b"));
        net.broadcast(MAIN.rooms(&["a"]), r#"["after"]"#);
        assert_eq!(net.drain().len(), 1, "once");
    });
}

#[test]
fn one_whose_session_is_closed_by_the_server_comes_back() {
    run_with(recovering(), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.drain();
        net.close_session(client);
        net.drain();
        net.broadcast(MAIN, r#"["missed"]"#);
        let client = net.come_back("/", 0, 0);
        let lines = net.drain();
        assert_eq!(lines[0], format!(r#"c{client} < 42["missed","@1"]"#));
        assert_eq!(lines[2], format!("c{client} back in / as $1"));
    });
}

#[test]
fn one_who_is_refused_gets_nothing_of_what_was_missed_and_the_session_is_over() {
    let asking = RecoveryConfig::default().with_skip_middlewares(false);
    run_with(recovering_with(asking), |net| {
        lost(net);
        net.broadcast(MAIN, r#"["missed"]"#);
        let client = net.come_back("/", 0, 0);
        net.drain();
        net.reject("no", None).unwrap();
        assert_eq!(net.drain(), [r#"c1 < 44{"message":"no"}"#]);
        net.ask_back(client, "/", 0, 0);
        joins_as_new(net, client);
    });
}

#[test]
fn one_who_goes_again_before_the_verdict_keeps_the_session() {
    let asking = RecoveryConfig::default().with_skip_middlewares(false);
    run_with(recovering_with(asking), |net| {
        lost(net);
        let client = net.come_back("/", 0, 0);
        net.lose(client);
        assert!(net.accept().is_err());
        net.come_back("/", 0, 0);
        assert!(net.drain()[0].starts_with("c2 connecting again /"));
        net.accept().unwrap();
        net.drain();
    });
}

#[test]
fn one_whose_connection_ends_in_the_body_that_asks_for_the_session_keeps_it() {
    let mut config = recovering();
    config.engine = config.engine.with_max_packets_per_payload(3);
    run_with(config, |net| {
        net.add_namespace("/a");
        net.add_namespace("/b");
        lost(net);
        let client = net.polling();
        net.join(client, "/a");
        net.drain();
        let (pid, offset) = (net.pid(0), net.offset(0));
        let back = format!(r#"40{{"pid":"{pid}","offset":"{offset}"}}"#);
        net.post(client, format!("40/b,\u{1e}{back}\u{1e}4x\u{1e}4x"));
        let lines = net.drain();
        assert!(
            lines.iter().any(|line| line.contains("connecting /b")),
            "{lines:?}"
        );
        assert!(
            lines.iter().any(|line| line.contains("parse error")),
            "{lines:?}"
        );
        let client = net.come_back("/", 0, 0);
        let lines = net.drain();
        let back = format!("c{client} back in / as $2");
        assert!(lines.contains(&back), "{lines:?}");
    });
}

#[test]
fn more_than_may_wait_for_a_client_is_not_sent_in_part() {
    let engine = EngineConfig::default()
        .with_ping_interval(Duration::from_secs(3_600))
        .with_max_buffered(10_000, 4);
    for (missed, comes_back) in [(3, true), (4, false)] {
        run_with(recovering().with_engine(engine.clone()), |net| {
            lost(net);
            for _ in 0..missed {
                net.broadcast(MAIN, r#"["e"]"#);
            }
            let client = net.come_back("/", 0, 0);
            if comes_back {
                assert_eq!(net.drain().len(), missed + 2);
            } else {
                joins_as_new(net, client);
            }
        });
    }
}

#[test]
fn bytes_that_may_wait_for_a_client_count_too() {
    let long = event(&format!(r#"["{}"]"#, "x".repeat(500)));
    for (limit, comes_back) in [(700, true), (600, false)] {
        let engine = EngineConfig::default()
            .with_ping_interval(Duration::from_secs(3_600))
            .with_max_buffered(limit, 100);
        run_with(recovering().with_engine(engine), |net| {
            lost(net);
            net.server.broadcast(&MAIN, &long, net.now).unwrap();
            let client = net.come_back("/", 0, 0);
            if comes_back {
                assert_eq!(net.drain().len(), 3);
            } else {
                joins_as_new(net, client);
            }
        });
    }
}

#[test]
fn what_was_refused_because_the_client_does_not_read_is_not_kept() {
    let engine = EngineConfig::default()
        .with_ping_interval(Duration::from_secs(3_600))
        .with_max_buffered(10_000, 1);
    run_with(recovering().with_engine(engine), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.stall(client);
        net.emit(socket, r#"["a"]"#).unwrap();
        net.emit(socket, r#"["b"]"#).unwrap_err();
        assert_eq!(net.server.recovery_store("/").unwrap().packets().count(), 1);
        net.lose(client);
    });
}

#[test]
fn an_empty_child_namespace_waits_for_those_who_may_come_back() {
    let config = recovering().with_cleanup_empty_child_namespaces(true);
    run_with(config, |net| {
        let pattern = NamespacePattern::new("/room-{int}").unwrap();
        net.server.add_parent(pattern.into());
        let client = net.websocket();
        net.text(client, "0/room-1");
        net.accept_after_events();
        net.emit(0, r#"["first"]"#).unwrap();
        net.drain();
        net.lose(client);
        let client = net.come_back("/room-1", 0, 0);
        assert_eq!(net.drain()[1], "c1 back in /room-1 as $1");
        net.lose(client);
        net.advance(119_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(120_000);
        assert_eq!(net.drain(), ["/room-1 removed"]);
    });
}

#[test]
fn who_is_told_of_rooms_learns_first_that_the_client_is_back() {
    run_with(recovering().with_room_events(true), |net| {
        let client = net.websocket();
        net.text(client, "0");
        net.accept_after_events();
        net.server.join(net.key(0), "a").unwrap();
        net.emit(0, r#"["first"]"#).unwrap();
        net.drain();
        net.lose(client);
        net.come_back("/", 0, 0);
        assert_eq!(
            net.drain(),
            [
                r#"c1 < 40{"sid":"$0","pid":"%0"}"#,
                "c1 back in / as $1",
                r#"* / room "$0" created"#,
                r#"$1 joined "$0""#,
                r#"* / room "a" created"#,
                r#"$1 joined "a""#,
            ]
        );
    });
}

#[test]
fn guessing_pids_finds_nothing_and_keeps_nothing() {
    run_with(recovering(), |net| {
        lost(net);
        let (pid, offset) = (net.pid(0), net.offset(0));
        for last in ["AAAA", "zzzz"] {
            // All but the last characters are right.
            let guess = format!("{}{last}", &pid[..16]);
            let client = net.websocket();
            net.text(
                client,
                &format!(r#"0{{"pid":"{guess}","offset":"{offset}"}}"#),
            );
            joins_as_new(net, client);
            net.lose(client);
        }
        net.come_back("/", 0, 0);
        assert!(net.drain()[1].contains("back in /"));
    });
}
