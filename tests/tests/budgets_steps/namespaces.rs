//! Operations where there are very many namespaces.

use std::time::Duration;

use allocation_counter::measure;
use socketio_proto::Payload;
use socketio_proto::engine::server as engine;
use socketio_proto::server::{Config, Matcher, NamespacePattern, Parting, RecoveryConfig, Target};

use crate::net::Net;

const NAMESPACES: usize = 10_000;

/// A server with three clients, of which the first two are in `/one` too, and very many other namespaces.
fn many() -> Net {
    // Nobody is closed for falling silent.
    let engine = engine::Config::default().with_ping_interval(Duration::from_secs(86_400));
    let config = Config::default()
        .with_engine(engine)
        .with_max_namespaces(2 * NAMESPACES)
        .with_connection_state_recovery(Some(RecoveryConfig::default()));
    let mut net = Net::with_clients(config, 3);
    net.server.add_namespace("/one").unwrap();
    for connection in [0, 1] {
        net.text(connection, "40/one,");
    }
    for number in 0..NAMESPACES {
        net.server
            .add_namespace(&format!("/other-{number}"))
            .unwrap();
    }
    net.drain();
    net
}

fn event() -> Payload {
    Payload::event("news").build().unwrap()
}

#[test]
fn what_happens_in_one_namespace_costs_nothing_for_the_others() {
    let mut net = many();
    let (event, now) = (event(), net.now);
    let socket = net.sockets[3];
    let mut few = |what: &str, act: &mut dyn FnMut(&mut socketio_proto::server::Server)| {
        let taken = net.steps(what, |server| act(server));
        assert!(taken <= 60, "{what}: {taken}");
    };
    few("a broadcast among 10,000 namespaces", &mut |server| {
        server
            .broadcast(&Target::namespace("/one"), &event, now)
            .unwrap();
    });
    few("an event to one socket", &mut |server| {
        server.emit(socket, &event, now).unwrap()
    });
    few("joining a room", &mut |server| {
        server.join(socket, "room").unwrap()
    });
    few("disconnecting a socket", &mut |server| {
        server.disconnect(socket, now)
    });
    few("closing a namespace", &mut |server| {
        assert!(server.remove_namespace("/one", now));
    });
    few("closing a session", &mut |server| {
        let session = server.engine().sessions().next().unwrap().0;
        server.close_session(session, now);
    });
}

#[test]
fn expiry_looks_only_at_namespaces_of_which_something_is_kept() {
    let mut net = many();
    net.server
        .broadcast(&Target::namespace("/one"), &event(), net.now)
        .unwrap();
    net.drain();
    let taken = net.steps_within("expiry among 10,000 namespaces", Duration::from_secs(600));
    assert!(net.server.recovery_store("/one").is_none(), "forgotten");
    assert!(taken <= 100, "{taken}");
}

#[test]
fn a_namespace_is_closed_and_a_server_drained_at_the_cost_of_its_sockets() {
    const CLIENTS: usize = 2_000;
    for way in [
        "closing",
        "draining",
        "draining and telling",
        "shutting down",
    ] {
        let mut net = Net::with_clients(Config::default(), CLIENTS as u64);
        net.server.add_namespace("/one").unwrap();
        for connection in 0..CLIENTS as u64 {
            net.text(connection, "40/one,");
        }
        let now = net.now;
        let taken = net.steps(way, |server| match way {
            "closing" => assert!(server.remove_namespace("/one", now)),
            "shutting down" => server.shut_down(now),
            "draining" => server.drain(Parting::Reconnect, Duration::from_secs(1), now),
            _ => server.drain(Parting::StayAway, Duration::from_secs(1), now),
        });
        assert!(taken <= 50 * 2 * CLIENTS, "{way}: {taken}");
    }
}

#[test]
fn a_broadcast_to_children_costs_the_children_and_their_sockets() {
    let mut net = many();
    let pattern = NamespacePattern::new("/child-*").unwrap();
    let parent = net.server.add_parent(pattern.into());
    for number in 0..100 {
        net.server
            .add_namespace(&format!("/child-{number}"))
            .unwrap();
    }
    let event = event();
    let now = net.now;
    let taken = net.steps(
        "a broadcast to 100 children of 10,000 namespaces",
        |server| {
            server
                .broadcast_to_children(parent, &Target::namespace("/"), &event, now)
                .unwrap();
        },
    );
    assert!(taken <= 100 * 12, "{taken}");
}

#[test]
fn a_name_that_clients_ask_for_is_compared_with_each_parent_once() {
    let mut net = many();
    for number in 0..1_000 {
        let pattern = NamespacePattern::new(&format!("/parent-{number}-*")).unwrap();
        net.server.add_parent(pattern.into());
    }
    net.server.add_parent(Matcher::Ask);
    let taken = net.steps("a question about an unknown name", |server| {
        let frame = socketio_proto::engine::Frame::Text("40/unknown,".into());
        server.handle_frame(
            socketio_proto::engine::ConnectionId(2),
            frame,
            socketio_proto::engine::Instant::ZERO,
        );
    });
    assert!(taken <= 60, "{taken}");
}

#[test]
fn a_pattern_reads_a_name_of_1_000_000_bytes_once_for_each_of_its_parts() {
    const LEN: u64 = 1_000_000;
    let pattern = NamespacePattern::new("/*a*a*a*b").unwrap();
    let name = format!("/{}", "a".repeat(LEN as usize));
    let info = measure(|| assert!(!pattern.matches(&name)));
    println!(
        "a name of 1,000,000 bytes: {} allocations, {} B",
        info.count_total, info.bytes_total
    );
    // One table of the name's length for each of the nine parts, and one before them.
    assert!(info.count_total <= 10 && info.bytes_total <= 10 * (LEN + 2));
    assert!(info.bytes_max <= 2 * (LEN + 2), "two at a time");
}
