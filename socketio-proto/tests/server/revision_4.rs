//! Clients of revision 4, beside such of revision 5.

use socketio_proto::engine::server::Config as EngineConfig;
use socketio_proto::server::{Config, Matcher, NamespacePattern, RecoveryConfig, Target};

use crate::support::{self, Net, event, run_with};

fn config() -> Config {
    let config = support::config();
    let engine = config.engine.clone().with_allow_eio3(true);
    config.with_engine(engine)
}

fn run(script: impl FnOnce(&mut Net)) {
    run_with(config(), script);
}

/// The id of the session of a client.
fn session_id(net: &Net, client: usize) -> String {
    let session = net.server.engine().session(net.session(client)).unwrap();
    session.sid().as_str().to_owned()
}

#[test]
fn they_are_let_into_the_main_namespace_unasked_and_told_nothing_but_that() {
    run(|net| {
        let client = net.old_websocket();
        let socket = net.accept().unwrap();
        assert_eq!(net.drain(), ["c0 < 40"]);
        assert_eq!(net.id(socket), session_id(net, client));
        let client = net.old_polling();
        net.accept().unwrap();
        net.poll(client);
        assert_eq!(net.drain(), ["c1 < 2:40"]);
    });
}

#[test]
fn a_refusal_has_the_data_or_the_message_bare() {
    run(|net| {
        for data in [None, Some(r#"{"code":1}"#)] {
            let client = net.old_websocket();
            net.reject("no \"way\"", data).unwrap();
            let payload = data.unwrap_or(r#""no \"way\"""#);
            assert_eq!(net.drain(), [format!("c{client} < 44{payload}")]);
        }
        net.add_namespace("/admin");
        let (client, _) = net.old_joined();
        net.text(client, "0/admin,");
        assert_eq!(net.drain(), ["c2 connecting /admin"]);
        net.reject("nope", Some(r#"{"code":1}"#)).unwrap();
        assert_eq!(net.drain(), [r#"c2 < 44/admin,{"code":1}"#]);
        net.text(client, "0/admin,");
        assert_eq!(net.drain(), ["c2 connecting /admin"]);
        net.reject("nope", None).unwrap();
        assert_eq!(net.drain(), [r#"c2 < 44/admin,"nope""#]);
        net.text(client, "0/admin,");
        net.drain();
        let token = net.token();
        let no_data = event(r#"["an event"]"#);
        net.server
            .reject(token, "nope", Some(&no_data), net.now)
            .unwrap();
        assert_eq!(net.drain(), [r#"c2 < 44/admin,"nope""#]);
    });
}

#[test]
fn who_is_refused_at_the_main_namespace_may_join_others_and_ask_again() {
    run(|net| {
        net.add_namespace("/admin");
        let client = net.old_websocket();
        net.reject("nope", None).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 44"nope""#]);
        net.text(client, "0/admin,");
        assert_eq!(net.drain(), ["c0 connecting /admin"]);
        net.accept().unwrap();
        assert_eq!(net.drain(), ["c0 < 40/admin,"]);
        net.text(client, "0");
        assert_eq!(net.drain(), ["c0 connecting /"]);
        net.accept().unwrap();
        assert_eq!(net.drain(), ["c0 < 40"]);
    });
}

#[test]
fn who_is_refused_and_joins_nothing_is_closed_at_the_connect_timeout() {
    run(|net| {
        net.old_websocket();
        net.reject("nope", None).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 44"nope""#]);
        net.advance(44_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(
            net.drain(),
            ["c0 closed by the server", "c0 closed: forced close"]
        );
    });
}

#[test]
fn a_verdict_that_does_not_come_is_a_refusal_and_the_end() {
    run(|net| {
        net.old_websocket();
        net.advance(45_000);
        let outputs = net.drain();
        assert!(outputs.iter().any(|line| line == "c0 closed by the server"));
    });
}

#[test]
fn the_query_of_a_namespace_is_what_the_client_sends_along() {
    run(|net| {
        net.add_namespace("/admin");
        for client in [net.old_websocket(), net.old_polling()] {
            net.text(
                client,
                "0/admin?token=a%20b%26c&k=%C3%A9&token=z&__proto__=x,",
            );
            let auth = r#"{"__proto__":"x","k":"é","token":"z"}"#;
            assert_eq!(net.drain(), [format!("c{client} connecting /admin {auth}")]);
        }
    });
}

#[test]
fn the_payload_of_connect_means_nothing() {
    run(|net| {
        net.add_namespace("/admin");
        let (client, _) = net.old_joined();
        net.text(client, r#"0/admin,{"token":"x"}"#);
        assert_eq!(net.drain(), ["c0 connecting /admin"]);
    });
}

#[test]
fn every_packet_may_have_a_query() {
    run(|net| {
        net.add_namespace("/admin");
        let (client, _) = net.old_joined();
        net.text(client, "0/admin?a=1,");
        assert_eq!(net.drain(), [r#"c0 connecting /admin {"a":"1"}"#]);
        net.accept().unwrap();
        net.text(client, r#"2/admin?a=1,7["hi"]"#);
        assert_eq!(net.drain(), ["c0 < 40/admin,", r#"$1 event? ["hi"]"#]);
        net.respond("[1]").unwrap();
        net.text(client, r#"2/?b,["hi"]"#);
        assert_eq!(net.drain(), ["c0 < 43/admin,7[1]", r#"$0 event ["hi"]"#]);
        net.text(client, "1/admin?x=y,");
        let left = "$1 disconnected: client namespace disconnect";
        assert_eq!(net.drain(), [left]);
    });
}

#[test]
fn a_query_is_part_of_the_name_for_others() {
    run(|net| {
        net.add_namespace("/admin");
        let client = net.websocket();
        net.text(client, "0/admin?a=1,");
        let refused = r#"c0 < 44/admin?a=1,{"message":"Invalid namespace"}"#;
        assert_eq!(net.drain(), [refused]);
    });
}

#[test]
fn ids_in_other_namespaces_are_made_of_both_names() {
    run(|net| {
        net.add_namespace("/admin");
        let (client, _) = net.old_joined();
        net.text(client, "0/admin,");
        assert_eq!(net.drain(), ["c0 connecting /admin"]);
        let socket = net.accept().unwrap();
        assert_eq!(net.drain(), ["c0 < 40/admin,"]);
        let id = format!("/admin#{}", session_id(net, client));
        assert_eq!(net.id(socket), id);
        let key = net.key(socket);
        assert_eq!(net.server.find_socket("/admin", &id), Some(key));
        assert_eq!(net.server.find_socket("/", &id), None);
        assert!(net.server.rooms(key).eq([&*id]));
        assert!(net.server.is_in(key, &id));
    });
}

#[test]
fn who_leaves_and_joins_again_has_the_same_id() {
    run(|net| {
        net.add_namespace("/admin");
        let (client, main) = net.old_joined();
        let mut ids = Vec::new();
        for _ in 0..2 {
            net.text(client, "0/admin,");
            net.drain();
            let socket = net.accept().unwrap();
            ids.push(net.id(socket));
            net.drain();
            net.disconnect(socket);
            net.drain();
            assert_eq!(net.server.find_socket("/admin", &ids[0]), None);
        }
        assert_eq!(ids[0], ids[1]);
        assert!(net.server.socket_id(net.key(main)).is_some());
    });
}

#[test]
fn an_unknown_namespace_is_refused_in_the_form_of_revision_5_as_officially() {
    run(|net| {
        let (client, _) = net.old_joined();
        net.text(client, "0/nope?a=1,");
        let refused = r#"c0 < 44/nope,{"message":"Invalid namespace"}"#;
        assert_eq!(net.drain(), [refused]);
        net.server.add_parent(Matcher::Ask);
        net.text(client, "0/nope,");
        assert_eq!(net.drain(), ["c0 asks for /nope"]);
        net.deny().unwrap();
        assert_eq!(net.drain(), [refused]);
    });
}

#[test]
fn children_of_parents_come_into_being_for_the_bare_name() {
    run(|net| {
        let pattern = NamespacePattern::new("/room-{int}").unwrap();
        net.server.add_parent(pattern.into());
        let (client, _) = net.old_joined();
        net.text(client, "0/room-7?a=1,");
        let expected = [
            "/room-7 added as a child",
            r#"c0 connecting /room-7 {"a":"1"}"#,
        ];
        assert_eq!(net.drain(), expected);
        net.accept().unwrap();
        assert_eq!(net.drain(), ["c0 < 40/room-7,"]);
    });
}

#[test]
fn asking_for_the_main_namespace_closes_the_connection() {
    run(|net| {
        for packet in ["0", "0/?a=1,"] {
            let (client, socket) = net.old_joined();
            net.text(client, packet);
            let outputs = net.drain();
            let left = format!(
                "${socket} disconnected: forced server close (second CONNECT packet for a namespace)"
            );
            assert!(outputs.contains(&left), "{outputs:?}");
            assert!(net.is_closed(client));
        }
    });
}

#[test]
fn events_acknowledgements_and_bytes_pass_both_ways() {
    run(|net| {
        let (client, socket) = net.old_joined();
        net.text(client, r#"51-0["bin",{"_placeholder":true,"num":0}]"#);
        net.binary(client, &[1, 2]);
        let event = r#"$0 event? ["bin",{"_placeholder":true,"num":0}] b"\x01\x02""#;
        assert_eq!(net.drain(), [event]);
        net.respond("[true]").unwrap();
        assert_eq!(net.drain(), ["c0 < 430[true]"]);
        let id = net
            .emit_with_ack(socket, r#"["hi",{"z":1}]"#, 1000)
            .unwrap();
        assert_eq!(net.drain(), [format!(r#"c0 < 42{id}["hi",{{"z":1}}]"#)]);
        net.text(client, &format!(r#"3{id}["yes"]"#));
        assert_eq!(net.drain(), [format!(r#"$0 ack {id} ["yes"]"#)]);
        net.disconnect(socket);
        let left = "$0 disconnected: server namespace disconnect";
        assert_eq!(net.drain(), ["c0 < 41", left]);
    });
}

#[test]
fn a_broadcast_reaches_both_revisions_with_the_same_packet() {
    run(|net| {
        let (_, old) = net.old_joined();
        let polling = net.old_polling();
        net.accept().unwrap();
        net.poll(polling);
        net.drain();
        let (_, new) = net.joined(&["/"]);
        for socket in [old, new] {
            net.server.join(net.key(socket), "news").unwrap();
        }
        let news = Target::namespace("/").rooms(&["news"]);
        assert_eq!(net.broadcast(news, r#"["a"]"#).sent, 2);
        assert_eq!(net.drain(), [r#"c0 < 42["a"]"#, r#"c2 < 42["a"]"#]);
        let others = Target::namespace("/").except(net.key(old));
        assert_eq!(net.broadcast(others, r#"["b"]"#).sent, 2);
        net.poll(polling);
        assert_eq!(net.drain(), [r#"c2 < 42["b"]"#, r#"c1 < 7:42["b"]"#]);
    });
}

#[test]
fn ids_are_names_of_rooms() {
    run(|net| {
        net.add_namespace("/admin");
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let (client, _) = net.old_joined();
            net.text(client, "0/admin,");
            net.drain();
            sockets.push(net.accept().unwrap());
            net.drain();
        }
        let ids: Vec<_> = sockets.iter().map(|socket| net.id(*socket)).collect();
        let admin = Target::namespace("/admin");
        let send = |net: &mut Net, target: Target<'_>| {
            net.broadcast(target, r#"["a"]"#);
            net.drain()
        };
        let first = [r#"c0 < 42/admin,["a"]"#];
        assert_eq!(send(net, admin.rooms(&[&ids[0]])), first);
        assert_eq!(send(net, admin.rooms(&[&ids[0], &ids[0]])), first);
        assert_eq!(send(net, admin.except_rooms(&[&ids[1]])), first);
        // The id in one namespace names no room in another.
        assert_eq!(send(net, Target::namespace("/").rooms(&[&ids[0]])), [""; 0]);
        let key = net.key(sockets[0]);
        assert!(net.server.leave_room(key, &ids[0]));
        assert_eq!(send(net, admin.rooms(&[&ids[0]])), [""; 0]);
        net.server.join(key, &ids[0]).unwrap();
        assert_eq!(send(net, admin.rooms(&[&ids[0]])), first);
        assert_eq!(net.server.rooms(key).count(), 1, "its own room counts once");
    });
}

#[test]
fn they_never_come_back_to_an_earlier_session() {
    let recovery = config().with_connection_state_recovery(Some(RecoveryConfig::default()));
    run_with(recovery, |net| {
        let (client, socket) = net.old_joined();
        net.emit(socket, r#"["single"]"#).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 42["single"]"#], "no offset");
        net.add_namespace("/admin");
        let (other, socket) = net.joined(&["/admin"]);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.drain();
        net.lose(other);
        let (pid, offset) = (net.pid(0), net.offset(0));
        net.text(client, &format!("0/admin?pid={pid}&offset={offset},"));
        let auth = r#"{"offset":"@0","pid":"%0"}"#;
        assert_eq!(net.drain(), [format!("c0 connecting /admin {auth}")]);
        net.accept().unwrap();
        assert_eq!(net.drain(), ["c0 < 40/admin,"], "no pid");
        net.vanish(client);
        net.drain();
        assert!(net.server.recovery_store("/").is_none(), "nothing is kept");
    });
}

#[test]
fn a_broadcast_has_its_offset_for_both_as_officially() {
    let recovery = config().with_connection_state_recovery(Some(RecoveryConfig::default()));
    run_with(recovery, |net| {
        net.old_joined();
        net.joined(&["/"]);
        net.broadcast(Target::namespace("/"), r#"["all"]"#);
        let [old, new] = &net.drain()[..] else {
            panic!("two packets")
        };
        assert_eq!(old.replace("c0", ""), new.replace("c1", ""));
        assert!(old.starts_with(r#"c0 < 42["all","#), "{old}");
    });
}

#[test]
fn more_namespaces_than_allowed_are_refused_bare() {
    run_with(config().with_max_namespaces_per_connection(1), |net| {
        net.add_namespace("/admin");
        let (client, _) = net.old_joined();
        net.text(client, "0/admin,");
        assert_eq!(net.drain(), [r#"c0 < 44/admin,"too many namespaces""#]);
    });
}

#[test]
fn undecodable_packets_close_the_connection() {
    run(|net| {
        for packet in ["5woooot", "9", r#"4"error""#, r#"2/other,["a"]"#] {
            let (client, _) = net.old_joined();
            net.text(client, packet);
            net.drain();
            assert!(net.is_closed(client), "{packet}");
        }
    });
}

#[test]
fn over_the_other_revision_nobody_joins_unasked() {
    run_with(
        Config::default().with_engine(EngineConfig::default().with_allow_eio3(true)),
        |net| {
            let client = net.websocket();
            net.advance(1000);
            assert_eq!(net.drain(), [""; 0]);
            net.join(client, "/");
        },
    );
}
