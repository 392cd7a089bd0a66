//! Rooms of ten sockets each, among 100,000 sockets that are all in such a room.

use benchmarks::Run;
use socketio_proto::server::{Config, Target};

use super::machine::broadcast_to;
use super::net::Net;

const SOCKETS: u64 = 100_000;
const MEMBERS: usize = 10;
/// What a run goes through.
const ROOMS: usize = 100;

/// Sockets that leave their room and join it again; an operation is both of them for one socket.
pub(super) fn leave_and_join() -> Run {
    let mut net = net();
    let steps = SOCKETS as usize / ROOMS;
    Run::new(ROOMS as u32, move || {
        for index in (0..SOCKETS as usize).step_by(steps) {
            let (socket, room) = (net.sockets[index], name(index));
            assert!(net.server.leave_room(socket, &room), "{room}");
            net.server.join(socket, &room).unwrap();
            net.drain();
        }
    })
}

/// Events to rooms; an operation is one event that reaches one socket.
pub(super) fn broadcast() -> Run {
    let mut net = net();
    let steps = SOCKETS as usize / ROOMS;
    let rooms: Vec<_> = (0..SOCKETS as usize).step_by(steps).map(name).collect();
    Run::new((ROOMS * MEMBERS) as u32, move || {
        let before = net.frames;
        for room in &rooms {
            broadcast_to(&mut net, &Target::namespace("/").rooms(&[room]));
        }
        assert_eq!(net.frames - before, (ROOMS * MEMBERS) as u64);
    })
}

fn net() -> Net {
    let mut net = Net::with_clients(Config::default(), SOCKETS);
    for index in 0..net.sockets.len() {
        net.server.join(net.sockets[index], &name(index)).unwrap();
    }
    net.drain();
    net
}

/// The room of the socket that came as the `index`th. The members of a room did not come one after the other.
fn name(index: usize) -> String {
    format!("room {}", index % (SOCKETS as usize / MEMBERS))
}
