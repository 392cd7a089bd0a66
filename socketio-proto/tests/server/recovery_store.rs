//! Data that is stored for returning clients: inside, outside, and handed over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use socketio_proto::engine::{Encoded, Instant, Message, Sid};
use socketio_proto::server::{
    Config, LoggedPacket, NamespacePattern, Recipients, RecoveryConfig, RecoveryStorage,
    RecoveryStore, Restored, SavedSession, SocketId, Target,
};
use socketio_proto::{EncodedPacket, PacketType, Payload};

use crate::support::{Net, config, run_with};

const MAIN: Target<'static> = Target::namespace("/");

fn packet(offset: &str, recipients: Recipients, sent_at: u64) -> LoggedPacket {
    let text = format!(r#"2["e","{offset}"]"#);
    LoggedPacket {
        offset: offset.into(),
        recipients,
        packet: EncodedPacket::from_parts(vec![Encoded::new(&Message::text(text))]).unwrap(),
        sent_at: Instant::from_millis(sent_at),
    }
}

fn session(name: char, rooms: &[&str], disconnected_at: u64) -> SavedSession {
    let id = name.to_string().repeat(20);
    SavedSession {
        socket: SocketId::parse(&id).unwrap(),
        pid: pid(name),
        rooms: rooms.iter().map(|room| Arc::from(*room)).collect(),
        data: None,
        disconnected_at: Instant::from_millis(disconnected_at),
    }
}

fn pid(name: char) -> Sid {
    Sid::parse(&format!("secretpid{}", name.to_string().repeat(11))).unwrap()
}

/// The offsets of the events that a session missed.
fn missed(restored: Option<Restored>) -> Option<Vec<String>> {
    let offset = |packet: &EncodedPacket| {
        let Message::Text(text) = packet.parts()[0].message() else {
            panic!("text")
        };
        let (name, offset): (String, String) = serde_json::from_str(&text[1..]).unwrap();
        assert_eq!(name, "e");
        offset
    };
    restored.map(|restored| restored.missed.iter().map(offset).collect())
}

const NOW: Instant = Instant::from_millis(1_000);

fn store(config: RecoveryConfig, packets: u64) -> RecoveryStore {
    let mut store = RecoveryStore::new(config);
    for number in 0..packets {
        store.record(packet(&format!("o{number}"), Recipients::default(), number));
    }
    store
}

#[test]
fn a_packet_is_for_a_session_by_socket_rooms_and_exceptions() {
    let session = session('s', &["a", "b"], 0);
    let other = SocketId::parse(&"t".repeat(20)).unwrap();
    let rooms = |rooms: &[&str]| {
        rooms
            .iter()
            .map(|room| Arc::from(*room))
            .collect::<Vec<_>>()
    };
    let all = Recipients::default();
    let cases = [
        (all.clone(), true),
        (
            Recipients {
                socket: Some(session.socket.clone()),
                ..all.clone()
            },
            true,
        ),
        (
            Recipients {
                socket: Some(other.clone()),
                ..all.clone()
            },
            false,
        ),
        (
            Recipients {
                rooms: rooms(&["c", "b"]),
                ..all.clone()
            },
            true,
        ),
        (
            Recipients {
                rooms: rooms(&["c"]),
                ..all.clone()
            },
            false,
        ),
        (
            Recipients {
                except: Some(session.socket.clone()),
                ..all.clone()
            },
            false,
        ),
        (
            Recipients {
                except: Some(other.clone()),
                ..all.clone()
            },
            true,
        ),
        (
            Recipients {
                except_rooms: rooms(&["c", "a"]),
                ..all.clone()
            },
            false,
        ),
        (
            Recipients {
                rooms: rooms(&["a"]),
                except_rooms: rooms(&["b"]),
                ..all
            },
            false,
        ),
    ];
    for (recipients, is_for) in cases {
        assert_eq!(recipients.include(&session), is_for, "{recipients:?}");
    }
}

#[test]
fn missed_is_what_comes_after_the_offset() {
    for (offset, rest) in [("o0", 1..4), ("o2", 3..4), ("o3", 4..4)] {
        let mut store = store(RecoveryConfig::default(), 4);
        store.save(session('s', &[], 0));
        let expected: Vec<_> = rest.map(|number| format!("o{number}")).collect();
        assert_eq!(
            missed(store.restore(&pid('s'), offset, NOW)),
            Some(expected)
        );
    }
}

#[test]
fn packets_are_kept_up_to_their_number() {
    let config = RecoveryConfig::default().with_max_packets(3);
    for (packets, kept) in [(3, true), (4, false)] {
        let mut store = store(config, packets);
        store.save(session('s', &[], 0));
        assert_eq!(store.packets().count(), 3);
        assert_eq!(store.restore(&pid('s'), "o0", NOW).is_some(), kept);
        assert_eq!(store.sessions().count(), 0, "taken out in any case");
    }
}

#[test]
fn packets_are_kept_up_to_their_bytes_which_count_the_names_of_rooms() {
    let one = packet("o0", Recipients::default(), 0).packet.payload_len();
    let config = RecoveryConfig::default().with_max_bytes(3 * one);
    assert_eq!(store(config, 3).packets().count(), 3);
    assert_eq!(store(config, 4).packets().count(), 3);
    assert_eq!(store(config, 3).bytes(), 3 * one);
    let recipients = Recipients {
        rooms: vec!["r".into()],
        ..Recipients::default()
    };
    let mut store = store(config, 2);
    store.record(packet("o2", recipients, 0));
    assert_eq!((store.packets().count(), store.bytes()), (2, 2 * one + 1));
}

#[test]
fn of_two_packets_with_one_offset_the_later_is_meant() {
    let mut store = RecoveryStore::new(RecoveryConfig::default().with_max_packets(2));
    for offset in ["twice", "twice", "last"] {
        store.record(packet(offset, Recipients::default(), 0));
    }
    store.save(session('s', &[], 0));
    let restored = store.restore(&pid('s'), "twice", NOW);
    assert_eq!(missed(restored), Some(vec!["last".to_owned()]));
}

#[test]
fn a_packet_larger_than_the_limit_leaves_nothing() {
    let mut store = store(RecoveryConfig::default().with_max_bytes(30), 2);
    store.record(packet(&"o".repeat(40), Recipients::default(), 0));
    assert!(store.is_empty());
    assert_eq!(store.bytes(), 0);
}

#[test]
fn sessions_are_kept_up_to_their_number() {
    let config = RecoveryConfig::default().with_max_sessions(2);
    let mut store = store(config, 1);
    for name in ['a', 'b'] {
        store.save(session(name, &[], 0));
    }
    assert_eq!(store.sessions().count(), 2);
    store.save(session('c', &[], 0));
    assert_eq!(store.sessions().count(), 2);
    assert_eq!(missed(store.restore(&pid('a'), "o0", NOW)), None);
    assert_eq!(missed(store.restore(&pid('c'), "o0", NOW)), Some(vec![]));
}

#[test]
fn pids_with_the_same_head_are_told_apart() {
    let mut store = store(RecoveryConfig::default(), 1);
    for name in ['a', 'b', 'c'] {
        store.save(session(name, &[], 0));
    }
    let restored = store.restore(&pid('b'), "o0", NOW).unwrap();
    assert_eq!(restored.session, session('b', &[], 0));
    assert_eq!(store.restore(&pid('d'), "o0", NOW), None);
    assert_eq!(store.sessions().count(), 2);
}

#[test]
fn only_what_is_older_than_the_limit_expires() {
    let config =
        RecoveryConfig::default().with_max_disconnection_duration(Duration::from_millis(5));
    let mut store = store(config, 3);
    store.save(session('s', &[], 1));
    store.expire(Instant::from_millis(6));
    assert_eq!((store.packets().count(), store.sessions().count()), (2, 1));
    store.expire(Instant::from_millis(7));
    assert_eq!((store.packets().count(), store.sessions().count()), (1, 0));
    store.expire(Instant::from_millis(8));
    assert!(store.is_empty());
}

fn outside() -> Config {
    let recovery = RecoveryConfig::default().with_storage(RecoveryStorage::Outside);
    config().with_connection_state_recovery(Some(recovery))
}

/// A client that got an event and is away, and the events that it missed. The application stores all of that.
fn lost_outside(net: &mut Net) -> RecoveryStore {
    let (client, socket) = net.joined(&["/"]);
    net.server.join(net.key(socket), "r").unwrap();
    net.emit(socket, r#"["first"]"#).unwrap();
    assert_eq!(
        net.drain(),
        [r#"c0 < 42["first","@0"]"#, "* packet logged in /"]
    );
    net.vanish(client);
    let lines = net.drain();
    assert_eq!(
        lines,
        [
            "* session saved in /",
            r#"$0 disconnected: transport close from ["r"]"#,
            "c0 closed: transport close"
        ]
    );
    net.broadcast(MAIN.rooms(&["r"]), r#"["missed"]"#);
    assert_eq!(net.drain(), ["* packet logged in /"]);
    let mut store = RecoveryStore::new(RecoveryConfig::default());
    net.logged.drain(..).for_each(|packet| store.record(packet));
    net.saved.drain(..).for_each(|session| store.save(session));
    store
}

#[test]
fn a_packet_that_is_kept_is_for_its_rooms_in_whatever_order_they_are_named() {
    let rooms =
        |rooms: &[&str]| -> Vec<Arc<str>> { rooms.iter().map(|room| Arc::from(*room)).collect() };
    let named = rooms(&["z", "a", "m", "z", "b", "q", "a"]);
    let recipients = |rooms: Vec<Arc<str>>, except_rooms| Recipients {
        rooms,
        except_rooms,
        ..Recipients::default()
    };
    for room in ["z", "a", "m", "b", "q"] {
        let mut store = store(RecoveryConfig::default(), 1);
        store.record(packet("in", recipients(named.clone(), vec![]), 1));
        store.record(packet("not in", recipients(vec![], named.clone()), 2));
        store.save(session('s', &[room], 2));
        let restored = store.restore(&pid('s'), "o0", NOW);
        assert_eq!(missed(restored), Some(vec!["in".to_owned()]), "{room}");
    }
}

#[test]
fn a_packet_that_is_logged_names_each_room_once_in_order() {
    run_with(outside(), |net| {
        let rooms = ["b", "a", "b", "c", "a"];
        net.broadcast(MAIN.rooms(&rooms).except_rooms(&rooms), r#"["x"]"#);
        assert_eq!(net.drain(), ["* packet logged in /"]);
        let Recipients {
            rooms,
            except_rooms,
            ..
        } = &net.logged[0].recipients;
        for names in [rooms, except_rooms] {
            assert!(names.iter().map(|name| &**name).eq(["a", "b", "c"]));
        }
    });
}

#[test]
fn kept_outside_the_application_is_told_and_asked() {
    run_with(outside(), |net| {
        let mut store = lost_outside(net);
        assert!(net.server.recovery_store("/").is_none());
        net.come_back("/", 0, 0);
        assert_eq!(net.drain(), ["c1 wants back into /"]);
        let (token, pid, offset) = net.restoring.pop_front().unwrap();
        net.server
            .restore(token, store.restore(&pid, &offset, net.now), net.now)
            .unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c1 < 42["missed","@1"]"#,
                r#"c1 < 40{"sid":"$0","pid":"%0"}"#,
                "c1 back in / as $1"
            ]
        );
    });
}

#[test]
fn kept_outside_and_unknown_there_it_is_a_new_session() {
    run_with(outside(), |net| {
        lost_outside(net);
        net.come_back("/", 0, 0);
        net.drain();
        let (token, ..) = net.restoring.pop_front().unwrap();
        net.server.restore(token, None, net.now).unwrap();
        assert!(net.drain()[0].starts_with("c1 connecting /"));
        net.accept().unwrap();
        assert_eq!(net.drain(), [r#"c1 < 40{"sid":"$1","pid":"%1"}"#]);
    });
}

#[test]
fn an_answer_that_takes_too_long_makes_a_new_session_and_is_gone() {
    run_with(outside(), |net| {
        let mut store = lost_outside(net);
        net.come_back("/", 0, 0);
        net.drain();
        net.advance(4_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert!(net.drain()[0].starts_with("c1 connecting /"));
        let (token, pid, offset) = net.restoring.pop_front().unwrap();
        assert!(
            net.server
                .restore(token, store.restore(&pid, &offset, net.now), net.now)
                .is_err()
        );
        net.accept().unwrap();
        net.drain();
    });
}

#[test]
fn an_answer_for_a_client_that_went_is_gone() {
    run_with(outside(), |net| {
        lost_outside(net);
        let client = net.come_back("/", 0, 0);
        net.drain();
        net.lose(client);
        let (token, ..) = net.restoring.pop_front().unwrap();
        assert!(net.server.restore(token, None, net.now).is_err());
    });
}

#[test]
fn a_session_of_a_socket_that_is_there_is_not_restored_whatever_the_application_says() {
    run_with(outside(), |net| {
        let mut store = lost_outside(net);
        let now = net.now;
        let restored = store.restore(&Sid::parse(&net.pid(0)).unwrap(), &net.offset(0), now);
        for client in 1..3 {
            assert_eq!(net.come_back("/", 0, 0), client);
            net.drain();
            let (token, ..) = net.restoring.pop_front().unwrap();
            net.server.restore(token, restored.clone(), now).unwrap();
            let lines = net.drain();
            let came_back = lines.contains(&"c1 back in / as $1".to_owned());
            assert_eq!(came_back, client == 1, "{lines:?}");
        }
        net.accept().unwrap();
        net.drain();
    });
}

#[test]
fn a_store_is_handed_to_another_server() {
    let recovering = config().with_connection_state_recovery(Some(RecoveryConfig::default()));
    let mut handed = None;
    let mut secrets = None;
    run_with(recovering.clone(), |net| {
        // The other server draws the same ids: let them be told apart.
        net.joined(&["/"]);
        let (client, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.drain();
        net.lose(client);
        net.broadcast(MAIN, r#"["missed"]"#);
        net.drain();
        secrets = Some((net.id(1), net.pid(1), net.offset(0)));
        handed = net.server.take_recovery_store("/");
        assert!(net.server.take_recovery_store("/").is_none());
    });
    let (id, pid, offset) = secrets.unwrap();
    run_with(recovering, |net| {
        assert!(
            !net.server
                .set_recovery_store("/nowhere", handed.clone().unwrap(), net.now)
        );
        assert!(net.server.set_recovery_store("/", handed.unwrap(), net.now));
        let client = net.websocket();
        net.text(
            client,
            &format!(r#"0{{"pid":"{pid}","offset":"{offset}"}}"#),
        );
        let lines = net.drain();
        assert_eq!(lines[1], r#"c0 < 40{"sid":"$0","pid":"%0"}"#);
        assert_eq!(lines[2], "c0 back in / as $0");
        assert_eq!((net.id(0), net.pid(0)), (id, pid));
    });
}

/// The whole content of a store as JSON text, as a database may keep it.
fn to_json(store: &RecoveryStore) -> String {
    let packets = store.packets().map(|packet| {
        let parts = packet
            .packet
            .parts()
            .iter()
            .map(|part| match part.message() {
                Message::Text(text) => json!(&*text),
                Message::Binary(data) => json!(data.to_vec()),
            });
        json!({
            "offset": &*packet.offset,
            "socket": packet.recipients.socket.as_ref().map(|id| id.to_string()),
            "rooms": strings(&packet.recipients.rooms),
            "except": packet.recipients.except.as_ref().map(|id| id.to_string()),
            "exceptRooms": strings(&packet.recipients.except_rooms),
            "parts": parts.collect::<Vec<_>>(),
            "sentAt": packet.sent_at.as_nanos(),
        })
    });
    let sessions = store.sessions().map(|session| {
        json!({
            "socket": session.socket.as_str(),
            "pid": session.pid.as_str(),
            "rooms": strings(&session.rooms),
            "data": session.data.as_ref().map(Payload::json),
            "disconnectedAt": session.disconnected_at.as_nanos(),
        })
    });
    let (packets, sessions): (Vec<_>, Vec<_>) = (packets.collect(), sessions.collect());
    json!({"packets": packets, "sessions": sessions}).to_string()
}

fn strings<'a>(rooms: impl IntoIterator<Item = &'a Arc<str>>) -> Vec<String> {
    rooms.into_iter().map(|room| room.to_string()).collect()
}

fn from_json(text: &str) -> RecoveryStore {
    let value: Value = serde_json::from_str(text).unwrap();
    let mut store = RecoveryStore::new(RecoveryConfig::default());
    let id = |value: &Value| value.as_str().map(|id| SocketId::parse(id).unwrap());
    let rooms = |value: &Value| -> Vec<Arc<str>> {
        let rooms = value.as_array().unwrap().iter();
        rooms
            .map(|room| Arc::from(room.as_str().unwrap()))
            .collect()
    };
    let instant = |value: &Value| Instant::from_nanos(value.as_u64().unwrap());
    for packet in value["packets"].as_array().unwrap() {
        let parts = packet["parts"].as_array().unwrap().iter().map(|part| {
            Encoded::new(&match part.as_str() {
                Some(text) => Message::text(text),
                None => Message::binary(serde_json::from_value::<Vec<u8>>(part.clone()).unwrap()),
            })
        });
        store.record(LoggedPacket {
            offset: packet["offset"].as_str().unwrap().into(),
            recipients: Recipients {
                socket: id(&packet["socket"]),
                rooms: rooms(&packet["rooms"]),
                except: id(&packet["except"]),
                except_rooms: rooms(&packet["exceptRooms"]),
            },
            packet: EncodedPacket::from_parts(parts.collect()).unwrap(),
            sent_at: instant(&packet["sentAt"]),
        });
    }
    for session in value["sessions"].as_array().unwrap() {
        let data = session["data"].as_str().map(str::to_owned);
        store.save(SavedSession {
            socket: id(&session["socket"]).unwrap(),
            pid: Sid::parse(session["pid"].as_str().unwrap()).unwrap(),
            rooms: rooms(&session["rooms"])
                .into_iter()
                .collect::<BTreeSet<_>>(),
            data: data.map(|data| Payload::from_json(PacketType::Connect, data, vec![]).unwrap()),
            disconnected_at: instant(&session["disconnectedAt"]),
        });
    }
    store
}

#[test]
fn a_store_survives_as_text() {
    run_with(outside(), |net| {
        let mut store = lost_outside(net);
        let binary = Payload::event("b").binary(vec![1, 2]).build().unwrap();
        net.server
            .broadcast(&MAIN.except_rooms(&["x"]), &binary, net.now)
            .unwrap();
        net.drain();
        store.record(net.logged.pop().unwrap());
        let mut saved = store.sessions().next().unwrap().clone();
        saved.pid = pid('o');
        saved.data = Some(Payload::object(&json!({"a": 1})).unwrap());
        store.save(saved);
        let copy = from_json(&to_json(&store));
        assert!(copy.packets().eq(store.packets()));
        assert!(copy.sessions().eq(store.sessions()));
        assert_eq!(
            (copy.bytes(), to_json(&copy)),
            (store.bytes(), to_json(&store))
        );
    });
}

fn inside() -> Config {
    config().with_connection_state_recovery(Some(RecoveryConfig::default()))
}

#[test]
fn events_alone_and_sessions_alone_are_freed_by_a_timer_and_so_is_what_was_handed_over() {
    let ways: [fn(&mut Net); 3] = [
        |net| {
            net.broadcast(MAIN, r#"["for nobody"]"#);
        },
        |net| {
            let (client, _) = net.joined(&["/"]);
            net.lose(client);
        },
        |net| {
            let handed = store(RecoveryConfig::default(), 1);
            assert!(net.server.set_recovery_store("/", handed, net.now));
        },
    ];
    for keep in ways {
        run_with(inside(), |net| {
            keep(net);
            assert!(net.server.recovery_store("/").is_some());
            net.advance(300_000);
            assert!(net.server.recovery_store("/").is_none());
            assert_eq!(net.server.poll_timeout(), None);
        });
    }
}

#[test]
fn a_child_that_was_kept_for_its_store_alone_goes_with_it() {
    let config = inside().with_cleanup_empty_child_namespaces(true);
    run_with(config, |net| {
        net.server
            .add_parent(NamespacePattern::new("/room-{int}").unwrap().into());
        let client = net.websocket();
        net.text(client, "0/room-1");
        net.accept_after_events();
        net.lose(client);
        assert!(net.server.take_recovery_store("/room-1").is_some());
        assert_eq!(net.drain(), ["/room-1 removed"]);
    });
}

#[test]
fn who_was_excluded_from_a_broadcast_does_not_get_it_when_it_comes_back() {
    run_with(inside(), |net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.broadcast(MAIN.except(net.key(socket)), r#"["for others"]"#);
        net.drain();
        net.lose(client);
        net.broadcast(MAIN, r#"["for all"]"#);
        net.come_back("/", 0, 0);
        let lines = net.drain();
        assert_eq!(lines[0], r#"c1 < 42["for all","@1"]"#, "{lines:?}");
    });
}

#[test]
fn one_who_never_got_in_is_not_kept() {
    let engine = config().engine.with_max_buffered(10_000, 1);
    run_with(inside().with_engine(engine), |net| {
        net.add_namespace("/a");
        let (client, socket) = net.joined(&["/"]);
        net.stall(client);
        net.emit(socket, r#"["full"]"#).unwrap();
        net.text(client, "0/a");
        net.drain();
        assert!(net.accept().is_err(), "no room for the answer");
        assert!(net.server.recovery_store("/a").is_none());
        net.lose(client);
    });
}
