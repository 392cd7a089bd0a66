//! `Debug` output of machines and values that hold secrets: it shows their shape, and no secrets.
#![cfg(test)]

#[path = "support/shown.rs"]
mod shown;

use engineio_proto::client::{self, Client, Endpoint, TransportOptions};
use engineio_proto::codec::{Open, Packet, v3, v4, webtransport};
use engineio_proto::http::{Answer, RequestHead, Response};
use engineio_proto::server::{Config, Cookie, Output, Route, Server, ServerEvent};
use engineio_proto::{
    Bytes, Encoded, Frame, Instant, Message, RequestId, Seed, Sid, SidGenerator, Transport,
};
use shown::{Shown, member};

const NOW: Instant = Instant::ZERO;

#[test]
fn an_engine_server_shows_no_session_id() {
    for revision in ["EIO=4", "EIO=3"] {
        let mut shown = Shown::default();
        let config = Config::default()
            .with_allow_eio3(true)
            .with_cookie(Cookie::new("io"))
            .with_initial_packet(Message::text("initial-secret"));
        shown.secret("initial-secret");
        shown.add(&config);
        let mut server = Server::new(config.clone(), 0, &Seed::new([1; 32])).unwrap();
        let query = format!("{revision}&transport=polling");
        let head = RequestHead::new("GET", "/", &query);
        server.handle_request(RequestId(1), &head, Bytes::new(), NOW);
        shown.add(&server);
        while let Some(output) = server.poll_output() {
            shown.add(&output);
            if let Output::Respond { response, .. } = &output {
                let body = String::from_utf8(response.body.to_vec()).unwrap();
                shown.secret(&member(&body, "sid"));
            }
            if let Output::Event(ServerEvent::Opened { session, .. }) = output {
                server
                    .send(session, &Encoded::new(&Message::text("queued-secret")))
                    .unwrap();
                shown.secret("queued-secret");
                shown.add(&server.session(session));
            }
        }
        let sid = shown.secrets.last().cloned();
        let sid = shown
            .secrets
            .iter()
            .find(|it| it.len() == 20)
            .cloned()
            .or(sid)
            .unwrap();
        let query = format!("{revision}&transport=polling&sid={sid}");
        let head = RequestHead::new("GET", "/", &query);
        shown.add(&head);
        shown.add(&Route::of(&head, &config));
        shown.add(&Sid::parse(&sid));
        shown.add(&server);
        shown.check();
    }
}

/// Over polling first, then over a WebSocket.
#[test]
fn an_engine_client_shows_no_session_id_cookie_or_token() {
    let mut shown = Shown::default();
    for secret in [
        "query-secret",
        "header-secret",
        "cookie-secret",
        "session-id-1",
        "queued-secret",
        "text-secret",
    ] {
        shown.secret(secret);
    }
    let pairs = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let endpoint = Endpoint::parse("http://localhost/?token=query-secret").unwrap();
    shown.add(&endpoint);
    let own = TransportOptions::default().with_extra_headers(pairs("x-token", "header-secret"));
    shown.add(&own);
    let config = client::Config::new(endpoint)
        .with_query(pairs("token", "query-secret"))
        .with_extra_headers(pairs("authorization", "header-secret"))
        .with_credentials_sent(true)
        .with_transport_options(Transport::WebSocket, own);
    shown.add(&config);
    let mut client = Client::new(config, &Seed::new([1; 32])).unwrap();
    shown.add(&client);
    client.open(NOW);
    let mut bodies = [
        r#"0{"sid":"session-id-1","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#,
        "4text-secret",
        "6",
    ]
    .into_iter();
    while let Some(output) = client.poll_output() {
        shown.add(&output);
        shown.add(&client);
        match output {
            client::Output::Request { request, message } => {
                let get = message.method == "GET";
                let Some(body) = (if get { bodies.next() } else { Some("ok") }) else {
                    continue;
                };
                let answer = Answer::new(200, body).with_set_cookie("lb=cookie-secret; Path=/");
                shown.add(&answer);
                client.handle_response(request, answer, NOW);
            }
            client::Output::Connect { connection, .. } => {
                client.handle_connected(connection, NOW);
                while let Some(frame) = client.poll_frame(connection) {
                    shown.add(&frame);
                    shown.add(&client);
                }
                let message = Encoded::new(&Message::text("queued-secret"));
                shown.add(&message);
                client.send(&message).unwrap();
                client.handle_frame(connection, Frame::Text("3probe".into()), NOW);
            }
            client::Output::Abort { .. }
            | client::Output::Frames { .. }
            | client::Output::Close { .. }
            | client::Output::Event(_) => {}
        }
    }
    shown.add(&client);
    client.close(NOW);
    shown.add(&client);
    while let Some(output) = client.poll_output() {
        shown.add(&output);
    }
    shown.check();
}

#[test]
fn packets_and_payloads_show_no_content() {
    let mut shown = Shown::default();
    shown.secret("the-secret");
    let json = r#"{"sid":"the-secret","upgrades":[],"pingInterval":1,"pingTimeout":1}"#;
    shown.add(&Open::decode(json).unwrap());
    shown.add(&Packet::Open(json.into()));
    shown.add(&Packet::Ping("the-secret".into()));
    shown.add(&v4::decode_payload(Bytes::from("4the-secret"), 9));
    shown.add(&v3::decode_payload(Bytes::from("11:4the-secret"), 9));
    shown.add(&v3::decode_binary_payload(
        Bytes::from("\u{0}the-secret"),
        9,
    ));
    let mut decoder = webtransport::Decoder::new(100);
    let mut chunk = Bytes::from_static(b"\x304the-secret");
    assert_eq!(decoder.decode(&mut chunk), Ok(None));
    shown.add(&decoder);
    let bytes: Vec<_> = b"the-secret".iter().map(u8::to_string).collect();
    shown.secret(&bytes.join(", "));
    let error = Open::decode(r#"{"sid":"the-secret"}"#).unwrap_err();
    shown.add(&error);
    shown.add_text(error.to_string());
    let response = Response::new(200, "the-secret");
    shown.add(&response);
    shown.add(&Message::binary(&b"the-secret"[..]));
    shown.add(&Frame::Binary(Bytes::from_static(b"the-secret")));
    shown.check();
    assert_eq!(format!("{response:-?}").matches("the-secret").count(), 1);
}

#[test]
fn seeds_and_what_is_drawn_from_them_show_nothing_of_themselves() {
    let mut shown = Shown::default();
    let seed = Seed::new([211; 32]);
    shown.secret("211, 211");
    shown.add(&seed);
    let mut generator = SidGenerator::new(3, &seed);
    shown.secret(&generator.generate(7).as_str()[6..]);
    shown.add(&generator);
    shown.add(&generator.generate(7));
    shown.check();
}
