//! `sio` as a script uses it, against our server, the official one and the one in Python.
//!
//! The other servers are there once `scripts/test` has installed their packages; without, each test says that it left
//! them out.
#![expect(
    clippy::expect_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its helpers are nobody's interface"
)]

#[path = "sio_support/explained.rs"]
mod explained;
#[path = "sio_support/https.rs"]
mod https;
#[path = "../../tests/support/programs.rs"]
mod programs;
#[path = "../../tests/support/python.rs"]
mod python;
#[path = "sio_support/revision_3.rs"]
mod revision_3;
#[path = "sio_support/sending.rs"]
mod sending;
mod sio_support;
#[cfg(target_os = "linux")]
#[path = "sio_support/terminal.rs"]
mod terminal;
#[path = "../../tests/support/tls.rs"]
mod tls;
#[path = "sio_support/webtransport.rs"]
mod webtransport;
#[path = "sio_support/wire_log.rs"]
mod wire_log;

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::{Duration, Instant};

use sio_support::{Run, Server, TempFile, sio};

const MODES: [&str; 3] = ["polling", "websocket", "polling,websocket"];

#[test]
fn an_event_is_emitted_and_its_acknowledgement_printed_on_every_transport() {
    for server in Server::all() {
        for mode in MODES {
            let run = server.sio(
                "/",
                &[
                    "-t",
                    mode,
                    "--ack",
                    "-e",
                    "message-with-ack",
                    "hi there",
                    "1",
                    "{\"a\": [null]}",
                ],
            );
            assert_eq!(
                run.out, "message-with-ack -> \"hi there\" 1 {\"a\":[null]}\n",
                "{} {mode}",
                server.name
            );
            assert_eq!(
                (run.err.as_str(), run.code),
                ("", Some(0)),
                "{} {mode}",
                server.name
            );
        }
    }
}

#[test]
fn msgpack_is_spoken_if_asked_for() {
    let file = TempFile::new(&[0, 1, 2, 255]);
    let argument = format!("@{}", file.0.display());
    for server in Server::all_in_msgpack() {
        for mode in MODES {
            let arguments = [
                "--parser",
                "msgpack",
                "-t",
                mode,
                "--ack",
                "-j",
                "-e",
                "message-with-ack",
            ];
            let run = server.sio(
                "/",
                &[&arguments[..], &["hi", "[1,2.5]", &argument]].concat(),
            );
            assert_eq!(
                (run.err.as_str(), run.code),
                ("", Some(0)),
                "{} {mode}",
                server.name
            );
            let args = r#""args":["hi",[1,2.5],{"_binary":"AAEC/w=="}]"#;
            assert!(
                run.out.contains(args),
                "{} {mode}: {}",
                server.name,
                run.out
            );
        }
        // The other parser is of no use there.
        let run = server.sio("/", &["--connect-timeout", "3", "-e", "message"]);
        assert_ne!(run.code, Some(0), "{}", server.name);
    }
}

#[test]
fn files_go_there_and_back_as_binary() {
    let file = TempFile::new(&[0, 1, 2, 255]);
    let named = format!("pic={}", file.0.display());
    let argument = format!("@{}", file.0.display());
    for server in Server::all() {
        for mode in MODES {
            let event = ["-e", "message-with-ack", "{\"data\":\"@pic\"}", &argument];
            let json = server.sio(
                "/",
                &[&["-t", mode, "-j", "--ack", "-f", &named][..], &event].concat(),
            );
            let expected = r#"{"type":"ack","namespace":"/","event":"message-with-ack","args":[{"data":{"_binary":"AAEC/w=="}},{"_binary":"AAEC/w=="}]}"#;
            assert_eq!(
                json.out.lines().nth(1),
                Some(expected),
                "{} {mode}",
                server.name
            );
            assert_eq!(json.code, Some(0), "{} {mode}", server.name);
        }
        let pretty = server.sio(
            "/",
            &["--ack", "-f", &named, "-e", "message-with-ack", &argument],
        );
        assert_eq!(
            pretty.out, "message-with-ack -> <4 bytes: 00 01 02 ff>\n",
            "{}",
            server.name
        );
    }
}

