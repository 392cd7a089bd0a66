//! Behaviour at the memory limit of a Socket.IO server.

use socketio_proto::EncodedPacket;
use socketio_proto::engine::server::{self as engine, CloseReason, Output, TransportFault};
use socketio_proto::engine::{ConnectionId, Encoded, Frame, Message, Sid};
use socketio_proto::server::{
    AckError, Config, DisconnectReason, EmitError, Event, Observed, RecoveryConfig,
    RecoveryStorage, Restored, SavedSession, SocketId, Target,
};

use super::socketio::{Net, WEBSOCKET, event};

const LIMIT: usize = 1 << 20;
const ENDED: CloseReason = CloseReason::TransportError(TransportFault::MemoryLimit);

fn net(clients: u64, recovery: bool) -> Net {
    let engine = engine::Config::default().with_max_bytes_held(LIMIT);
    let recovery = recovery.then(RecoveryConfig::default);
    let config = Config::default()
        .with_engine(engine)
        .with_connection_state_recovery(recovery);
    let mut net = Net::new(config);
    net.server.add_namespace("/b").unwrap();
    for number in 0..clients {
        net.open(number, WEBSOCKET);
        for connect in ["40", "40/b,"] {
            net.text(number, connect);
            net.drain();
        }
    }
    net
}

fn check(net: &Net) {
    let held = net.server.bytes_held();
    assert!(held <= LIMIT, "{held} of {LIMIT}");
}

/// The pending events; all other outputs except frames are taken.
fn events(net: &mut Net) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(output) = net.server.poll_output() {
        check(net);
        if let Output::Event(event) = output {
            events.push(event);
        }
    }
    events
}

fn closed(events: &[Event]) -> Vec<CloseReason> {
    let mut reasons = Vec::new();
    for event in events {
        if let Event::Closed { reason, .. } = event {
            reasons.push(*reason);
        }
    }
    reasons
}

#[test]
fn what_is_kept_for_clients_that_come_back_goes_first_the_oldest_of_all_namespaces() {
    let mut net = net(1, true);
    for number in 0..30 {
        net.now = socketio_proto::engine::Instant::from_millis(number);
        net.server.handle_timeout(net.now);
        let namespace = ["/", "/b"][usize::from(number % 3 == 0)];
        net.server
            .broadcast(&Target::namespace(namespace), &event(50_000), net.now)
            .unwrap();
        check(&net);
        net.drain();
    }
    let kept = |net: &Net, namespace| -> Vec<u64> {
        let store = net.server.recovery_store(namespace).unwrap();
        let times = store
            .packets()
            .map(|packet| packet.sent_at.as_nanos() / 1_000_000);
        times.collect()
    };
    let mut all = [kept(&net, "/"), kept(&net, "/b")].concat();
    all.sort_unstable();
    let oldest = all[0];
    assert!(
        oldest > 5 && all == (oldest..30).collect::<Vec<_>>(),
        "{all:?}"
    );
    let stats = net.server.stats();
    assert_eq!(stats.forgotten_by_memory_limit, oldest);
    assert_eq!(stats.ended_by_memory_limit, 0);
    assert_eq!(net.server.engine().session_count(), 1);
}

#[test]
fn what_is_equally_old_in_several_namespaces_is_forgotten_too() {
    let mut net = net(1, true);
    for number in 0..60 {
        let namespace = ["/", "/b"][number % 2];
        net.server
            .broadcast(&Target::namespace(namespace), &event(50_000), net.now)
            .unwrap();
        check(&net);
        net.drain();
    }
    let kept = ["/", "/b"].map(|namespace| {
        let store = net.server.recovery_store(namespace);
        store.map_or(0, |store| store.packets().count() as u64)
    });
    let stats = net.server.stats();
    let forgotten = stats.forgotten_by_memory_limit;
    assert!(forgotten > 30 && forgotten + kept[0] + kept[1] == 60);
    assert_eq!(stats.ended_by_memory_limit, 0);
}

