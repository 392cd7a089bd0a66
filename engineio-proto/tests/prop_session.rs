//! Properties that hold for any history, through `Server` and through bare `Session`s.
#![cfg(test)]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/dialect.rs"]
mod dialect;
#[path = "support/driver.rs"]
mod driver;
#[path = "support/ops.rs"]
mod ops;
#[path = "support/run.rs"]
mod run;
#[path = "support/skewed.rs"]
mod skewed;

use core::time::Duration;
use std::sync::Arc;

use engineio_proto::codec::DecodeError;
use engineio_proto::server::{Config, Event, Handshake, PostContent, Session};
use engineio_proto::strategies::peer_text;
use engineio_proto::{
    ConnectionId, Frame, Instant, Message, RequestId, Revision, Seed, Sid, Transport, Transports,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use dialect::Dialect;
use driver::Driver;
use ops::Op;
use run::{Drain, Log, Run};
use skewed::Skewed;

fn config() -> Config {
    let transports = Transports::default().with(Transport::WebTransport);
    Config::default()
        .with_allow_eio3(true)
        .with_allow_jsonp(true)
        .with_transports(transports)
        .with_max_pending_streams(3)
        .with_ping_interval(Duration::from_millis(300))
        .with_ping_timeout(Duration::from_millis(200))
        .with_upgrade_timeout(Duration::from_millis(400))
        .with_close_timeout(Duration::from_millis(250))
}

/// Limits so low that each of them is reached.
fn tight() -> Config {
    config()
        .with_max_payload(8)
        .with_max_buffered(6, 3)
        .with_max_undelivered(6, 3)
        .with_max_packets_per_payload(2)
        .with_max_sessions(2)
        .with_initial_packet(Message::text("i"))
}

type Make = fn(Config, &Seed) -> Box<dyn Driver>;
const DRIVERS: [Make; 2] = [driver::server, driver::sessions];

fn run(make: Make, config: &Config, drain: Drain) -> Run {
    Run::new(make(config.clone(), &Seed::new([9; 32])), drain)
}

proptest! {
    #![proptest_config(cases::config(128))]

    #[test]
    fn any_history_stays_within_the_limits(ops in ops::ops(60)) {
        for make in DRIVERS {
            for drain in [Drain::Each, Drain::Late] {
                let mut played = run(make, &tight(), drain);
                for op in ops.chunks(1) {
                    played = played.play_undrained(op);
                    played.assert_bounded(6, 3);
                }
            }
        }
    }

    #[test]
    fn after_any_history_time_alone_ends_everything_and_answers_everyone(ops in ops::ops(60), tightly: bool) {
        let config = if tightly { tight() } else { config() };
        for make in DRIVERS {
            for drain in [Drain::Each, Drain::Late] {
                run(make, &config, drain).play(&ops).run_down().assert_over();
            }
        }
    }

    #[test]
    fn the_same_history_gives_the_same_bytes(ops in ops::ops(60), tightly: bool) {
        let config = if tightly { tight() } else { config() };
        for make in DRIVERS {
            let log = || run(make, &config, Drain::Each).play(&ops).run_down().log;
            prop_assert_eq!(log(), log());
        }
    }

    #[test]
    fn when_outputs_are_taken_changes_neither_events_nor_messages(ops in ops::ops(60)) {
        for make in DRIVERS {
            let each = run(make, &config(), Drain::Each).play(&ops).run_down();
            let late = run(make, &config(), Drain::Late).play(&ops).run_down();
            assert_same(&each, &late);
        }
    }

    #[test]
    fn a_shift_of_the_clock_shifts_deadlines_and_changes_nothing_else(ops in ops::ops(60), shift in 0..1_u64 << 60) {
        for make in DRIVERS {
            let plain = run(make, &config(), Drain::Each).play(&ops).run_down().log;
            let shifted = run(make, &config(), Drain::Each).at(Instant::from_nanos(shift)).play(&ops).run_down().log;
            prop_assert_eq!(plain, shifted);
        }
    }

    #[test]
    fn a_clock_that_goes_back_stands_still(ops in ops::ops(60), back in clock()) {
        let play = |stands_still| {
            let server = driver::server(config(), &Seed::new([9; 32]));
            let skewed = Skewed::around(server, &back, stands_still);
            Run::new(skewed, Drain::Each).at(Instant::from_millis(100_000)).play(&ops).run_down().log
        };
        prop_assert_eq!(play(false), play(true));
    }

    #[test]
    fn the_clock_of_a_session_that_goes_back_stands_still(
        revision in select(&[Revision::V3, Revision::V4][..]),
        steps in vec((0..1_500_u64, select(&STEPS[..])), 0..40),
    ) {
        let play = |stands_still| {
            let mut handshake = Handshake::new(Transport::Polling);
            handshake.revision = revision;
            let mut latest = Instant::from_millis(500);
            let sid = Sid::parse("lv_VI97HAXpY6yYWAAAC").expect("a sid");
            let mut session = Session::open(Arc::new(config()), sid, &handshake, latest).expect("good settings");
            let mut told = Vec::new();
            for (number, (millis, step)) in steps.iter().enumerate() {
                let now = Instant::from_millis(*millis);
                latest = latest.max(now);
                let now = if stands_still { latest } else { now };
                step.take(&mut session, RequestId(number as u64), now);
                while let Some(output) = session.poll_output() {
                    told.push(format!("{output:-?}"));
                }
                while let Some(frame) = session.poll_frame(ConnectionId(7)) {
                    told.push(format!("{frame:?}"));
                }
                told.push(format!("{:?}", session.next_timer()));
            }
            told
        };
        prop_assert_eq!(play(false), play(true));
    }

    #[test]
    fn a_timeout_that_is_not_due_changes_nothing(ops in ops::ops(60), tightly: bool) {
        let config = if tightly { tight() } else { config() };
        for make in DRIVERS {
            let plain = run(make, &config, Drain::Each).play(&ops).run_down().log;
            let spurious = run(make, &config, Drain::Each).with_spurious_timeouts().play(&ops).run_down().log;
            prop_assert_eq!(plain, spurious);
        }
    }

    #[test]
    fn the_server_does_what_its_sessions_do(ops in ops::ops(60), tightly: bool) {
        let config = if tightly { tight() } else { config() };
        let log = |make| run(make, &config, Drain::Each).play(&ops).run_down().log;
        let parts = |log: Log| (log.events, log.polled, log.framed, log.answers);
        prop_assert_eq!(parts(log(driver::server)), parts(log(driver::sessions)));
    }

    #[test]
    fn messages_are_the_same_in_every_dialect(
        texts in vec(jsonp_text(), 1..6), sent in vec(message(), 0..6), upgrade: bool,
    ) {
        let body = texts.iter().map(|text| format!("4{text}")).collect::<Vec<_>>().join("\x1e");
        let send = sent.into_iter().map(|message| match message {
            Message::Text(text) => Op::Send(0, text.to_string()),
            Message::Binary(data) => Op::SendBinary(0, data),
        });
        let moves = [Op::Probe(0), Op::Text(0, "2probe".into()), Op::Text(0, "5".into())];
        let last = if upgrade { &moves[..] } else { &[Op::Poll(0)] };
        let rest: Vec<_> = [Op::Post(0, body.into())].into_iter().chain(send).chain(last.iter().cloned()).collect();
        let told = |dialect, make: Make| {
            let ops: Vec<_> = [Op::OpenPolling(dialect)].into_iter().chain(rest.iter().cloned()).collect();
            let log = run(make, &config(), Drain::Each).play(&ops).log;
            // Frames of binary messages differ by design; how many there are does not.
            let framed = log.framed.get(&0).map_or(0, Vec::len);
            (log.events, log.polled, framed)
        };
        for make in DRIVERS {
            let first = told(Dialect::V4, make);
            for dialect in Dialect::ALL {
                prop_assert_eq!(&told(dialect, make), &first, "{:?}", dialect);
            }
        }
    }

    #[test]
    fn packets_in_one_body_or_in_many_give_the_same_events(
        packets in vec(peer_text().prop_filter("the separator cannot be escaped", |text| !text.contains('\x1e')), 1..8),
        chunks in 1..8_usize,
    ) {
        let events = |size: usize| {
            let bodies = packets.chunks(size).map(|chunk| chunk.join("\x1e"));
            let posts = bodies.map(|body| Op::Post(0, body.into()));
            let ops: Vec<_> = core::iter::once(Op::OpenPolling(Dialect::V4)).chain(posts).collect();
            DRIVERS.map(|make| run(make, &config(), Drain::Each).play(&ops).log.events)
        };
        prop_assert_eq!(events(packets.len()), events(chunks));
    }
}

/// An input of a session.
#[derive(Clone, Copy, Debug)]
enum Step {
    Poll,
    PostHead,
    Post(&'static str),
    TooLarge,
    Abort,
    Connect,
    Stream,
    Frame(&'static str),
    BadFrame,
    Lose,
    Time,
    Close,
}

const STEPS: [Step; 20] = [
    Step::Poll,
    Step::Poll,
    Step::PostHead,
    Step::Post("2"),
    Step::Post("3"),
    Step::Post("1:2"),
    Step::Post("4a"),
    Step::TooLarge,
    Step::Abort,
    Step::Connect,
    Step::Stream,
    Step::Frame("2probe"),
    Step::Frame("5"),
    Step::Frame("2"),
    Step::Frame("3"),
    Step::BadFrame,
    Step::Lose,
    Step::Time,
    Step::Time,
    Step::Close,
];

impl Step {
    fn take(self, session: &mut Session, request: RequestId, now: Instant) {
        let connection = ConnectionId(7);
        match self {
            Self::Poll => session.handle_poll(request, now),
            Self::PostHead => session.handle_post_begun(request, now),
            Self::Post(body) => session.handle_post(request, PostContent::Text, body.into(), now),
            Self::TooLarge => session.handle_post_too_large(request, now),
            Self::Abort => session.handle_request_aborted(request, now),
            Self::Connect => session.handle_connection(connection, now),
            Self::Stream => session.handle_webtransport(connection, now),
            Self::Frame(text) => session.handle_frame(connection, Frame::Text(text.into()), now),
            Self::BadFrame => session.handle_bad_frame(connection, DecodeError::Empty, now),
            Self::Lose => session.handle_connection_closed(connection, now),
            Self::Time => session.handle_timeout(now),
            Self::Close => session.close(now),
        }
    }
}

/// The time by which the clock is behind at each input, which is mostly zero.
fn clock() -> impl Strategy<Value = Vec<u64>> {
    let millis = prop_oneof![2 => Just(0_u64), 1 => 1..700_u64, 1 => Just(90_000)];
    vec(millis.prop_map(|millis| millis * 1_000_000), 1..20)
}

/// Text with newlines, and with the escapes of the JSONP client for them. It has no backslash in front of a newline,
/// because that client cannot tell the two apart.
fn jsonp_text() -> impl Strategy<Value = String> {
    "[a-z€😀n\\\\\n\"]{0,6}".prop_filter("no such pair", |text| !text.contains("\\\n"))
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        "[a-z€😀\u{2028}\"]{0,6}".prop_map(Message::text),
        vec(any::<u8>(), 0..6).prop_map(Message::binary),
    ]
}

/// The same events, and the same messages to each client. Messages in flight over a connection that the client lost may
/// be missing.
fn assert_same(each: &Run, late: &Run) {
    assert_eq!(each.log.events, late.log.events);
    assert_eq!(each.log.polled, late.log.polled);
    for session in each.log.events.keys() {
        let framed = |run: &Run| run.log.framed.get(session).cloned().unwrap_or_default();
        let (each_framed, late_framed) = (framed(each), framed(late));
        if each.lost_something(*session) {
            assert!(
                each_framed.starts_with(&late_framed),
                "{late_framed:?} of {each_framed:?}"
            );
        } else {
            assert_eq!(each_framed, late_framed);
        }
    }
    for events in each.log.events.values() {
        assert!(matches!(events.last(), Some(Event::Closed(_))));
    }
}
