//! Nothing is lost, doubled or reordered when a session moves.

use engineio_proto::server::Config;

use crate::support::{Net, both};

/// The texts that reached the client, from the bodies of polls and from frames, in order.
fn received(outputs: &[String]) -> Vec<String> {
    let bodies = outputs.iter().filter_map(|line| {
        line.split_once(" 200 ")
            .or_else(|| line.split_once(" < "))
            .map(|(_, body)| body)
    });
    bodies
        .flat_map(|body| body.split('|'))
        .filter_map(|packet| packet.strip_prefix('4'))
        .map(str::to_owned)
        .collect()
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

/// Sends 50 numbered messages each way; the probe opens at the message `start`, and each step of the upgrade follows
/// `gap` messages later.
fn script(net: &mut Net, start: usize, gap: usize) {
    let session = net.open_polling();
    let (mut sent, mut outputs) = (Vec::new(), Vec::new());
    let mut connection = None;
    let mut upgraded = false;
    for n in 0..50_usize {
        if n == start {
            connection = Some(net.probe(session));
        } else if n == start + gap {
            net.text(connection.unwrap(), "2probe");
        } else if n == start + 2 * gap {
            net.text(connection.unwrap(), "5");
            upgraded = true;
        }
        net.send(session, &n.to_string()).unwrap();
        if upgraded {
            net.text(connection.unwrap(), &format!("4{n}"));
        } else {
            if n % 3 == 0 {
                net.poll(session);
                outputs.extend(net.drain());
            }
            net.post(session, format!("4{n}"));
        }
        sent.push(n.to_string());
        outputs.extend(net.drain());
        net.advance(2);
    }
    assert!(upgraded);
    let delivered: Vec<_> = outputs
        .iter()
        .filter_map(|line| line.strip_prefix("s0 text "))
        .collect();
    assert_eq!(delivered, sent);
    assert_eq!(received(&outputs), sent);
}

#[test]
fn fifty_messages_each_way_pass_an_upgrade_at_any_point() {
    for start in 0..10 {
        for gap in 1..8 {
            both(Config::default(), |net| script(net, start, gap));
        }
    }
}

#[test]
fn what_no_poll_fetched_follows_the_upgrade_packet_in_order() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        for text in numbers(20) {
            net.send(session, &text).unwrap();
        }
        let connection = net.probe(session);
        net.text(connection, "2probe");
        net.text(connection, "5");
        net.send(session, "20").unwrap();
        assert_eq!(received(&net.drain()), numbers(21));
    });
}

#[test]
fn what_a_held_poll_was_to_get_comes_before_what_the_connection_gets() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        let connection = net.probe(session);
        net.send(session, "0").unwrap();
        net.text(connection, "5");
        net.send(session, "1").unwrap();
        assert_eq!(
            net.drain(),
            [
                "c0 accept",
                "r1 200 40",
                "c0 < 41",
                "s0 upgraded to websocket"
            ]
        );
    });
}

#[test]
fn a_payload_that_did_not_fit_follows_on_the_connection() {
    both(Config::default().with_max_payload(5), |net| {
        let session = net.open_polling();
        for text in numbers(5) {
            net.send(session, &text).unwrap();
        }
        net.poll(session);
        let connection = net.probe(session);
        net.text(connection, "5");
        assert_eq!(
            net.drain(),
            [
                "r1 200 40|41",
                "c0 accept",
                "c0 < 42",
                "c0 < 43",
                "c0 < 44",
                "s0 upgraded to websocket"
            ]
        );
    });
}

#[test]
fn posts_before_the_upgrade_packet_are_delivered_before_frames_behind_it() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let connection = net.probe(session);
        net.text(connection, "2probe");
        net.post(session, "4A");
        net.text(connection, "5");
        net.text(connection, "4B");
        net.text(connection, "4C");
        let mut events = net.drain();
        events.retain(|line| line.starts_with('s'));
        assert_eq!(
            events,
            [
                "s0 text A",
                "s0 upgraded to websocket",
                "s0 text B",
                "s0 text C"
            ]
        );
    });
}

#[test]
fn messages_stay_with_polling_when_the_probe_fails() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let connection = net.probe(session);
        net.text(connection, "2probe");
        net.send(session, "0").unwrap();
        net.text(connection, "4no upgrade");
        net.send(session, "1").unwrap();
        net.poll(session);
        assert_eq!(received(&net.drain()), numbers(2));
    });
}
