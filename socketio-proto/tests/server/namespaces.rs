//! Namespaces that come and go.

use socketio_proto::server::{Matcher, NamespacePattern, ParentKey, Target};

use crate::support::{Net, config, run, run_with};

fn pattern(net: &mut Net, pattern: &str) -> ParentKey {
    let pattern = NamespacePattern::new(pattern).unwrap();
    net.server.add_parent(pattern.into())
}

const INVALID: &str = r#"{"message":"Invalid namespace"}"#;

#[test]
fn a_name_that_matches_a_pattern_becomes_a_child() {
    run(|net| {
        let parent = pattern(net, "/dynamic-{int}");
        let client = net.websocket();
        net.text(client, r#"0/dynamic-101,{"t":1}"#);
        assert_eq!(
            net.drain(),
            [
                "/dynamic-101 added as a child",
                r#"c0 connecting /dynamic-101 {"t":1}"#
            ]
        );
        net.accept().unwrap();
        assert_eq!(net.drain(), [r#"c0 < 40/dynamic-101,{"sid":"$0"}"#]);
        assert!(net.server.children(parent).eq(["/dynamic-101"]));
        assert_eq!(net.server.parent("/dynamic-101"), Some(parent));
        assert_eq!(net.server.parent("/"), None);
    });
}

#[test]
fn a_name_that_no_parent_accepts_is_invalid() {
    run(|net| {
        pattern(net, "/dynamic-{int}");
        let client = net.websocket();
        net.text(client, "0/dynamic-x,");
        assert_eq!(net.drain(), [format!("c0 < 44/dynamic-x,{INVALID}")]);
        assert!(net.server.namespaces().eq(["/"]));
    });
}

#[test]
fn the_application_allows_a_name_whenever_it_likes() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        let (client, _) = net.joined(&["/"]);
        net.text(client, r#"0/later,{"t":1}"#);
        assert_eq!(net.drain(), [r#"c0 asks for /later {"t":1}"#]);
        net.advance(10_000);
        assert!(net.server.namespaces().eq(["/"]), "it is not there yet");
        assert_eq!(net.server.parent("/later"), None);
        net.server.handle_timeout(net.now);
        net.allow().unwrap();
        assert_eq!(
            net.drain(),
            ["/later added as a child", r#"c0 connecting /later {"t":1}"#]
        );
        net.advance(44_999);
        net.accept().unwrap();
        assert_eq!(net.drain(), [r#"c0 < 40/later,{"sid":"$1"}"#]);
    });
}

#[test]
fn parents_are_asked_in_the_order_in_which_they_were_added_until_one_accepts() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        pattern(net, "/b-*");
        let last = net.server.add_parent(Matcher::Ask);
        let client = net.websocket();
        for name in ["/a", "/b-1"] {
            net.text(client, &format!("0{name},"));
            assert_eq!(net.drain(), [format!("c0 asks for {name}")]);
        }
        net.deny().unwrap();
        net.deny().unwrap();
        assert_eq!(
            net.drain(),
            [
                "c0 asks for /a",
                "/b-1 added as a child",
                "c0 connecting /b-1"
            ]
        );
        net.allow().unwrap();
        assert_eq!(net.drain(), ["/a added as a child", "c0 connecting /a"]);
        assert_eq!(net.server.parent("/a"), Some(last));
    });
}

#[test]
fn a_name_that_all_parents_deny_is_invalid_and_may_be_asked_for_again() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        let client = net.websocket();
        for _ in 0..2 {
            net.text(client, "0/a,");
            assert_eq!(net.drain(), ["c0 asks for /a"]);
            net.deny().unwrap();
            assert_eq!(net.drain(), [format!("c0 < 44/a,{INVALID}")]);
        }
    });
}

