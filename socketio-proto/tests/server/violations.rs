//! Packets in the wrong order or of the wrong kind: the rows of section "protocol violations" of the reference
//! transcripts, and what the application learns of them.

use crate::support::run;

/// Sends frames one after the other, a client that has joined `/` first if asked for.
fn lines(joins: bool, packets: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    run(|net| {
        let client = net.websocket();
        if joins {
            net.join(client, "/");
        }
        for packet in packets {
            match packet.strip_prefix("bytes ") {
                Some(data) => net.binary(client, data.as_bytes()),
                None => net.packet(client, packet),
            }
            lines.extend(net.drain());
        }
    });
    lines
}

#[test]
fn a_second_connect_closes_the_connection() {
    assert_eq!(
        lines(true, &["40"]),
        [
            "c0 closed by the server",
            "$0 disconnected: forced server close (second CONNECT packet for a namespace)",
            "c0 closed: forced close"
        ]
    );
}

#[test]
fn an_event_before_connect_closes_the_connection() {
    let closed = ["c0 closed by the server", "c0 closed: forced close"];
    assert_eq!(lines(false, &[r#"42["x"]"#]), closed);
}

#[test]
fn an_event_right_behind_connect_closes_the_connection() {
    assert_eq!(
        lines(false, &["40", r#"42["x"]"#]),
        [
            "c0 connecting /",
            "c0 closed by the server",
            "c0 closed: forced close"
        ]
    );
}

#[test]
fn a_second_connect_while_the_first_waits_closes_the_connection() {
    assert_eq!(
        lines(false, &["40", "40"]),
        [
            "c0 connecting /",
            "c0 closed by the server",
            "c0 closed: forced close"
        ]
    );
}

#[test]
fn packets_for_a_namespace_that_is_not_joined_close_the_connection() {
    for packet in ["41/zzz,", r#"42/zzz,["x"]"#, r#"43/zzz,1["x"]"#] {
        assert_eq!(
            lines(true, &[packet]),
            [
                "c0 closed by the server",
                "$0 disconnected: forced server close (packet for a namespace that is not joined)",
                "c0 closed: forced close"
            ],
            "{packet}"
        );
    }
}

#[test]
fn a_connect_error_from_a_client_closes_the_connection() {
    for packet in [r#"44{"message":"x"}"#, r#"44"x""#, "44/other,{}"] {
        assert_eq!(
            lines(true, &[packet]),
            [
                "c0 closed by the server",
                "$0 disconnected: forced server close (CONNECT_ERROR packet from a client)",
                "c0 closed: forced close"
            ],
            "{packet}"
        );
    }
}

#[test]
fn an_unknown_ack_is_ignored() {
    assert_eq!(lines(true, &[r#"437["x"]"#, r#"43["x"]"#]), [""; 0]);
}

#[test]
fn undecodable_packets_close_the_connection_and_the_socket_learns_why() {
    let far = format!("42{}1{}", "[".repeat(200), "]".repeat(200));
    for (packet, error) in [
        (r#"42["disconnect"]"#, "invalid payload"),
        (r#"42{"a":1}"#, "invalid payload"),
        (r#"42[{}]"#, "invalid payload"),
        ("42", "invalid payload"),
        (r#"42["a""#, "invalid payload"),
        (r#"421.5["a"]"#, "invalid payload"),
        ("4", "empty packet"),
        ("4abc", "unknown packet type NaN"),
        ("49", "unknown packet type 9"),
        ("45woooot", "Illegal attachments"),
        ("45", "Illegal attachments"),
        (r#"450-["a"]"#, "Illegal attachments"),
        (r#"4511-["a"]"#, "too many attachments"),
        (r#"42/a,9007199254740992["a"]"#, "packet id out of range"),
        (&far, "payload nested deeper than 128"),
        (
            "bytes x",
            "got binary data when not reconstructing a packet",
        ),
    ] {
        assert_eq!(
            lines(true, &[packet]),
            [
                "c0 closed by the server".to_owned(),
                format!("$0 disconnected: forced close (undecodable packet) ({error})"),
                "c0 closed: forced close".to_owned()
            ],
            "{packet}"
        );
    }
}

#[test]
fn text_among_attachments_closes_the_connection() {
    let header = r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(
        lines(true, &[header, "bytes a", r#"42["y"]"#]),
        [
            "c0 closed by the server",
            "$0 disconnected: forced close (undecodable packet) \
             (got plaintext data when reconstructing a packet)",
            "c0 closed: forced close"
        ]
    );
}

#[test]
fn a_placeholder_out_of_range_closes_the_connection() {
    for placeholder in [
        r#"{"_placeholder":true,"num":1}"#,
        r#"{"_placeholder":true,"num":"0"}"#,
    ] {
        assert_eq!(
            lines(true, &[&format!(r#"451-["x",{placeholder}]"#), "bytes a"]),
            [
                "c0 closed by the server",
                "$0 disconnected: forced close (undecodable packet) (illegal attachments)",
                "c0 closed: forced close"
            ],
            "{placeholder}"
        );
    }
}

#[test]
fn leaving_and_joining_again_is_no_violation() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.text(client, "1");
        assert_eq!(
            net.drain(),
            ["$0 disconnected: client namespace disconnect"]
        );
        net.join(client, "/");
    });
}

#[test]
fn leaving_twice_closes_the_connection() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.text(client, "1");
        net.text(client, "1");
        assert_eq!(
            net.drain(),
            [
                "c0 closed by the server",
                "$0 disconnected: client namespace disconnect",
                "c0 closed: forced close"
            ]
        );
    });
}

/// Officially the late event closes the connection and takes `/a` with it; the reference asks to ignore it.
#[test]
fn what_crosses_a_disconnect_of_the_server_is_ignored() {
    run(|net| {
        net.add_namespace("/a");
        let (client, main) = net.joined(&["/", "/a"]);
        net.disconnect(main);
        assert_eq!(
            net.drain(),
            ["c0 < 41", "$0 disconnected: server namespace disconnect"]
        );
        for packet in [r#"2["late"]"#, r#"20["late"]"#, "30[]", "1", "1"] {
            net.text(client, packet);
        }
        net.text(client, r#"51-["late",{"_placeholder":true,"num":0}]"#);
        net.binary(client, &[1]);
        assert_eq!(net.drain(), [""; 0]);
        net.text(client, r#"2/a,["still"]"#);
        assert_eq!(net.drain(), [r#"$1 event ["still"]"#]);
    });
}

#[test]
fn violations_on_polling_answer_with_noop_and_close() {
    run(|net| {
        for packets in ["40\x1e40", r#"42["x"]"#, "4abc"] {
            let client = net.polling();
            net.post(client, packets);
            net.drain();
            net.poll(client);
            assert_eq!(
                net.drain(),
                [
                    format!("c{client} < 6|1"),
                    format!("c{client} closed: forced close")
                ],
                "{packets}"
            );
        }
    });
}

#[test]
fn what_follows_a_violation_in_one_payload_is_ignored() {
    run(|net| {
        for violation in [r#"42["x"]"#, "4abc"] {
            let client = net.polling();
            net.post(client, format!("{violation}\x1e40"));
            assert_eq!(net.drain(), [""; 0]);
            net.poll(client);
            net.drain();
        }
    });
}

#[test]
fn a_violation_on_polling_while_a_poll_waits_answers_it_with_close() {
    run(|net| {
        let client = net.polling();
        net.poll(client);
        net.text(client, "1");
        assert_eq!(net.drain(), ["c0 < 1", "c0 closed: forced close"]);
    });
}

#[test]
fn what_is_queued_leaves_before_the_close() {
    run(|net| {
        let (client, socket) = net.joined(&["/"]);
        net.emit(socket, r#"["first"]"#).unwrap();
        net.text(client, "0");
        assert_eq!(
            net.drain(),
            [
                r#"c0 < 42["first"]"#,
                "c0 closed by the server",
                "$0 disconnected: forced server close (second CONNECT packet for a namespace)",
                "c0 closed: forced close"
            ]
        );
    });
}

#[test]
fn every_socket_of_the_connection_learns_of_the_error() {
    run(|net| {
        net.add_namespace("/a");
        let (client, _) = net.joined(&["/", "/a"]);
        net.text(client, "abc");
        let reason = "forced close (undecodable packet) (unknown packet type NaN)";
        assert_eq!(
            net.drain(),
            [
                "c0 closed by the server".to_owned(),
                format!("$0 disconnected: {reason}"),
                format!("$1 disconnected: {reason}"),
                "c0 closed: forced close".to_owned()
            ]
        );
    });
}

#[test]
fn packets_behind_a_violation_in_the_same_payload_are_ignored() {
    run(|net| {
        let client = net.polling();
        net.join(client, "/");
        net.post(client, "42[\"a\"]\x1e40\x1e42[\"b\"]\x1e41");
        net.poll(client);
        assert_eq!(
            net.drain(),
            [
                "c0 < 6|1",
                r#"$0 event ["a"]"#,
                "$0 disconnected: forced server close (second CONNECT packet for a namespace)",
                "c0 closed: forced close"
            ]
        );
    });
}
