//! Polling by scripts and forms.

use engineio_proto::http::RequestHead;
use engineio_proto::server::Config;

use crate::support::{Net, both};

fn config() -> Config {
    Config::default()
        .with_allow_eio3(true)
        .with_allow_jsonp(true)
}

/// Posts a form.
fn form(net: &mut Net, session: usize, body: &'static str) -> u64 {
    let query = net.query(session, "polling");
    let head = RequestHead::new("POST", "/engine.io/", &query);
    net.head(
        &head.with_content_type(b"application/x-www-form-urlencoded"),
        body,
    )
}

#[test]
fn the_handshake_calls_the_function_of_the_page() {
    both(config(), |net| {
        let (session, answer) = net.open_polling_with("EIO=4&j=0");
        let expected = concat!(
            r#"___eio[0]("0{\"sid\":\"SID0\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"#,
            r#"\"pingTimeout\":20000,\"maxPayload\":1000000}");"#
        );
        assert_eq!(answer, expected);
        assert_eq!(
            net.headers(0),
            [
                ("content-type", "text/plain; charset=UTF-8"),
                ("cache-control", "no-store")
            ]
        );
        form(net, session, "d=4hello");
        assert_eq!(net.drain(), ["r1 200 ok", "s0 text hello"]);
        assert_eq!(
            net.headers(1),
            [("content-type", "text/html"), ("cache-control", "no-store")]
        );
        let (_, answer) = net.open_polling_with("EIO=3&j=12");
        assert!(answer.starts_with(r#"___eio[12]("118:0{\"sid\":\"SID1\""#));
    });
}

#[test]
fn only_the_digits_of_the_index_reach_the_script() {
    both(config(), |net| {
        for (index, digits) in [
            ("1;alert(2)//", "12"),
            ("", ""),
            ("abc", ""),
            ("007", "007"),
        ] {
            let (session, answer) = net.open_polling_with(&format!("EIO=4&j={index}"));
            assert!(
                answer.starts_with(&format!("___eio[{digits}](\"0{{")),
                "{answer}"
            );
            net.send(session, "a").unwrap();
            let request = net.poll(session);
            let expected = format!(r#"r{request} 200 ___eio[{digits}]("4a");"#);
            assert_eq!(net.drain(), [expected]);
        }
    });
}

#[test]
fn more_digits_than_any_page_has_are_refused() {
    both(config(), |net| {
        net.get("EIO=4&transport=polling&j=1234567890");
        let refused = r#"r0 400 {"code":3,"message":"Bad request"}"#;
        assert_eq!(net.drain(), [refused]);
    });
}

#[test]
fn the_handshake_alone_decides() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=4&j=3");
        let query = net.query(session, "polling");
        net.send(session, "a").unwrap();
        net.get(&query.replace("j=3", "j=4"));
        assert_eq!(net.drain(), [r#"r1 200 ___eio[3]("4a");"#]);
        let session = net.open_polling();
        net.send(session, "a").unwrap();
        let query = format!("{}&j=0", net.query(session, "polling"));
        net.get(&query);
        assert_eq!(net.drain(), ["r3 200 4a"]);
        net.connect("EIO=4&transport=websocket&j=0");
        assert_eq!(net.drain()[..2], ["c0 accept", "c0 < 0{…}"]);
    });
}

#[test]
fn a_payload_is_escaped_for_scripts() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=4&j=0");
        net.send(session, "he\"l\\lo\n\u{2028}\u{2029}é</script>")
            .unwrap();
        net.send_binary(session, &[1, 2, 3]).unwrap();
        net.poll(session);
        let script = r#"r1 200 ___eio[0]("4he\"l\\lo\n\u2028\u2029é</script>\u001ebAQID");"#;
        assert_eq!(net.drain(), [script]);
    });
}

#[test]
fn binary_is_base64_in_revision_3_even_if_the_client_did_not_ask_for_it() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=3&j=0");
        net.send(session, "\u{2028}😀").unwrap();
        net.send_binary(session, &[1, 2, 3, 4]).unwrap();
        net.poll(session);
        let script = r#"r1 200 ___eio[0]("4:4\u2028😀10:b4AQIDBA==");"#;
        assert_eq!(net.drain(), [script]);
        assert_eq!(net.headers(1)[0].1, "text/plain; charset=UTF-8");
    });
}

