//! Clients come by polling, move to a WebSocket, join, leave, and come anew.
//!
//! | stage | the client has sent | it waits for |
//! |---|---|---|
//! | `Handshake` | a GET | the packet `0` |
//! | `Opening` | the next GET, and on a second connection the request for a WebSocket | status 101 |
//! | `Probing` | `2probe` | `3probe`, and the packet `6` as the answer of its GET |
//! | `Joining` | `5`, `3` if there was a ping, and `40` | `40` with an id |
//! | `Leaving` | `41` and a Close frame | a Close frame or the end of the connection |

use std::net::SocketAddr;
use std::time::Instant;

use mio::Registry;

use crate::connection::{Connection, dial};
use crate::drive::{Driver, Ready, Scenario};
use crate::join::{PING, PONG};
use crate::websocket::{CLOSE, CLOSING, Frame, TEXT, encode};
use crate::{Phase, Result, expect, fault, http, join, websocket};

/// Loops that are each one client at a time. Loop `n` has the sockets `2n`, for polling, and `2n + 1`, the WebSocket.
#[derive(Debug)]
pub struct Churn {
    loops: Vec<Option<Client>>,
    endpoint: Endpoint,
}

#[derive(Debug)]
struct Endpoint {
    server: SocketAddr,
    registry: Registry,
}

#[derive(Debug)]
struct Client {
    number: usize,
    began: Instant,
    /// The id of the session; empty until it is known.
    sid: String,
    polling: Connection,
    websocket: Option<Connection>,
    stage: Stage,
    /// A ping came by polling. As the official client does, it is answered when the WebSocket is the transport.
    owes_pong: bool,
}

#[derive(Debug, Eq, PartialEq)]
enum Stage {
    Handshake,
    Opening,
    Probing { has_pong: bool, has_noop: bool },
    Joining,
    Leaving,
    Gone,
}

impl Churn {
    /// Prepares the loops; no client is there yet.
    ///
    /// # Errors
    ///
    /// Errors of the operating system.
    pub fn new(server: SocketAddr, count: usize, driver: &Driver) -> Result<Self> {
        let registry = driver.registry().try_clone()?;
        Ok(Self {
            loops: (0..count).map(|_| None).collect(),
            endpoint: Endpoint { server, registry },
        })
    }

    fn next(&mut self, number: usize, phase: &mut Phase) -> Result<()> {
        let began = Instant::now();
        self.loops[number] = match phase.begin(began) {
            true => Some(Client::come(number, began, &self.endpoint)?),
            false => None,
        };
        Ok(())
    }
}

impl Scenario for Churn {
    fn start(&mut self, phase: &mut Phase) -> Result<()> {
        (0..self.loops.len()).try_for_each(|number| self.next(number, phase))
    }

    fn readable(&mut self, ready: Ready, scratch: &mut [u8], phase: &mut Phase) -> Result<()> {
        let number = ready.token / 2;
        // An event of a socket that was closed in the same turn of the loop.
        let Some(client) = &mut self.loops[number] else {
            return Ok(());
        };
        if ready.token.is_multiple_of(2) {
            client.read_polling(ready, scratch, &self.endpoint)?;
        } else {
            client.read_websocket(ready, scratch)?;
        }
        if client.stage == Stage::Gone {
            phase.count(client.began, Instant::now());
            phase.end();
            self.next(number, phase)?;
        }
        Ok(())
    }
}

impl Client {
    fn come(number: usize, began: Instant, endpoint: &Endpoint) -> Result<Self> {
        let mut polling = endpoint.connect(number, 2 * number)?;
        polling.send(http::get(endpoint.server, None).as_bytes())?;
        Ok(Self {
            number,
            began,
            sid: String::new(),
            polling,
            websocket: None,
            stage: Stage::Handshake,
            owes_pong: false,
        })
    }

    fn read_polling(
        &mut self,
        ready: Ready,
        scratch: &mut [u8],
        endpoint: &Endpoint,
    ) -> Result<()> {
        let input = self.polling.read(scratch, ready.saw_end)?;
        // A server may close the connection once it has answered the last GET.
        if input.is_closed && !matches!(self.stage, Stage::Joining | Stage::Leaving) {
            return fault("the server closed the connection for polling");
        }
        let mut input = input.bytes;
        while let Some(body) = http::take_body(&mut input)? {
            self.take_payload(body, endpoint)?;
        }
        self.polling.keep(input);
        Ok(())
    }

