//! Secrets in what a machine is told, and how they are masked: in place, by as many characters.

use serde_json::Value;
use socketio_proto::client::{Auth, AuthToken, Client, SocketKey, SocketOptions};
use socketio_proto::engine::http::{Answer, RequestHead};
use socketio_proto::engine::{ConnectionId, Instant, RequestId};
use socketio_proto::server::Server;
use socketio_proto::{PacketType, Payload};

use crate::calls::Machine;
use crate::wire::{Reader, Wire, Writer};

/// A call with its secrets masked. It begins after a time, and takes as many bytes as before.
pub(super) fn call(kind: u8, call: &[u8], time: Instant) -> Option<Vec<u8>> {
    let mut input = Reader::at(call, time);
    let mut out = Writer::default();
    let tag = input.byte().ok()?;
    out.bytes.push(tag);
    let masked = match (kind, tag) {
        (
            Server::KIND,
            HANDLE_REQUEST | HANDLE_REQUEST_BEGUN | HANDLE_UPGRADE | HANDLE_WEBTRANSPORT,
        ) => requests(&mut input, &mut out),
        (Client::KIND, HANDLE_RESPONSE) => answers::<RequestId>(&mut input, &mut out),
        (Client::KIND, HANDLE_CONNECTION_REFUSED) => answers::<ConnectionId>(&mut input, &mut out),
        (Client::KIND, SET_QUERY | SET_EXTRA_HEADERS) => pairs(&mut input, &mut out),
        (Client::KIND, SOCKET | CONNECT) => options(&mut input, &mut out),
        (Client::KIND, PROVIDE_AUTH) => provided(&mut input, &mut out),
        (Client::KIND, SET_AUTH) => set_auth(&mut input, &mut out),
        _ => Some(()),
    };
    masked?;
    let rest = input.len();
    out.bytes.extend_from_slice(input.take(rest).ok()?);
    if kind == Server::KIND {
        connects(&mut out.bytes);
    }
    (out.bytes.len() == call.len()).then_some(out.bytes)
}

// As they stand in `calls.rs`.
const HANDLE_REQUEST: u8 = 1;
const HANDLE_REQUEST_BEGUN: u8 = 2;
const HANDLE_UPGRADE: u8 = 5;
const HANDLE_WEBTRANSPORT: u8 = 46;
const HANDLE_RESPONSE: u8 = 1;
const HANDLE_CONNECTION_REFUSED: u8 = 8;
const SET_QUERY: u8 = 19;
const SET_EXTRA_HEADERS: u8 = 20;
const SOCKET: u8 = 21;
const CONNECT: u8 = 22;
const PROVIDE_AUTH: u8 = 34;
const SET_AUTH: u8 = 27;

/// The settings of a machine without headers and parameters.
pub(super) fn settings(json: &str) -> String {
    let Ok(mut settings) = serde_json::from_str::<Value>(json) else {
        return json.to_owned();
    };
    hide(&mut settings);
    settings.to_string()
}

