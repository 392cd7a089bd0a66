//! Membership of rooms.

use socketio_proto::server::{JoinError, Target};

use crate::support::{Net, config, run, run_with};

fn rooms(net: &Net, socket: usize) -> Vec<String> {
    net.server
        .rooms(net.key(socket))
        .map(str::to_owned)
        .collect()
}

fn members(net: &Net, rooms: &[&str]) -> Vec<usize> {
    let found = net.server.sockets(Target::namespace("/").rooms(rooms));
    let found = found.map(|key| (0..).find(|socket| net.key(*socket) == key).unwrap());
    let mut found: Vec<_> = found.collect();
    found.sort_unstable();
    found
}

#[test]
fn a_socket_is_in_its_own_room_and_in_those_it_joined() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        let key = net.key(socket);
        assert_eq!(rooms(net, socket), [net.id(socket)]);
        for room in ["b", "a", "b", ""] {
            net.server.join(key, room).unwrap();
        }
        assert_eq!(rooms(net, socket), [&net.id(socket), "", "a", "b"]);
        assert!(net.server.leave_room(key, "b"));
        assert!(!net.server.leave_room(key, "b"));
        assert!(!net.server.leave_room(key, "unknown"));
        assert_eq!(rooms(net, socket), [&net.id(socket), "", "a"]);
    });
}

#[test]
fn the_members_of_rooms_are_found_each_once() {
    run(|net| {
        for joins in [&["x", "y"][..], &["y"], &[]] {
            let (_, socket) = net.joined(&["/"]);
            for room in joins {
                net.server.join(net.key(socket), room).unwrap();
            }
        }
        assert_eq!(members(net, &["x"]), [0]);
        assert_eq!(members(net, &["x", "y"]), [0, 1]);
        assert_eq!(members(net, &["y", "y", "x"]), [0, 1]);
        assert_eq!(members(net, &["none"]), [0; 0]);
        assert_eq!(members(net, &[]), [0, 1, 2], "no room means all");
        let own = net.id(2);
        assert_eq!(members(net, &["x", &own, &own]), [0, 2]);
    });
}

#[test]
fn an_id_reaches_its_socket_until_it_leaves_its_own_room() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        let (key, id) = (net.key(socket), net.id(socket));
        assert_eq!(members(net, &[&id]), [0]);
        assert!(net.server.leave_room(key, &id));
        assert!(!net.server.leave_room(key, &id));
        assert_eq!(members(net, &[&id]), [0; 0]);
        assert_eq!(rooms(net, socket), [""; 0]);
        assert_eq!(
            net.server.find_socket("/", &id),
            Some(key),
            "it is still there"
        );
        net.emit(socket, r#"["direct"]"#).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 42["direct"]"#]);
        net.server.join(key, &id).unwrap();
        assert_eq!(members(net, &[&id]), [0]);
    });
}

#[test]
fn another_socket_may_join_the_room_of_an_id() {
    run(|net| {
        net.joined(&["/"]);
        net.joined(&["/"]);
        let id = net.id(0);
        net.server.join(net.key(1), &id).unwrap();
        assert_eq!(members(net, &[&id]), [0, 1]);
        net.disconnect(0);
        net.drain();
        assert_eq!(members(net, &[&id]), [1]);
    });
}

#[test]
fn an_id_of_another_namespace_is_no_room_here() {
    run(|net| {
        net.add_namespace("/a");
        net.joined(&["/", "/a"]);
        assert_eq!(members(net, &[&net.id(1)]), [0; 0]);
    });
}

#[test]
fn rooms_of_the_same_name_in_two_namespaces_do_not_mix() {
    run(|net| {
        net.add_namespace("/a");
        net.joined(&["/", "/a"]);
        net.server.join(net.key(0), "r").unwrap();
        net.server.join(net.key(1), "r").unwrap();
        assert!(
            net.server
                .sockets(Target::namespace("/").rooms(&["r"]))
                .eq([net.key(0)])
        );
        assert!(
            net.server
                .sockets(Target::namespace("/a").rooms(&["r"]))
                .eq([net.key(1)])
        );
        net.server.leave_room(net.key(0), "r");
        assert!(
            net.server
                .sockets(Target::namespace("/a").rooms(&["r"]))
                .eq([net.key(1)])
        );
    });
}

#[test]
fn a_socket_that_left_is_in_no_room_and_joins_none() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        let key = net.key(socket);
        net.server.join(key, "r").unwrap();
        net.vanish(client);
        net.drain();
        assert_eq!(members(net, &["r"]), [0; 0]);
        assert_eq!(net.server.join(key, "r"), Err(JoinError::Closed));
        assert!(!net.server.leave_room(key, "r"));
        assert_eq!(members(net, &["r"]), [0; 0]);
        assert_eq!(net.server.rooms(key).count(), 0);
    });
}

#[test]
fn rooms_do_not_pass_to_the_next_socket_of_the_client() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.server.join(net.key(socket), "r").unwrap();
        net.text(client, "1");
        net.drain();
        let next = net.join(client, "/");
        assert_eq!(rooms(net, next), [net.id(next)]);
        assert_eq!(members(net, &["r"]), [0; 0]);
    });
}

#[test]
fn rooms_are_counted_to_the_limit() {
    run_with(config().with_max_rooms_per_socket(2), |net| {
        net.joined(&["/"]);
        net.joined(&["/"]);
        let key = net.key(0);
        assert_eq!(net.server.join(key, "a"), Ok(()));
        assert_eq!(net.server.join(key, "b"), Ok(()));
        assert_eq!(
            net.server.join(key, "c"),
            Err(JoinError::TooManyRooms { limit: 2 })
        );
        assert_eq!(net.server.join(key, "b"), Ok(()), "it is there");
        assert_eq!(
            net.server.join(net.key(1), "c"),
            Ok(()),
            "of another socket"
        );
        assert!(net.server.leave_room(key, "a"));
        assert_eq!(net.server.join(key, "c"), Ok(()));
        let id = net.id(0);
        net.server.leave_room(key, &id);
        assert_eq!(net.server.join(key, &id), Ok(()), "its own does not count");
    });
}

#[test]
fn the_names_of_rooms_are_measured_to_the_limit() {
    run_with(config().with_max_room_length(4), |net| {
        net.joined(&["/"]);
        let key = net.key(0);
        assert_eq!(net.server.join(key, "abcd"), Ok(()));
        assert_eq!(net.server.join(key, "éé"), Ok(()), "bytes count");
        for name in ["abcde", "ééa"] {
            assert_eq!(
                net.server.join(key, name),
                Err(JoinError::NameTooLong { limit: 4 })
            );
        }
    });
}

#[test]
fn all_sockets_of_a_room_can_be_moved() {
    run(|net| {
        for _ in 0..3 {
            net.joined(&["/"]);
        }
        for socket in [0, 2] {
            net.server.join(net.key(socket), "from").unwrap();
        }
        let target = Target::namespace("/").rooms(&["from"]);
        let found: Vec<_> = net.server.sockets(target).collect();
        for socket in found {
            net.server.join(socket, "to").unwrap();
            net.server.leave_room(socket, "from");
        }
        assert_eq!(
            (members(net, &["from"]), members(net, &["to"])),
            (vec![], vec![0, 2])
        );
    });
}
