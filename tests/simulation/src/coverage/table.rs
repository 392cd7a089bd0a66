//! The table of events that worlds have to show, and of those that cannot happen, with the reason.

/// A group of events.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// The enumeration that it lists, by its source and its name.
    #[cfg(test)]
    lists: Option<(&'static str, &'static str)>,
    /// Events that a long run has to show.
    pub(crate) shown: &'static [&'static str],
    /// Events that cannot happen in a world, and the reason.
    pub(crate) cannot: &'static [(&'static str, &'static str)],
    /// Events that may happen, but not in every long run, and their cause.
    pub(crate) seldom: &'static [(&'static str, &'static str)],
}

impl Group {
    /// Whether an event may happen.
    pub(crate) fn allows(&self, name: &str) -> bool {
        let mut seldom = self.seldom.iter();
        self.shown.contains(&name) || seldom.any(|(known, _)| *known == name)
    }

    /// The reason why an event cannot happen.
    pub(crate) fn reason(&self, name: &str) -> Option<&'static str> {
        let mut cannot = self.cannot.iter();
        cannot
            .find(|(known, _)| *known == name)
            .map(|(_, why)| *why)
    }
}

macro_rules! groups {
    ($($id:ident $name:literal $(lists $source:literal $kind:literal)? [$($shown:literal)*] cannot [$($no:literal: $why:expr,)*]
        $(; seldom [$($rare:literal: $how:expr,)*])?)*) => {
        $(pub(crate) static $id: Group = Group {
            name: $name,
            #[cfg(test)]
            lists: groups!(@lists $($source $kind)?),
            shown: &[$($shown),*],
            cannot: &[$(($no, $why)),*],
            seldom: &[$($(($rare, $how)),*)?],
        };)*

        /// All groups.
        pub(crate) fn groups() -> &'static [&'static Group] {
            static ALL: &[&Group] = &[$(&$id),*];
            ALL
        }
    };
    // The sources are looked at by tests only.
    (@lists $source:literal $kind:literal) => { Some((include_str!(concat!("../../../../", $source)), $kind)) };
    (@lists) => { None };
}

/// The reason for events that only other peers cause: in worlds, our machines talk with each other.
const NO_RUBBISH: &str = "nobody sends what is no packet; fuzz targets do";
const IN_ORDER: &str = "no client of this workspace does that; tests of the server do";
const OTHER_EVENTS: &str = "an adapter or the Admin UI wants it; tests of the server show it";
const OUTSIDE: &str = "recovery with storage outside is not simulated";
const TAKEN_AT_ONCE: &str =
    "Socket.IO takes the messages of Engine.IO at once, and counts its own events";
const SETTINGS: &str = "clients are set up for their server";