/// Masks the lists of headers and parameters, wherever they are.
fn hide(settings: &mut Value) {
    match settings {
        Value::Object(members) => {
            for (name, value) in members {
                let is_list = name == "extra_headers" || name == "query";
                match value.as_array_mut().filter(|_| is_list) {
                    Some(pairs) => pairs.iter_mut().for_each(hide_second),
                    None => hide(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn hide_second(pair: &mut Value) {
    if let Some(Value::String(value)) = pair.get_mut(1) {
        *value = hidden(value);
    }
}

fn requests(input: &mut Reader<'_>, out: &mut Writer) -> Option<()> {
    // A request or a connection: numbers both.
    RequestId::read(input).ok()?.write(out);
    let mut head = RequestHead::read(input).ok()?;
    let query: Vec<String> = head.query.split('&').map(parameter).collect();
    let query = query.join("&");
    head.query = &query;
    let referer = head.referer.map(masked_referer);
    head.referer = referer.as_deref();
    head.write(out);
    Some(())
}

/// The address of a page, masked behind its origin, which the machine looks at.
fn masked_referer(referer: &[u8]) -> Vec<u8> {
    let delimiters = referer.iter().enumerate();
    let delimiters = delimiters.filter(|(_, byte)| b"/?#".contains(byte));
    // Two of them belong to the origin.
    let end = delimiters.map(|(at, _)| at + 1).nth(2);
    let mut masked = referer.to_vec();
    let kept = end.unwrap_or(referer.len());
    masked.iter_mut().skip(kept).for_each(|byte| *byte = b'x');
    masked
}

/// A parameter, masked unless the protocol knows it.
fn parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, value)) if !["EIO", "transport", "sid", "t", "b64", "j"].contains(&name) => {
            format!("{name}={}", hidden(value))
        }
        Some(_) | None => parameter.to_owned(),
    }
}

fn answers<'a, Id: Wire<'a>>(input: &mut Reader<'a>, out: &mut Writer) -> Option<()> {
    Id::read(input).ok()?.write(out);
    let mut answer = Answer::read(input).ok()?;
    for cookie in &mut answer.set_cookies {
        *cookie = masked_cookie(cookie);
    }
    answer.write(out);
    Some(())
}

/// A cookie whose value is masked; its attributes decide how long it is sent.
fn masked_cookie(cookie: &str) -> String {
    let (pair, attributes) = cookie.split_at(cookie.find(';').unwrap_or(cookie.len()));
    match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}{attributes}", hidden(value)),
        None => cookie.to_owned(),
    }
}

fn pairs(input: &mut Reader<'_>, out: &mut Writer) -> Option<()> {
    let mut pairs = <Vec<(String, String)>>::read(input).ok()?;
    for (_, value) in &mut pairs {
        *value = hidden(value);
    }
    pairs.write(out);
    Some(())
}

fn options(input: &mut Reader<'_>, out: &mut Writer) -> Option<()> {
    <&str>::read(input).ok()?.write(out);
    let mut options = SocketOptions::read(input).ok()?;
    options.auth = auth(options.auth)?;
    options.write(out);
    Some(())
}

fn provided(input: &mut Reader<'_>, out: &mut Writer) -> Option<()> {
    AuthToken::read(input).ok()?.write(out);
    let payload = Option::<Payload>::read(input).ok()?;
    let payload = match payload {
        Some(payload) => Some(object(&payload)?),
        None => None,
    };
    payload.write(out);
    Some(())
}

fn set_auth(input: &mut Reader<'_>, out: &mut Writer) -> Option<()> {
    SocketKey::read(input).ok()?.write(out);
    auth(Auth::read(input).ok()?)?.write(out);
    Some(())
}

fn auth(given: Auth) -> Option<Auth> {
    if let Auth::Fixed(payload) = &given {
        return object(payload).map(Auth::Fixed);
    }
    Some(given)
}

/// A payload with its texts masked.
fn object(payload: &Payload) -> Option<Payload> {
    let mut json = payload.json().as_bytes().to_vec();
    texts(&mut json, 0);
    let json = String::from_utf8(json).ok()?;
    let attachments = payload.attachments().to_vec();
    Payload::from_json(PacketType::ConnectError, json, attachments).ok()
}

/// Masks the texts of what clients show: the object behind `40`, or behind that and a namespace, wherever it stands.
fn connects(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.windows(2).position(|two| two == b"40"))
    {
        at += found + 2;
        let rest = bytes.get(at..).unwrap_or_default();
        let namespace = match rest.first() {
            Some(b'/') => rest
                .iter()
                .position(|byte| *byte == b',')
                .map_or(0, |comma| comma + 1),
            _ => 0,
        };
        if rest.get(namespace) == Some(&b'{') {
            at = texts(bytes, at + namespace);
        }
    }
}

