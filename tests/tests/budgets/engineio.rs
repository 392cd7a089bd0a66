//! The budgets of `engineio_proto`.

use std::cell::Cell;
use std::cmp::Ordering;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use engineio_proto::collections::TimerQueue;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Event, Output, Server, ServerEvent, Session, SessionKey};
use engineio_proto::{ConnectionId, Encoded, Frame, Instant, Message, Seed};

/// Enough that what is held in pages and trees evens out.
const MANY: u64 = 10_000;

/// A server whose clients are all on WebSocket, and a driver that takes everything at once.
struct Net {
    server: Server,
    keys: Vec<SessionKey>,
    now: Instant,
    frames: u64,
    messages: u64,
}

impl Net {
    fn new() -> Self {
        Self {
            server: Server::new(
                Config::default().with_allow_eio3(true),
                0,
                &Seed::new([5; 32]),
            )
            .unwrap(),
            keys: Vec::with_capacity(MANY as usize),
            now: Instant::ZERO,
            frames: 0,
            messages: 0,
        }
    }

    fn open(&mut self, connection: u64) {
        self.open_with(connection, "EIO=4&transport=websocket");
    }

    fn open_with(&mut self, connection: u64, query: &str) {
        let head = RequestHead::new("GET", "/engine.io/", query);
        self.server
            .handle_upgrade(ConnectionId(connection), &head.with_upgrade(), self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frames { connection } => {
                    while let Some(frame) = self.server.poll_frame(connection) {
                        self.frames += 1;
                        if matches!(&frame, Frame::Text(text) if &**text == "2") {
                            let pong = Frame::Text("3".into());
                            self.server.handle_frame(connection, pong, self.now);
                        }
                    }
                }
                Output::Event(ServerEvent::Opened { session, .. }) => self.keys.push(session),
                Output::Event(ServerEvent::Session { event, .. }) => {
                    self.messages += u64::from(matches!(event, Event::Message(_)));
                }
                Output::Event(_)
                | Output::Accept { .. }
                | Output::Close { .. }
                | Output::Respond { .. }
                | Output::Refuse { .. } => {}
            }
        }
    }

    /// Opens sessions spread over 20 s, as they come in real life.
    fn open_many(&mut self) {
        for connection in 0..MANY {
            self.now = self.now + Duration::from_millis(1);
            self.open(connection);
        }
    }

    /// Each session gets a few messages and sends a few, and there are pings and pongs.
    fn traffic(&mut self) {
        for round in 0..3 {
            for connection in 0..MANY {
                let frame = Frame::Text("4hello".into());
                self.server
                    .handle_frame(ConnectionId(connection), frame, self.now);
                let key = self.keys[connection as usize];
                for _ in 0..=4 * round {
                    let message = Encoded::new(&Message::text("hello"));
                    self.server.send(key, &message).unwrap();
                }
                self.drain();
            }
            let end = self.now + Duration::from_secs(30);
            while let Some(due) = self.server.poll_timeout().filter(|due| *due <= end) {
                self.now = self.now.max(due);
                self.server.handle_timeout(self.now);
                self.drain();
            }
            self.now = end;
        }
    }

    fn close_all(&mut self) {
        for connection in 0..MANY {
            self.server
                .handle_connection_closed(ConnectionId(connection), self.now);
            self.drain();
        }
        self.keys.clear();
        assert_eq!(self.server.session_count(), 0);
        assert_eq!(self.server.poll_timeout(), None);
    }
}

/// The bytes, rounded up, that one of `MANY` takes.
fn each(info: AllocationInfo) -> i64 {
    let many = MANY as i64;
    (info.bytes_current + many - 1) / many
}

#[test]
fn an_idle_websocket_session_takes_at_most_384_bytes() {
    let mut net = Net::new();
    let opened = measure(|| net.open_many());
    let used = measure(|| net.traffic());
    assert_eq!(net.messages, 3 * MANY);
    assert!(
        net.frames > (1 + 15) * MANY,
        "handshakes, messages and pings"
    );
    let fresh = each(opened);
    let after = fresh + each(used);
    eprintln!("idle session over WebSocket: {fresh} B when opened, {after} B after traffic");
    assert!(fresh <= 384, "{fresh} B when opened");
    assert!(after <= 384, "{after} B after traffic");
}

#[test]
fn memory_is_back_where_it_was_once_all_sessions_are_closed() {
    let mut net = Net::new();
    let mut round = || {
        let info = measure(|| {
            net.open_many();
            net.traffic();
            net.close_all();
        });
        info.bytes_current
    };
    let (warm_up, later) = (round(), round());
    eprintln!(
        "kept after {MANY} sessions came and went: {warm_up} B, {later} B more the next time"
    );
    assert_eq!(later, 0);
}

#[test]
fn a_session_is_at_most_256_bytes() {
    eprintln!("size_of::<Session>(): {} B", size_of::<Session>());
    assert!(size_of::<Session>() <= 256);
}

