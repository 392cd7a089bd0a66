//! Events that are sent until they are acknowledged.

use std::time::Duration;

use socketio_proto::client::{EmitError, SocketOptions};
use socketio_proto::engine::Counted;

use crate::support::{Rig, config, run, run_with};

fn options(retries: u32, millis: u64) -> SocketOptions {
    SocketOptions::default()
        .with_retries(retries)
        .with_ack_timeout(Some(Duration::from_millis(millis)))
}

fn back(rig: &mut Rig) {
    rig.advance(1000);
    rig.drain();
    rig.accept();
    rig.drain();
    rig.text(r#"0{"sid":"s2"}"#);
}

#[test]
fn an_event_is_sent_again_under_a_new_id_and_the_next_waits() {
    run(|rig| {
        let socket = rig.joined_with(options(2, 80));
        rig.emit_with_ack(socket, r#"["flaky",1]"#, None).unwrap();
        rig.emit_with_ack(socket, r#"["echo",2]"#, None).unwrap();
        assert_eq!(rig.drain(), [r#"> 420["flaky",1]"#]);
        rig.advance(80);
        assert_eq!(rig.drain(), [r#"> 421["flaky",1]"#]);
        rig.text(r#"30["too late"]"#);
        rig.advance(80);
        assert_eq!(rig.drain(), [r#"> 422["flaky",1]"#]);
        rig.text(r#"32["ok1"]"#);
        assert_eq!(rig.drain(), [r#"> 423["echo",2]"#, r#"/ ack 0 ["ok1"]"#]);
        rig.text("33[2]");
        assert_eq!(rig.drain(), ["/ ack 1 [2]"]);
    });
}

#[test]
fn an_event_is_given_up_after_its_last_try() {
    run(|rig| {
        let socket = rig.joined_with(options(2, 80));
        rig.emit_with_ack(socket, r#"["never"]"#, None).unwrap();
        rig.emit(socket, r#"["never2"]"#).unwrap();
        rig.emit(socket, r#"["echo",9]"#).unwrap();
        assert_eq!(rig.drain(), [r#"> 420["never"]"#]);
        rig.advance(160);
        assert_eq!(rig.drain(), [r#"> 421["never"]"#, r#"> 422["never"]"#]);
        rig.advance(80);
        assert_eq!(
            rig.drain(),
            [
                r#"> 423["never2"]"#,
                "/ ack 0 failed: operation has timed out"
            ]
        );
        rig.advance(240);
        assert_eq!(
            rig.drain(),
            [
                r#"> 424["never2"]"#,
                r#"> 425["never2"]"#,
                r#"> 426["echo",9]"#,
                r#"/ given up ["never2"]: operation has timed out"#
            ]
        );
        rig.text("36[9]");
        assert_eq!(rig.drain(), [""; 0]);
        assert_eq!(rig.client.buffered(socket).retries, 0);
    });
}

#[test]
fn a_disconnection_is_a_failed_try() {
    run(|rig| {
        let socket = rig.joined_with(options(1, 5000));
        rig.emit_with_ack(socket, r#"["never"]"#, None).unwrap();
        rig.emit_with_ack(socket, r#"["echo",5]"#, None).unwrap();
        assert_eq!(rig.drain(), [r#"> 420["never"]"#]);
        rig.cut();
        assert_eq!(rig.drain().len(), 3);
        back(rig);
        assert_eq!(rig.drain(), [r#"> 421["never"]"#, "/ connected"]);
        rig.cut();
        assert_eq!(
            rig.drain()[1..3],
            [
                "/ disconnected: transport close (websocket connection closed)",
                "/ ack 0 failed: socket has been disconnected"
            ]
        );
        back(rig);
        assert_eq!(rig.drain(), [r#"> 422["echo",5]"#, "/ connected"]);
        rig.text("32[5]");
        assert_eq!(rig.drain(), ["/ ack 1 [5]"]);
    });
}

#[test]
fn nothing_is_tried_while_the_socket_is_not_connected() {
    run(|rig| {
        let socket = rig.connect_with("/", options(1, 10));
        rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        rig.advance(1000);
        rig.drain();
        assert_eq!(rig.client.buffered(socket).retries, 1);
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened"]);
        rig.text(r#"0{"sid":"s"}"#);
        assert_eq!(rig.drain(), [r#"> 420["a"]"#, "/ connected"]);
        rig.text("30[]");
        assert_eq!(rig.drain(), ["/ ack 0 []"]);
    });
}

#[test]
fn without_a_timeout_any_acknowledgement_is_success_and_a_loss_counts() {
    run(|rig| {
        let socket = rig.joined_with(SocketOptions::default().with_retries(1));
        rig.emit_with_ack(socket, r#"["a"]"#, None).unwrap();
        rig.drain();
        rig.text(r#"30["a value, not an error"]"#);
        assert_eq!(rig.drain(), [r#"/ ack 0 ["a value, not an error"]"#]);
        rig.emit_with_ack(socket, r#"["b"]"#, None).unwrap();
        rig.drain();
        for _ in 0..2 {
            rig.cut();
            rig.drain();
            back(rig);
        }
        let lines = rig.drain();
        assert_eq!(
            lines,
            ["/ connected"],
            "two tries are all that one retry allows"
        );
        assert_eq!(rig.client.buffered(socket).retries, 0);
    });
}

#[test]
fn volatile_events_go_past_the_queue() {
    run(|rig| {
        let socket = rig.joined_with(options(3, 1000));
        rig.emit(socket, r#"["a"]"#).unwrap();
        rig.emit(socket, r#"["b"]"#).unwrap();
        rig.drain();
        assert_eq!(rig.volatile(socket, r#"["v"]"#), Ok(true));
        assert_eq!(rig.drain(), [r#"> 42["v"]"#]);
        rig.text("30");
        assert_eq!(rig.drain(), [r#"> 421["b"]"#]);
        rig.text("31");
    });
}

#[test]
fn the_queue_is_bounded_and_tells_when_there_is_room() {
    run_with(config().with_max_buffered(2, 1000), |rig| {
        let socket = rig.joined_with(options(3, 1000));
        rig.emit(socket, r#"["a"]"#).unwrap();
        rig.emit(socket, r#"["b"]"#).unwrap();
        let full = Err(EmitError::Full {
            counted: Counted::Messages,
            buffered: 2,
            limit: 2,
        });
        assert_eq!(rig.emit(socket, r#"["c"]"#), full);
        assert_eq!(rig.drain(), [r#"> 420["a"]"#]);
        rig.text("30[]");
        assert_eq!(rig.drain(), [r#"> 421["b"]"#, "/ drained"]);
        rig.text("31[]");
    });
}

#[test]
fn a_try_that_never_left_is_no_try() {
    let config = config().with_engine(|engine| engine.with_max_buffered(1 << 20, 1));
    run_with(config, |rig| {
        let socket = rig.joined_with(options(0, 5000));
        let retrying = rig.connect_with("/r", options(1, 5000));
        rig.text(r#"0/r,{"sid":"r"}"#);
        rig.drain();
        rig.stalled = true;
        rig.emit(socket, r#"["fills the connection"]"#).unwrap();
        rig.emit_with_ack(retrying, r#"["a"]"#, None).unwrap();
        assert_eq!(rig.client.buffered(retrying).events, 1);
        for _ in 0..3 {
            rig.cut();
            rig.drain();
            assert_eq!(rig.client.buffered(retrying).events, 0);
            rig.advance(1000);
            rig.drain();
            rig.stalled = false;
            rig.accept();
            rig.drain();
            rig.text(r#"0{"sid":"s"}"#);
            rig.drain();
            rig.stalled = true;
            rig.emit(socket, r#"["fills the connection"]"#).unwrap();
            rig.text(r#"0/r,{"sid":"r"}"#);
            assert_eq!(rig.client.buffered(retrying).events, 1);
            rig.drain();
        }
        let lines = rig.unstall();
        assert_eq!(
            lines,
            [r#"> 42["fills the connection"]"#, r#"> 42/r,3["a"]"#]
        );
        rig.text("3/r,3[1]");
        assert_eq!(rig.drain(), ["/r ack 0 [1]"]);
    });
}

#[test]
fn dropping_the_queue_keeps_the_try_on_its_way() {
    run(|rig| {
        let socket = rig.joined_with(options(3, 1000));
        for name in ["a", "b", "c"] {
            rig.emit_with_ack(socket, &format!(r#"["{name}"]"#), None)
                .unwrap();
        }
        rig.drain();
        assert_eq!(rig.client.clear_buffer(socket), 2);
        assert_eq!(
            rig.drain(),
            [
                "/ ack 1 failed: event has been dropped",
                "/ ack 2 failed: event has been dropped"
            ]
        );
        rig.text("30[]");
        assert_eq!(rig.drain(), ["/ ack 0 []"]);
    });
}