groups! {
    FAULT "faults that took effect" lists "tests/simulation/src/faults.rs" "Fault" [
        "CutReset" "CutClean" "CutMidway" "CutSilent" "CutWebsockets" "CutRequests" "SilenceRequests" "LoseRequests"
        "LoseBodies" "LoseResponses" "DoubleAttempts" "Unreachable" "Stall" "SpoilWebsockets" "Collect" "BlockPipes"
        "Slow" "StopServer" "SleepClient" "BusyClient" "BusyServer" "SleepServerOrJump" "SlowServer" "LateServer"
        "LateClient"
    ] cannot []
    EFFECT "effects of faults" [
        "RequestLost" "BodyLost" "ResponseLost" "ConnectLost" "RequestDoubled" "ConnectDoubled" "RequestUnreachable"
        "ConnectUnreachable" "Stalled" "WebsocketRefused" "FrameSwallowed" "WebsocketBroken" "ResponseCollected"
        "GatewayTimeout" "PipeFullUp" "PipeFullDown" "UnwritableUp" "UnwritableDown" "WebsocketClosed" "WebsocketReset"
        "WebsocketCutMidway" "WebsocketSilent" "RequestCut" "RequestSilent" "ServerStopped" "ServerAsleep" "ClientAsleep"
        "ServerBusy" "ClientBusy" "ServerSlow" "ServerDrainedLate" "ClientDrainedLate" "Jumped"
    ] cannot []
    TO_WEBSOCKET "upgrades to WebSocket that were interrupted" [
        "Connecting" "Connected" "ProbeSent" "ProbeArrived" "Pausing" "Paused" "UpgradeSent" "Upgraded"
    ] cannot []
    TO_WEBTRANSPORT "upgrades to WebTransport that were interrupted" [
        "Connecting" "Connected" "ProbeSent" "ProbeArrived" "Pausing" "Paused" "UpgradeSent" "Upgraded"
    ] cannot []
    SERVER_UPGRADE "upgrades that a server completed" lists "engineio-proto/src/transport.rs" "Transport" [
        "WebSocket" "WebTransport"
    ] cannot [
        "Polling": "nobody moves to polling",
    ]
    CLIENT_UPGRADE "upgrades that a client completed" lists "engineio-proto/src/transport.rs" "Transport" [
        "WebSocket" "WebTransport"
    ] cannot [
        "Polling": "nobody moves to polling",
    ]
    PROBE "failed upgrades, client" lists "engineio-proto/src/client/close.rs" "ProbeError" [
        "Transport" "TransportClosed" "SocketClosed" "Timeout"
    ] cannot [
        "WrongAnswer": IN_ORDER,
    ]
    RECOVERY "recoveries" [
        "missed nothing" "missed something" "refused: away too long" "refused: unknown session" "refused: unknown offset"
        "refused: too much missed" "refused: pushed out by others"
    ] cannot []
    SERVER_EVENT "events, server" lists "socketio-proto/src/server/event.rs" "Event" [
        "Handshake" "Refused" "Opened" "NamespaceRequested" "NamespaceAdded" "NamespaceRemoved" "Connecting" "Recovered"
        "Event" "Ack" "BroadcastReply" "BroadcastEnded" "AckFailed" "Upgraded" "Drained" "Disconnected" "Closed"
    ] cannot [
        "Restoring": OUTSIDE,
        "PacketLogged": OUTSIDE,
        "SessionSaved": OUTSIDE,
        "Sent": OTHER_EVENTS,
        "RoomCreated": OTHER_EVENTS,
        "RoomJoined": OTHER_EVENTS,
        "RoomLeft": OTHER_EVENTS,
        "RoomDeleted": OTHER_EVENTS,
    ]
    SERVER_CLOSE "sessions closed, server" lists "engineio-proto/src/server/close.rs" "CloseReason" [
        "PingTimeout" "TransportClose" "TransportError" "ParseError" "ForcedClose"
    ] cannot []
    SERVER_FAULT "transport errors, server" lists "engineio-proto/src/server/close.rs" "TransportFault" [
        "PostOverlap" "PollAborted" "PostAborted" "Connection" "SlowReader" "PayloadTooLarge"
        "MemoryLimit"
    ] cannot [
        "TooManyUndelivered": TAKEN_AT_ONCE,
        "PollOverlap": "only who repeats a poll causes it, and what the first answer holds is lost then",
        "InvalidContent": IN_ORDER,
        "HeartbeatDirection": IN_ORDER,
    ]
    SERVER_DISCONNECT "sockets that left, server" lists "socketio-proto/src/server/reason.rs" "DisconnectReason" [
        "ClientNamespaceDisconnect" "ServerNamespaceDisconnect" "ServerShuttingDown" "ForcedClose" "ForcedServerClose"
        "Engine"
    ] cannot []
    SERVER_LEFT_BY "sockets that left with their session, server" lists "engineio-proto/src/server/close.rs" "CloseReason" [
        "PingTimeout" "TransportClose" "TransportError" "ParseError" "ForcedClose"
    ] cannot []
    FORCED_CLOSE "connections that a server forced to close" lists "socketio-proto/src/server/reason.rs" "ForcedClose" [
        "Violation" "TooManyUndelivered" "Full"
    ] cannot [
        "ConnectTimeout": "sockets leave for it only if they have joined, and who has joined is not timed out",
    ]
    VIOLATION "rules that a client broke" lists "socketio-proto/src/server/violation.rs" "Violation" [
        "SecondConnect" "Decode"
    ] cannot [
        "ConnectError": IN_ORDER,
    ]; seldom [
        "NotJoined": "the answer to a CONNECT that was taken back crosses the next CONNECT, as officially",
    ]
    NO_PACKET "packets that a server did not take" lists "socketio-proto/src/error.rs" "DecodeError" [
        "Expansion"
    ] cannot [
        "Empty": NO_RUBBISH,
        "UnknownType": NO_RUBBISH,
        "InvalidType": NO_RUBBISH,
        "InvalidNamespace": NO_RUBBISH,
        "InvalidId": NO_RUBBISH,
        "MsgPack": NO_RUBBISH,
        "AttachmentCount": NO_RUBBISH,
        "TooManyAttachments": "no event of a world has so many",
        "NamespaceTooLong": "no namespace of a world has such a name",
        "IdOutOfRange": NO_RUBBISH,
        "InvalidPayload": NO_RUBBISH,
        "TooDeep": NO_RUBBISH,
        "UnexpectedText": NO_RUBBISH,
        "UnexpectedBinary": NO_RUBBISH,
        "Placeholder": NO_RUBBISH,
    ]
    REFUSAL "requests that a server refused" lists "engineio-proto/src/server/reject.rs" "Reject" [
        "UnknownTransport" "UnknownSid" "BadHandshakeMethod" "BadRequest" "Forbidden" "ForeignOrigin"
        "UnsupportedRevision" "TooManySessions" "TooManyHandshakes" "MemoryLimit" "ShuttingDown"
    ] cannot [
        "UnknownMethod": IN_ORDER,
    ]
    BAD_REQUEST "bad requests" lists "engineio-proto/src/server/reject.rs" "BadRequest" [
        "TransportHandshake" "InvalidOrigin" "Jsonp"
    ] cannot [
        "TransportMismatch": "a client upgrades when its polling requests are over",
        "RevisionMismatch": IN_ORDER,
    ]
    SERVER_ACK "acknowledgements that failed, server" lists "socketio-proto/src/server/reason.rs" "AckError" [
        "TimedOut" "Disconnected"
    ] cannot []
    BROADCAST "broadcasts with acknowledgements" [
        "all answered" "some missing" "for nobody"
    ] cannot []
    SERVER_EMIT "events that a server refused to send" lists "socketio-proto/src/error.rs" "EmitError" [
        "Closed" "Full" "TooLarge" "TooManyAcks" "Encode"
    ] cannot []
    MEMORY "servers that held as much as they may" [
        "turned away" "forgot what it kept" "ended a session" "stopped after that"
    ] cannot []
    SENT_MANY "broadcasts" [
        "reached all" "found a full queue" "found a closing connection"
    ] cannot []
    SLOW_READER "full queues by policy" lists "engineio-proto/src/server/config.rs" "SlowReader" [
        "Refuse" "Close"
    ] cannot []
    JOIN "rooms that a socket did not join" lists "socketio-proto/src/server/membership.rs" "JoinError" [
        "Closed" "TooManyRooms" "NameTooLong"
    ] cannot []
    VERDICT "verdicts" [
        "handshake accepted" "handshake refused" "namespace allowed" "namespace denied" "socket accepted" "socket refused"
        "too late"
    ] cannot []
    CLIENT_EVENT "events, client" lists "socketio-proto/src/client/event.rs" "Event" [
        "ManagerOpened" "ManagerError" "ManagerClosed" "Reconnecting" "ReconnectAttempt" "Reconnected" "ReconnectError"
        "ReconnectFailed" "Ping" "Pong" "Packet" "Upgraded" "UpgradeFailed" "AuthRequired" "Connected" "ConnectError"
        "Event" "Ack" "AckFailed" "GivenUp" "Drained" "Disconnected"
    ] cannot [
        "Error": "a server of this workspace has no middlewares for events",
    ]
    CLIENT_STATE "states that a client was in" lists "socketio-proto/src/client/state.rs" "State" [
        "Closed" "Waiting" "Opening" "Open"
    ] cannot []
    CLIENT_DISCONNECT "sockets that left, client" lists "socketio-proto/src/client/error.rs" "DisconnectReason" [
        "IoServerDisconnect" "IoClientDisconnect" "ForcedClose" "ParseError" "Engine"
    ] cannot []
    CLIENT_VIOLATION "rules that a server broke" lists "socketio-proto/src/client/error.rs" "Violation" [
        "TooManyBeforeConnect" "TooManyUndelivered"
    ] cannot [
        "Decode": "clients take as many repeated attachments as a payload may have, and nobody sends what is no packet",
    ]
    CLIENT_CLOSE "connections that ended, client" lists "engineio-proto/src/client/close.rs" "CloseReason" [
        "PingTimeout" "TransportClose" "TransportError"
    ] cannot [
        "ForcedClose": "it is told as the forced close of Socket.IO",
    ]
    CLIENT_CLOSED_BY "connections that closed, client" lists "engineio-proto/src/client/close.rs" "CloseDetail" [
        "ByServer" "Connection" "Offline"
    ] cannot []
    CLIENT_FAULT "transport errors, client" lists "engineio-proto/src/client/close.rs" "TransportError" [
        "Poll" "Post" "WebSocket" "WebTransport" "Parse" "OpenTimeout"
    ] cannot [
        "TooManyUndelivered": TAKEN_AT_ONCE,
        "Revision": SETTINGS,
        "PayloadTooLarge": "no server of a world has so much to say",
    ]
    CONNECT_ERROR "failures to connect" lists "socketio-proto/src/client/error.rs" "ConnectError" [
        "Timeout" "Transport" "Closed" "Refused" "MainRefused"
    ] cannot [
        "NoSocketId": SETTINGS,
    ]
    CLIENT_ACK "acknowledgements that failed, client" lists "socketio-proto/src/client/error.rs" "AckError" [
        "TimedOut" "Disconnected" "Dropped"
    ] cannot []
    CLIENT_EMIT "events that a client refused to send" lists "socketio-proto/src/error.rs" "EmitError" [
        "Closed" "Full" "TooManyAcks" "Encode"
    ] cannot [
        "TooLarge": "only a server has a limit on all that it holds",
    ]
    AUTH "authentications that were not taken" lists "socketio-proto/src/client/error.rs" "AuthError" [
        "Gone" "NoObject" "NotText"
    ] cannot []
    RETRY "events that are sent again" [
        "arrived again" "answered" "given up"
    ] cannot []
    RECONNECT "attempts to connect again" [
        "first" "second" "third or later"
    ] cannot []
}

