//! The wire as `sio -v` shows it.

use super::sio_support::{Server, TempFile};

#[test]
fn packets_are_shown_and_with_more_detail_requests_and_heartbeats() {
    for server in Server::all() {
        let run = server.sio(
            "/custom",
            &[
                "-v",
                "-t",
                "websocket",
                "--ack",
                "-e",
                "message-with-ack",
                "1",
            ],
        );
        let shown: Vec<_> = run.err.lines().filter_map(|line| line.get(9..)).collect();
        for wanted in [
            "> CONNECT /custom",
            "> EVENT /custom #0 [\"message-with-ack\",1]",
            "< ACK /custom #0 [1]",
            "> DISCONNECT /custom",
        ] {
            assert!(
                shown.contains(&wanted),
                "{} {wanted}: {}",
                server.name,
                run.err
            );
        }
        assert!(
            shown
                .iter()
                .any(|line| line.starts_with("* connecting to ws://127.0.0.1:")),
            "{}",
            run.err
        );
        assert!(!run.err.contains("< ping"), "{}", run.err);
        let more = server.sio(
            "/",
            &[
                "-vv",
                "-t",
                "polling",
                "-H",
                "X-Test: yes",
                "-l",
                "--max-time",
                "1.6",
            ],
        );
        for wanted in [
            "> X-Test: yes",
            "< status 200, ",
            "< ping",
            "> pong",
            "> POST http://127.0.0.1:",
        ] {
            assert!(
                more.err.contains(wanted),
                "{} {wanted}: {}",
                server.name,
                more.err
            );
        }
    }
}

#[test]
fn packets_in_messagepack_are_shown_in_words_too() {
    let file = TempFile::new(&[0, 1, 2, 255]);
    let argument = format!("@{}", file.0.display());
    for server in Server::all_in_msgpack() {
        for mode in ["polling", "websocket"] {
            let line = ["--parser", "msgpack", "-v", "-t", mode, "--ack", "-e"];
            let event = ["message-with-ack", "hi", &argument];
            let run = server.sio("/custom", &[&line[..], &event].concat());
            let shown: Vec<_> = run.err.lines().filter_map(|line| line.get(9..)).collect();
            for wanted in [
                "> CONNECT /custom",
                "> EVENT /custom #0 [\"message-with-ack\",\"hi\",<4 bytes: 00 01 02 ff>]",
                "< ACK /custom #0 [\"hi\",<4 bytes: 00 01 02 ff>]",
                "> DISCONNECT /custom",
            ] {
                assert!(
                    shown.contains(&wanted),
                    "{} {mode} {wanted}: {}",
                    server.name,
                    run.err
                );
            }
        }
    }
}
