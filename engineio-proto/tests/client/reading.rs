//! Proof that the server reads: a heartbeat counts only if the client's part of it left. Interval 300, timeout 200.

use engineio_proto::client::Config;
use engineio_proto::{ConnectionId, Frame, Revision, Transport};

use crate::support::{Net, POLLING, UPGRADABLE, config};

fn opened_on(transport: Transport, config: Config) -> Net {
    let mut net = Net::opening(config.with_transports([transport]));
    net.connected(0);
    net.text(0, POLLING);
    assert_eq!(net.drain().pop().as_deref(), Some("opened S"));
    net.stalled = true;
    net.send("unread").unwrap();
    assert_eq!(net.drain(), ["c0 frames"]);
    net
}

fn stalled(revision: Revision) -> Net {
    opened_on(Transport::WebSocket, config().with_revision(revision))
}

fn pull(net: &mut Net, connection: u64) -> Option<String> {
    let frame = net.client.poll_frame(ConnectionId(connection))?;
    match frame {
        Frame::Text(text) => Some(text.to_string()),
        Frame::Binary(data) => Some(format!("{data:?}")),
    }
}

/// Lets the server send every 10 ms for at most 10 s, and returns when the connection was over.
fn repeat(net: &mut Net, mut send: impl FnMut(&mut Net)) -> Option<u64> {
    for elapsed in (10..=10_000).step_by(10) {
        net.advance(10);
        if net.client.is_closed() {
            let last = net.drain().pop();
            assert_eq!(last.as_deref(), Some("closed: ping timeout"));
            return Some(elapsed);
        }
        send(net);
    }
    None
}

/// Answers the polls of a client with a body, and never its POSTs.
fn answer_polls(net: &mut Net, body: &'static str) -> impl FnMut(&mut Net) + use<> {
    let gets = |lines: Vec<String>| {
        let gets = lines.into_iter().filter_map(|line| {
            let (name, rest) = line.split_once(' ')?;
            (rest == "GET").then(|| name.trim_start_matches('r').parse().expect("a number"))
        });
        gets.collect::<Vec<u64>>()
    };
    let mut open = gets(net.drain());
    move |net| {
        open.extend(gets(net.drain()));
        for get in core::mem::take(&mut open) {
            net.respond(get, 200, body);
        }
    }
}

#[test]
fn pings_of_a_server_that_reads_nothing_count_once() {
    for transport in [Transport::WebSocket, Transport::WebTransport] {
        let mut net = opened_on(transport, config());
        let over = repeat(&mut net, |net| net.text(0, "2"));
        assert_eq!(over, Some(510), "the first ping came at 10");
    }
}

#[test]
fn pings_of_a_server_that_answers_no_post_count_until_a_pong_waits() {
    let mut net = Net::opening(config().with_upgrade(false));
    net.respond(0, 200, POLLING);
    let answer = answer_polls(&mut net, "2");
    assert_eq!(
        repeat(&mut net, answer),
        Some(520),
        "the second one came at 20"
    );
}

#[test]
fn pings_behind_a_pong_that_waits_count_from_their_arrival_once_it_has_left() {
    let mut net = stalled(Revision::V4);
    net.advance(100);
    net.text(0, "2");
    for _ in 0..2 {
        net.advance(200);
        net.text(0, "2");
    }
    net.advance(99); // 599 of the 600 that the first ping allows
    assert_eq!(net.due_in(), Some(1));
    assert_eq!(pull(&mut net, 0).as_deref(), Some("3"));
    assert_eq!(net.due_in(), Some(401), "the last ping came at 500");
    assert_eq!(pull(&mut net, 0).as_deref(), Some("4unread"));
    assert_eq!(pull(&mut net, 0), None, "one answer for three");
    net.text(0, "2");
    assert_eq!(net.due_in(), Some(500), "no answer waited");
}

#[test]
fn pings_count_once_while_the_client_closes() {
    let mut net = stalled(Revision::V4);
    net.close();
    let over = repeat(&mut net, |net| net.text(0, "2"));
    assert_eq!(over, Some(510));
}

#[test]
fn what_leaves_while_the_client_closes_is_no_pong() {
    let mut net = stalled(Revision::V4);
    for _ in 0..60 {
        net.send("a").unwrap();
    }
    net.close();
    let over = repeat(&mut net, |net| {
        net.text(0, "2");
        pull(net, 0);
    });
    assert_eq!(over, Some(510));
}

#[test]
fn a_pong_that_waits_moves_along_and_the_pings_behind_it_count_once_it_has_left() {
    let mut net = Net::probing(config());
    net.stalled = true;
    net.text(1, "3probe"); // polling comes to rest: no POST
    net.advance(100);
    net.respond(2, 200, "2\u{1e}6");
    let upgraded = ["ping", "upgraded to websocket"];
    assert_eq!(net.drain()[2..], upgraded);
    net.advance(300);
    net.text(1, "2");
    assert_eq!(net.due_in(), Some(200), "600 by the ping at 100");
    assert_eq!(pull(&mut net, 1).as_deref(), Some("5"));
    assert_eq!(
        net.due_in(),
        Some(200),
        "the end of the upgrade is no answer"
    );
    assert_eq!(pull(&mut net, 1).as_deref(), Some("3"));
    assert_eq!(net.due_in(), Some(500), "900 by the ping at 400");
}

