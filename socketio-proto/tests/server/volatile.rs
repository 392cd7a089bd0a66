//! Events that are dropped unless they can leave at once.

use socketio_proto::Payload;
use socketio_proto::server::Target;

use crate::support::{Net, run};

const MAIN: Target<'_> = Target::namespace("/");

/// A client on each transport, in `/`; the one on polling holds a poll.
fn both(net: &mut Net) {
    for client in net.both() {
        net.join(client, "/");
    }
    net.poll(1);
}

fn binary() -> Payload {
    Payload::event("bin")
        .binary(vec![1])
        .binary(vec![2])
        .build()
        .unwrap()
}

#[test]
fn alone_it_is_sent() {
    run(|net| {
        both(net);
        for socket in [0, 1] {
            assert_eq!(net.emit_volatile(socket, r#"["v"]"#), Ok(true));
        }
        assert_eq!(net.drain(), [r#"c0 < 42["v"]"#, r#"c1 < 42["v"]"#]);
    });
}

#[test]
fn behind_a_regular_event_it_is_dropped() {
    run(|net| {
        both(net);
        for socket in [0, 1] {
            net.emit(socket, r#"["r"]"#).unwrap();
            assert_eq!(net.emit_volatile(socket, r#"["v"]"#), Ok(false));
        }
        assert_eq!(net.drain(), [r#"c0 < 42["r"]"#, r#"c1 < 42["r"]"#]);
    });
}

#[test]
fn of_two_in_a_row_the_first_is_sent() {
    run(|net| {
        both(net);
        for socket in [0, 1] {
            assert_eq!(net.emit_volatile(socket, r#"["v",1]"#), Ok(true));
            assert_eq!(net.emit_volatile(socket, r#"["v",2]"#), Ok(false));
        }
        assert_eq!(net.drain(), [r#"c0 < 42["v",1]"#, r#"c1 < 42["v",1]"#]);
    });
}

#[test]
fn without_a_poll_it_is_dropped() {
    run(|net| {
        let client = net.polling();
        let socket = net.join(client, "/");
        assert_eq!(net.emit_volatile(socket, r#"["v"]"#), Ok(false));
        net.poll(client);
        assert_eq!(net.drain(), [""; 0]);
        assert_eq!(net.emit_volatile(socket, r#"["w"]"#), Ok(true));
        assert_eq!(net.drain(), [r#"c0 < 42["w"]"#]);
    });
}

#[test]
fn while_a_pipe_is_full_it_is_dropped() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.stall(client);
        net.emit(socket, r#"["r"]"#).unwrap();
        assert_eq!(net.drain(), ["c0 frames"]);
        assert_eq!(net.emit_volatile(socket, r#"["v"]"#), Ok(false));
        assert_eq!(net.pull(client).unwrap(), r#"42["r"]"#);
        assert_eq!(net.pull(client), None);
        assert_eq!(net.emit_volatile(socket, r#"["w"]"#), Ok(true));
        assert_eq!(net.drain(), ["c0 frames"]);
        assert_eq!(net.pull(client).unwrap(), r#"42["w"]"#);
        assert_eq!(net.pull(client), None);
    });
}

#[test]
fn with_its_attachments_it_is_sent_or_dropped_as_a_whole() {
    run(|net| {
        both(net);
        for socket in [0, 1] {
            let key = net.key(socket);
            assert_eq!(net.server.emit_volatile(key, &binary()), Ok(true));
            assert_eq!(net.server.emit_volatile(key, &binary()), Ok(false));
        }
        let header = r#"452-["bin",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        assert_eq!(
            net.drain(),
            [
                format!("c0 < {header}"),
                r#"c0 < b"\x01""#.to_owned(),
                r#"c0 < b"\x02""#.to_owned(),
                format!("c1 < {header}|bAQ==|bAg==")
            ]
        );
    });
}

#[test]
fn of_two_broadcasts_in_a_row_with_attachments_the_first_is_sent() {
    run(|net| {
        both(net);
        let target = MAIN.volatile();
        let first = net.server.broadcast(&target, &binary(), net.now).unwrap();
        let second = net.server.broadcast(&target, &binary(), net.now).unwrap();
        assert_eq!((first.sent, first.full), (2, 0));
        assert_eq!((second.sent, second.full), (0, 2));
        assert_eq!(net.drain().len(), 4);
    });
}

#[test]
fn a_broadcast_is_dropped_for_each_client_that_is_not_ready() {
    run(|net| {
        both(net);
        net.emit(1, r#"["r"]"#).unwrap();
        let outcome = net.broadcast(MAIN.volatile(), r#"["v"]"#);
        assert_eq!((outcome.sent, outcome.full, outcome.gone), (1, 1, 0));
        assert_eq!(net.drain(), [r#"c1 < 42["r"]"#, r#"c0 < 42["v"]"#]);
    });
}

#[test]
fn regular_events_around_a_dropped_one_all_arrive() {
    run(|net| {
        both(net);
        for socket in [0, 1] {
            net.emit(socket, r#"["r",1]"#).unwrap();
            assert_eq!(net.emit_volatile(socket, r#"["v"]"#), Ok(false));
            net.emit(socket, r#"["r",2]"#).unwrap();
        }
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 42["r",1]"#,
                r#"c0 < 42["r",2]"#,
                r#"c1 < 42["r",1]"#
            ]
        );
        net.poll(1);
        assert_eq!(net.drain(), [r#"c1 < 42["r",2]"#]);
    });
}

#[test]
fn a_dropped_one_is_no_refusal_that_drained_would_follow() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["r"]"#).unwrap();
        assert_eq!(net.emit_volatile(socket, r#"["v"]"#), Ok(false));
        assert_eq!(net.drain(), [r#"c0 < 42["r"]"#]);
    });
}