    fn take_payload(&mut self, payload: &[u8], endpoint: &Endpoint) -> Result<()> {
        if self.stage == Stage::Handshake {
            return self.upgrade(join::sid_of(b"0", payload)?, endpoint);
        }
        for packet in http::packets(payload) {
            match &mut self.stage {
                Stage::Opening | Stage::Probing { .. } if packet == PING && !self.owes_pong => {
                    self.owes_pong = true;
                }
                Stage::Probing { has_noop, .. } if !*has_noop => {
                    expect(packet, b"6")?;
                    *has_noop = true;
                }
                _ => return fault(format!("unasked: {}", String::from_utf8_lossy(packet))),
            }
        }
        if let Stage::Opening
        | Stage::Probing {
            has_noop: false, ..
        } = self.stage
        {
            self.poll(endpoint)?;
        }
        self.join_if_probed()
    }

    fn poll(&mut self, endpoint: &Endpoint) -> Result<()> {
        let get = http::get(endpoint.server, Some(&self.sid));
        self.polling.send(get.as_bytes())
    }

    fn upgrade(&mut self, sid: &str, endpoint: &Endpoint) -> Result<()> {
        self.sid = sid.to_owned();
        self.poll(endpoint)?;
        let mut websocket = endpoint.connect(self.number, 2 * self.number + 1)?;
        websocket.send(websocket::opening(endpoint.server, Some(sid)).as_bytes())?;
        self.websocket = Some(websocket);
        self.stage = Stage::Opening;
        Ok(())
    }

    fn read_websocket(&mut self, ready: Ready, scratch: &mut [u8]) -> Result<()> {
        let Some(websocket) = &mut self.websocket else {
            return Ok(());
        };
        let input = websocket.read(scratch, ready.saw_end)?;
        let (mut bytes, is_closed) = (input.bytes, input.is_closed);
        if self.stage == Stage::Opening && websocket::take_opened(&mut bytes)? {
            self.stage = Stage::Probing {
                has_pong: false,
                has_noop: false,
            };
            self.send(b"2probe")?;
        }
        if self.stage != Stage::Opening {
            while let Some(frame) = websocket::decode(&mut bytes)? {
                self.take(frame)?;
            }
        }
        if is_closed && self.stage == Stage::Leaving {
            self.stage = Stage::Gone;
        }
        match &mut self.websocket {
            _ if self.stage == Stage::Gone => Ok(()),
            Some(websocket) if !is_closed => {
                websocket.keep(bytes);
                Ok(())
            }
            _ => fault("the server closed a WebSocket"),
        }
    }

    fn take(&mut self, frame: Frame<'_>) -> Result<()> {
        match &mut self.stage {
            Stage::Probing { has_pong, .. } if !*has_pong => {
                expect(text(frame)?, b"3probe")?;
                *has_pong = true;
                self.join_if_probed()
            }
            Stage::Joining => {
                join::sid_of(b"40", text(frame)?)?;
                self.send(b"41")?;
                self.send_bytes(&CLOSING)?;
                self.stage = Stage::Leaving;
                Ok(())
            }
            Stage::Leaving if frame.opcode == CLOSE => {
                self.stage = Stage::Gone;
                Ok(())
            }
            _ => fault(format!(
                "unasked: {}",
                String::from_utf8_lossy(frame.payload)
            )),
        }
    }

    fn join_if_probed(&mut self) -> Result<()> {
        let probed = Stage::Probing {
            has_pong: true,
            has_noop: true,
        };
        if self.stage == probed {
            self.stage = Stage::Joining;
            self.send(b"5")?;
            if self.owes_pong {
                self.send(PONG.as_bytes())?;
            }
            self.send(b"40")?;
        }
        Ok(())
    }

    fn send(&mut self, packet: &[u8]) -> Result<()> {
        self.send_bytes(&encode(TEXT, packet))
    }

    fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.websocket {
            Some(websocket) => websocket.send(bytes),
            None => fault("there is no WebSocket"),
        }
    }
}

fn text<'a>(frame: Frame<'a>) -> Result<&'a [u8]> {
    if frame.opcode != TEXT {
        return fault("the server closed a WebSocket");
    }
    Ok(frame.payload)
}

impl Endpoint {
    fn connect(&self, client: usize, token: usize) -> Result<Connection> {
        Connection::watch(dial(self.server, client)?, &self.registry, token)
    }
}