#[test]
fn text_is_encoded_with_the_same_allocations_whatever_its_length() {
    let count = |length: usize| {
        let text = "x".repeat(length);
        let mut kept = None;
        let info = measure(|| kept = Some(Encoded::text(length, |out| out.push_str(&text))));
        drop(kept);
        info.count_total
    };
    let counts: Vec<_> = [0, 1, 100, 10_000, 1_000_000].map(count).into();
    eprintln!("allocations to encode a text message: {}", counts[0]);
    assert!(counts[0] <= 3);
    assert_eq!(counts, vec![counts[0]; 5]);
}

#[test]
fn a_copy_of_a_broadcast_takes_no_allocation() {
    let mut net = Net::new();
    let sessions = 1_000;
    for connection in 0..sessions {
        net.open(connection);
    }
    let keys = net.keys.clone();
    let mut broadcasts = |recipients: usize, texts: usize| {
        let info = measure(|| {
            for _ in 0..texts {
                let message = Encoded::new(&Message::text("to all"));
                let recipients = keys[..recipients].iter().copied();
                assert_eq!(net.server.send_many(recipients, &message).gone, 0);
                net.drain();
            }
        });
        info.count_total
    };
    let warm_up = broadcasts(keys.len(), 1);
    let (one, all) = (broadcasts(1, 1), broadcasts(keys.len(), 1));
    eprintln!(
        "allocations of a broadcast: {one} to one session, {all} to {sessions}, {warm_up} the first time"
    );
    assert_eq!(all, one);
    assert_eq!(
        broadcasts(keys.len(), 10),
        10 * one,
        "not now and then either"
    );
}

#[test]
fn binary_takes_its_form_of_revision_3_once_for_all_recipients() {
    let queries = [
        "EIO=3&transport=websocket",
        "EIO=3&transport=websocket&b64=1",
    ];
    for query in queries {
        let mut net = Net::new();
        let sessions = 1_000;
        for connection in 0..sessions {
            net.open_with(connection, query);
        }
        let keys = net.keys.clone();
        let mut broadcast = |recipients: usize| {
            let info = measure(|| {
                let message = Encoded::binary(vec![7; 10_000].into());
                let recipients = keys[..recipients].iter().copied();
                assert_eq!(net.server.send_many(recipients, &message).gone, 0);
                net.drain();
            });
            (info.count_total, info.bytes_max)
        };
        broadcast(keys.len());
        let (one, all) = (broadcast(1), broadcast(keys.len()));
        eprintln!(
            "allocations of a binary broadcast in revision 3: {} to one, {} to all",
            one.0, all.0
        );
        assert_eq!(one.0, all.0, "{query}");
        assert!(all.1 < 100_000, "{} B at most", all.1);
    }
}

#[test]
fn copies_share_the_bytes_of_the_message() {
    let mut net = Net::new();
    net.open(0);
    net.open(1);
    let message = Encoded::new(&Message::text("to all"));
    net.server.send_many(net.keys.iter().copied(), &message);
    let address = |frame: Option<Frame>| match frame {
        Some(Frame::Text(text)) => text.as_ptr(),
        other => panic!("not a text frame: {other:?}"),
    };
    let frames = [0, 1].map(|id| address(net.server.poll_frame(ConnectionId(id))));
    assert_eq!(frames[0], frames[1]);
}

#[test]
fn a_timer_operation_takes_logarithmic_time_among_a_million() {
    let mut timers = TimerQueue::new();
    let instant = Instant::from_millis;
    let cost = |act: &mut dyn FnMut()| {
        let before = COMPARISONS.get();
        act();
        COMPARISONS.get() - before
    };
    let mut worst = [0_u64; 5];
    let entries = 1_000_000_u64;
    for n in 0..entries {
        let key = Counted(n.wrapping_mul(0x9e37_79b9) % entries);
        let spent = cost(&mut || timers.set(key, Some(instant(1_000 + n % 50_000))));
        worst[0] = worst[0].max(spent);
    }
    assert_eq!(timers.len() as u64, entries);
    for n in (0..entries).step_by(97) {
        let key = Counted(n);
        worst[1] = worst[1].max(cost(&mut || timers.set(key, Some(instant(90_000 + n % 7)))));
        worst[2] = worst[2].max(cost(&mut || timers.set(key, Some(instant(500)))));
        worst[3] = worst[3].max(cost(&mut || timers.set(key, None)));
        timers.set(key, Some(instant(1)));
        let mut popped = None;
        worst[4] = worst[4].max(cost(&mut || popped = timers.pop_expired(instant(1))));
        assert_eq!(popped, Some(key));
    }
    assert_eq!(cost(&mut || assert!(timers.next().is_some())), 0);
    let [insert, later, earlier, remove, pop] = worst;
    eprintln!(
        "comparisons of a timer operation among {entries}: insert {insert}, later {later}, earlier {earlier}, remove {remove}, pop {pop}"
    );
    // A search in a tree of a million takes some 20 steps, and a few more within its nodes; an operation is at most
    // a few searches.
    assert!(worst.iter().all(|comparisons| *comparisons <= 5 * 40));
}

thread_local! {
    static COMPARISONS: Cell<u64> = const { Cell::new(0) };
}

/// A key that counts how often it is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Counted(u64);

impl Ord for Counted {
    fn cmp(&self, other: &Self) -> Ordering {
        COMPARISONS.set(COMPARISONS.get() + 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Counted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