/// Masks the texts of the object that begins at a place, but for names of members, and for pid and offset, which are ids.
/// Gives the place behind it.
fn texts(json: &mut [u8], start: usize) -> usize {
    let (mut at, mut depth, mut is_name, mut keep) = (start, 0_usize, true, false);
    let mut objects = Vec::new();
    while let Some(byte) = json.get(at).copied() {
        at += 1;
        match byte {
            b'{' | b'[' => {
                objects.push(byte == b'{');
                depth += 1;
                is_name = byte == b'{';
            }
            b'}' | b']' => {
                objects.pop();
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            b':' => is_name = false,
            b',' => (is_name, keep) = (objects.last() == Some(&true), false),
            b'"' => {
                let end = end_of_text(json, at);
                if is_name {
                    keep = matches!(json.get(at..end), Some(b"pid" | b"offset"));
                } else if !keep {
                    hide_text(json, at, end);
                }
                at = end + 1;
            }
            _ => {}
        }
    }
    at
}

/// The end of a text that begins at a place.
fn end_of_text(json: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// Masks a text, but for its escapes, which another text would not have.
fn hide_text(json: &mut [u8], start: usize, end: usize) {
    let mut at = start;
    while at < end {
        match json.get_mut(at) {
            Some(b'\\') => at += 2,
            Some(byte) => {
                *byte = b'x';
                at += 1;
            }
            None => return,
        }
    }
}

fn hidden(text: &str) -> String {
    "x".repeat(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::{CLIENT_CALLS, SERVER_CALLS};

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        connects(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_clients_show_is_masked_and_nothing_else() {
        let before = r#"40/a,{"token":"a\"é","n":[1,"b",{"c":"d"}],"pid":"P","offset":"O"}"#;
        let after = r#"40/a,{"token":"x\"xx","n":[1,"x",{"c":"x"}],"pid":"P","offset":"O"}"#;
        assert_eq!(masked(before), after);
        assert_eq!(masked(r#"42["e","text"]"#), r#"42["e","text"]"#);
        assert_eq!(
            masked("40{\"a\":\"b\"}\x1e42[\"c\"]"),
            "40{\"a\":\"x\"}\x1e42[\"c\"]"
        );
        for cut in 0..before.len() {
            if before.is_char_boundary(cut) {
                masked(&before[..cut]);
            }
        }
    }

    #[test]
    fn calls_have_the_numbers_that_stand_here() {
        for call in [
            (HANDLE_REQUEST, "handle_request"),
            (HANDLE_REQUEST_BEGUN, "handle_request_begun"),
            (HANDLE_UPGRADE, "handle_upgrade"),
            (HANDLE_WEBTRANSPORT, "handle_webtransport"),
        ] {
            assert!(SERVER_CALLS.contains(&call), "{call:?}");
        }
        for call in [
            (HANDLE_RESPONSE, "handle_response"),
            (HANDLE_CONNECTION_REFUSED, "handle_connection_refused"),
            (SET_QUERY, "set_query"),
            (SET_EXTRA_HEADERS, "set_extra_headers"),
            (SOCKET, "socket"),
            (CONNECT, "connect"),
            (PROVIDE_AUTH, "provide_auth"),
            (SET_AUTH, "set_auth"),
        ] {
            assert!(CLIENT_CALLS.contains(&call), "{call:?}");
        }
    }

    #[test]
    fn parameters_cookies_and_settings_are_masked() {
        assert_eq!(parameter("token=abc"), "token=xxx");
        assert_eq!(parameter("sid=abc"), "sid=abc");
        assert_eq!(masked_cookie("a=bc; Path=/"), "a=xx; Path=/");
        for (referer, masked) in [
            ("https://a.example/page?x=1", "https://a.example/xxxxxxxx"),
            ("https://a.example?y", "https://a.example?x"),
            ("https://a.example", "https://a.example"),
            ("", ""),
        ] {
            assert_eq!(masked_referer(referer.as_bytes()), masked.as_bytes());
        }
        let before =
            r#"{"engine":{"extra_headers":[["authorization","s"]],"path":"/p","query":[]}}"#;
        assert_eq!(settings(before), before.replace("\"s\"", "\"x\""));
    }
}