#[test]
fn newlines_of_a_form_come_back() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=4&j=0");
        form(net, session, "d=4a%5Cnb");
        form(net, session, "d=4a%5C%5Cnb");
        form(net, session, "d=4a%5C%5C%5Cnb%1Eb%41QID");
        assert_eq!(
            net.drain(),
            [
                "r1 200 ok",
                "r2 200 ok",
                "r3 200 ok",
                "s0 text a\nb",
                "s0 text a\\nb",
                "s0 text a\\\\nb",
                r#"s0 binary b"\x01\x02\x03""#
            ]
        );
        let (session, _) = net.open_polling_with("EIO=3&j=0");
        form(net, session, "d=4%3A4a%5Cnb3%3A4%F0%9F%98%80");
        assert_eq!(net.drain(), ["r5 200 ok", "s1 text a\nb", "s1 text 😀"]);
    });
}

#[test]
fn a_form_without_the_one_field_is_ok_and_brings_nothing() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=3&j=0");
        for body in ["", "x=2%3A4a", "d=2%3A4a&d=2%3A4b", "2:4a"] {
            let request = form(net, session, body);
            assert_eq!(net.drain(), [format!("r{request} 200 ok")], "{body}");
        }
        net.post_binary(session, b"d=2%3A4a".to_vec());
        assert_eq!(net.drain(), ["r5 200 ok"]);
        form(net, session, "y&d=2%3A4a");
        assert_eq!(net.drain(), ["r6 200 ok", "s0 text a"]);
    });
}

#[test]
fn a_form_with_what_is_no_payload_ends_the_session() {
    for body in ["d=", "d=x", "d=4a%1E"] {
        both(config(), |net| {
            let (session, _) = net.open_polling_with("EIO=4&j=0");
            form(net, session, body);
            let outputs = net.drain();
            assert_eq!(outputs[0], "r1 400", "{body}");
            let last = outputs.last().unwrap();
            assert!(last.starts_with("s0 closed: parse error"), "{body}: {last}");
        });
    }
}

#[test]
fn the_limit_of_size_is_that_of_the_form() {
    both(config().with_max_payload(8), |net| {
        let (session, _) = net.open_polling_with("EIO=4&j=0");
        form(net, session, "d=4hello");
        form(net, session, "d=%34hell");
        assert_eq!(net.drain(), ["r1 200 ok", "r2 413", "s0 text hello"]);
    });
}

#[test]
fn closing_is_a_script_too() {
    both(config(), |net| {
        for (query, close, noop_close, noop) in [
            ("EIO=4&j=0", "1", r"6\u001e1", "6"),
            ("EIO=3&j=0", "1:1", "1:61:1", "1:6"),
        ] {
            let script = |payload: &str| format!(r#"___eio[0]("{payload}");"#);
            let (session, _) = net.open_polling_with(query);
            let request = net.poll(session);
            net.close(session);
            assert_eq!(net.drain()[0], format!("r{request} 200 {}", script(close)));

            let (session, _) = net.open_polling_with(query);
            net.close(session);
            let request = net.poll(session);
            assert_eq!(
                net.drain()[0],
                format!("r{request} 200 {}", script(noop_close))
            );

            let (session, _) = net.open_polling_with(query);
            let request = net.poll(session);
            let connection = net.probe(session);
            net.text(connection, "2probe");
            let answer = format!("r{request} 200 {}", script(noop));
            assert_eq!(net.drain()[1], answer, "the probe releases the poll");
            net.text(connection, "5");
            net.send(session, "a").unwrap();
            let frame = format!("c{connection} < 4a");
            assert_eq!(net.drain()[0], frame, "a WebSocket carries no scripts");
            net.disconnect(connection);
            net.drain();
        }
    });
}

#[test]
fn a_second_poll_and_a_second_post_end_the_session_as_ever() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=4&j=0");
        net.poll(session);
        net.poll(session);
        let ended = "s0 closed: transport error (overlap from client)";
        assert_eq!(net.drain(), ["r2 400", r#"r1 200 ___eio[0]("1");"#, ended]);
    });
}