#[test]
fn a_large_file_survives_the_upgrade() {
    let content: Vec<u8> = (0..600_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let file = TempFile::new(&content);
    let argument = format!("@{}", file.0.display());
    for server in Server::all() {
        for mode in MODES {
            let run = server.sio(
                "/",
                &["-t", mode, "--ack", "-e", "message-with-ack", &argument],
            );
            let expected = "message-with-ack -> <600000 bytes: 00 01 02 03 04 05 06 07 ...>\n";
            assert_eq!(
                (run.out.as_str(), run.code),
                (expected, Some(0)),
                "{} {mode}: {}",
                server.name,
                run.err
            );
        }
    }
}

#[test]
fn a_refused_namespace_ends_with_status_3_and_lets_in_who_has_the_token() {
    for server in Server::all() {
        let refused = server.sio("/refuse", &["-l", "--auth", "{\"token\":\"wrong\"}"]);
        assert_eq!(
            (refused.out.as_str(), refused.code),
            ("", Some(3)),
            "{}",
            server.name
        );
        let message = "sio: the server refused namespace /refuse: not authorized";
        assert!(
            refused.err.starts_with(message),
            "{}: {}",
            server.name,
            refused.err
        );
        let auth = "{\"token\":\"let me in\"}";
        let allowed = server.sio(
            "/",
            &[
                "-n",
                "refuse",
                "-a",
                auth,
                "--ack",
                "-e",
                "message-with-ack",
            ],
        );
        assert_eq!(
            (allowed.out.as_str(), allowed.code),
            ("message-with-ack ->\n", Some(0)),
            "{}",
            server.name
        );
        let as_json = server.sio("/refuse", &["-j", "-l"]);
        assert!(as_json.out.starts_with(
            "{\"type\":\"connect_error\",\"namespace\":\"/refuse\",\"message\":\"not authorized\""
        ));
        assert_eq!(
            server.sio("/nowhere", &["-l"]).code,
            Some(3),
            "{}",
            server.name
        );
    }
}

#[test]
fn listening_prints_as_many_events_as_were_asked_for() {
    for server in Server::all() {
        let run = server.sio("/", &["--on", "tick", "-c", "3", "-e", "ticks", "10", "1"]);
        assert_eq!(
            (run.out.as_str(), run.code),
            ("tick 0\ntick 1\ntick 2\n", Some(0)),
            "{}",
            server.name
        );
        let json = server.sio("/custom", &["-j", "-c", "2", "-e", "message", "a", "[]"]);
        let lines: Vec<_> = json.out.lines().skip(1).collect();
        let mut expected = [
            r#"{"type":"event","namespace":"/custom","event":"auth","args":[{}],"wants_ack":false}"#,
            r#"{"type":"event","namespace":"/custom","event":"message-back","args":["a",[]],"wants_ack":false}"#,
        ];
        if lines.first() != expected.first() {
            expected.reverse();
        }
        assert_eq!(lines, expected, "{}", server.name);
        let late = server.sio("/", &["--on", "never", "-c", "1", "--max-time", "0.3"]);
        assert_eq!(late.code, Some(4), "{}", server.name);
        assert_eq!(
            server.sio("/", &["-l", "--max-time", "0.3"]).code,
            Some(0),
            "{}",
            server.name
        );
    }
}

#[test]
fn listening_outlives_many_heartbeats() {
    let servers = Server::all();
    std::thread::scope(|scope| {
        for (server, mode) in servers
            .iter()
            .flat_map(|server| MODES.map(|mode| (server, mode)))
        {
            scope.spawn(move || {
                let run = server.sio(
                    "/",
                    &["-t", mode, "-l", "--on", "nothing", "--max-time", "3.5"],
                );
                assert_eq!(run.code, Some(0), "{} {mode}: {}", server.name, run.err);
            });
        }
    });
}

#[test]
fn events_of_the_server_are_acknowledged() {
    for server in Server::all() {
        let run = server.sio(
            "/",
            &[
                "--ack", "--reply", "yes", "--reply", "[1]", "-e", "ask-me", "2000", "really",
            ],
        );
        assert_eq!(
            (run.out.as_str(), run.code),
            ("ask-me -> null \"yes\" [1]\n", Some(0)),
            "{}",
            server.name
        );
        let silent = server.sio("/", &["--ack", "-e", "ask-me", "50"]);
        assert_eq!(
            silent.out, "ask-me -> \"operation has timed out\"\n",
            "{}",
            server.name
        );
    }
}

#[test]
fn an_acknowledgement_that_does_not_come_ends_with_status_4() {
    for server in Server::all() {
        let run = server.sio("/", &["--ack", "--timeout", "0.3", "-e", "message"]);
        if server.name == "python" {
            // It acknowledges every event that asks for it.
            assert_eq!(run.code, Some(0));
            continue;
        }
        let expected = "sio: no acknowledgement of message within 0.3 s; \
                        the server may not acknowledge this event; --timeout gives it more time\n";
        assert_eq!(
            (run.err.as_str(), run.code),
            (expected, Some(4)),
            "{}",
            server.name
        );
    }
}

#[test]
fn a_disconnection_ends_with_status_5_unless_connecting_again_was_asked_for() {
    for server in Server::all() {
        for close in ["false", "true"] {
            let run = server.sio("/", &["-l", "-e", "disconnect-me", close]);
            assert_eq!(run.code, Some(5), "{} {close}: {}", server.name, run.err);
            assert!(run.err.contains("sio: disconnected: "), "{}", run.err);
        }
        let again = server.sio(
            "/",
            &[
                "-j",
                "-l",
                "--reconnect",
                "--max-time",
                "3",
                "-e",
                "disconnect-me",
                "true",
            ],
        );
        let connects = again
            .out
            .lines()
            .filter(|line| line.contains("\"type\":\"connect\""))
            .count();
        // The server's word is final unless the connection itself was cut.
        let final_word = again.code == Some(5) && connects == 1;
        assert!(
            final_word || (again.code == Some(0) && connects == 2),
            "{}: {}",
            server.name,
            again.out
        );
    }
}

#[test]
fn a_server_that_is_killed_and_restarted_is_connected_again() {
    for mut server in Server::all() {
        let mut child = server.start("/", &["-j", "-l", "--reconnect", "-e", "message", "first"]);
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut next = |kind: &str| {
            let wanted = format!("\"type\":\"{kind}\"");
            let found = lines.find_map(|line| line.ok().filter(|line| line.contains(&wanted)));
            found.unwrap_or_else(|| panic!("{kind} from the server"))
        };
        next("connect");
        server.restart();
        next("disconnect");
        next("connect");
        let event = next("event");
        assert!(
            event.contains("\"event\":\"auth\""),
            "{}: {event}",
            server.name
        );
        child.kill().expect("to end it");
        child.wait().expect("an end");
    }
}

#[test]
fn commands_are_read_from_a_pipe_and_the_first_mistake_is_the_status() {
    for server in Server::all() {
        let input =
            "# a remark\n\n/ack message-with-ack \"one two\" {\"a\": 1}\n/ack message-with-ack 2\n";
        let run = server.sio_with("/", &["--on", "nothing"], input);
        let expected = "message-with-ack -> \"one two\" {\"a\":1}\nmessage-with-ack -> 2\n";
        assert_eq!(
            (run.out.as_str(), run.code),
            (expected, Some(0)),
            "{}",
            server.name
        );
        let run = server.sio_with("/", &["--on", "nothing"], "/bad\n/ack message-with-ack\n");
        assert_eq!(
            (run.out.as_str(), run.code),
            ("message-with-ack ->\n", Some(1)),
            "{}",
            server.name
        );
        assert!(
            run.err.contains("unknown command /bad; /help lists them"),
            "{}",
            run.err
        );
    }
}

#[test]
fn a_thousand_commands_are_sent_in_order() {
    for server in Server::all() {
        let input: String = (0..1000)
            .map(|number| format!("/ack message-with-ack {number}\n"))
            .collect();
        let run = server.sio_with("/", &["--on", "nothing"], &input);
        let expected: String = (0..1000)
            .map(|number| format!("message-with-ack -> {number}\n"))
            .collect();
        assert_eq!(run.code, Some(0), "{}: {}", server.name, run.err);
        assert!(
            run.out == expected,
            "{}: {} lines",
            server.name,
            run.out.lines().count()
        );
    }
}

#[test]
fn a_server_that_cannot_be_reached_ends_with_status_2_and_a_reason() {
    let run = sio(&["http://127.0.0.1:1", "-l"], "");
    let expected = "sio: cannot connect to 127.0.0.1:1: xhr poll error\n\
                    sio: 127.0.0.1:1: Connection refused (os error 111); is the server running?\n";
    assert_eq!((run.err.as_str(), run.code), (expected, Some(2)));
    let server = Server::ours();
    let elsewhere = server.sio("/", &["-l", "-p", "/elsewhere/"]);
    assert_eq!(elsewhere.code, Some(2));
    assert!(elsewhere.err.ends_with(
        "status 404; there is no Socket.IO at /elsewhere/, --path names another place\n"
    ));
}

#[test]
fn a_server_that_says_nothing_is_waited_for_no_longer_than_wanted() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let began = Instant::now();
    let run = sio(&[&url, "-l", "--connect-timeout", "0.4"], "");
    assert_eq!(run.code, Some(2), "{}", run.err);
    assert!(
        run.err
            .contains("within 0.4 s; --connect-timeout gives it more time"),
        "{}",
        run.err
    );
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_interrupt_leaves_the_namespace_and_ends_with_status_130() {
    for server in Server::all() {
        let mut child = server.start("/", &["-j", "-l", "-v"]);
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        assert!(line.starts_with("{\"type\":\"connect\""), "{line}");
        let id = child.id().to_string();
        let sent = Command::new("kill")
            .args(["-INT", &id])
            .status()
            .expect("kill");
        assert!(sent.success());
        let run = Run::of(child.wait_with_output().expect("an end"));
        assert_eq!(run.code, Some(130), "{}: {}", server.name, run.err);
        assert!(
            run.err.contains("> DISCONNECT /"),
            "{}: {}",
            server.name,
            run.err
        );
    }
}

#[test]
fn a_reader_that_goes_away_ends_with_status_6() {
    let server = Server::ours();
    let mut child = server.start("/", &["-l", "-e", "ticks", "1000", "1"]);
    drop(child.stdout.take());
    assert_eq!(
        Run::of(child.wait_with_output().expect("an end")).code,
        Some(6)
    );
}

#[test]
fn a_mistake_on_the_command_line_ends_with_status_1() {
    for arguments in [
        &["-l"][..],
        &["http://a", "--nope"],
        &["ftp://a"],
        &["http://a", "-e", "x", "{"],
    ] {
        let run = sio(arguments, "");
        assert_eq!((run.out.as_str(), run.code), ("", Some(1)), "{arguments:?}");
        assert!(
            run.err.starts_with("sio: ") && run.err.ends_with("sio --help shows how it is used\n"),
            "{}",
            run.err
        );
    }
    let help = sio(&["--help"], "");
    assert_eq!(
        (help.code, help.out.lines().next()),
        (
            Some(0),
            Some("sio - talk to a Socket.IO server from the command line")
        )
    );
}
