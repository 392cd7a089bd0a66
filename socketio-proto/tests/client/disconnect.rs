//! Leaving namespaces and coming back.

use socketio_proto::client::State;

use crate::support::{config, run, run_with};

#[test]
fn one_namespace_leaves_and_the_connection_stays() {
    run(|rig| {
        rig.joined();
        let chat = rig.connect("/chat");
        rig.text(r#"0/chat,{"sid":"c"}"#);
        assert_eq!(rig.drain(), ["> 40/chat,", "/chat connected"]);
        rig.disconnect(chat);
        assert_eq!(
            rig.drain(),
            ["> 41/chat,", "/chat disconnected: io client disconnect"]
        );
        rig.text(r#"2/chat,["late"]"#);
        rig.text("1/chat,");
        assert_eq!(rig.drain(), [""; 0]);
        assert_eq!(rig.client.state(), State::Open);
        rig.again(chat);
        assert_eq!(rig.drain(), ["> 40/chat,"]);
    });
}

#[test]
fn the_server_takes_one_namespace_and_the_connection_stays() {
    run(|rig| {
        rig.joined();
        rig.connect("/chat");
        rig.text(r#"0/chat,{"sid":"c"}"#);
        rig.drain();
        rig.text("1/chat,");
        assert_eq!(rig.drain(), ["/chat disconnected: io server disconnect"]);
        rig.cut();
        rig.drain();
        rig.advance(1000);
        rig.accept();
        assert_eq!(
            rig.drain()[2..],
            ["> 40", "opened", "reconnect 1"],
            "only the active socket comes back"
        );
    });
}

#[test]
fn leaving_and_coming_back_in_one_step() {
    run(|rig| {
        let socket = rig.joined();
        rig.stalled = true;
        rig.emit(socket, r#"["last"]"#).unwrap();
        rig.disconnect(socket);
        rig.again(socket);
        let before = rig.connection();
        assert_eq!(
            rig.drain(),
            [
                "connect",
                "closed: forced close",
                "/ disconnected: io client disconnect"
            ]
        );
        rig.stalled = false;
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened"]);
        let flushed: Vec<_> = std::iter::from_fn(|| rig.client.poll_frame(before)).collect();
        assert_eq!(
            flushed.len(),
            2,
            "the event and DISCONNECT leave on the old connection"
        );
        assert_eq!(rig.drain(), ["close before"]);
        rig.text(r#"0{"sid":"s2"}"#);
        assert_eq!(rig.drain(), ["/ connected"]);
    });
}

#[test]
fn an_old_connection_that_does_not_read_is_cut_off() {
    run(|rig| {
        let socket = rig.joined();
        rig.stalled = true;
        rig.disconnect(socket);
        assert_eq!(
            rig.drain(),
            [
                "closed: forced close",
                "/ disconnected: io client disconnect"
            ]
        );
        rig.advance(19_999);
        assert_eq!(rig.drain(), [""; 0]);
        rig.advance(1);
        assert_eq!(rig.drain(), ["close"]);
        assert_eq!(rig.client.poll_timeout(), None);
    });
}

#[test]
fn disconnecting_in_opening_state_is_silent_for_the_socket() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.drain();
        rig.disconnect(socket);
        assert_eq!(rig.drain(), ["close", "closed: forced close"]);
        rig.disconnect(socket);
        assert_eq!(rig.drain(), [""; 0]);
    });
}

#[test]
fn disconnecting_stops_the_reconnection() {
    run(|rig| {
        let socket = rig.joined();
        rig.cut();
        rig.drain();
        rig.disconnect(socket);
        assert_eq!(rig.drain(), [""; 0]);
        rig.advance(1_000_000);
        assert_eq!(rig.drain(), [""; 0]);
        assert_eq!(rig.client.state(), State::Closed);
    });
}

#[test]
fn one_socket_stops_and_the_other_reconnects() {
    run(|rig| {
        rig.joined();
        let chat = rig.connect("/chat");
        rig.cut();
        rig.drain();
        rig.disconnect(chat);
        rig.advance(1000);
        assert_eq!(rig.drain(), ["connect", "reconnect_attempt 1"]);
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened", "reconnect 1"]);
    });
}

#[test]
fn a_socket_that_leaves_before_the_answer_leaves_behind_it() {
    run(|rig| {
        rig.joined();
        let chat = rig.connect("/chat");
        assert_eq!(rig.drain(), ["> 40/chat,"]);
        rig.disconnect(chat);
        assert_eq!(rig.drain(), [""; 0], "DISCONNECT would be a violation");
        assert!(!rig.client.forget(chat), "the answer is still to come");
        rig.text(r#"2/chat,["early"]"#);
        rig.text(r#"0/chat,{"sid":"c"}"#);
        assert_eq!(rig.drain(), ["> 41/chat,"]);
        assert!(rig.client.forget(chat));
    });
}

#[test]
fn a_socket_that_comes_back_before_the_answer_asks_again_behind_it() {
    run(|rig| {
        rig.joined();
        let chat = rig.connect("/chat");
        rig.drain();
        rig.disconnect(chat);
        rig.again(chat);
        assert_eq!(
            rig.drain(),
            [""; 0],
            "a second CONNECT would be a violation"
        );
        rig.text(r#"0/chat,{"sid":"c"}"#);
        assert_eq!(rig.drain(), ["> 41/chat,", "> 40/chat,"]);
        rig.text(r#"0/chat,{"sid":"d"}"#);
        assert_eq!(rig.drain(), ["/chat connected"]);
        rig.disconnect(chat);
        rig.again(chat);
        rig.disconnect(chat);
        rig.again(chat);
        rig.drain();
        rig.text(r#"4/chat,{"message":"no"}"#);
        assert_eq!(
            rig.drain(),
            ["> 40/chat,"],
            "the refusal was of the call before"
        );
    });
}

#[test]
fn a_connect_that_was_not_answered_ends_once() {
    run(|rig| {
        rig.connect("/");
        rig.drain();
        rig.accept();
        rig.drain();
        rig.cut();
        assert_eq!(
            rig.drain(),
            [
                "closed: transport close (websocket connection closed)",
                "/ disconnected: transport close (websocket connection closed)",
                "reconnecting 1 in 1000"
            ]
        );
        rig.client.close(rig.now);
        assert_eq!(rig.drain(), [""; 0]);
    });
}

#[test]
fn a_disconnect_that_found_no_room_dies_with_its_connection() {
    let config = config().with_engine(|engine| engine.with_max_buffered(1 << 20, 1));
    run_with(config, |rig| {
        let socket = rig.joined();
        let chat = rig.connect("/chat");
        rig.text(r#"0/chat,{"sid":"c"}"#);
        rig.drain();
        rig.stalled = true;
        rig.emit(socket, r#"["fills the connection"]"#).unwrap();
        rig.disconnect(chat);
        assert_eq!(rig.drain(), ["/chat disconnected: io client disconnect"]);
        assert!(!rig.client.forget(chat), "the server has not been told");
        rig.cut();
        rig.stalled = false;
        assert!(rig.client.forget(chat));
        rig.connect("/chat");
        rig.drain();
        rig.advance(1000);
        rig.accept();
        assert_eq!(
            rig.drain(),
            [
                "connect",
                "reconnect_attempt 1",
                "> 40",
                "> 40/chat,",
                "opened",
                "reconnect 1"
            ]
        );
    });
}

#[test]
fn a_socket_that_left_during_an_attempt_can_come_back() {
    run(|rig| {
        let socket = rig.joined();
        rig.cut();
        rig.advance(1000);
        rig.drain();
        rig.disconnect(socket);
        assert_eq!(rig.drain(), ["close", "closed: forced close"]);
        rig.again(socket);
        assert_eq!(rig.drain(), ["connect"]);
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened"], "it is no attempt any more");
    });
}
