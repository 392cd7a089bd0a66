//! Clients that join the namespace `/`, one by one.

use std::net::SocketAddr;
use std::str;
use std::time::Duration;

use crate::connection::{Connection, Waiting};
use crate::drive::{Driver, Ready, Scenario};
use crate::websocket::Frame;
use crate::{Phase, Result, expect, fault, http, websocket};

/// A ping, which some servers send as soon as a session is open.
pub const PING: &[u8] = b"2";

/// Its answer.
pub const PONG: &str = "3";

/// Clients that joined over WebSockets, each with its number as token.
#[derive(Debug)]
pub struct WebSockets(Vec<Connection>);

impl WebSockets {
    /// Joins clients, one by one. Those that are there already answer pings meanwhile.
    ///
    /// # Errors
    ///
    /// A wrong answer, or what the operating system says.
    pub fn join(server: SocketAddr, count: usize, driver: &mut Driver) -> Result<Vec<Connection>> {
        let mut joined = Self(Vec::with_capacity(count));
        for client in 0..count {
            let connection = by_websocket(server, client)?;
            joined.0.push(connection.watch(driver.registry(), client)?);
            driver.read(&mut joined, client)?;
            driver.settle(&mut joined, Duration::ZERO)?;
        }
        Ok(joined.0)
    }
}

impl Scenario for WebSockets {
    fn start(&mut self, _: &mut Phase) -> Result<()> {
        Ok(())
    }

    fn readable(&mut self, ready: Ready, scratch: &mut [u8], _: &mut Phase) -> Result<()> {
        let connection = &mut self.0[ready.token];
        let mut input = connection.read(scratch, ready.saw_end)?.open()?;
        while let Some(frame) = websocket::decode(&mut input)? {
            if let Some(packet) = packet_of(frame, connection)? {
                return fault(format!("unasked: {}", String::from_utf8_lossy(packet)));
            }
        }
        connection.keep(input);
        Ok(())
    }
}

/// The packet in a frame, unless it is a ping, which is answered.
///
/// # Errors
///
/// It is a Close frame, or what the operating system says.
pub fn packet_of<'a>(frame: Frame<'a>, connection: &mut Connection) -> Result<Option<&'a [u8]>> {
    match frame.payload {
        _ if frame.opcode != websocket::TEXT => fault("the server closed a WebSocket"),
        PING => connection.send(&pong()).map(|()| None),
        packet => Ok(Some(packet)),
    }
}

fn by_websocket(server: SocketAddr, client: usize) -> Result<Waiting> {
    let mut connection = Waiting::dial(server, client)?;
    connection.send(websocket::opening(server, None).as_bytes())?;
    connection.receive(|input| Ok(websocket::take_opened(input)?.then_some(())))?;
    let opened = frame_text(&mut connection)?;
    sid_of(b"0", &opened)?;
    connection.send(&websocket::encode(websocket::TEXT, b"40"))?;
    let mut packet = frame_text(&mut connection)?;
    while packet == PING {
        connection.send(&pong())?;
        packet = frame_text(&mut connection)?;
    }
    sid_of(b"40", &packet)?;
    Ok(connection)
}

/// A client that joined by polling.
#[derive(Debug)]
pub struct Polling {
    /// The id of its session.
    pub sid: String,
    /// For its GETs.
    pub polls: Waiting,
    /// For its POSTs.
    pub posts: Waiting,
}

/// Joins by polling.
///
/// # Errors
///
/// A wrong answer, or what the operating system says.
pub fn by_polling(server: SocketAddr, client: usize) -> Result<Polling> {
    let mut polls = Waiting::dial(server, client)?;
    let posts = Waiting::dial(server, client)?;
    let open = exchange(&mut polls, &http::get(server, None))?;
    let sid = sid_of(b"0", &open)?.to_owned();
    let mut polling = Polling { sid, polls, posts };
    polling.post(server, "40")?;
    let mut is_joined = false;
    while !is_joined {
        let payload = exchange(&mut polling.polls, &http::get(server, Some(&polling.sid)))?;
        for packet in http::packets(&payload) {
            if packet == PING {
                polling.post(server, PONG)?;
            } else {
                sid_of(b"40", packet)?;
                is_joined = true;
            }
        }
    }
    Ok(polling)
}

impl Polling {
    fn post(&mut self, server: SocketAddr, packet: &str) -> Result<()> {
        let ok = exchange(&mut self.posts, &http::post(server, &self.sid, packet))?;
        expect(&ok, b"ok")
    }
}

/// The id in a packet that opens a session or tells that a client joined.
///
/// # Errors
///
/// It is another packet.
pub fn sid_of<'a>(kind: &[u8], packet: &'a [u8]) -> Result<&'a str> {
    let id = || {
        let json = str::from_utf8(packet.strip_prefix(kind)?).ok()?;
        let (_, id) = json.strip_prefix('{')?.split_once(r#""sid":""#)?;
        Some(id.split_once('"')?.0)
    };
    id().map_or_else(
        || fault(format!("no id in {:?}", String::from_utf8_lossy(packet))),
        Ok,
    )
}

fn pong() -> Vec<u8> {
    websocket::encode(websocket::TEXT, PONG.as_bytes())
}

fn frame_text(connection: &mut Waiting) -> Result<Vec<u8>> {
    connection.receive(|input| match websocket::decode(input)? {
        Some(frame) if frame.opcode == websocket::TEXT => Ok(Some(frame.payload.to_vec())),
        Some(_) => fault("the server closed a WebSocket"),
        None => Ok(None),
    })
}

fn exchange(connection: &mut Waiting, request: &str) -> Result<Vec<u8>> {
    connection.send(request.as_bytes())?;
    connection.receive(|input| Ok(http::take_body(input)?.map(<[u8]>::to_vec)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_both_packets_and_in_no_other() {
        assert_eq!(
            sid_of(b"0", br#"0{"sid":"x1","upgrades":[]}"#).unwrap(),
            "x1"
        );
        assert_eq!(sid_of(b"40", br#"40{"sid":"x2"}"#).unwrap(), "x2");
        for other in [r#"44{"message":"no"}"#, "40", r#"41{"sid":"x"}"#, "6"] {
            assert!(sid_of(b"40", other.as_bytes()).is_err(), "{other}");
        }
    }
}
