//! One client sends events that the server emits to all, the sender among them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use super::payload;
use crate::connection::Connection;
use crate::drive::{Driver, Ready, Scenario};
use crate::join::{WebSockets, packet_of};
use crate::numbered::{Numbered, PLACE};
use crate::{Phase, Result, expect, fault, websocket};

/// A sender and receivers over WebSockets, with a limited number of broadcasts in flight.
#[derive(Debug)]
pub struct Broadcast {
    /// The first one sends.
    clients: Vec<Client>,
    event: Numbered,
    delivery: Numbered,
    /// The most that may be in flight.
    window: usize,
    /// The broadcasts that not all clients have, oldest first.
    in_flight: VecDeque<Sent>,
    /// The number of the oldest in flight, or else of the next.
    oldest: u64,
}

#[derive(Debug)]
struct Client {
    connection: Connection,
    /// The number of the broadcast that it gets next.
    next: u64,
}

#[derive(Debug)]
struct Sent {
    at: Instant,
    /// The number of clients that do not have it.
    missing: usize,
}

impl Broadcast {
    /// Joins the sender and the receivers.
    ///
    /// # Errors
    ///
    /// A wrong answer, or what the operating system says.
    pub fn join(
        server: SocketAddr,
        receivers: usize,
        window: usize,
        driver: &mut Driver,
    ) -> Result<Self> {
        let connections = WebSockets::join(server, receivers + 1, driver)?.into_iter();
        let client = |connection| Client {
            connection,
            next: 0,
        };
        let clients = connections.map(client).collect();
        let packet = format!(r#"42["broadcast",{PLACE},"{}"]"#, payload(0));
        Ok(Self {
            clients,
            event: Numbered::frame(&packet),
            delivery: Numbered::plain(&packet),
            window,
            in_flight: VecDeque::with_capacity(window),
            oldest: 0,
        })
    }

    fn send(&mut self, phase: &mut Phase) -> Result<()> {
        while self.in_flight.len() < self.window {
            let at = Instant::now();
            if !phase.begin(at) {
                break;
            }
            let number = self.oldest + self.in_flight.len() as u64;
            let missing = self.clients.len();
            self.in_flight.push_back(Sent { at, missing });
            self.clients[0].connection.send(self.event.with(number))?;
        }
        Ok(())
    }

    /// Takes a delivery. Each client gets each broadcast once and in order, so it can only be the next one.
    fn take(&mut self, client: usize, delivery: &[u8], phase: &mut Phase) -> Result<()> {
        let next = &mut self.clients[client].next;
        expect(delivery, self.delivery.with(*next))?;
        let index = (*next - self.oldest) as usize;
        *next += 1;
        let Some(sent) = self.in_flight.get_mut(index) else {
            return fault(format!("a broadcast that was not sent: {delivery:?}"));
        };
        sent.missing -= 1;
        phase.count(sent.at, Instant::now());
        while self
            .in_flight
            .pop_front_if(|sent| sent.missing == 0)
            .is_some()
        {
            self.oldest += 1;
            phase.end();
        }
        Ok(())
    }
}

impl Scenario for Broadcast {
    fn start(&mut self, phase: &mut Phase) -> Result<()> {
        self.send(phase)
    }

    fn readable(&mut self, ready: Ready, scratch: &mut [u8], phase: &mut Phase) -> Result<()> {
        let connection = &mut self.clients[ready.token].connection;
        let mut input = connection.read(scratch, ready.saw_end)?.open()?;
        while let Some(frame) = websocket::decode(&mut input)? {
            let connection = &mut self.clients[ready.token].connection;
            if let Some(packet) = packet_of(frame, connection)? {
                self.take(ready.token, packet, phase)?;
            }
        }
        self.clients[ready.token].connection.keep(input);
        self.send(phase)
    }
}
