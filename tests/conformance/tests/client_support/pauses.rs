//! A server that stands still for longer than the heartbeat allows, as a suspended host does.

use std::thread;
use std::time::Duration;

use engineio_proto::client::CloseReason;
use socketio_proto::client::{DisconnectReason, Event};

use super::client_support::{Program, Runtime, Server};
use super::{MODES, SOON, both_ways, connect, connected, disconnected, event, start};

macro_rules! notices_on {
    ($($name:ident: $runtime:ident, $program:ident;)*) => {
        $(
            #[test]
            fn $name() {
                for mode in MODES {
                    let Some(server) = Server::start(Program::$program, "--socketio") else {
                        return;
                    };
                    let client = start(Runtime::$runtime, &server.address(), mode, Vec::new());
                    let main = connect(&client, "/", None);
                    assert_eq!(connected(&client), main);
                    assert_eq!(event(&client).1, "auth");

                    // Nothing of it closes: all that is missing is the ping, and what follows it.
                    server.pause();
                    let reason = disconnected(&client, main);
                    assert_eq!(reason, DisconnectReason::Engine(CloseReason::PingTimeout), "{mode:?}");
                    client.wait(|event| matches!(event, Event::ReconnectAttempt { .. }).then_some(()));
                    thread::sleep(Duration::from_millis(300));
                    server.resume();

                    client.wait(|event| matches!(event, Event::Reconnected { .. }).then_some(()));
                    assert_eq!(connected(&client), main);
                    assert_eq!(event(&client).1, "auth");
                    both_ways(&client, main);
                    client.stop(SOON);
                }
            }
        )*
    };
}

notices_on! {
    tokio_notices_that_the_official_server_stands_still: Tokio, Official;
    smol_notices_that_the_official_server_stands_still: Smol, Official;
    threads_notice_that_the_official_server_stands_still: Threads, Official;
    tokio_notices_that_our_server_stands_still: Tokio, Ours;
    smol_notices_that_our_server_stands_still: Smol, Ours;
    threads_notice_that_our_server_stands_still: Threads, Ours;
    tokio_notices_that_python_socketio_stands_still: Tokio, Python;
    smol_notices_that_python_socketio_stands_still: Smol, Python;
    threads_notice_that_python_socketio_stands_still: Threads, Python;
}
