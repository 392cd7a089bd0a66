//! Servers that a test plays by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A server that does with each connection what it is told.
pub fn serve(each: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = each.clone();
            thread::spawn(move || each(stream));
        }
    });
    address
}

/// Reads a request up to its body.
pub fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.extend(byte);
    }
    String::from_utf8(head).expect("text")
}

/// Writes a whole response.
pub fn respond(stream: &mut TcpStream, response: &str) {
    stream
        .write_all(response.as_bytes())
        .expect("a client that reads");
}

/// Answers a WebSocket handshake, opens a session, and sends these bytes behind it.
pub fn open_websocket(stream: &mut TcpStream, then: &[u8]) {
    let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    open_websocket_with(stream, open, then);
}

/// The same, with a handshake packet of its own.
pub fn open_websocket_with(stream: &mut TcpStream, open: &str, then: &[u8]) {
    let head = read_head(stream);
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then(|| value.to_owned())
    });
    let accept = tungstenite::handshake::derive_accept_key(key.expect("a key").as_bytes());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let length = u8::try_from(open.len()).expect("short");
    let all = [response.as_bytes(), &[0x81, length], open.as_bytes(), then].concat();
    stream.write_all(&all).expect("a client that reads");
}