#[test]
fn two_clients_that_ask_for_one_new_name_at_once_create_it_once() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        for client in net.both() {
            net.text(client, "0/a,");
        }
        assert_eq!(net.drain(), ["c0 asks for /a", "c1 asks for /a"]);
        net.allow().unwrap();
        net.allow().unwrap();
        assert_eq!(
            net.drain(),
            [
                "/a added as a child",
                "c0 connecting /a",
                "c1 connecting /a"
            ]
        );
    });
}

#[test]
fn a_denied_name_stays_for_another_who_was_allowed() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        let clients = [net.websocket(), net.websocket()];
        for client in clients {
            net.text(client, "0/a,");
        }
        net.drain();
        net.deny().unwrap();
        net.allow().unwrap();
        assert_eq!(
            net.drain(),
            [
                format!("c0 < 44/a,{INVALID}"),
                "/a added as a child".to_owned(),
                "c1 connecting /a".to_owned()
            ]
        );
    });
}

#[test]
fn a_client_whose_namespace_nobody_decides_about_is_refused() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        let (client, _) = net.joined(&["/"]);
        net.text(client, "0/a,");
        assert_eq!(net.drain(), ["c0 asks for /a"]);
        net.advance(44_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), [r#"c0 < 44/a,{"message":"timeout"}"#]);
        assert!(net.allow().is_err());
    });
}

#[test]
fn a_client_that_goes_while_the_application_decides_leaves_nothing() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        let client = net.websocket();
        net.text(client, "0/a,");
        net.vanish(client);
        assert_eq!(
            net.drain(),
            ["c0 asks for /a", "c0 closed: transport close"]
        );
        assert!(net.deny().is_err());
        assert!(net.server.namespaces().eq(["/"]));
    });
}

#[test]
fn packets_for_a_namespace_that_is_being_decided_about_are_violations() {
    for packet in [r#"2/a,["x"]"#, "1/a,", "0/a,"] {
        run(|net| {
            net.server.add_parent(Matcher::Ask);
            let (client, _) = net.joined(&["/"]);
            net.text(client, "0/a,");
            net.drain();
            net.text(client, packet);
            let lines = net.drain();
            assert!(
                lines[1].starts_with("$0 disconnected: forced server close"),
                "{lines:?}"
            );
        });
    }
}

#[test]
fn new_namespaces_are_announced_static_ones_too_but_not_the_main_one() {
    run(|net| {
        net.add_namespace("/static");
        net.server.add_namespace("/static").unwrap();
        net.server.add_namespace("/").unwrap();
        assert_eq!(net.drain(), [""; 0]);
    });
}

#[test]
fn a_namespace_added_by_hand_is_a_child_of_the_parent_whose_pattern_it_matches() {
    run(|net| {
        let parent = pattern(net, "/dynamic-{int}");
        net.server.add_namespace("/dynamic-1").unwrap();
        assert_eq!(net.drain(), ["/dynamic-1 added as a child"]);
        assert!(net.server.children(parent).eq(["/dynamic-1"]));
    });
}

#[test]
fn a_namespace_added_by_hand_while_the_application_decides_is_used() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        let client = net.websocket();
        net.text(client, "0/a,");
        assert_eq!(net.drain(), ["c0 asks for /a"]);
        net.add_namespace("/a");
        net.allow().unwrap();
        assert_eq!(net.drain(), ["c0 connecting /a"]);
        assert_eq!(net.server.parent("/a"), None);
    });
}

