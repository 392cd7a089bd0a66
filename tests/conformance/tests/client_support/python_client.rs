//! The client of python-socketio, which is a script of its own, against this workspace's server.

use std::path::Path;
use std::process::Command;

use socketio_proto::parser::Parser;

use super::client_support::{Program, Server};
use super::python::python;

#[test]
fn python_socketio_is_served_on_every_transport() {
    goes_through_the_script(Parser::Json);
}

#[test]
fn python_socketio_is_served_on_every_transport_in_msgpack() {
    goes_through_the_script(Parser::MsgPack);
}

fn goes_through_the_script(parser: Parser) {
    let Some(python) = python() else {
        eprintln!("left out: python-socketio, for which `scripts/test install` is needed");
        return;
    };
    // The client is slow to answer a ping while it makes sense of what is large.
    let (arguments, parser) = match parser {
        Parser::MsgPack => ("--socketio --ping-timeout 2000 --parser msgpack", "msgpack"),
        _ => ("--socketio --ping-timeout 2000", "json"),
    };
    let server = Server::start(Program::Ours, arguments).expect("ours");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/client.py");
    let mut command = Command::new(python);
    command.arg(script).args(["--parser", parser]);
    let output = command.args(["--url", &server.address()]).output();
    let output = output.expect("a process");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.stdout, b"polling\nwebsocket\nupgrade\n");
}
