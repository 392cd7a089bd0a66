//! A server with many sockets, and what is measured of it.

use core::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use socketio_proto::Payload;
use socketio_proto::engine::{ConnectionId, Frame, server as engine};
use socketio_proto::server::{Config, SocketKey, Target};

use crate::net::Net;

/// How the operations are called, in the order of the figures of a round.
pub(crate) const OPERATIONS: [&str; 6] = [
    "join a room",
    "leave a room",
    "connection closes",
    "broadcast to a room of 10, per delivery",
    "broadcast to a room of 1,000, per delivery",
    "broadcast to everybody, per delivery",
];

/// The members of a small room, and of a large one.
const SMALL: usize = 10;
const LARGE: usize = 1_000;

/// How many sockets join, leave and close in a round.
const MOVING: usize = 100;
/// How many rooms of each size get an event in a round.
const SMALL_ROOMS: usize = 100;
const LARGE_ROOMS: usize = 10;

/// 48 bytes.
const TEXT: &str = "forty-eight bytes of text, as in a short message";

/// A server whose sockets are all in a room of 10 and in one of 1,000.
pub(crate) struct World {
    net: Net,
    clients: Vec<Client>,
    event: Payload,
    /// Where the next operation goes on, so that a round meets other sockets and rooms than the one before.
    next: usize,
}

#[derive(Clone, Copy)]
struct Client {
    connection: ConnectionId,
    socket: SocketKey,
}

impl World {
    pub(crate) fn new(sockets: usize) -> Self {
        // An event for everybody waits for all of them at once.
        let engine = engine::Config::default().with_max_bytes_held(usize::MAX);
        let config = Config::default().with_engine(engine);
        let net = Net::with_clients(config, sockets as u64);
        let clients = net.sockets.iter().enumerate();
        let clients = clients.map(|(index, socket)| Client {
            connection: Net::connection(index as u64),
            socket: *socket,
        });
        let mut world = Self {
            clients: clients.collect(),
            event: Payload::event("news").arg(TEXT).build().unwrap(),
            net,
            next: 0,
        };
        (0..sockets).for_each(|index| world.join_rooms(index));
        world.net.drain();
        world
    }

    /// Makes each operation many times; gives the nanoseconds that one takes.
    pub(crate) fn round(&mut self) -> [f64; OPERATIONS.len()] {
        let (leave, join) = self.leave_and_join();
        let close = self.close();
        let small = self.broadcast_small();
        [
            join,
            leave,
            close,
            small,
            self.broadcast_large(),
            self.broadcast_all(),
        ]
    }

    /// Sockets leave their room of 10, and join it again.
    fn leave_and_join(&mut self) -> (f64, f64) {
        let moving = self.some(MOVING, self.clients.len());
        let rooms: Vec<_> = moving.iter().map(|index| self.small_room(*index)).collect();
        let leave = timed(moving.len(), || {
            for (index, room) in moving.iter().zip(&rooms) {
                let left = self
                    .net
                    .server
                    .leave_room(self.clients[*index].socket, room);
                assert!(left, "{room}");
            }
        });
        let join = timed(moving.len(), || {
            for (index, room) in moving.iter().zip(&rooms) {
                let socket = self.clients[*index].socket;
                self.net.server.join(socket, room).unwrap();
            }
        });
        (leave, join)
    }

    /// Connections close; each client is replaced, which is not measured.
    fn close(&mut self) -> f64 {
        let moving = self.some(MOVING, self.clients.len());
        let close = timed(moving.len(), || {
            for index in &moving {
                self.net.close(self.clients[*index].connection);
            }
        });
        moving.iter().for_each(|index| self.replace(*index));
        close
    }

    fn broadcast_small(&mut self) -> f64 {
        let rooms = self.some(SMALL_ROOMS, self.clients.len() / SMALL);
        let rooms = rooms.into_iter().map(|room| self.small_room(room));
        self.broadcast(&rooms.collect::<Vec<_>>(), SMALL)
    }

    fn broadcast_large(&mut self) -> f64 {
        let rooms = self.some(LARGE_ROOMS, self.clients.len() / LARGE);
        let rooms = rooms.into_iter().map(|room| self.large_room(room));
        self.broadcast(&rooms.collect::<Vec<_>>(), LARGE)
    }

    fn broadcast_all(&mut self) -> f64 {
        self.broadcast(&[], self.clients.len())
    }

    /// Sends an event to each of these rooms, or one to everybody.
    fn broadcast(&mut self, rooms: &[String], members: usize) -> f64 {
        let before = self.net.frames;
        let deliveries = members * rooms.len().max(1);
        let taken = timed(deliveries, || {
            if rooms.is_empty() {
                self.send(&Target::namespace("/"));
            }
            for room in rooms {
                self.send(&Target::namespace("/").rooms(&[room]));
            }
        });
        assert_eq!(self.net.frames - before, deliveries as u64);
        taken
    }

    fn send(&mut self, target: &Target<'_>) {
        self.net
            .server
            .broadcast(target, &self.event, self.net.now)
            .unwrap();
        self.net.drain();
    }

    /// Lets a client come in the place of one that is gone.
    fn replace(&mut self, index: usize) {
        self.net.now = self.net.now + Duration::from_millis(1);
        let connection = self.net.open();
        self.net.frame(connection, &Frame::Text("40".into()));
        let socket = self.net.sockets.pop().unwrap();
        self.clients[index] = Client { connection, socket };
        self.join_rooms(index);
    }

    fn join_rooms(&mut self, index: usize) {
        for room in [self.small_room(index), self.large_room(index)] {
            self.net
                .server
                .join(self.clients[index].socket, &room)
                .unwrap();
        }
    }

    /// At most so many of the numbers below a bound, each once: others each time, and far apart.
    fn some(&mut self, most: usize, bound: usize) -> Vec<usize> {
        // It divides no power of ten, so that its multiples go through all numbers.
        const PRIME: usize = 7_919;
        let first = self.next;
        self.next += most;
        let numbers = (first..).take(most.min(bound));
        numbers.map(|number| number * PRIME % bound).collect()
    }

    /// The members of a room did not come one after the other.
    fn small_room(&self, index: usize) -> String {
        format!("room {}", index % (self.clients.len() / SMALL))
    }

    fn large_room(&self, index: usize) -> String {
        format!("hall {}", index % (self.clients.len() / LARGE))
    }
}

/// The nanoseconds that one of some operations takes: of the processor, so that other programs do not count.
fn timed(operations: usize, act: impl FnOnce()) -> f64 {
    let begin = processor_time();
    act();
    (processor_time() - begin) / operations as f64
}

/// What this thread has had of the processor, in nanoseconds.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
