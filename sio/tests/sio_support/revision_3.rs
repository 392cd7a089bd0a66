//! `sio` and servers of Engine.IO revision 3: those of Socket.IO 2, and later ones that allow it.

use super::MODES;
use super::sio_support::{Server, TempFile};

#[test]
fn events_text_and_binary_go_there_and_back_on_every_transport() {
    let file = TempFile::new(&[0, 1, 2, 255]);
    let argument = format!("@{}", file.0.display());
    for server in Server::of_revision_3() {
        for mode in MODES {
            let event = ["-e", "message-with-ack", "é🦀", &argument];
            let run = server.sio(
                "/",
                &[&["--eio", "3", "-t", mode, "--ack"][..], &event].concat(),
            );
            assert_eq!(
                (run.out.as_str(), run.err.as_str(), run.code),
                (
                    "message-with-ack -> \"é🦀\" <4 bytes: 00 01 02 ff>\n",
                    "",
                    Some(0)
                ),
                "{} {mode}",
                server.name
            );
        }
    }
}

#[test]
fn an_authentication_is_shown_as_a_query_and_a_wrong_one_refused() {
    for server in Server::of_revision_3() {
        let eio3 = |namespace, token: &str, rest: &[&str]| {
            let auth = ["--eio", "3", "--auth", token];
            server.sio(namespace, &[&auth[..], rest].concat())
        };
        let shown = eio3("/custom", r#"{"token":"a b&c"}"#, &["-j", "-c", "1"]);
        let event = r#"{"type":"event","namespace":"/custom","event":"auth","args":[{"token":"a b&c"}],"wants_ack":false}"#;
        assert_eq!(
            (shown.out.lines().nth(1), shown.code),
            (Some(event), Some(0)),
            "{}: {}",
            server.name,
            shown.err
        );
        let refused = eio3("/refuse", r#"{"token":"wrong"}"#, &["-l"]);
        assert_eq!(
            (refused.err.as_str(), refused.code),
            (
                "sio: the server refused namespace /refuse: {\"code\":401}\n",
                Some(3)
            ),
            "{}",
            server.name
        );
        let number = eio3("/custom", r#"{"token":1}"#, &["-l"]);
        assert_eq!(
            (number.err.as_str(), number.code),
            (
                "sio: namespace /custom: authentication with members that are no strings\n",
                Some(1)
            )
        );
    }
}

#[test]
fn the_revision_that_a_server_wants_is_named() {
    for mode in MODES {
        if let Some(server) = Server::version_2() {
            let newer = server.sio("/", &["-t", mode, "-l"]);
            assert!(
                newer.err.ends_with("; --eio 3 speaks to it\n"),
                "{}",
                newer.err
            );
            assert_eq!(newer.code, Some(2), "{mode}");
        }
        let server = Server::ours();
        let older = server.sio("/", &["-t", mode, "-l", "--eio", "3"]);
        let place = server.url().trim_start_matches("http://");
        let expected = format!(
            "sio: cannot connect to {place}: this server speaks Engine.IO revision 4; it wants no --eio 3\n"
        );
        assert_eq!((older.err, older.code), (expected, Some(2)), "{mode}");
    }
}

#[test]
fn packets_are_shown_in_words() {
    let file = TempFile::new(&[1, 2, 3]);
    let argument = format!("@{}", file.0.display());
    for server in Server::of_revision_3() {
        for mode in ["polling", "websocket"] {
            let event = ["-e", "message-with-ack", "€", &argument];
            let all = [&["--eio", "3", "-t", mode, "-v", "--ack"][..], &event].concat();
            let run = server.sio("/", &all);
            // Each line starts with a time.
            let lines: Vec<_> = run.err.lines().filter_map(|line| line.get(9..)).collect();
            for line in [
                "< CONNECT /",
                "> BINARY_EVENT[1] / #0 [\"message-with-ack\",\"€\",{\"_placeholder\":true,\"num\":0}]",
                "> binary <3 bytes: 01 02 03>",
                "< BINARY_ACK[1] / #0 [\"€\",{\"_placeholder\":true,\"num\":0}]",
                "< binary <3 bytes: 01 02 03>",
            ] {
                assert!(
                    lines.contains(&line),
                    "{} {mode} {line}: {lines:#?}",
                    server.name
                );
            }
        }
    }
}

#[test]
fn msgpack_of_both_versions_is_spoken_and_shown() {
    let file = TempFile::new(&[1, 2, 3]);
    let argument = format!("@{}", file.0.display());
    for server in Server::of_revision_3_in_msgpack() {
        for mode in MODES {
            let line = [
                "--eio", "3", "--parser", "msgpack", "-t", mode, "-v", "--ack",
            ];
            let event = ["-e", "message-with-ack", "€", &argument];
            let run = server.sio("/", &[&line[..], &event].concat());
            assert_eq!(
                (run.out.as_str(), run.code),
                ("message-with-ack -> \"€\" <3 bytes: 01 02 03>\n", Some(0)),
                "{} {mode}: {}",
                server.name,
                run.err
            );
            let answer = "< ACK / #0 [\"€\",<3 bytes: 01 02 03>]";
            let mut lines = run.err.lines().filter_map(|line| line.get(9..));
            assert!(
                lines.any(|line| line == answer),
                "{} {mode}: {}",
                server.name,
                run.err
            );
        }
    }
}

#[test]
fn an_event_that_the_server_refuses_is_an_error() {
    let Some(server) = Server::version_2() else {
        return;
    };
    let run = server.sio(
        "/",
        &[
            "--eio",
            "3",
            "-e",
            "forbidden",
            "-c",
            "1",
            "--on",
            "message-back",
            "--max-time",
            "2",
        ],
    );
    assert!(
        run.err
            .contains("sio: the server refused an event: not that\n"),
        "{}",
        run.err
    );
    assert_eq!(run.code, Some(4));
}