#[test]
fn a_pong_that_a_post_took_counts_on_the_connection() {
    let mut net = Net::probing(config());
    net.respond(2, 200, "2");
    assert_eq!(net.drain(), ["r3 GET", "r4 POST 3", "ping"]);
    net.text(1, "3probe");
    net.respond(4, 200, "ok");
    net.respond(3, 200, "6");
    net.stalled = true;
    net.advance(100);
    net.text(1, "2");
    assert_eq!(net.due_in(), Some(500));
}

#[test]
fn a_server_of_revision_3_that_reads_nothing_is_given_up_whatever_it_sends() {
    for packet in ["3", "6", "4a", "2"] {
        let mut net = stalled(Revision::V3);
        let over = repeat(&mut net, |net| {
            net.text(0, packet);
            net.drain();
        });
        assert_eq!(over, Some(800), "{packet}: the ping waited from 300 on");
    }
}

/// A client of revision 3 whose first ping has left.
fn asking() -> Net {
    let revision_3 = config().with_revision(Revision::V3);
    let mut net = Net::opening(revision_3.with_transports([Transport::WebSocket]));
    net.connected(0);
    net.text(0, POLLING);
    net.drain();
    net.advance(300);
    assert_eq!(net.drain(), ["c0 > 2"]);
    net
}

#[test]
fn a_server_of_revision_3_that_stops_reading_behind_a_ping_is_given_up_whatever_it_sends() {
    for packet in ["6", "4a", "2"] {
        let mut net = asking();
        net.stalled = true;
        net.send("unread").unwrap();
        let over = repeat(&mut net, |net| {
            net.text(0, packet);
            net.drain();
        });
        assert_eq!(
            over,
            Some(810),
            "{packet}: the next ping waited from 310 on"
        );
    }
}

#[test]
fn a_client_of_revision_3_pings_again_where_other_packets_come_instead_of_the_pong() {
    let mut net = asking();
    net.advance(100);
    net.text(0, "6");
    net.advance(100);
    net.text(0, "6"); // 1,000 by this one
    net.advance(199);
    assert_eq!(net.drain(), [""; 0]);
    net.advance(1); // 700: an interval after the first packet
    assert_eq!(net.drain(), ["c0 > 2"]);
    assert_eq!(net.due_in(), Some(300), "it has no deadline of its own");
    net.text(0, "3");
    net.text(0, "3"); // the answer to each
    assert_eq!(net.drain(), ["pong"]);
    assert_eq!(
        net.due_in(),
        Some(300),
        "the next ping, by the first answer"
    );
}

#[test]
fn a_server_of_revision_3_that_answers_no_post_is_given_up_whatever_it_sends() {
    for body in ["1:3", "1:6"] {
        let revision_3 = config().with_revision(Revision::V3).with_upgrade(false);
        let mut net = Net::opening(revision_3);
        net.respond(0, 200, format!("{}:{POLLING}", POLLING.len()));
        net.send("unread").unwrap();
        let answer = answer_polls(&mut net, body);
        assert_eq!(repeat(&mut net, answer), Some(800), "{body}");
    }
}

#[test]
fn a_pong_answers_no_ping_that_has_not_left() {
    let mut net = stalled(Revision::V3);
    net.advance(300);
    net.text(0, "3");
    assert_eq!(net.drain(), [""; 0], "nothing was answered");
    net.advance(400);
    assert_eq!(pull(&mut net, 0).as_deref(), Some("2"));
    net.advance(50);
    net.text(0, "3");
    assert_eq!(net.drain(), ["pong"]);
    assert_eq!(
        net.due_in(),
        Some(300),
        "the next ping, by the answer to this one"
    );
}

#[test]
fn packets_count_from_their_arrival_once_the_ping_has_left() {
    let mut net = stalled(Revision::V3);
    net.advance(300);
    net.text(0, "6");
    net.advance(450);
    net.text(0, "6");
    assert_eq!(net.due_in(), Some(50), "800 for a ping that waits");
    assert_eq!(pull(&mut net, 0).as_deref(), Some("2"));
    assert_eq!(net.due_in(), Some(500), "1,250 by the last packet");
}

#[test]
fn without_packets_the_timeout_is_that_of_the_ping_whether_or_not_it_left() {
    let mut net = stalled(Revision::V3);
    net.advance(300);
    assert_eq!(net.due_in(), Some(200));
    net.advance(100);
    assert_eq!(pull(&mut net, 0).as_deref(), Some("2"));
    assert_eq!(net.due_in(), Some(100));
}

#[test]
fn a_ping_that_waits_moves_along_and_its_pong_counts_once_it_has_left() {
    let mut net = Net::opening(config().with_revision(Revision::V3));
    net.respond(0, 200, format!("{}:{UPGRADABLE}", UPGRADABLE.len()));
    assert_eq!(net.drain(), ["c1 connect", "r2 GET", "opened S"]);
    net.connected(1);
    assert_eq!(net.drain(), ["c1 > 2probe"]);
    net.stalled = true;
    net.text(1, "3probe"); // polling comes to rest: no POST
    net.advance(300);
    net.respond(2, 200, "1:6");
    net.text(1, "3");
    let lines = net.drain();
    assert!(!lines.contains(&"pong".into()), "{lines:?}");
    assert_eq!(pull(&mut net, 1).as_deref(), Some("5"));
    net.text(1, "3");
    assert_eq!(net.drain(), [""; 0]);
    assert_eq!(pull(&mut net, 1).as_deref(), Some("2"));
    net.text(1, "3");
    assert_eq!(net.drain(), ["pong"]);
}
