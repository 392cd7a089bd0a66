//! The events of manager and sockets, in the order of the official client.

use std::time::Duration;

use crate::support::{config, run, run_with};

#[test]
fn first_connect() {
    run(|rig| {
        let socket = rig.connect("/");
        assert_eq!(rig.drain(), ["connect"]);
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened"]);
        assert!(rig.client.is_active(socket) && !rig.client.is_connected(socket));
        rig.text(r#"0{"sid":"abc"}"#);
        assert_eq!(rig.drain(), ["/ connected"]);
        assert_eq!(rig.client.socket_id(socket), Some("abc"));
    });
}

#[test]
fn packets_are_reported_before_what_follows_from_them_if_wanted() {
    run_with(config().with_report_packets(true), |rig| {
        rig.connect("/");
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text(r#"0{"sid":"abc"}"#);
        rig.text(r#"2/other,["a"]"#);
        assert_eq!(
            rig.drain(),
            ["packet Connect /", "/ connected", "packet Event /other"]
        );
    });
}

#[test]
fn first_attempt_fails_and_is_retried_for_ever() {
    run(|rig| {
        let socket = rig.connect("/");
        rig.drain();
        rig.fail();
        assert_eq!(
            rig.drain(),
            [
                "error: websocket error",
                "/ connect_error: websocket error",
                "reconnecting 1 in 1000"
            ]
        );
        assert!(rig.client.is_active(socket));
        for (attempt, next) in [(1, 2000), (2, 4000), (3, 5000), (4, 5000)] {
            rig.advance(if attempt == 1 {
                1000
            } else {
                (1000 << (attempt - 1)).min(5000)
            });
            assert_eq!(
                rig.drain(),
                ["connect".to_owned(), format!("reconnect_attempt {attempt}")]
            );
            rig.fail();
            assert_eq!(
                rig.drain(),
                [
                    "error: websocket error".to_owned(),
                    "/ connect_error: websocket error".to_owned(),
                    format!("reconnecting {} in {next}", attempt + 1),
                    "reconnect_error: websocket error".to_owned()
                ]
            );
        }
    });
}

#[test]
fn the_last_retry_fails() {
    run_with(config().with_reconnection_attempts(Some(2)), |rig| {
        let socket = rig.connect("/");
        rig.drain();
        rig.fail();
        rig.drain();
        rig.advance(1000);
        rig.drain();
        rig.fail();
        rig.drain();
        rig.advance(2000);
        assert_eq!(rig.drain(), ["connect", "reconnect_attempt 2"]);
        rig.fail();
        assert_eq!(
            rig.drain(),
            [
                "error: websocket error",
                "/ connect_error: websocket error",
                "reconnect_failed 2",
                "reconnect_error: websocket error"
            ]
        );
        assert!(rig.client.is_active(socket));
        rig.advance(1_000_000);
        assert_eq!(rig.drain(), [""; 0]);
        rig.again(socket);
        assert_eq!(rig.drain(), ["connect"]);
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened"]);
    });
}

#[test]
fn loss_and_recovery() {
    run(|rig| {
        rig.joined();
        rig.cut();
        assert_eq!(
            rig.drain(),
            [
                "closed: transport close (websocket connection closed)",
                "/ disconnected: transport close (websocket connection closed)",
                "reconnecting 1 in 1000"
            ]
        );
        rig.advance(1000);
        assert_eq!(rig.drain(), ["connect", "reconnect_attempt 1"]);
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened", "reconnect 1"]);
        rig.text(r#"0{"sid":"s2"}"#);
        assert_eq!(rig.drain(), ["/ connected"]);
    });
}

#[test]
fn a_transport_that_breaks_is_an_error_and_a_close() {
    run(|rig| {
        rig.joined();
        rig.fail();
        assert_eq!(
            rig.drain(),
            [
                "error: websocket error",
                "closed: transport error (websocket error)",
                "/ disconnected: transport error (websocket error)",
                "reconnecting 1 in 1000"
            ]
        );
    });
}

#[test]
fn connect_timeout() {
    run_with(
        config().with_timeout(Some(Duration::from_millis(300))),
        |rig| {
            rig.connect("/");
            assert_eq!(rig.drain(), ["connect"]);
            rig.advance(299);
            assert_eq!(rig.drain(), [""; 0]);
            rig.advance(1);
            assert_eq!(
                rig.drain(),
                [
                    "close",
                    "error: timeout",
                    "/ connect_error: timeout",
                    "reconnecting 1 in 1000"
                ]
            );
            rig.advance(1000);
            rig.drain();
            rig.advance(299);
            rig.accept();
            assert_eq!(rig.drain(), ["> 40", "opened", "reconnect 1"]);
            rig.advance(10_000);
            assert_eq!(rig.drain(), [""; 0]);
        },
    );
}

#[test]
fn namespace_refused_while_another_is_active() {
    run(|rig| {
        rig.joined();
        let admin = rig.connect("/admin");
        assert_eq!(rig.drain(), ["> 40/admin,"]);
        rig.text(r#"4/admin,{"message":"not authorized","data":{"code":401}}"#);
        assert_eq!(rig.drain(), ["/admin connect_error: not authorized"]);
        assert!(!rig.client.is_active(admin));
        rig.cut();
        rig.drain();
        rig.advance(1000);
        rig.accept();
        assert_eq!(
            rig.drain(),
            [
                "connect",
                "reconnect_attempt 1",
                "> 40",
                "opened",
                "reconnect 1"
            ]
        );
    });
}

#[test]
fn namespace_refused_while_no_other_is_active() {
    run(|rig| {
        let socket = rig.connect("/admin");
        rig.drain();
        rig.accept();
        rig.drain();
        rig.text(r#"4/admin,{"message":"Invalid namespace"}"#);
        assert_eq!(
            rig.drain(),
            [
                "close",
                "closed: forced close",
                "/admin connect_error: Invalid namespace"
            ]
        );
        rig.advance(1_000_000);
        assert_eq!(rig.drain(), [""; 0]);
        rig.again(socket);
        assert_eq!(rig.drain(), ["connect"]);
    });
}

#[test]
fn server_disconnects_the_last_active_socket() {
    run(|rig| {
        let socket = rig.joined();
        rig.text("1");
        assert_eq!(
            rig.drain(),
            [
                "close",
                "closed: forced close",
                "/ disconnected: io server disconnect"
            ]
        );
        assert!(!rig.client.is_active(socket));
        rig.advance(1_000_000);
        assert_eq!(rig.drain(), [""; 0]);
    });
}

#[test]
fn client_disconnects_the_last_active_socket() {
    run(|rig| {
        let socket = rig.joined();
        rig.disconnect(socket);
        assert_eq!(
            rig.drain(),
            [
                "> 41",
                "close",
                "closed: forced close",
                "/ disconnected: io client disconnect"
            ]
        );
        assert_eq!(rig.client.socket_id(socket), None);
    });
}

#[test]
fn sockets_come_in_the_order_in_which_they_were_made() {
    run(|rig| {
        for namespace in ["/b", "/a", "/"] {
            rig.connect(namespace);
        }
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain(), ["> 40/b,", "> 40/a,", "> 40", "opened"]);
        rig.text(r#"0/a,{"sid":"1"}"#);
        rig.text(r#"0{"sid":"2"}"#);
        rig.drain();
        rig.cut();
        assert_eq!(
            rig.drain()[1..],
            [
                "/b disconnected: transport close (websocket connection closed)",
                "/a disconnected: transport close (websocket connection closed)",
                "/ disconnected: transport close (websocket connection closed)",
                "reconnecting 1 in 1000"
            ]
        );
    });
}

#[test]
fn heartbeats_are_told() {
    run(|rig| {
        rig.joined();
        rig.raw("2");
        assert_eq!(rig.drain(), ["> engine 3", "ping"]);
    });
}

#[test]
fn a_missing_heartbeat_is_a_ping_timeout() {
    run(|rig| {
        rig.connect("/");
        rig.drain();
        rig.accept_with(100, 50);
        rig.text(r#"0{"sid":"s"}"#);
        rig.drain();
        rig.advance(149);
        assert_eq!(rig.drain(), [""; 0]);
        rig.advance(1);
        assert_eq!(
            rig.drain(),
            [
                "close",
                "closed: ping timeout",
                "/ disconnected: ping timeout",
                "reconnecting 1 in 1000"
            ]
        );
    });
}

#[test]
fn closing_the_manager_leaves_sockets_active() {
    run(|rig| {
        let socket = rig.joined();
        rig.client.close(rig.now);
        assert_eq!(
            rig.drain(),
            [
                "close",
                "closed: forced close",
                "/ disconnected: forced close"
            ]
        );
        assert!(rig.client.is_active(socket));
        rig.advance(1_000_000);
        assert_eq!(rig.drain(), [""; 0]);
        rig.client.open(rig.now);
        rig.accept();
        assert_eq!(rig.drain(), ["connect", "> 40", "opened"]);
    });
}
