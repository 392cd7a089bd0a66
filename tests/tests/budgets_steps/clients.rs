//! One client in as many namespaces as it may be in.

use std::time::Duration;

use socketio_proto::Payload;
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::{Bytes, ConnectionId, RequestId};
use socketio_proto::server::{Config, Matcher, Server, Target};

use crate::net::Net;

const NAMESPACES: usize = 1_000;
const PACKETS: usize = 20_000;

/// A server that allows each client all of its namespaces.
fn config() -> Config {
    Config::default()
        .with_max_namespaces(2 * NAMESPACES)
        .with_max_namespaces_per_connection(NAMESPACES)
}

fn name(number: usize) -> String {
    format!("/namespace-{number}")
}

/// Client 0 in as many namespaces as it may be in, and client 1 in the last of them.
fn everywhere() -> Net {
    let mut net = Net::new(config());
    for number in 0..NAMESPACES {
        net.server.add_namespace(&name(number)).unwrap();
    }
    net.open(0);
    for number in 0..NAMESPACES {
        net.text(0, &format!("40{},", name(number)));
    }
    net.open(1);
    net.text(1, &format!("40{},", name(NAMESPACES - 1)));
    assert_eq!(net.sockets.len(), NAMESPACES + 1);
    net
}

/// The steps of a POST of many packets, from a client that is in as many namespaces as it may be in.
fn post(packet: &str) -> usize {
    let mut net = Net::new(config());
    let now = net.now;
    for number in 0..NAMESPACES {
        net.server.add_namespace(&name(number)).unwrap();
    }
    net.server.add_parent(Matcher::Ask);
    let query = "EIO=4&transport=polling";
    let head = RequestHead::new("GET", "/socket.io/", query);
    net.server
        .handle_request(RequestId(0), &head, Bytes::new(), now);
    net.drain();
    let (_, session) = net.server.engine().sessions().next().unwrap();
    let query = format!("{query}&sid={}", session.sid().as_str());
    let head = RequestHead::new("POST", "/socket.io/", &query);
    let send = |net: &mut Net, what: &str, packets: Vec<String>| {
        let body = Bytes::from(packets.join("\u{1e}"));
        let taken = net.steps(what, |server: &mut Server| {
            server.handle_request(RequestId(1), &head, body, now);
        });
        net.drain();
        taken
    };
    let connects = (0..NAMESPACES).map(|number| format!("40{},", name(number)));
    let joining = send(&mut net, "a POST of 1,000 CONNECTs", connects.collect());
    assert!(joining <= 40 * NAMESPACES, "{joining}");
    assert_eq!(net.sockets.len(), NAMESPACES);
    let packets = (0..PACKETS).map(|number| packet.replace("{}", &number.to_string()));
    let taken = send(&mut net, "a POST of 20,000 packets", packets.collect());
    assert_eq!(net.server.engine().session_count(), 1);
    taken
}

#[test]
fn a_packet_does_not_look_through_the_namespaces_of_its_client() {
    let taken = post("42/namespace-999,[\"e\"]");
    assert!(taken <= 20 * PACKETS, "{taken}");
}

#[test]
fn a_refused_namespace_does_not_look_through_those_that_the_client_has() {
    let taken = post("40/unknown-{},");
    assert!(taken <= 20 * PACKETS, "{taken}");
}

#[test]
fn a_client_in_many_namespaces_leaves_at_the_cost_of_each_once() {
    type Leave = fn(&mut Net);
    let ways: [(&str, Leave); 6] = [
        ("vanishes", |net| {
            let now = net.now;
            net.server.handle_connection_closed(ConnectionId(0), now);
        }),
        ("is disconnected", |net| {
            let session = net.server.engine().sessions().next().unwrap().0;
            let now = net.now;
            net.server.disconnect_session(session, now);
        }),
        ("is closed", |net| {
            let session = net.server.engine().sessions().next().unwrap().0;
            let now = net.now;
            net.server.close_session(session, now);
            net.drain();
        }),
        ("leaves each namespace", |net| {
            for number in 0..NAMESPACES {
                net.text(0, &format!("41{},", name(number)));
            }
        }),
        ("is taken out of each namespace", |net| {
            for socket in net.sockets.clone() {
                net.server.disconnect(socket, net.now);
            }
        }),
        ("breaks the rules", |net| net.text(0, "4{}")),
    ];
    for (what, leave) in ways {
        let mut net = everywhere();
        let before = net.server.steps();
        leave(&mut net);
        let taken = net.server.steps() - before;
        println!("a client in 1,000 namespaces {what}: {taken} steps");
        assert!(taken <= 60 * NAMESPACES, "{what}: {taken}");
        let left = usize::from(!what.contains("is taken"));
        assert_eq!(net.server.all_sockets_count(), left, "{what}");
    }
}

#[test]
fn acknowledgements_do_not_look_through_the_namespaces_of_their_client() {
    let mut net = everywhere();
    let (event, now) = (Payload::event("e").build().unwrap(), net.now);
    let socket = net.sockets[NAMESPACES - 1];
    let second = Duration::from_secs(1);
    let few = |net: &mut Net, what: &str, act: &mut dyn FnMut(&mut Server)| {
        let taken = net.steps(what, |server| act(server));
        assert!(taken <= 60, "{what}: {taken}");
    };
    few(&mut net, "awaiting an acknowledgement", &mut |server| {
        server.emit_with_ack(socket, &event, second, now).unwrap();
    });
    few(&mut net, "a broadcast that awaits some", &mut |server| {
        let last = name(NAMESPACES - 1);
        let target = Target::namespace(&last);
        server
            .broadcast_with_ack(&target, &event, second, now)
            .unwrap();
    });
    let pending = net.server.pending_acks(socket);
    assert_eq!(pending, 2);
    let all = net.steps("counting all of them", |server| {
        assert_eq!(server.all_pending_acks_count(), 3);
    });
    assert!(all <= 10 * NAMESPACES, "{all}");
    let taken = net.steps_within("their timeouts", second);
    assert!(taken <= 80, "{taken}");
    assert_eq!(net.server.all_pending_acks_count(), 0);
}
