//! Recordings are complete, readable and robust.
#![cfg(test)]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use socketio_proto::Payload;
use socketio_proto::client::{self, Client};
use socketio_proto::engine::client::{Endpoint, Output as ClientOutput};
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::Output;
use socketio_proto::engine::{ConnectionId, Frame, Instant, RequestId, Seed, Transport};
use socketio_proto::server::{Config, Event, Server, Target};
use socketio_recorder::{
    Diagram, Ending, Form, OpenError, RecordError, Recorder, Replay, Status, redact,
};

#[test]
fn a_session_reads_as_a_diagram() {
    let recording = session();
    let expected = "     1.000000      connection 1 --> server                  upgrade GET /socket.io/?EIO=4&transport=websocket
     1.000000      connection 1 <-- server                  accept
     1.000000                       server --> application  Opened { session: SessionKey(0.0), by: Connection(ConnectionId(1)) }
     1.000000      connection 1 <-- server                  0{\"sid\":\"SID\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}
     1.000500      connection 1 --> server                  frame 40{\"token\":\"123\"}
     1.000500                       server --> application  Connecting { token: ConnectToken(0.0), session: SessionKey(0.0), namespace: \"/\", auth: Some({\"token\":\"123\"}), recovered: false }
     1.000500                       server <-- application  accept(socket 0.0) = Ok(SocketKey(0.0))
     1.000500                       server <-- application  emit(socket 0.0, [\"hi\",1])
     1.000500      connection 1 <-- server                  40{\"sid\":\"SID\"}
     1.000500      connection 1 <-- server                  42[\"hi\",1]
     1.000500                       server <-- application  broadcast(Target { namespace: \"/\", rooms: [\"r\"], except_rooms: [], except: None, volatile: false, local: false }, [\"hi\",1]) = Ok(SentMany { sent: 0, full: 0, gone: 0 })
     1.001000         request 7 --> server                  request GET /socket.io/?EIO=4&transport=nonsense
     1.001000         request 7 <-- server                  400 {\"code\":0,\"message\":\"Transport unknown\"}
    26.000000             clock --> server                  timeout
    26.000000      connection 1 <-- server                  2
";
    assert_eq!(without_ids(&draw(&recording, Form::Text)), expected);
}

#[test]
fn mermaid_gets_participants_and_no_characters_of_its_own() {
    let drawn = without_ids(&draw(&session(), Form::Mermaid));
    let lines: Vec<_> = drawn.lines().take(6).collect();
    assert_eq!(
        lines,
        [
            "sequenceDiagram",
            "  participant m as server",
            "  participant c1 as connection 1",
            "  c1->>m: upgrade GET /socket.io/?EIO=4#38;transport=websocket",
            "  m-->>c1: accept",
            "  participant a as application",
        ]
    );
    assert!(drawn.contains("  participant h as HTTP\n  h->>m: (7) request GET"));
    assert!(drawn.contains("  participant t as clock\n  t->>m: timeout\n"));
}

#[test]
fn a_client_is_recorded_too() {
    let recording = client_session();
    let mut replay = Replay::new(&recording).unwrap();
    assert_eq!((replay.machine(), replay.calls()), ("client", 0));
    assert_eq!(*replay.run(), Ending::Complete);
    assert!(draw(&recording, Form::Text).contains(
        "client --> application  Connected { socket: SocketKey(0.0), recovered: false }"
    ));
}

#[test]
fn what_was_cut_off_anywhere_replays_up_to_there() {
    let recording = session();
    let whole: Vec<_> = Replay::new(&recording).unwrap().collect();
    let start = whole[0].offset;
    for end in 0..recording.len() {
        let mut replay = match Replay::new(&recording[..end]) {
            Ok(replay) => replay,
            Err(OpenError::TooShort) => {
                assert!(end < start);
                continue;
            }
            Err(other) => panic!("{other}"),
        };
        let before: Vec<_> = replay.by_ref().collect();
        assert_eq!(before, whole[..before.len()]);
        let next = whole
            .get(before.len())
            .map_or(recording.len(), |step| step.offset);
        match replay.ending() {
            Ending::Complete => assert_eq!(end, next),
            Ending::Unfinished { number } => {
                assert_eq!(*number, before.len() as u64);
                assert!(end < next && end >= next - 4);
            }
            Ending::CutOff { offset } => assert_eq!(*offset, next),
            other @ (Ending::Underway | Ending::Differs { .. } | Ending::Malformed { .. } | _) => {
                panic!("{other:?}")
            }
        }
    }
}

#[test]
fn the_first_call_with_another_outcome_is_named() {
    let recording = session();
    let steps: Vec<_> = Replay::new(&recording).unwrap().collect();
    let (third, fourth) = (steps[2].offset, steps[3].offset);
    let mut changed = recording.clone();
    changed[fourth - 1] ^= 1;
    let mut replay = Replay::new(&changed).unwrap();
    assert_eq!(replay.by_ref().last().as_ref(), Some(&steps[2]));
    assert_eq!(*replay.ending(), Ending::Differs { number: 3 });

    // Another seed: other ids, which the first frame shows.
    let mut changed = recording.clone();
    changed[9 + 5] ^= 1;
    let mut replay = Replay::new(&changed).unwrap();
    let last = replay.by_ref().last().unwrap();
    assert_eq!(last.call, "poll_frame");
    assert_eq!(
        *replay.ending(),
        Ending::Differs {
            number: last.number
        }
    );

    let mut changed = recording;
    changed[third] = 0xee;
    let mut replay = Replay::new(&changed).unwrap();
    assert_eq!(replay.by_ref().count(), 2);
    let (offset, why) = (third, "an unknown call");
    assert_eq!(*replay.ending(), Ending::Malformed { offset, why });
}

#[test]
fn a_machine_that_does_not_come_back_leaves_its_last_call() {
    let recording = session();
    let offset = Replay::new(&recording).unwrap().last().unwrap().offset;
    // The call without what stands behind it: as a panic leaves it.
    let mut replay = Replay::new(&recording[..recording.len() - 4]).unwrap();
    let last = replay.by_ref().last().unwrap();
    assert_eq!(last.offset, offset);
    assert_eq!(
        *replay.ending(),
        Ending::Unfinished {
            number: last.number
        }
    );
}

#[test]
fn what_is_no_recording_is_refused() {
    assert!(matches!(Replay::new(b""), Err(OpenError::TooShort)));
    assert!(matches!(
        Replay::new(b"GET / HTTP/1.1\r\n"),
        Err(OpenError::NotOne(_))
    ));
    let mut recording = session();
    recording[6] = 3;
    assert!(
        matches!(Replay::new(&recording), Err(OpenError::NotOne(_))),
        "a later version"
    );
    recording[6] = 2;
    recording[7] = 9;
    assert!(
        matches!(Replay::new(&recording), Err(OpenError::NotOne(_))),
        "another machine"
    );
    recording[7] = 2;
    assert!(
        matches!(Replay::new(&recording), Err(OpenError::Settings(_))),
        "settings of a server"
    );
}

#[test]
fn a_recording_ends_at_its_limit_and_the_machine_goes_on() {
    let sink = Sink::default();
    let seed = Seed::new([1; 32]);
    let mut server = Recorder::server(Config::default(), 0, &seed, sink.clone(), 2_000).unwrap();
    assert!(matches!(server.status(), Status::Recording { bytes } if bytes < 2_000));
    for number in 0..200 {
        let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=polling");
        server.handle_request(RequestId(number), &head, "".into(), Instant::ZERO);
    }
    assert!(matches!(server.status(), Status::Full));
    assert_eq!(server.engine().session_count(), 200);
    drop(server);
    let recording = sink.take();
    assert!(recording.len() <= 2_000);
    let mut replay = Replay::new(&recording).unwrap();
    // The outcome of the last call would have been written with the next.
    assert!(matches!(replay.run(), Ending::Unfinished { .. }));
}

#[test]
fn a_sink_that_fails_is_told_of_and_does_not_disturb_the_machine() {
    struct Broken(usize);

    impl Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let seed = Seed::new([1; 32]);
    let none = Recorder::server(Config::default(), 0, &seed, Broken(0), u64::MAX);
    assert!(matches!(none, Err(RecordError::Io(_))));
    let mut server = Recorder::server(Config::default(), 0, &seed, Broken(1), u64::MAX).unwrap();
    server.add_namespace("/a").unwrap();
    assert!(matches!(server.status(), Status::Failed(_)));
    server.add_namespace("/b").unwrap();
    assert_eq!(server.namespaces().count(), 3);
}

#[test]
fn a_recorder_of_a_machine_records_nothing() {
    let machine = Server::new(Config::default(), 0, &Seed::new([1; 32])).unwrap();
    let mut server = Recorder::from(machine);
    server.add_namespace("/a").unwrap();
    assert!(matches!(server.status(), Status::Off));
    assert!(server.poll_output().is_some());
}

#[test]
fn settings_that_cannot_be_written_are_refused() {
    let config = client::Config::new(Endpoint::default()).with_randomization_factor(f64::NAN);
    let recorder = Recorder::client(config, &Seed::new([1; 32]), Sink::default(), u64::MAX);
    assert!(matches!(recorder, Err(RecordError::Settings)));
}

#[test]
fn a_redacted_recording_replays_and_holds_no_secret() {
    let recording = session();
    let sid = sid(&recording);
    let redacted = redact(&recording, &Seed::new([9; 32])).unwrap();
    assert_eq!(redacted.len(), recording.len());
    assert_eq!(Replay::new(&redacted).unwrap().run(), &Ending::Complete);
    for secret in [&sid.into_bytes()[..], &[1; 32], br#""token":"123""#] {
        assert!(
            holds(&recording, secret) || secret.len() == 20,
            "else this shows nothing"
        );
        assert!(!holds(&redacted, secret));
    }
    let (before, after) = (draw(&recording, Form::Text), draw(&redacted, Form::Text));
    let before = without_ids(&before).replace(r#""token":"123""#, r#""token":"xxx""#);
    assert_eq!(without_ids(&after), before);

    let recording = client_session();
    let redacted = redact(&recording, &Seed::new([9; 32])).unwrap();
    assert_eq!(Replay::new(&redacted).unwrap().run(), &Ending::Complete);
    assert!(holds(&recording, b"SECRET") && !holds(&redacted, b"SECRET"));
}

#[test]
fn an_unfinished_recording_is_redacted_with_its_last_call() {
    let recording = session();
    for end in [
        recording.len() - 4,
        recording.len() - 2,
        recording.len() - recording.len() / 8,
    ] {
        let mut replay = Replay::new(&recording[..end]).unwrap();
        let ending = replay.run().clone();
        let redacted = redact(&recording[..end], &Seed::new([9; 32])).unwrap();
        let mut again = Replay::new(&redacted).unwrap();
        // What was cut off is gone, and then nothing is missing.
        let cut_off = matches!(ending, Ending::CutOff { .. });
        let expected = if cut_off { Ending::Complete } else { ending };
        assert_eq!(again.run(), &expected);
        assert_eq!(again.calls(), replay.calls());
    }
}

proptest! {
    #[test]
    fn a_recording_with_changed_bytes_is_replayed_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut recording = session();
        for (index, byte) in changes {
            let index = index.index(recording.len());
            recording[index] = byte;
        }
        if let Ok(mut replay) = Replay::new(&recording) {
            prop_assert!(!matches!(replay.run(), Ending::Underway));
        }
    }
}

/// A recording of a server: a client comes over a WebSocket, hears something, and is pinged.
fn session() -> Vec<u8> {
    let sink = Sink::default();
    let seed = Seed::new([1; 32]);
    let mut server = Recorder::server(Config::default(), 0, &seed, sink.clone(), u64::MAX).unwrap();
    let connection = ConnectionId(1);
    let mut now = Instant::from_millis(1_000);
    let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=websocket");
    server.handle_upgrade(connection, &head, now);
    drain(&mut server, connection, now);
    now = now + std::time::Duration::from_micros(500);
    server.handle_frame(connection, Frame::Text(r#"40{"token":"123"}"#.into()), now);
    drain(&mut server, connection, now);
    let event = Payload::event("hi").arg(&1).build().unwrap();
    server
        .broadcast(&Target::namespace("/").rooms(&["r"]), &event, now)
        .unwrap();
    now = Instant::from_millis(1_001);
    let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=nonsense");
    server.handle_request(RequestId(7), &head, "".into(), now);
    drain(&mut server, connection, now);
    server.handle_timeout(Instant::from_millis(26_000));
    drain(&mut server, connection, now);
    drop(server);
    sink.take()
}

/// A recording of a client that sends a secret, and receives others.
fn client_session() -> Vec<u8> {
    let sink = Sink::default();
    let config =
        client::Config::new(Endpoint::parse("http://localhost").unwrap()).with_engine(|engine| {
            let headers = vec![("authorization".to_owned(), "SECRET".to_owned())];
            engine
                .with_transports([Transport::WebSocket])
                .with_extra_headers(headers)
        });
    let seed = Seed::new([3; 32]);
    let mut client = Recorder::client(config, &seed, sink.clone(), u64::MAX).unwrap();
    let now = Instant::ZERO;
    let auth = [("token", "SECRET")]
        .into_iter()
        .collect::<std::collections::BTreeMap<_, _>>();
    let options = client::SocketOptions::default().with_auth(Payload::object(&auth).unwrap());
    let socket = client.connect("/", options, now).unwrap();
    let Some(ClientOutput::Connect { connection, .. }) = client.poll_output() else {
        panic!("a connection")
    };
    client.handle_connected(connection, now);
    let open =
        r#"0{"sid":"SECRET-SESSION","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    client.handle_frame(connection, Frame::Text(open.into()), now);
    client.handle_frame(
        connection,
        Frame::Text(r#"40{"sid":"SECRET-SOCKET","pid":"SECRET-PID"}"#.into()),
        now,
    );
    assert!(client.is_connected(socket));
    let event = Payload::event("e").build().unwrap();
    client.emit(socket, &event, now).unwrap();
    while client.poll_frame(connection).is_some() {}
    while client.poll_output().is_some() {}
    let machine: Client = client.into_inner();
    assert!(machine.is_connected(socket));

    sink.take()
}

/// Handles all outputs, like a driver and an application that accepts everyone.
fn drain(server: &mut Recorder<Server>, connection: ConnectionId, now: Instant) {
    loop {
        while let Some(output) = server.poll_output() {
            if let Output::Event(Event::Connecting { token, .. }) = output {
                let socket = server.accept(token, now).unwrap();
                let event = Payload::event("hi").arg(&1).build().unwrap();
                server.emit(socket, &event, now).unwrap();
            }
        }
        if server.poll_frame(connection).is_none() {
            break;
        }
    }
}

fn draw(recording: &[u8], form: Form) -> String {
    let mut replay = Replay::new(recording).unwrap();
    let mut diagram = Diagram::new(replay.machine(), form).with_width(200);
    let mut drawn = diagram.start();
    for step in replay.by_ref() {
        drawn.push_str(&diagram.step(&step));
    }
    assert_eq!(*replay.ending(), Ending::Complete);
    drawn
}

/// The id of the first session.
fn sid(recording: &[u8]) -> String {
    let drawn = draw(recording, Form::Text);
    let (_, rest) = drawn.split_once(r#"0{"sid":""#).unwrap();
    rest[..20].to_owned()
}

fn holds(recording: &[u8], secret: &[u8]) -> bool {
    recording
        .windows(secret.len())
        .any(|window| window == secret)
}

/// Ids differ between versions of the generator.
fn without_ids(text: &str) -> String {
    let mut parts = text.split("\"sid\":\"");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str("\"sid\":\"SID");
        out.push_str(&part[20..]);
    }
    out
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