#[test]
fn then_the_session_ends_that_holds_most_and_others_stay() {
    let mut net = net(4, false);
    let sockets = net.sockets.clone();
    net.server.emit(sockets[0], &event(1_000), net.now).unwrap();
    for _ in 0..12 {
        net.server
            .emit(sockets[2], &event(90_000), net.now)
            .unwrap_or_default();
        check(&net);
    }
    let events = events(&mut net);
    assert_eq!(closed(&events), [ENDED]);
    let mut left = Vec::new();
    for event in &events {
        if let Event::Disconnected { socket, reason, .. } = event {
            left.push((*socket, *reason));
        }
    }
    let reason = DisconnectReason::Engine(ENDED);
    assert_eq!(left, [(sockets[2], reason), (sockets[3], reason)]);
    assert_eq!(
        net.server.emit(sockets[2], &event(1), net.now),
        Err(EmitError::Closed)
    );
    net.server.emit(sockets[0], &event(1), net.now).unwrap();
}

#[test]
fn an_event_that_alone_exceeds_the_limit_is_refused() {
    let mut net = net(1, true);
    let error = EmitError::TooLarge { limit: LIMIT };
    assert_eq!(
        net.server.emit(net.sockets[0], &event(LIMIT), net.now),
        Err(error)
    );
    let sent = net
        .server
        .broadcast(&Target::namespace("/"), &event(LIMIT), net.now);
    assert_eq!(sent.unwrap().sent, 0);
    check(&net);
    assert_eq!(closed(&events(&mut net)), []);
}

