//! URLs of requests: the official parameters in the official order.

use alloc::string::{String, ToString};

use super::config::Config;
use super::query::Query;
use crate::Transport;
use crate::seed::Generator;
use crate::uri::encode_component;

/// The URL of a request or connection.
///
/// Source: `engine.io-client/lib/socket.ts`, `createTransport`; `lib/transport.ts`, `createUri`; `uri` of each
/// transport.
pub(super) fn url(
    config: &Config,
    transport: Transport,
    sid: Option<&str>,
    generator: &mut Generator,
) -> String {
    let endpoint = config.endpoint_of(transport);
    let query = match transport {
        Transport::Polling | Transport::WebSocket => query(config, transport, sid, generator),
        // What there is to say is said in the first frame.
        Transport::WebTransport => Query::default(),
    };
    let mut url = String::from(match (transport, endpoint.secure) {
        (Transport::Polling, false) => "http://",
        (Transport::Polling, true) | (Transport::WebTransport, _) => "https://",
        (Transport::WebSocket, false) => "ws://",
        (Transport::WebSocket, true) => "wss://",
    });
    if endpoint.is_ipv6() {
        url.push('[');
        url.push_str(&endpoint.host);
        url.push(']');
    } else {
        url.push_str(&endpoint.host);
    }
    if !endpoint.has_default_port() {
        url.push_str(&alloc::format!(":{}", endpoint.port));
    }
    match config.path_of(transport) {
        Some(path) => push_verbatim(&mut url, path),
        None => push_path(&mut url, config),
    }
    for (index, (name, value)) in query.parameters().iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        encode_component(name, &mut url);
        url.push('=');
        encode_component(value, &mut url);
    }
    url
}

fn query(
    config: &Config,
    transport: Transport,
    sid: Option<&str>,
    generator: &mut Generator,
) -> Query {
    let websocket = transport == Transport::WebSocket;
    let mut query = match config.query_of(transport) {
        Some(query) => Query::from(query.to_vec()),
        None => {
            let mut query = Query::from(config.parameters().to_vec());
            query.set("EIO", &config.revision.number().to_string());
            query.set("transport", transport.name());
            // The query of the polling transport is older than its session id.
            if let Some(sid) = sid.filter(|_| websocket) {
                query.set("sid", sid);
            }
            query
        }
    };
    if let Some(name) = config.timestamp_of(transport) {
        query.set(name, &timestamp(generator));
    }
    if config.force_base64_of(transport) {
        query.set("b64", "1");
    }
    if let Some(sid) = sid.filter(|_| !websocket) {
        query.set("sid", sid);
    }
    query
}

fn push_verbatim(url: &mut String, path: &str) {
    if !path.starts_with('/') {
        url.push('/');
    }
    url.push_str(path);
}

fn push_path(url: &mut String, config: &Config) {
    if !config.path.starts_with('/') {
        url.push('/');
    }
    let path = config.path.strip_suffix('/').unwrap_or(&config.path);
    url.push_str(path);
    if config.add_trailing_slash && (!path.is_empty() || config.path == "/") {
        url.push('/');
    }
}

