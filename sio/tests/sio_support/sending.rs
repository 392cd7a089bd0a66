//! Unusual amounts and sources of what `sio` sends.

use super::sio_support::{Server, sio};

#[test]
fn many_events_over_polling_reach_servers_that_take_few_packets_a_request() {
    for server in Server::all() {
        let events = (0..40).flat_map(|number| ["-e".into(), "message".into(), number.to_string()]);
        let events: Vec<String> = events.collect();
        let mut line = vec!["-t", "polling", "--on", "message-back", "-c", "40"];
        line.extend(["--max-time", "10"]);
        line.extend(events.iter().map(String::as_str));
        let run = server.sio("/", &line);
        let expected: String = (0..40)
            .map(|number| format!("message-back {number}\n"))
            .collect();
        assert_eq!(run.out, expected, "{}: {}", server.name, run.err);
        assert_eq!(run.code, Some(0), "{}", server.name);
    }
}

#[test]
fn standard_input_is_a_file_that_can_be_sent() {
    let server = Server::ours();
    let ask = ["--ack", "-e", "message-with-ack"];
    let run = server.sio_with("/", &[&ask[..], &["@-"]].concat(), "abc");
    let shown = (run.out.as_str(), run.err.as_str(), run.code);
    let expected = "message-with-ack -> <3 bytes: 61 62 63>\n";
    assert_eq!(shown, (expected, "", Some(0)));

    let auth = [&["-a", "@-"][..], &ask].concat();
    let run = server.sio_with("/refuse", &auth, "{\"token\":\"let me in\"}\n");
    assert_eq!(
        (run.out.as_str(), run.code),
        ("message-with-ack ->\n", Some(0))
    );

    let file = [&["-f", "in=-"][..], &ask, &["[\"@in\"]"]].concat();
    let run = server.sio_with("/", &file, "x");
    assert_eq!(run.out, "message-with-ack -> [<1 byte: 78>]\n");

    let run = server.sio_with("/", &["--on", "nothing"], "message @-\n");
    assert!(run.err.contains("@- can be no argument"), "{}", run.err);
    assert_eq!(run.code, Some(1));
}

#[test]
fn a_url_behind_an_event_is_missed_with_a_hint() {
    let run = sio(&["-e", "chat", "hello", "http://127.0.0.1:1"], "");
    assert!(run.err.contains("so that it stands first"), "{}", run.err);
    assert_eq!(run.code, Some(1));
}
