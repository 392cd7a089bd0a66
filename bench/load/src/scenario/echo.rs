//! Each client sends an event over its WebSocket, waits for the acknowledgement, and sends the next.

use std::net::SocketAddr;
use std::time::Instant;

use super::{echo, echoed};
use crate::connection::Connection;
use crate::drive::{Driver, Ready, Scenario};
use crate::join::{WebSockets, packet_of};
use crate::numbered::Numbered;
use crate::{Phase, Result, expect, fault, websocket};

/// WebSocket clients with one event each in flight.
#[derive(Debug)]
pub struct Echo {
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    connection: Connection,
    event: Numbered,
    answer: Numbered,
    number: u64,
    /// The time at which the event was sent that waits for its acknowledgement.
    sent: Option<Instant>,
}

impl Echo {
    /// Joins the clients.
    ///
    /// # Errors
    ///
    /// A wrong answer, or what the operating system says.
    pub fn join(server: SocketAddr, count: usize, driver: &mut Driver) -> Result<Self> {
        let connections = WebSockets::join(server, count, driver)?.into_iter();
        let client = |(index, connection)| Client {
            connection,
            event: Numbered::frame(&echo(index)),
            answer: Numbered::plain(&echoed(index)),
            number: 0,
            sent: None,
        };
        let clients = connections.enumerate().map(client).collect();
        Ok(Self { clients })
    }
}

impl Client {
    fn next(&mut self, phase: &mut Phase) -> Result<()> {
        let now = Instant::now();
        if phase.begin(now) {
            self.sent = Some(now);
            self.connection.send(self.event.with(self.number))?;
        }
        Ok(())
    }

    fn take(&mut self, answer: &[u8], phase: &mut Phase) -> Result<()> {
        let Some(sent) = self.sent.take() else {
            return fault(format!("unasked: {}", String::from_utf8_lossy(answer)));
        };
        expect(answer, self.answer.with(self.number))?;
        phase.count(sent, Instant::now());
        phase.end();
        self.number += 1;
        self.next(phase)
    }
}

impl Scenario for Echo {
    fn start(&mut self, phase: &mut Phase) -> Result<()> {
        self.clients
            .iter_mut()
            .try_for_each(|client| client.next(phase))
    }

    fn readable(&mut self, ready: Ready, scratch: &mut [u8], phase: &mut Phase) -> Result<()> {
        let client = &mut self.clients[ready.token];
        let mut input = client.connection.read(scratch, ready.saw_end)?.open()?;
        while let Some(frame) = websocket::decode(&mut input)? {
            if let Some(packet) = packet_of(frame, &mut client.connection)? {
                client.take(packet, phase)?;
            }
        }
        client.connection.keep(input);
        Ok(())
    }
}