#[test]
fn attachments_that_never_complete_end_their_session() {
    let mut net = net(2, false);
    for connection in 0..2 {
        net.text(connection, r#"4510-["x"]"#);
    }
    for _ in 0..5 {
        net.frame(1, Frame::Binary(vec![0; LIMIT / 4].into()));
        check(&net);
    }
    net.frame(0, Frame::Binary(vec![0; 10].into()));
    assert_eq!(closed(&events(&mut net)), [ENDED]);
    assert_eq!(net.server.engine().session_count(), 1);
}

/// If a session ends, events that the application has not taken are dropped, and each acknowledgement still ends.
#[test]
fn undelivered_events_go_with_their_session() {
    let mut net = net(2, false);
    let (now, sockets) = (net.now, net.sockets.clone());
    let second = std::time::Duration::from_secs(1);
    let id = net
        .server
        .emit_with_ack(sockets[2], &event(1), second, now)
        .unwrap();
    let (broadcast, _) = net
        .server
        .broadcast_with_ack(&Target::namespace("/b"), &event(1), second, now)
        .unwrap();
    net.drain();
    let long = "x".repeat(LIMIT / 4);
    net.text(1, format!(r#"430["{long}"]"#));
    net.text(1, format!(r#"43/b,0["{long}"]"#));
    net.text(0, r#"43/b,0["short"]"#);
    for _ in 0..3 {
        net.text(1, format!(r#"42["x","{long}"]"#));
        check(&net);
    }
    let events = events(&mut net);
    assert_eq!(closed(&events), [ENDED]);
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::Event { .. } | Event::Ack { .. }))
    );
    let failed: Vec<_> = events
        .iter()
        .filter(|event| matches!(event, Event::AckFailed { .. }))
        .collect();
    let socket = sockets[2];
    let error = AckError::Disconnected;
    assert_eq!(failed, [&Event::AckFailed { socket, id, error }]);
    let mut ended = Vec::new();
    for event in &events {
        if let Event::BroadcastEnded {
            id,
            received,
            missing,
            ..
        } = event
        {
            ended.push((*id, *received, missing.clone()));
        }
    }
    assert_eq!(ended, [(broadcast, 1, vec![sockets[3]])]);
}

/// An answer that is dropped before the application takes it counts as missing, even if its broadcast still waits for
/// another one.
#[test]
fn an_answer_that_is_dropped_is_missing_when_its_broadcast_ends() {
    let mut net = net(2, false);
    let (now, sockets) = (net.now, net.sockets.clone());
    let second = std::time::Duration::from_secs(1);
    let (broadcast, _) = net
        .server
        .broadcast_with_ack(&Target::namespace("/b"), &event(1), second, now)
        .unwrap();
    net.drain();
    let long = "x".repeat(LIMIT / 4);
    net.text(1, format!(r#"43/b,0["{long}"]"#));
    for _ in 0..4 {
        net.text(1, format!(r#"42["x","{long}"]"#));
        check(&net);
    }
    assert_eq!(closed(&events(&mut net)), [ENDED]);

    net.server.handle_timeout(now + second);

    let ended = events(&mut net).into_iter().find_map(|event| {
        let Event::BroadcastEnded {
            id,
            received,
            missing,
            ..
        } = event
        else {
            return None;
        };
        Some((id, received, missing))
    });
    assert_eq!(ended, Some((broadcast, 0, vec![sockets[1], sockets[3]])));
}

/// Clients that send and leave leave nothing behind that cannot be dropped.
#[test]
fn events_of_clients_that_are_gone_are_dropped_too() {
    let mut net = net(0, false);
    for number in 0..40 {
        net.open(number, WEBSOCKET);
        net.text(number, "40");
        net.drain();
        for _ in 0..4 {
            net.text(number, format!(r#"42["x","{}"]"#, "x".repeat(20_000)));
            check(&net);
        }
        net.server
            .handle_connection_closed(ConnectionId(number), net.now);
        check(&net);
    }
    net.open(100, WEBSOCKET);
}

#[test]
fn a_limit_that_is_exceeded_by_a_few_bytes_is_kept() {
    let mut net = net(1, true);
    for _ in 0..4000 {
        net.server
            .broadcast(&Target::namespace("/"), &event(100), net.now)
            .unwrap();
        check(&net);
        net.drain();
    }
    let forgotten = net.server.stats().forgotten_by_memory_limit;
    assert!(forgotten > 100, "{forgotten} packets were forgotten");
    assert_eq!(net.server.stats().ended_by_memory_limit, 0);
}

/// Events that report sends cannot be dropped. Sends are refused before such events fill the limit.
#[test]
fn events_that_tell_of_what_is_sent_end_nobody() {
    for outside in [false, true] {
        let engine = engine::Config::default().with_max_bytes_held(LIMIT);
        let recovery = RecoveryConfig::default().with_storage(RecoveryStorage::Outside);
        let config = Config::default()
            .with_engine(engine)
            .with_connection_state_recovery(outside.then_some(recovery));
        let mut net = Net::new(config);
        for number in 0..3 {
            net.open(number, WEBSOCKET);
            net.text(number, "40");
            net.drain();
        }
        assert!(net.server.observe(
            "/",
            if outside {
                Observed::Nothing
            } else {
                Observed::Sent
            }
        ));
        let news = event(5_000);
        let socket = net.sockets[0];
        let (mut emits, mut broadcasts) = (0, 0);
        for _ in 0..300 {
            emits += usize::from(net.server.emit(socket, &news, net.now).is_ok());
            let sent = net
                .server
                .broadcast(&Target::namespace("/"), &news, net.now)
                .unwrap();
            assert!(sent.sent + sent.full == 3 && (sent.sent == 0 || sent.full == 0));
            broadcasts += usize::from(sent.sent > 0);
            check(&net);
            for connection in 0..3 {
                while net.server.poll_frame(ConnectionId(connection)).is_some() {}
            }
        }
        assert!((20..120).contains(&emits), "{emits}");
        let full = net.server.emit(socket, &news, net.now);
        assert!(matches!(full, Err(EmitError::Full { limit, .. }) if limit == LIMIT / 2));
        let events = events(&mut net);
        assert_eq!(
            (events.len(), closed(&events)),
            (emits + broadcasts, vec![])
        );
        net.server.emit(socket, &news, net.now).unwrap();
    }
}

/// Events about rooms are reported at any fill level, and other data makes room for them at once.
#[test]
fn events_about_rooms_make_room_at_once() {
    for leaving in [false, true] {
        room_events(leaving);
    }
}

fn room_events(leaving: bool) {
    let engine = engine::Config::default().with_max_bytes_held(LIMIT);
    let config = Config::default().with_engine(engine).with_room_events(true);
    let mut net = Net::new(config.with_max_rooms_per_socket(1_000));
    for number in 0..2 {
        net.open(number, WEBSOCKET);
        net.text(number, "40");
        net.drain();
    }
    let sockets = net.sockets.clone();
    net.server
        .emit(sockets[1], &event(LIMIT * 13 / 16), net.now)
        .unwrap();
    for number in 0..400 {
        let room = format!("room {number}");
        net.server.join(sockets[0], &room).unwrap_or_default();
        check(&net);
        if leaving {
            net.server.leave_room(sockets[0], &room);
            check(&net);
        }
    }
    let events = events(&mut net);
    assert_eq!(closed(&events), [ENDED]);
    assert!(net.server.emit(sockets[0], &event(1), net.now).is_ok());
}

/// The events that a client missed are stored until the application accepts it. They count for its session.
#[test]
fn a_client_that_missed_much_and_waits_to_get_in_ends_before_one_that_holds_less() {
    let recovery = RecoveryConfig::default()
        .with_storage(RecoveryStorage::Outside)
        .with_skip_middlewares(false);
    let engine = engine::Config::default().with_max_bytes_held(LIMIT);
    let config = Config::default()
        .with_engine(engine)
        .with_connection_state_recovery(Some(recovery));
    let mut net = Net::new(config);
    net.open(0, WEBSOCKET);
    net.text(0, "40");
    net.drain();
    net.open(1, WEBSOCKET);
    let pid = "P".repeat(20);
    net.text(1, format!(r#"40{{"pid":"{pid}","offset":"o"}}"#));
    let mut asked = None;
    while let Some(output) = net.server.poll_output() {
        if let Output::Event(Event::Restoring { token, session, .. }) = output {
            asked = Some((token, session));
        }
    }
    let (token, waiting) = asked.unwrap();
    let packet = |_| {
        let text = format!(r#"2["e","{}"]"#, "x".repeat(100_000));
        EncodedPacket::from_parts(vec![Encoded::new(&Message::text(text))]).unwrap()
    };
    let session = SavedSession {
        socket: SocketId::parse(&"S".repeat(20)).unwrap(),
        pid: Sid::parse(&pid).unwrap(),
        rooms: Default::default(),
        data: None,
        disconnected_at: net.now,
    };
    let restored = Restored {
        session,
        missed: (0..6).map(packet).collect(),
    };
    net.server.restore(token, Some(restored), net.now).unwrap();
    check(&net);
    // Less than that of the other, and too much with it.
    for _ in 0..5 {
        net.text(0, format!(r#"42["e","{}"]"#, "x".repeat(100_000)));
    }
    check(&net);
    let ended = events(&mut net).into_iter().find_map(|event| {
        let Event::Closed {
            session, reason, ..
        } = event
        else {
            return None;
        };
        Some((session, reason))
    });
    assert_eq!(ended, Some((waiting, ENDED)));
}

/// The answer to an accepted client and the events about its room may exceed the limit. The application gets the socket
/// nevertheless, because later events report its end.
#[test]
fn a_socket_whose_session_ends_as_it_joins_is_known() {
    let engine = engine::Config::default().with_max_bytes_held(LIMIT);
    let config = Config::default().with_engine(engine).with_room_events(true);
    let mut net = Net::new(config);
    net.server.add_namespace("/b").unwrap();
    net.open(0, WEBSOCKET);
    net.text(0, "40");
    net.drain();
    net.text(0, "40/b,");
    let token = loop {
        match net.server.poll_output() {
            Some(Output::Event(Event::Connecting { token, .. })) => break token,
            Some(_) => {}
            None => panic!("nobody connects"),
        }
    };
    // Small events first, so that the queue of events does not grow while the last bytes are filled.
    for _ in 0..70 {
        net.text(0, r#"42["e"]"#);
    }
    let room = |net: &Net| LIMIT - net.server.bytes_held();
    while room(&net) > 1_500 {
        let len = (room(&net) - 1_000) * 3 / 4;
        net.text(0, format!(r#"42["e","{}"]"#, "x".repeat(len)));
    }
    while room(&net) > 150 {
        net.text(0, r#"42["e"]"#);
    }

    let socket = net.server.accept(token, net.now).unwrap();

    check(&net);
    let events = events(&mut net);
    assert_eq!(closed(&events), [ENDED]);
    let left = events.iter().filter_map(|event| {
        let Event::Disconnected { socket, .. } = event else {
            return None;
        };
        Some(*socket)
    });
    assert!(left.collect::<Vec<_>>().contains(&socket));
}