/// Eight characters that no cache has seen, as the official ones: base 36. They are drawn, not told by a clock: the
/// machine knows no calendar, and what it sends must not depend on its caller's epoch.
///
/// Source: `engine.io-client/lib/util.ts`, `randomString`.
fn timestamp(generator: &mut Generator) -> String {
    let mut raw = [0_u8; 8];
    generator.fill(&mut raw);
    let mut number = u64::from_le_bytes(raw);
    let digit = |_| {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        number /= 36;
        char::from_digit(digit, 36).unwrap_or('0')
    };
    (0..8).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::endpoint::Endpoint;
    use super::super::transport_options::TransportOptions;
    use super::*;
    use crate::Seed;
    use crate::seed::Purpose;

    fn config(address: &str) -> Config {
        Config::new(Endpoint::parse(address).unwrap()).with_timestamp_requests(false)
    }

    fn of(config: &Config, transport: Transport, sid: Option<&str>) -> String {
        url(
            config,
            transport,
            sid,
            &mut Generator::new(&Seed::new([1; 32]), Purpose::Requests, 0),
        )
    }

    #[test]
    fn parameters_stand_in_the_official_order() {
        let mut config = config("http://x.com?a=b").with_force_base64(true);
        config.timestamp_requests = None;
        let polling = of(&config, Transport::Polling, None);
        let (before, after) = polling.split_once("&t=").unwrap();
        assert_eq!(
            before,
            "http://x.com/engine.io/?a=b&EIO=4&transport=polling"
        );
        assert_eq!(after.get(8..), Some("&b64=1"));
        let polling = of(&config, Transport::Polling, Some("S"));
        assert!(polling.ends_with("&b64=1&sid=S"));
        assert_eq!(
            of(&config, Transport::WebSocket, Some("S")),
            "ws://x.com/engine.io/?a=b&EIO=4&transport=websocket&sid=S&b64=1"
        );
        let config = config.with_timestamp_requests(true);
        let websocket = of(&config, Transport::WebSocket, Some("S"));
        assert!(websocket.contains("&sid=S&t="));
    }

    #[test]
    fn default_ports_are_omitted_and_ipv6_is_bracketed() {
        for (address, expected) in [
            (
                "http://localhost:80",
                "http://localhost/engine.io/?EIO=4&transport=polling",
            ),
            (
                "http://localhost:443",
                "http://localhost:443/engine.io/?EIO=4&transport=polling",
            ),
            (
                "https://localhost:443",
                "https://localhost/engine.io/?EIO=4&transport=polling",
            ),
            (
                "http://[::1]:8080",
                "http://[::1]:8080/engine.io/?EIO=4&transport=polling",
            ),
        ] {
            assert_eq!(of(&config(address), Transport::Polling, None), expected);
        }
    }

    #[test]
    fn the_path_ends_with_one_slash_or_none() {
        let path = |path: &str, slash| {
            let config = config("a").with_path(path).with_add_trailing_slash(slash);
            let url = of(&config, Transport::Polling, None);
            let path = url
                .strip_prefix("http://a")
                .and_then(|rest| rest.split_once('?'));
            String::from(path.unwrap().0)
        };
        assert_eq!(path("/engine.io", true), "/engine.io/");
        assert_eq!(path("/engine.io/", true), "/engine.io/");
        assert_eq!(path("/engine.io/", false), "/engine.io");
        assert_eq!(path("custom", true), "/custom/");
        assert_eq!(path("/", true), "/");
        assert_eq!(path("", true), "/");
    }

    #[test]
    fn a_transport_may_have_a_query_of_its_own_which_replaces_the_official_one() {
        let own = TransportOptions::default().with_query(vec![("a".into(), "b".into())]);
        let config = config("http://x.com?all=1")
            .with_transport_options(Transport::Polling, own.clone())
            .with_transport_options(Transport::WebSocket, own);
        assert_eq!(
            of(&config, Transport::Polling, None),
            "http://x.com/engine.io/?a=b"
        );
        assert_eq!(
            of(&config, Transport::Polling, Some("S")),
            "http://x.com/engine.io/?a=b&sid=S"
        );
        assert_eq!(
            of(&config, Transport::WebSocket, Some("S")),
            "ws://x.com/engine.io/?a=b"
        );
    }

    #[test]
    fn webtransport_is_https_without_any_query() {
        let config = config("http://x.com:8443?a=b")
            .with_timestamp_requests(true)
            .with_force_base64(true);
        assert_eq!(
            of(&config, Transport::WebTransport, Some("S")),
            "https://x.com:8443/engine.io/"
        );
    }

    #[test]
    fn a_transport_may_have_an_address_and_a_path_of_its_own() {
        let own = TransportOptions::default()
            .with_endpoint(Endpoint::parse("https://y.com:8443?no=1").unwrap())
            .with_path("own/path");
        let config = config("http://x.com").with_transport_options(Transport::WebSocket, own);
        assert_eq!(
            of(&config, Transport::Polling, None),
            "http://x.com/engine.io/?EIO=4&transport=polling"
        );
        assert_eq!(
            of(&config, Transport::WebSocket, None),
            "wss://y.com:8443/own/path?EIO=4&transport=websocket"
        );
    }

    #[test]
    fn a_transport_may_have_a_timestamp_and_base64_of_its_own() {
        let own = TransportOptions::default()
            .with_timestamp_requests(true)
            .with_timestamp_param("stamp")
            .with_force_base64(true);
        let config = config("http://x.com").with_transport_options(Transport::WebSocket, own);
        assert_eq!(
            of(&config, Transport::Polling, None),
            "http://x.com/engine.io/?EIO=4&transport=polling"
        );
        let websocket = of(&config, Transport::WebSocket, None);
        let (before, after) = websocket.split_once("&stamp=").unwrap();
        assert_eq!(before, "ws://x.com/engine.io/?EIO=4&transport=websocket");
        assert_eq!(after.get(8..), Some("&b64=1"));
    }

    #[test]
    fn parameters_are_encoded_and_a_name_stands_once() {
        let config = config("a?x%20y=1+%26é&transport=mine&EIO=3&z=!~*'()");
        assert_eq!(
            of(&config, Transport::Polling, Some("a b&c")),
            "http://a/engine.io/?x%20y=1%2B%26%C3%A9&transport=polling&EIO=4&z=!~*'()&sid=a%20b%26c"
        );
    }

    #[test]
    fn a_broken_percent_encoding_stays_as_it_is() {
        assert_eq!(crate::uri::decode_component("%"), "%");
        assert_eq!(crate::uri::decode_component("%4"), "%4");
        assert_eq!(crate::uri::decode_component("%zz%41"), "%zzA");
        assert_eq!(crate::uri::decode_component("%ff"), "%ff");
    }

    #[test]
    fn timestamps_are_eight_characters_of_base_36_and_differ() {
        let mut generator = Generator::new(&Seed::new([1; 32]), Purpose::Requests, 0);
        let stamps: Vec<_> = (0..100).map(|_| timestamp(&mut generator)).collect();
        for (index, stamp) in stamps.iter().enumerate() {
            assert_eq!(stamp.len(), 8);
            assert!(
                stamp
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'))
            );
            assert!(!stamps[..index].contains(stamp));
        }
    }
}
