//! Whatever a client sends, it ends its own session and no other.

use socketio_proto::engine::server::Config as EngineConfig;

use crate::support::{Net, config, run, run_with};

/// Two clients over a WebSocket in `/`, the second of which must not notice what happens to the first.
fn attacked(script: impl FnOnce(&mut Net) -> Vec<String>, reason: &str) {
    run_with(small(), |net| {
        net.joined(&["/"]);
        net.joined(&["/"]);
        let lines = script(net);
        assert_eq!(
            lines,
            [
                "c0 closed by the server".to_owned(),
                format!("$0 disconnected: {reason}"),
                format!(
                    "c0 closed: {}",
                    if reason.starts_with("forced") {
                        "forced close"
                    } else {
                        reason
                    }
                )
            ]
        );
        net.text(1, r#"20["alive"]"#);
        assert_eq!(net.drain(), [r#"$1 event? ["alive"]"#]);
        net.respond("[]").unwrap();
        assert_eq!(net.drain(), ["c1 < 430[]"]);
    });
}

fn small() -> socketio_proto::server::Config {
    let engine: EngineConfig = config().engine.with_max_payload(10_000);
    config().with_engine(engine)
}

#[test]
fn an_oversized_message() {
    let text = format!(r#"2["{}"]"#, "x".repeat(10_000));
    attacked(
        |net| {
            net.text(0, &text);
            net.drain()
        },
        "transport error (max payload size exceeded)",
    );
}

#[test]
fn an_oversized_attachment() {
    attacked(
        |net| {
            net.text(0, r#"51-["a",{"_placeholder":true,"num":0}]"#);
            net.binary(0, &[0; 10_001]);
            net.drain()
        },
        "transport error (max payload size exceeded)",
    );
}

#[test]
fn a_message_of_exactly_the_limit_passes() {
    run_with(small(), |net| {
        let (client, _) = net.joined(&["/"]);
        net.text(client, &format!(r#"2["{}"]"#, "x".repeat(10_000 - 6)));
        assert_eq!(net.drain().len(), 1);
    });
}

#[test]
fn a_truncated_packet() {
    let whole = r#"2/,7["name",{"a":[1,"x",null]}]"#;
    for end in 1..whole.len() - 1 {
        let mut reasons = Vec::new();
        run(|net| {
            net.joined(&["/"]);
            net.text(0, &whole[..end]);
            reasons = net.drain();
        });
        assert_eq!(reasons.len(), 3, "{}", &whole[..end]);
        assert!(
            reasons[1].starts_with("$0 disconnected: forced"),
            "{}",
            &whole[..end]
        );
    }
}

#[test]
fn a_deeply_nested_payload() {
    for open in ["[", r#"{"a":"#] {
        attacked(
            |net| {
                net.text(0, &format!(r#"2["a",{}"#, open.repeat(1_600)));
                net.drain()
            },
            "forced close (undecodable packet) (payload nested deeper than 128)",
        );
    }
}

#[test]
fn an_attachment_count_that_would_take_memory() {
    for count in ["11", "99999999999999999999", "4294967297"] {
        attacked(
            |net| {
                net.text(0, &format!(r#"5{count}-["a"]"#));
                net.drain()
            },
            "forced close (undecodable packet) (too many attachments)",
        );
    }
}

#[test]
fn attachments_that_nobody_asked_for() {
    attacked(
        |net| {
            net.binary(0, &[1]);
            net.binary(0, &[2]);
            net.drain()
        },
        "forced close (undecodable packet) (got binary data when not reconstructing a packet)",
    );
}

#[test]
fn an_attachment_that_is_repeated_until_it_takes_too_much() {
    run(|net| {
        net.joined(&["/"]);
        let place = r#"{"_placeholder":true,"num":0}"#;
        net.text(0, &format!(r#"51-["a",{}]"#, [place; 20].join(",")));
        net.binary(0, &[7; 100_000]);
        assert_eq!(
            net.drain(),
            [
                "c0 closed by the server",
                "$0 disconnected: forced close (undecodable packet) \
                 (attachments repeated beyond 64 bytes for each byte of JSON)",
                "c0 closed: forced close"
            ]
        );
    });
}

#[test]
fn one_attachment_too_many() {
    run(|net| {
        net.joined(&["/"]);
        net.text(0, r#"51-["a",{"_placeholder":true,"num":0}]"#);
        net.binary(0, &[1]);
        net.binary(0, &[2]);
        assert_eq!(
            net.drain(),
            [
                "c0 closed by the server",
                r#"$0 event ["a",{"_placeholder":true,"num":0}] b"\x01""#,
                "$0 disconnected: forced close (undecodable packet) \
                 (got binary data when not reconstructing a packet)",
                "c0 closed: forced close"
            ]
        );
    });
}

#[test]
fn a_body_that_is_no_utf_8() {
    run(|net| {
        let client = net.polling();
        net.join(client, "/");
        net.joined(&["/"]);
        net.post(client, &b"42[\"\xff\"]"[..]);
        let lines = net.drain();
        assert_eq!(lines[0], "c0 post 400");
        assert!(
            lines[1].starts_with("$0 disconnected: parse error ("),
            "{lines:?}"
        );
        assert!(
            lines[2].starts_with("c0 closed: parse error ("),
            "{lines:?}"
        );
        assert_eq!(lines.len(), 3);
        net.text(1, r#"2["alive"]"#);
        assert_eq!(net.drain(), [r#"$1 event ["alive"]"#]);
    });
}

#[test]
fn an_oversized_body_is_refused_and_the_session_lives_on() {
    run_with(small(), |net| {
        let client = net.polling();
        net.join(client, "/");
        net.post(client, format!(r#"42["{}"]"#, "x".repeat(10_000)));
        assert_eq!(net.drain(), ["c0 post 413"]);
        net.text(client, r#"2["alive"]"#);
        assert_eq!(net.drain(), [r#"$0 event ["alive"]"#]);
    });
}

#[test]
fn more_packets_in_a_body_than_allowed() {
    let engine = config().engine.with_max_packets_per_payload(3);
    run_with(config().with_engine(engine), |net| {
        let client = net.polling();
        net.join(client, "/");
        net.post(client, ["42[0]"; 3].join("\x1e"));
        assert_eq!(net.drain().len(), 3);
        net.post(client, ["42[0]"; 4].join("\x1e"));
        let lines = net.drain();
        assert_eq!(lines[0], "c0 post 400");
        assert!(
            lines
                .last()
                .unwrap()
                .starts_with("c0 closed: parse error ("),
            "{lines:?}"
        );
    });
}

#[test]
fn a_bad_packet_in_a_body_ends_the_session_behind_the_good_ones() {
    run(|net| {
        let client = net.polling();
        net.join(client, "/");
        net.post(client, "42[\"a\"]\x1exyz\x1e42[\"b\"]");
        let lines = net.drain();
        assert_eq!(lines[..2], ["c0 post 400", r#"$0 event ["a"]"#]);
        assert!(
            lines[2].starts_with("$0 disconnected: parse error ("),
            "{lines:?}"
        );
        assert!(
            lines[3].starts_with("c0 closed: parse error ("),
            "{lines:?}"
        );
        assert_eq!(lines.len(), 4);
    });
}

#[test]
fn names_of_object_members_are_ordinary_text() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        for json in [
            r#"["__proto__",{"__proto__":{"x":1}}]"#,
            r#"["constructor"]"#,
            r#"["hasOwnProperty",{"toString":1}]"#,
        ] {
            net.text(client, &format!("2{json}"));
            assert_eq!(net.drain(), [format!("$0 event {json}")]);
        }
        net.text(client, "0/__proto__,");
        assert_eq!(
            net.drain(),
            [r#"c0 < 44/__proto__,{"message":"Invalid namespace"}"#]
        );
    });
}

#[test]
fn a_name_that_must_be_escaped_cannot_be_sent_back_as_anything_else() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0/a\"b\\,");
        assert_eq!(
            net.drain(),
            [r#"c0 < 44/a"b\,{"message":"Invalid namespace"}"#]
        );
    });
}

#[test]
fn a_namespace_without_a_slash_is_no_namespace() {
    run(|net| {
        let client = net.websocket();
        net.text(client, r#"0admin,{}"#);
        assert_eq!(
            net.drain(),
            ["c0 closed by the server", "c0 closed: forced close"]
        );
    });
}
