//! Checks of the machines. The fuzzer's bytes make histories of a network, a clock and an application that do anything
//! in any order. The checks assert what must hold in every history.

mod client;
mod engine_client;
mod engine_server;
mod pair;
mod route;
mod serve_wire;
mod server;
mod session;
mod socket_client;
mod socket_server;

use std::time::Duration;

use engineio_proto::Instant;

pub use engine_client::engine_client_ops;
pub use engine_server::engine_server_ops;
pub use pair::client_vs_server;
pub use route::route;
pub use serve_wire::serve_wire;
pub use session::session_ops;
pub use socket_client::socket_client_ops;
pub use socket_server::socket_server_ops;

use crate::input::Input;

/// The number of steps that one input makes, so that none takes long.
const MOST_STEPS: usize = 300;

/// A machine with more outputs than that at once never comes to an end.
const MOST_OUTPUTS: usize = 20_000;

/// A machine that has deadlines after that many never comes to rest.
const MOST_DEADLINES: usize = 5_000;

/// Packets for most of the time: those with a meaning, first those of Engine.IO.
const PACKETS: &[&str] = &[
    "3",
    "2probe",
    "5",
    "4a",
    "6",
    "1",
    "2",
    "3probe",
    "bAQID",
    "0{}",
    "b!",
    "",
    "7",
    "4",
    r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":100}"#,
    r#"0{"sid":"s","upgrades":[],"pingInterval":300,"pingTimeout":200}"#,
    "40",
    "40/a,",
    "40/made-1,",
    "40/asked,",
    r#"40{"pid":"p","offset":"o"}"#,
    r#"40{"sid":"s","pid":"p"}"#,
    r#"40{"sid":"s"}"#,
    r#"40/a,{"sid":"t"}"#,
    r#"44{"message":"no"}"#,
    "41",
    "41/a,",
    r#"42["e",1]"#,
    r#"42/a,["e"]"#,
    r#"421["e"]"#,
    r#"42/a,2["e"]"#,
    "430[1]",
    "431[]",
    "43/a,0[]",
    "43/a,1[2]",
    r#"451-["e",{"_placeholder":true,"num":0}]"#,
    r#"461-0[{"_placeholder":true,"num":0}]"#,
    r#"42["disconnect"]"#,
    r#"42[[[["#,
    "49",
    "4511-[]",
];

/// One of the packets above, or any text.
fn packet(input: &mut Input<'_>) -> String {
    let which = usize::from(input.byte());
    match PACKETS.get(which % (PACKETS.len() + 4)) {
        Some(packet) => (*packet).to_owned(),
        None => input.text().to_string(),
    }
}

/// A duration, from zero to so long that everything has ended.
fn pause(input: &mut Input<'_>) -> Duration {
    const MILLIS: [u64; 10] = [0, 1, 10, 100, 199, 200, 300, 1_000, 5_000, 60_000];
    let which = usize::from(input.byte()) % MILLIS.len();
    Duration::from_millis(MILLIS.get(which).copied().unwrap_or_default())
}

/// One of several, by a number.
fn pick<T>(of: &[T], number: u8) -> Option<&T> {
    of.get(usize::from(number).checked_rem(of.len())?)
}

/// Lets deadlines pass until there is none. `fire` calls the machine at a time and returns whether that had an effect.
fn run_down<M>(
    machine: &mut M,
    now: &mut Instant,
    deadline: impl Fn(&M) -> Option<Instant>,
    mut fire: impl FnMut(&mut M, Instant) -> bool,
) {
    for _ in 0..MOST_DEADLINES {
        let Some(due) = deadline(machine) else {
            return;
        };
        *now = (*now).max(due);
        let told = fire(machine, *now);
        assert!(
            told || deadline(machine) != Some(due),
            "a deadline that is met moves something"
        );
    }
    panic!("deadlines never end");
}
