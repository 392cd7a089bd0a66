//! What a request asks for.

use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Route};
use engineio_proto::{Transport, Transports};

use crate::input::Input;

/// Any request head, against settings that the first byte chooses.
///
/// It is routed the same way twice; what opens a session has a transport and revision that are served, what goes to one
/// names it by a good id; and a refusal is one of the official answers, as a page and as a WebSocket's.
pub fn route(data: &[u8]) {
    let mut input = Input::new(data);
    let settings = input.byte();
    let mut transports = Transports::default();
    if settings & 1 != 0 {
        transports = Transports::NONE.with(Transport::WebSocket);
    }
    let config = Config::default()
        .with_transports(transports)
        .with_allow_eio3(settings & 2 != 0)
        .with_allow_upgrades(settings & 4 != 0);
    let method = match input.byte() % 8 {
        0..=3 => "GET".into(),
        4 | 5 => "POST".into(),
        6 => "OPTIONS".into(),
        _ => input.text(),
    };
    let (path, query) = (input.text(), input.text());
    let mut head = RequestHead::new(&method, &path, &query);
    head.upgrade = settings & 8 != 0;
    let headers = [input.chunk(), input.chunk(), input.chunk()];
    if settings & 16 != 0 {
        [head.content_type, head.origin, head.user_agent] = headers.map(Some);
    }

    let routed = Route::of(&head, &config);
    assert_eq!(routed, Route::of(&head, &config));
    match routed {
        Ok(Route::Open(handshake)) => {
            assert!(config.transports.contains(handshake.transport));
            assert_eq!(method, "GET");
            assert!(query.contains("EIO"));
        }
        Ok(Route::Session(request)) => {
            assert_eq!(request.sid.as_str().len(), 20);
        }
        Ok(_) => panic!("nothing else"),
        Err(reject) => {
            let (page, refusal) = (reject.into_response(), reject.into_refusal());
            for response in [&page, &refusal] {
                assert!((400..=503).contains(&response.status), "{reject:?}");
                assert!(!response.body.is_empty() && response.body.len() < 200);
            }
        }
    }
}
