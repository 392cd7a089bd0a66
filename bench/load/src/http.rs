//! Requests of long-polling, and their responses.

use std::net::SocketAddr;
use std::str;

use crate::{Result, fault};

/// The most headers that a response may have.
pub const MAX_HEADERS: usize = 32;

const ACCEPT: &str = "Accept: */*\r\nUser-Agent: node-XMLHttpRequest";

/// The GET of a session, or the one that asks for a session.
#[must_use]
pub fn get(server: SocketAddr, sid: Option<&str>) -> String {
    let sid = sid.map_or(String::new(), |sid| format!("&sid={sid}"));
    format!(
        "GET /socket.io/?EIO=4&transport=polling{sid} HTTP/1.1\r\nHost: {server}\r\n{ACCEPT}\r\n\r\n"
    )
}

/// The POST of a packet.
#[must_use]
pub fn post(server: SocketAddr, sid: &str, packet: &str) -> String {
    format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: {server}\r\n{ACCEPT}\r\n\
         Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{packet}",
        packet.len()
    )
}

/// Takes the response that the input begins with off it, and returns its body; `None` if it is not complete.
///
/// # Errors
///
/// The status is not 200, or nothing says how long the body is.
pub fn take_body<'a>(input: &mut &'a [u8]) -> Result<Option<&'a [u8]>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = head.parse(input)? else {
        return Ok(None);
    };
    if head.code != Some(200) {
        return fault(format!("the status of a response is {:?}", head.code));
    }
    let length =
        header(head.headers, "Content-Length").and_then(|value| str::from_utf8(value).ok());
    let Some(length) = length.and_then(|text| text.parse::<usize>().ok()) else {
        return fault("a response does not tell its length");
    };
    let Some((response, rest)) = input.split_at_checked(start + length) else {
        return Ok(None);
    };
    *input = rest;
    Ok(Some(&response[start..]))
}

/// The packets of a payload.
pub fn packets(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    payload.split(|byte| *byte == b'\x1e')
}

/// The value of the first header with this name.
#[must_use]
pub fn header<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a [u8]> {
    let named = |header: &&httparse::Header<'a>| header.name.eq_ignore_ascii_case(name);
    headers.iter().find(named).map(|header| header.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_taken_when_it_is_whole() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP";
        let mut input = &bytes[..];
        assert_eq!(take_body(&mut input).unwrap(), Some(&b"abc"[..]));
        assert_eq!(input, b"HTTP");
        for length in 0..bytes.len() - 4 {
            assert_eq!(take_body(&mut &bytes[..length]).unwrap(), None, "{length}");
        }
    }

    #[test]
    fn other_statuses_and_bodies_without_length_are_faults() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"SPDY\r\n\r\n",
        ] {
            assert!(take_body(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
    }
}