#[cfg(test)]
mod tests {
    use socketio_testkit::{Effect, UpgradeStep};

    use super::*;

    /// The variants of an enumeration, by its source.
    fn variants<'a>(source: &'a str, kind: &str) -> Vec<&'a str> {
        let start = source
            .find(&format!("enum {kind} {{"))
            .expect("it is there");
        let (mut depth, mut found) = (0_i32, Vec::new());
        for line in source.get(start..).unwrap_or_default().lines() {
            let line = line.trim();
            let is_code =
                !line.starts_with("//") && !line.starts_with('#') && !line.starts_with('"');
            if is_code && depth == 1 && line.starts_with(|first: char| first.is_ascii_uppercase()) {
                let end = line.find(|letter: char| !letter.is_ascii_alphanumeric());
                found.extend(line.get(..end.unwrap_or(line.len())));
            }
            if is_code {
                depth += i32::try_from(line.matches(['{', '(']).count()).expect("few");
                depth -= i32::try_from(line.matches(['}', ')']).count()).expect("few");
            } else if line.starts_with("#[") && !line.ends_with(']') {
                // An attribute of several lines counts as what it opens.
                depth += 1;
            } else if line.ends_with(")]") && !line.starts_with("#[") {
                depth -= 1;
            }
            if depth == 0 {
                break;
            }
        }
        found
    }

    fn listed(group: &Group) -> Vec<&'static str> {
        let others = group.cannot.iter().chain(group.seldom);
        let others = others.map(|(name, _)| *name);
        let mut listed: Vec<_> = group.shown.iter().copied().chain(others).collect();
        listed.sort_unstable();
        listed
    }

    #[test]
    fn every_variant_is_to_be_shown_or_cannot_happen() {
        for group in groups() {
            let Some((source, kind)) = group.lists else {
                continue;
            };
            let mut variants = variants(source, kind);
            variants.sort_unstable();
            assert_eq!(variants, listed(group), "{kind}: {}", group.name);
        }
    }

    #[test]
    fn what_the_network_counts_is_to_be_shown() {
        let effects: Vec<_> = Effect::ALL
            .iter()
            .map(|effect| format!("{effect:?}"))
            .collect();
        assert_eq!(EFFECT.shown, effects);
        let steps: Vec<_> = UpgradeStep::ALL
            .iter()
            .map(|step| format!("{step:?}"))
            .collect();
        assert_eq!(TO_WEBSOCKET.shown, steps);
        assert_eq!(TO_WEBTRANSPORT.shown, steps);
    }

    #[test]
    fn groups_have_names_of_their_own() {
        let mut names: Vec<_> = groups().iter().map(|group| group.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), groups().len());
    }
}
