//! Random scripts: what clients send, what the application does, and how time passes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The last two are children that come and go.
pub(crate) const NAMESPACES: [&str; 5] = ["/", "/a", "/b", "/made-1", "/asked"];
const ROOMS: [&str; 3] = ["", "r", "s"];

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Open {
        websocket: bool,
        /// A client of revision 4.
        old: bool,
    },
    /// Joins a namespace, and everyone who waits is let in.
    Enter {
        client: usize,
        namespace: &'static str,
    },
    /// A new client asks for a session that is kept, and for what came after a packet that is.
    ComeBack {
        websocket: bool,
        namespace: &'static str,
        session: usize,
        packet: usize,
    },
    /// The client of a socket sends what fits its namespace.
    Say {
        socket: usize,
        what: Say,
    },
    Text {
        client: usize,
        text: String,
    },
    Binary {
        client: usize,
        data: Vec<u8>,
    },
    /// Several packets for the namespace of a socket in one body, if its client is on polling.
    Post {
        socket: usize,
        what: Vec<Say>,
    },
    /// Any Engine.IO packet.
    Packet {
        client: usize,
        packet: String,
    },
    Poll {
        client: usize,
    },
    Upgrade {
        client: usize,
    },
    Vanish {
        client: usize,
    },
    Fail {
        client: usize,
    },
    Accept,
    Reject,
    Allow,
    Deny,
    RemoveNamespace {
        namespace: &'static str,
    },
    Respond,
    Emit {
        socket: usize,
        attachments: u8,
    },
    EmitVolatile {
        socket: usize,
    },
    EmitWithAck {
        socket: usize,
        millis: u64,
    },
    Join {
        socket: usize,
        room: &'static str,
    },
    Leave {
        socket: usize,
        room: &'static str,
    },
    LeaveOwn {
        socket: usize,
    },
    Broadcast {
        namespace: &'static str,
        rooms: Vec<&'static str>,
        except: usize,
        volatile: bool,
    },
    BroadcastWithAck {
        namespace: &'static str,
        rooms: Vec<&'static str>,
        millis: u64,
    },
    Disconnect {
        socket: usize,
    },
    DisconnectSession {
        client: usize,
    },
    ShutDown,
    Advance {
        millis: u64,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Say {
    Event,
    EventWithAck { id: u64 },
    BinaryEvent,
    Ack { id: u64 },
    BinaryAck { id: u64 },
    Disconnect,
}

impl Say {
    /// The messages of the packet: text, and for some an attachment.
    pub(crate) fn messages(self, namespace: &str) -> (String, Option<&'static [u8]>) {
        let namespace = match namespace {
            "/" => String::new(),
            other => format!("{other},"),
        };
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        match self {
            Self::Event => (format!(r#"2{namespace}["e",1]"#), None),
            Self::EventWithAck { id } => (format!(r#"2{namespace}{id}["e"]"#), None),
            Self::BinaryEvent => {
                let text = format!(r#"51-{namespace}["e",{placeholder}]"#);
                (text, Some(b"ab"))
            }
            Self::Ack { id } => (format!("3{namespace}{id}[1]"), None),
            Self::BinaryAck { id } => {
                let text = format!("61-{namespace}{id}[{placeholder}]");
                (text, Some(b""))
            }
            Self::Disconnect => (format!("1{namespace}"), None),
        }
    }
}

impl Op {
    /// Whether a volatile event is dropped depends on when outputs are taken, as it must.
    pub(crate) fn not_volatile(mut self) -> Self {
        if let Self::EmitVolatile { socket } = self {
            return Self::Emit {
                socket,
                attachments: 0,
            };
        }
        if let Self::Broadcast { volatile, .. } = &mut self {
            *volatile = false;
        }
        self
    }

    pub(crate) fn of_revision_5(mut self) -> Self {
        if let Self::Open { old, .. } = &mut self {
            *old = false;
        }
        self
    }

    /// Whether the application must have heard of everything, or a client have read it, for this to be the same
    /// whenever outputs are taken.
    pub(crate) fn needs_outputs(&self) -> bool {
        matches!(
            self,
            Self::Open { .. }
                | Self::Enter { .. }
                | Self::ComeBack { .. }
                | Self::Accept
                | Self::Reject
                | Self::Allow
                | Self::Deny
                | Self::RemoveNamespace { .. }
                | Self::Respond
                | Self::Poll { .. }
                | Self::Vanish { .. }
                | Self::Fail { .. }
                | Self::ShutDown
                | Self::DisconnectSession { .. }
        )
    }

    /// Whether it is a command of the application.
    pub(crate) fn is_command(&self) -> bool {
        matches!(
            self,
            Self::Accept
                | Self::Reject
                | Self::Allow
                | Self::Deny
                | Self::RemoveNamespace { .. }
                | Self::Respond
                | Self::Emit { .. }
                | Self::EmitVolatile { .. }
                | Self::EmitWithAck { .. }
                | Self::Join { .. }
                | Self::Leave { .. }
                | Self::LeaveOwn { .. }
                | Self::Broadcast { .. }
                | Self::BroadcastWithAck { .. }
                | Self::Disconnect { .. }
                | Self::DisconnectSession { .. }
                | Self::ShutDown
        )
    }
}

pub(crate) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let start = vec(open(), 2..4);
    (start, any::<bool>(), vec(op(), 0..80)).prop_map(|(mut ops, joined, more)| {
        if joined {
            let namespace = "/";
            ops.extend([0, 1].map(|client| Op::Enter { client, namespace }));
            let (socket, attachments) = (0, 0);
            ops.push(Op::Emit {
                socket,
                attachments,
            });
        }
        ops.extend(more);
        ops
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![20 => conversation(), 14 => command(), 3 => mischief()]
}

/// Steps of well-behaved clients, and of time.
fn conversation() -> impl Strategy<Value = Op> {
    let client = || 0..6_usize;
    let socket = || 0..12_usize;
    prop_oneof![
        3 => open(),
        8 => (client(), select(&NAMESPACES[..]))
            .prop_map(|(client, namespace)| Op::Enter { client, namespace }),
        12 => (any::<bool>(), select(&["/", "/", "/a", "/made-1"][..]), 0..3_usize, 0..3_usize).prop_map(
            |(websocket, namespace, session, packet)| Op::ComeBack { websocket, namespace, session, packet }
        ),
        16 => (socket(), say()).prop_map(|(socket, what)| Op::Say { socket, what }),
        5 => (socket(), vec(say(), 1..5)).prop_map(|(socket, what)| Op::Post { socket, what }),
        9 => client().prop_map(|client| Op::Poll { client }),
        2 => client().prop_map(|client| Op::Upgrade { client }),
        4 => client().prop_map(|client| Op::Vanish { client }),
        5 => select(&[0, 1, 9, 10, 100][..]).prop_map(|millis| Op::Advance { millis }),
        1 => select(&[20_000, 25_000, 30_000, 45_000][..])
            .prop_map(|millis| Op::Advance { millis }),
    ]
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        6 => Just(Say::Event),
        5 => (0..5_u64).prop_map(|id| Say::EventWithAck { id }),
        2 => Just(Say::BinaryEvent),
        5 => (0..5_u64).prop_map(|id| Say::Ack { id }),
        1 => (0..5_u64).prop_map(|id| Say::BinaryAck { id }),
        1 => Just(Say::Disconnect),
    ]
}

/// Commands of the application.
fn command() -> impl Strategy<Value = Op> {
    let socket = || 0..12_usize;
    let room = || select(&ROOMS[..]);
    prop_oneof![
        20 => Just(Op::Accept),
        5 => Just(Op::Reject),
        8 => Just(Op::Allow),
        3 => Just(Op::Deny),
        2 => select(&NAMESPACES[..]).prop_map(|namespace| Op::RemoveNamespace { namespace }),
        20 => Just(Op::Respond),
        30 => (socket(), 0..3_u8)
            .prop_map(|(socket, attachments)| Op::Emit { socket, attachments }),
        15 => socket().prop_map(|socket| Op::EmitVolatile { socket }),
        30 => (socket(), select(&[0, 1, 10, 100_000][..]))
            .prop_map(|(socket, millis)| Op::EmitWithAck { socket, millis }),
        25 => (socket(), room()).prop_map(|(socket, room)| Op::Join { socket, room }),
        10 => (socket(), room()).prop_map(|(socket, room)| Op::Leave { socket, room }),
        5 => socket().prop_map(|socket| Op::LeaveOwn { socket }),
        30 => (select(&NAMESPACES[..]), vec(room(), 0..3), socket(), any::<bool>()).prop_map(
            |(namespace, rooms, except, volatile)| Op::Broadcast { namespace, rooms, except, volatile }
        ),
        20 => (select(&NAMESPACES[..]), vec(room(), 0..2), select(&[0, 10, 100_000][..])).prop_map(
            |(namespace, rooms, millis)| Op::BroadcastWithAck { namespace, rooms, millis }
        ),
        8 => socket().prop_map(|socket| Op::Disconnect { socket }),
        4 => (0..6_usize).prop_map(|client| Op::DisconnectSession { client }),
        1 => Just(Op::ShutDown),
    ]
}

/// Steps that mostly end sessions.
fn mischief() -> impl Strategy<Value = Op> {
    let client = || 0..6_usize;
    prop_oneof![
        4 => (client(), text()).prop_map(|(client, text)| Op::Text { client, text }),
        1 => (client(), vec(any::<u8>(), 0..4))
            .prop_map(|(client, data)| Op::Binary { client, data }),
        2 => (client(), packet()).prop_map(|(client, packet)| Op::Packet { client, packet }),
        1 => client().prop_map(|client| Op::Fail { client }),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let namespace = || select(&["", "", "/a,", "/b,", "/made-1,", "/asked,"][..]);
    let id = || 0..8_u64;
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    prop_oneof![
        4 => namespace().prop_map(|namespace| format!("0{namespace}")),
        8 => (namespace(), 0..9_u8).prop_map(|(namespace, arg)| format!(r#"2{namespace}["e",{arg}]"#)),
        5 => (namespace(), id()).prop_map(|(namespace, id)| format!(r#"2{namespace}{id}["e"]"#)),
        6 => (namespace(), id()).prop_map(|(namespace, id)| format!("3{namespace}{id}[1]")),
        2 => namespace().prop_map(move |namespace| format!(r#"51-{namespace}["e",{placeholder}]"#)),
        1 => (namespace(), id())
            .prop_map(move |(namespace, id)| format!("61-{namespace}{id}[{placeholder}]")),
        2 => namespace().prop_map(|namespace| format!("1{namespace}")),
        1 => select(&["0/nope,", r#"0{"t":1}"#, "0[]", "", "9", "2", "4{}", r#"2["disconnect"]"#, "3[]", "511-[]"][..])
            .prop_map(str::to_owned),
        1 => "[0-6][-/a,0-9{}\"\\[\\]é]{0,8}",
    ]
}

fn open() -> impl Strategy<Value = Op> {
    let old = prop_oneof![3 => Just(false), 1 => Just(true)];
    (any::<bool>(), old).prop_map(|(websocket, old)| Op::Open { websocket, old })
}

fn packet() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(&["1", "2", "3", "5", "6", "2probe", "b!", "bAAAA", "", "0{}", "7"][..])
            .prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ]
}
