//! A strategy for heads of requests.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::arbitrary::any;
use proptest::option::{of, weighted};
use proptest::prelude::{Just, prop_oneof};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Strategy};

use crate::inputs::Head;

/// Heads as clients, browsers and proxies send them: handshakes, polls, posts, upgrades and preflights of both
/// revisions. Their parameters stand in any order, and headers may be missing.
pub fn head() -> BoxedStrategy<Head> {
    let method = prop_oneof![
        4 => Just("GET"),
        2 => Just("POST"),
        1 => select(&["OPTIONS", "PUT", "HEAD"][..]),
    ];
    let path = select(
        &[
            "/engine.io/",
            "/socket.io/",
            "/engine.io",
            "/app/engine.io/",
        ][..],
    );
    (method, path, query(), headers())
        .prop_map(|(method, path, (query, upgrade), headers)| {
            let mut head = Head::new(method, path, query);
            head.upgrade = upgrade;
            [
                head.host,
                head.origin,
                head.user_agent,
                head.content_type,
                head.referer,
                head.sec_fetch_site,
                head.access_control_request_headers,
            ] = headers;
            head
        })
        .boxed()
}

/// A query, and whether the request asks to become a WebSocket.
fn query() -> BoxedStrategy<(String, bool)> {
    let parameters = (
        prop_oneof![4 => Just("EIO=4"), 2 => Just("EIO=3"), 1 => select(&["EIO=5", "EIO="][..])],
        select(&["polling", "websocket", "webtransport"][..]),
        of("[A-Za-z0-9_-]{20}"),
        weighted(0.3, "[A-Za-z0-9_.-]{1,8}"),
        weighted(0.1, "[0-9]{1,3}"),
        weighted(0.1, select(&["b64=1", "b64=true"][..])),
    );
    parameters
        .prop_map(|(revision, transport, sid, t, j, base64)| {
            let more = [("sid", sid), ("t", t), ("j", j)];
            let more = more
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            let mut query: Vec<String> = Vec::new();
            query.push(revision.into());
            query.push(format!("transport={transport}"));
            query.extend(more.map(|(name, value)| format!("{name}={value}")));
            query.extend(base64.map(String::from));
            (query, transport == "websocket")
        })
        .prop_flat_map(|(query, upgrade)| (Just(query).prop_shuffle(), Just(upgrade)))
        .prop_map(|(query, upgrade)| (query.join("&"), upgrade))
        .boxed()
}

fn headers() -> impl Strategy<Value = [Option<Vec<u8>>; 7]> {
    let one_of = |values: &'static [&'static str]| {
        of(prop_oneof![
            9 => select(values).prop_map(|value| value.as_bytes().to_vec()),
            1 => any::<Vec<u8>>(),
        ])
    };
    [
        one_of(&["app.example", "app.example:3000", "[::1]:3000"]),
        one_of(&[
            "https://app.example",
            "http://app.example:3000",
            "https://evil.example",
            "null",
        ]),
        one_of(&[
            "Mozilla/5.0",
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
        ]),
        one_of(&[
            "text/plain;charset=UTF-8",
            "application/octet-stream",
            "application/x-www-form-urlencoded",
        ]),
        one_of(&["https://app.example/chat", "https://evil.example/"]),
        one_of(&["same-origin", "same-site", "cross-site", "none"]),
        one_of(&["content-type", "x-custom, content-type"]),
    ]
}
