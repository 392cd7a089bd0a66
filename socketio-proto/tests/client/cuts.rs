//! The network is cut after every single delivery, and both sides come back.

use socketio_proto::client::SocketOptions;
use socketio_proto::engine::Transport;
use socketio_proto::parser::Parser;

use crate::support::pair::{Cut, Mode, Pair, Story};

const MODES: [Mode; 3] = [Mode::Polling, Mode::WebSocket, Mode::Upgrade];

/// Those of both revisions. Nothing comes back to what it had in the older one.
fn all_modes() -> impl Iterator<Item = Mode> {
    let older = [Mode::OldPolling, Mode::OldWebSocket, Mode::OldUpgrade];
    // In the older one the parser for MessagePack is another.
    let with_older = crate::PARSER == Parser::Json;
    MODES
        .into_iter()
        .chain(older.into_iter().filter(move |_| with_older))
}

/// Events go both ways for a while; gives the pair when all is quiet.
fn play(
    mode: Mode,
    cut_after: Option<(usize, Cut)>,
    options: &SocketOptions,
    arrival: usize,
) -> Pair {
    let mut pair = Pair::new(mode, cut_after, options);
    pair.ack_at_arrival = arrival;
    for _ in 0..8 {
        pair.emit_up();
        pair.run(17);
        pair.emit_down();
        pair.run(8);
    }
    pair.run(10_000);
    assert!(
        pair.is_up(),
        "{mode:?}, cut after {cut_after:?}: it is back"
    );
    // And it works on.
    pair.emit_up();
    pair.emit_down();
    for _ in 0..50 {
        pair.run(1000);
        if pair.is_settled() {
            break;
        }
    }
    assert!(
        pair.is_settled(),
        "{mode:?}, cut after {cut_after:?}: every acknowledgement ends"
    );
    assert!(pair.is_up());
    // There is always a next request, but no further one on a WebSocket.
    if let (Mode::Polling | Mode::OldPolling, Some((_, Cut::Lost))) = (mode, cut_after) {
        assert!(pair.has_lost() && pair.disconnected > 0 || pair.connected == 2);
    }
    pair
}

/// The number of deliveries of an uncut play, as far as cuts are of interest.
fn deliveries(mode: Mode, options: &SocketOptions, arrival: usize) -> usize {
    let mut pair = Pair::new(mode, None, options);
    pair.ack_at_arrival = arrival;
    for _ in 0..8 {
        pair.emit_up();
        pair.run(17);
        pair.emit_down();
        pair.run(8);
    }
    pair.run(200);
    pair.deliveries
}

