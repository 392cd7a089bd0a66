use engineio_proto::Seed;
use engineio_proto::client::Endpoint;
use socketio::client::Machine;
use socketio_proto::client::{Client, Config};

use super::*;
use crate::arguments::{Task, parse};
use crate::wire::Log;

/// A run that has begun to connect, but for the network.
fn begun(line: &[&str]) -> (Run, Wire, Screen) {
    let screen = Screen::memory();
    let Ok(Task::Connect(options)) = parse(line.iter().map(Into::into)) else {
        panic!("good arguments");
    };
    let style = Style {
        json: options.json,
        ..Style::default()
    };
    let (ready, _) = oneshot::channel();
    let config = Config::new(Endpoint::parse("http://localhost").unwrap())
        .with_reconnection(options.reconnect == Some(true));
    let client = Client::new(config, &Seed::new([1; 32])).unwrap();
    let mut wire = Wire::new(client.into(), Log::new(&options, style, screen.clone()));
    let mut run = Run::new(
        *options,
        style,
        screen.clone(),
        false,
        ready,
        Arc::new(Semaphore::new(1)),
    );
    run.started(&mut wire, Instant::ZERO);
    (run, wire, screen)
}

fn drive(run: &mut Run, wire: &mut Wire) -> ControlFlow<()> {
    while let Some(output) = wire.poll_output() {
        if let engineio_proto::client::Output::Event(news) = output {
            run.handle_event(wire, news, Instant::ZERO)?;
        }
    }
    ControlFlow::Continue(())
}

fn shown(screen: &Screen) -> Vec<String> {
    let text = |line| match line {
        Line::Arrived(text) | Line::Note(text) => text,
    };
    screen.take().into_iter().map(text).collect()
}

#[test]
fn a_server_that_does_not_answer_ends_the_session() {
    let (mut run, mut wire, screen) = begun(&["http://localhost:9/x", "-l"]);
    let Some(engineio_proto::client::Output::Request { request, .. }) = wire.poll_output() else {
        panic!("a request");
    };
    wire.handle_request_failed(request, Instant::ZERO);
    assert_eq!(drive(&mut run, &mut wire), ControlFlow::Break(()));
    assert_eq!(run.outcome(), Outcome::CannotConnect);
    assert!(run.was_unanswered());
    assert_eq!(
        shown(&screen),
        ["sio: cannot connect to localhost:9: xhr poll error"]
    );
}

#[test]
fn an_interrupt_ends_the_session_and_the_second_one_at_once() {
    let (mut run, mut wire, _) = begun(&["http://localhost", "-l"]);
    let first = run.handle_command(&mut wire, Input::Interrupt, Instant::ZERO);
    assert_eq!(
        (first, run.outcome()),
        (ControlFlow::Continue(()), Outcome::Interrupted)
    );
    let second = run.handle_command(&mut wire, Input::Interrupt, Instant::ZERO);
    assert_eq!(second, ControlFlow::Break(()));
}

#[test]
fn time_that_is_over_before_there_is_a_connection_is_a_timeout() {
    let (mut run, mut wire, screen) =
        begun(&["http://localhost", "-l", "--max-time", "1", "--reconnect"]);
    let _flow = run.handle_command(&mut wire, Input::TimeOver, Instant::ZERO);
    assert_eq!(drive(&mut run, &mut wire), ControlFlow::Break(()));
    assert_eq!(run.outcome(), Outcome::TimedOut);
    assert_eq!(
        shown(&screen),
        ["sio: --max-time is over before all was done"]
    );
}

#[test]
fn an_impossible_namespace_is_a_mistake() {
    let (run, _, screen) = begun(&["http://localhost", "-n", "a,b"]);
    assert_eq!(run.outcome(), Outcome::Usage);
    assert_eq!(shown(&screen), ["sio: namespace /a,b: invalid namespace"]);
}

#[test]
fn lines_that_are_no_commands_give_their_permit_back() {
    let (mut run, mut wire, screen) = begun(&["http://localhost"]);
    let permits = Arc::clone(&run.permits);
    for line in ["/nope", "{", "/reply 7", "connect", "# nothing"] {
        permits.try_acquire().unwrap().forget();
        let _flow = run.handle_command(&mut wire, Input::Line(line.into()), Instant::ZERO);
        assert_eq!(permits.available_permits(), 1, "{line}");
    }
    assert_eq!(run.outcome(), Outcome::Usage);
    assert_eq!(
        shown(&screen).len(),
        5,
        "four errors, and a note that there is no connection"
    );
}