#[test]
fn a_parent_broadcasts_to_all_its_children_and_to_rooms_in_them() {
    run(|net| {
        let parent = pattern(net, "/dynamic-{int}");
        for name in ["/dynamic-1", "/dynamic-2"] {
            net.server.add_namespace(name).unwrap();
        }
        net.drain();
        net.add_namespace("/other");
        let (_, first) = net.joined(&["/dynamic-1", "/other"]);
        net.joined(&["/dynamic-2"]);
        net.server.join(net.key(first), "room").unwrap();
        let event = crate::support::event(r#"["hi"]"#);
        let all = Target::namespace("/");
        let sent = net
            .server
            .broadcast_to_children(parent, &all, &event, net.now);
        assert_eq!(sent.unwrap().sent, 2);
        assert_eq!(
            net.drain(),
            [r#"c0 < 42/dynamic-1,["hi"]"#, r#"c1 < 42/dynamic-2,["hi"]"#]
        );
        let sent = net
            .server
            .broadcast_to_children(parent, &all.rooms(&["room"]), &event, net.now);
        assert_eq!(sent.unwrap().sent, 1);
        assert_eq!(net.drain(), [r#"c0 < 42/dynamic-1,["hi"]"#]);
    });
}

#[test]
fn an_empty_child_is_removed_if_so_configured_and_may_be_joined_again() {
    run_with(config().with_cleanup_empty_child_namespaces(true), |net| {
        let parent = pattern(net, "/dynamic-{int}");
        let (client, _) = net.joined(&["/"]);
        for socket in [1, 2] {
            net.text(client, "0/dynamic-1,");
            net.accept_after_events();
            net.text(client, "1/dynamic-1,");
            assert_eq!(
                net.drain(),
                [
                    format!("${socket} disconnected: client namespace disconnect"),
                    "/dynamic-1 removed".to_owned()
                ]
            );
            assert_eq!(net.server.children(parent).count(), 0);
        }
    });
}

#[test]
fn an_empty_child_stays_by_default() {
    run(|net| {
        pattern(net, "/dynamic-{int}");
        let (client, _) = net.joined(&["/"]);
        net.text(client, "0/dynamic-1,");
        net.accept_after_events();
        net.text(client, "1/dynamic-1,");
        assert_eq!(
            net.drain(),
            ["$1 disconnected: client namespace disconnect"]
        );
        assert!(net.server.namespaces().eq(["/", "/dynamic-1"]));
    });
}

/// A way in which a client that asks for a child fails to join.
type Way = fn(&mut Net, usize);

const WAYS: [Way; 4] = [
    |net, _| net.reject("no", None).unwrap(),
    |net, _| net.advance(45_000),
    |net, client| net.vanish(client),
    |net, client| net.disconnect_session(client),
];

#[test]
fn a_child_that_nobody_was_let_into_is_removed_even_if_empty_ones_stay() {
    for way in WAYS {
        run(|net| {
            let parent = pattern(net, "/dynamic-{int}");
            // Who is in some namespace is not closed at the connect timeout.
            let (client, _) = net.joined(&["/"]);
            for _ in 0..2 {
                net.text(client, "0/dynamic-1,");
                assert_eq!(net.drain()[0], "/dynamic-1 added as a child");
                net.reject("no", None).unwrap();
                assert_eq!(
                    net.drain(),
                    [
                        r#"c0 < 44/dynamic-1,{"message":"no"}"#,
                        "/dynamic-1 removed"
                    ]
                );
            }
            net.text(client, "0/dynamic-1,");
            net.drain();
            way(net, client);
            assert!(net.drain().contains(&"/dynamic-1 removed".to_owned()));
            assert_eq!(net.server.children(parent).count(), 0);
            assert!(net.server.namespaces().eq(["/"]));
        });
    }
}

#[test]
fn a_child_that_the_application_allowed_and_nobody_was_let_into_is_removed() {
    for way in WAYS {
        run(|net| {
            net.server.add_parent(Matcher::Ask);
            let (client, _) = net.joined(&["/"]);
            net.text(client, "0/a,");
            net.drain();
            net.allow().unwrap();
            assert_eq!(net.drain()[0], "/a added as a child");
            way(net, client);
            assert!(net.drain().contains(&"/a removed".to_owned()));
            assert!(net.server.namespaces().eq(["/"]));
        });
    }
}

#[test]
fn a_child_stays_while_somebody_waits_for_it_and_once_somebody_was_let_in() {
    run(|net| {
        pattern(net, "/dynamic-{int}");
        let clients = [net.websocket(), net.websocket()];
        for client in clients {
            net.text(client, "0/dynamic-1,");
        }
        net.drain();
        net.reject("no", None).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 44/dynamic-1,{"message":"no"}"#]);
        net.accept().unwrap();
        net.text(clients[1], "1/dynamic-1,");
        net.text(clients[0], "0/dynamic-1,");
        net.drain();
        net.reject("no", None).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 44/dynamic-1,{"message":"no"}"#]);
        assert!(net.server.namespaces().eq(["/", "/dynamic-1"]));
    });
}

#[test]
fn a_child_that_the_application_added_stays_whoever_is_refused() {
    run(|net| {
        pattern(net, "/dynamic-{int}");
        net.server.add_namespace("/dynamic-1").unwrap();
        net.drain();
        let client = net.websocket();
        // One that a client brought into being is the application's as well, once it was added.
        net.text(client, "0/dynamic-2,");
        net.server.add_namespace("/dynamic-2").unwrap();
        net.text(client, "0/dynamic-1,");
        net.drain();
        net.reject("no", None).unwrap();
        net.reject("no", None).unwrap();
        net.drain();
        assert!(
            net.server
                .namespaces()
                .eq(["/", "/dynamic-1", "/dynamic-2"])
        );
    });
}

#[test]
fn names_that_nobody_is_let_into_do_not_keep_others_out() {
    run_with(config().with_max_namespaces(100), |net| {
        pattern(net, "/dynamic-{int}");
        let client = net.websocket();
        for name in 0..500 {
            net.text(client, &format!("0/dynamic-{name},"));
            net.drain();
            net.reject("no", None).unwrap();
            net.drain();
        }
        let honest = net.websocket();
        net.text(honest, "0/dynamic-7,");
        assert_eq!(net.drain()[1], "c1 connecting /dynamic-7");
        net.accept().unwrap();
        net.drain();
    });
}

#[test]
fn a_child_whose_only_client_is_refused_is_removed() {
    run_with(config().with_cleanup_empty_child_namespaces(true), |net| {
        pattern(net, "/dynamic-{int}");
        let client = net.websocket();
        net.text(client, "0/dynamic-1,");
        net.drain();
        net.reject("no", None).unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 44/dynamic-1,{"message":"no"}"#,
                "/dynamic-1 removed"
            ]
        );
    });
}

#[test]
fn a_child_stays_while_others_are_in_it_or_wait_for_it() {
    run_with(config().with_cleanup_empty_child_namespaces(true), |net| {
        pattern(net, "/dynamic-{int}");
        let [client, waiting] = [net.websocket(), net.websocket()];
        net.text(client, "0/dynamic-1,");
        net.accept_after_events();
        net.text(waiting, "0/dynamic-1,");
        assert_eq!(net.drain(), ["c1 connecting /dynamic-1"]);
        net.text(client, "1/dynamic-1,");
        assert_eq!(
            net.drain(),
            ["$0 disconnected: client namespace disconnect"]
        );
        net.accept().unwrap();
        assert_eq!(net.drain(), [r#"c1 < 40/dynamic-1,{"sid":"$1"}"#]);
        assert_eq!(net.server.socket_count("/dynamic-1"), 1);
    });
}

#[test]
fn a_namespace_that_comes_again_counts_acknowledgements_on_so_that_late_ones_are_not_taken_for_others()
 {
    run_with(config().with_cleanup_empty_child_namespaces(true), |net| {
        pattern(net, "/dynamic-{int}");
        let client = net.websocket();
        net.text(client, "0/dynamic-1,");
        net.drain();
        let socket = net.accept().unwrap();
        assert_eq!(net.emit_with_ack(socket, r#"["a"]"#, 1000), Ok(0));
        net.text(client, "1/dynamic-1,");
        net.drain();
        net.text(client, "0/dynamic-1,");
        net.drain();
        let socket = net.accept().unwrap();
        assert_eq!(net.emit_with_ack(socket, r#"["b"]"#, 1000), Ok(1));
        net.drain();
        net.text(client, "3/dynamic-1,0[]");
        assert_eq!(net.drain(), [""; 0], "the answer to the event before");
        net.text(client, "3/dynamic-1,1[]");
        assert_eq!(net.drain().len(), 1);
    });
}

#[test]
fn a_namespace_that_was_added_by_hand_is_never_cleaned_up() {
    run_with(config().with_cleanup_empty_child_namespaces(true), |net| {
        net.add_namespace("/static");
        let (client, _) = net.joined(&["/static"]);
        net.text(client, "1/static,");
        assert_eq!(
            net.drain(),
            ["$0 disconnected: client namespace disconnect"]
        );
        assert!(net.server.namespaces().eq(["/", "/static"]));
    });
}

#[test]
fn closing_a_namespace_tells_its_clients_and_keeps_their_connections() {
    run(|net| {
        net.add_namespace("/a");
        net.joined(&["/a", "/"]);
        let waiting = net.websocket();
        net.text(waiting, "0/a,");
        assert_eq!(net.drain(), ["c1 connecting /a"]);
        assert!(net.server.remove_namespace("/a", net.now));
        assert_eq!(
            net.drain(),
            [
                "c0 < 41/a,",
                &format!("c1 < 44/a,{INVALID}"),
                "$0 disconnected: server namespace disconnect",
                "/a removed",
            ]
        );
        assert!(net.accept().is_err());
        net.text(0, "0/a,");
        assert_eq!(net.drain(), [format!("c0 < 44/a,{INVALID}")]);
        net.emit(1, r#"["still"]"#).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 42["still"]"#]);
        assert!(!net.server.remove_namespace("/a", net.now));
    });
}

#[test]
fn the_main_namespace_and_one_not_yet_decided_about_cannot_be_closed() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        let client = net.websocket();
        net.text(client, "0/a,");
        assert_eq!(net.drain(), ["c0 asks for /a"]);
        assert!(!net.server.remove_namespace("/", net.now));
        assert!(!net.server.remove_namespace("/a", net.now));
    });
}

#[test]
fn clients_bring_as_many_namespaces_into_being_as_allowed() {
    run_with(config().with_max_namespaces(3), |net| {
        pattern(net, "/dynamic-{int}");
        net.server.add_parent(Matcher::Ask);
        let client = net.websocket();
        net.text(client, "0/dynamic-1,");
        net.text(client, "0/asked,");
        net.text(client, "0/dynamic-2,");
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 44/dynamic-2,{"message":"too many namespaces"}"#,
                "/dynamic-1 added as a child",
                "c0 connecting /dynamic-1",
                "c0 asks for /asked",
            ]
        );
        net.deny().unwrap();
        net.text(client, "0/dynamic-2,");
        assert_eq!(
            net.drain(),
            [
                &*format!("c0 < 44/asked,{INVALID}"),
                "/dynamic-2 added as a child",
                "c0 connecting /dynamic-2",
            ]
        );
        net.add_namespace("/by-hand");
    });
}

#[test]
fn what_waits_for_the_verdict_on_a_namespace_counts_until_it_comes() {
    run(|net| {
        net.server.add_parent(Matcher::Ask);
        let client = net.websocket();
        net.text(client, r#"0/a,{"t":"0123456789"}"#);
        net.drain();
        assert!(net.server.bytes_held() >= r#"{"t":"0123456789"}"#.len());
        net.allow().unwrap();
        net.drain();
        assert_eq!(net.server.bytes_held(), 0);
        net.accept().unwrap();
        net.text(client, r#"0/b,{"t":"0123456789"}"#);
        net.drain();
        net.advance(45_000);
        assert_eq!(net.drain(), [r#"c0 < 44/b,{"message":"timeout"}"#]);
        assert_eq!(net.server.bytes_held(), 0);
        assert!(net.allow().is_err());
    });
}