fn ascends(numbers: &[u32]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

/// Each event arrives at most once and in order, and what was acknowledged arrived.
fn holds_at_most_once(story: &Story, what: &str) {
    assert!(
        ascends(&story.received),
        "{what}: once, and in order: {story:?}"
    );
    let lost = story
        .acked
        .iter()
        .find(|number| !story.received.contains(number));
    assert_eq!(lost, None, "{what}: acknowledged and lost: {story:?}");
}

#[test]
fn uncut_everything_arrives_once_and_in_order() {
    for mode in all_modes() {
        let pair = play(mode, None, &SocketOptions::default(), 1);
        for story in pair.up.values().chain(pair.down.values()) {
            assert_eq!(story.sent, story.received, "{mode:?}");
            assert_eq!(story.sent, story.acked, "{mode:?}");
        }
        assert_eq!((pair.connected, pair.disconnected), (2, 0));
    }
}

#[test]
fn cut_after_any_delivery_no_acknowledged_event_is_lost_and_none_doubled() {
    cut_everywhere(Cut::Seen);
}

#[test]
fn cut_unseen_after_any_delivery_no_acknowledged_event_is_lost_and_none_doubled() {
    cut_everywhere(Cut::Silent);
}

#[test]
fn a_server_restarted_after_any_delivery_loses_no_acknowledged_event_and_doubles_none() {
    cut_everywhere(Cut::Restart);
}

#[test]
fn a_request_or_response_lost_anywhere_loses_no_acknowledged_event_and_doubles_none() {
    cut_everywhere(Cut::Lost);
}

fn cut_everywhere(how: Cut) {
    for mode in all_modes() {
        let count = deliveries(mode, &SocketOptions::default(), 1);
        assert!(count > 40, "{mode:?}: {count}");
        for cut in 1..=count {
            let pair = play(mode, Some((cut, how)), &SocketOptions::default(), 1);
            for (namespace, story) in pair.up.iter().chain(&pair.down) {
                let what = format!("{mode:?}, cut after {cut}, {namespace}");
                holds_at_most_once(story, &what);
                assert!(!story.acked.is_empty(), "{what}");
            }
            for story in pair.up.values() {
                let ended = story.acked.len() + story.failed.len();
                assert_eq!(ended, story.sent.len());
            }
            // Each session that began ended, but for the last of each namespace.
            assert!(pair.connected >= 2 && pair.connected <= pair.disconnected + 2);
        }
    }
}

#[test]
fn cut_after_any_delivery_retries_bring_everything_at_least_once_and_in_order() {
    retry_everywhere(Cut::Seen);
}

#[test]
fn cut_unseen_after_any_delivery_retries_bring_everything_at_least_once_and_in_order() {
    retry_everywhere(Cut::Silent);
}

#[test]
fn whichever_request_or_response_is_lost_retries_bring_everything_at_least_once_and_in_order() {
    retry_everywhere(Cut::Lost);
}

fn retry_everywhere(how: Cut) {
    // The unseen end of a connection is noticed after three seconds: tries must last longer.
    let options = SocketOptions::default().with_retries(5);
    for mode in all_modes() {
        let count = deliveries(mode, &options, 1);
        for cut in 1..=count {
            let pair = play(mode, Some((cut, how)), &options, 1);
            for (namespace, story) in &pair.up {
                let what = format!("{mode:?}, cut after {cut}, {namespace}: {story:?}");
                assert_eq!(story.acked, story.sent, "{what}");
                let mut once = story.received.clone();
                once.dedup();
                assert_eq!(once, story.sent, "{what}");
            }
        }
    }
}

#[test]
fn a_server_that_acknowledges_the_third_arrival_gets_three() {
    let options = SocketOptions::default().with_retries(2);
    for mode in all_modes() {
        let mut pair = Pair::new(mode, None, &options);
        pair.ack_at_arrival = 3;
        pair.emit_up();
        for _ in 0..20 {
            pair.run(1000);
        }
        for story in pair.up.values() {
            assert_eq!(
                (&story.received[..], &story.acked[..]),
                (&[0, 0, 0][..], &[0][..])
            );
        }
    }
}

#[test]
fn a_websocket_that_worked_is_remembered_while_the_connection_before_still_closes() {
    let mut pair = Pair::new(Mode::Remember, None, &SocketOptions::default());
    let transport = |pair: &Pair| pair.client.engine().and_then(|engine| engine.transport());
    assert_eq!(transport(&pair), Some(Transport::Polling));
    pair.run(1000);
    assert!(pair.is_up());
    assert_eq!(transport(&pair), Some(Transport::WebSocket));
    let sockets: Vec<_> = pair.client.sockets().collect();
    for socket in &sockets {
        pair.client.disconnect(*socket, pair.now).unwrap();
    }
    for socket in &sockets {
        pair.client.connect_again(*socket, pair.now).unwrap();
    }
    assert_eq!(transport(&pair), Some(Transport::WebSocket));
    pair.run(1000);
    assert!(pair.is_up());
    assert_eq!((pair.connected, pair.disconnected), (4, 2));
}

/// The server tells news for a while.
fn tell_news(mode: Mode, cut_after: Option<(usize, Cut)>) -> Pair {
    let mut pair = Pair::recovering(mode, cut_after);
    for _ in 0..8 {
        pair.run(30);
        pair.tell_news();
    }
    pair.run(100);
    pair
}

/// The same, while the network is cut after some delivery; gives the pair when all is quiet.
fn hear_news(mode: Mode, cut_after: (usize, Cut)) -> Pair {
    let mut pair = tell_news(mode, Some(cut_after));
    pair.run(10_000);
    assert!(pair.is_up(), "{mode:?}, cut after {cut_after:?}");
    pair.tell_news();
    pair.run(100);
    pair
}

#[test]
fn cut_after_any_delivery_a_client_that_recovers_has_missed_nothing() {
    for mode in MODES {
        for how in [Cut::Seen, Cut::Silent] {
            let (mut recovered, mut lost) = (0, 0);
            let count = tell_news(mode, None).deliveries;
            for cut in 1..=count {
                let pair = hear_news(mode, (cut, how));
                for (namespace, story) in &pair.news {
                    let what = format!("{mode:?}, {how:?} after {cut}, {namespace}: {story:?}");
                    assert!(ascends(&story.received), "once, and in order: {what}");
                    let first = story.received[0] as usize;
                    let is_whole = story.received == story.sent[first..];
                    // Both namespaces are cut, and both come back or neither is there to be counted.
                    if pair.recovered + 2 >= pair.connected {
                        assert!(is_whole, "nothing is missing: {what}");
                        recovered += usize::from(pair.recovered > 0);
                    } else {
                        lost += 1;
                    }
                }
            }
            assert!(
                recovered > count / 2,
                "{mode:?} {how:?}: {recovered} of {count}, {lost} lost"
            );
        }
    }
}

#[test]
fn a_server_that_starts_anew_recovers_nobody_and_its_news_are_not_doubled() {
    for mode in MODES {
        let count = tell_news(mode, None).deliveries;
        for cut in (1..=count).step_by(3) {
            let pair = hear_news(mode, (cut, Cut::Restart));
            assert_eq!(pair.recovered, 0);
            for story in pair.news.values() {
                assert!(ascends(&story.received), "{mode:?} {cut}: {story:?}");
            }
        }
    }
}
