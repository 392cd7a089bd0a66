//! Unusual amounts and sources of what `sio` sends.

use super::sio_support::Server;

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
