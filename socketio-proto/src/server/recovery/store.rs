//! Recovery data of a namespace.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::collections::Steps;
use engineio_proto::ledger::{self, Charge, HeapSize, Ledger};
use engineio_proto::{Instant, Sid};

use super::super::held::{hold, release, text_size};
use super::super::keys::SocketId;
use super::config::RecoveryConfig;
use crate::hidden::{HiddenList, HiddenSet};
use crate::{EncodedPacket, Payload};

/// A socket whose client went away and may come back.
#[derive(Clone, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "plain data, made by whoever keeps it"
)]
pub struct SavedSession {
    /// The id of the socket, which it has again once it is back.
    pub socket: SocketId,
    /// The secret by which the client names the session.
    pub pid: Sid,
    /// The rooms that it was in, its own among them unless it had left it.
    pub rooms: BTreeSet<Arc<str>>,
    /// What the application had put aside for it: [`Server::set_data`](super::super::Server::set_data).
    pub data: Option<Payload>,
    /// When it went away, by the clock of the server.
    pub disconnected_at: Instant,
}

impl fmt::Debug for SavedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            socket,
            pid,
            rooms,
            data,
            disconnected_at,
        } = self;
        f.debug_struct("SavedSession")
            .field("socket", socket)
            .field("pid", pid)
            .field("rooms", &HiddenSet(rooms))
            .field("data", data)
            .field("disconnected_at", disconnected_at)
            .finish()
    }
}

/// An event that was sent, with the offset that stands behind its arguments.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "plain data, made by whoever keeps it"
)]
pub struct LoggedPacket {
    /// The offset: text that names the packet in its namespace.
    pub offset: ByteString,
    /// Whom it was for.
    pub recipients: Recipients,
    /// The packet, encoded.
    pub packet: EncodedPacket,
    /// When it was sent, by the clock of the server.
    pub sent_at: Instant,
}

/// Whom a packet was for: as a [`Target`](super::super::Target), but with names instead of keys, which stay valid.
#[derive(Clone, Default, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "plain data, made by whoever keeps it"
)]
pub struct Recipients {
    /// Only this socket.
    pub socket: Option<SocketId>,
    /// Only members of these rooms; without any, everyone. The server names each once, ascending.
    pub rooms: Vec<Arc<str>>,
    /// Not this socket.
    pub except: Option<SocketId>,
    /// No member of these rooms. The server names each once, ascending.
    pub except_rooms: Vec<Arc<str>>,
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            socket,
            rooms,
            except,
            except_rooms,
        } = self;
        f.debug_struct("Recipients")
            .field("socket", socket)
            .field("rooms", &HiddenList(rooms))
            .field("except", except)
            .field("except_rooms", &HiddenList(except_rooms))
            .finish()
    }
}

/// What a client that comes back gets.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "plain data, made by whoever keeps it"
)]
pub struct Restored {
    /// The session as it was saved.
    pub session: SavedSession,
    /// The packets that it missed, in order.
    pub missed: Vec<EncodedPacket>,
}

/// The packets and sessions of one namespace that are kept for clients that come back, within the bounds of a
/// [`RecoveryConfig`].
///
/// A [`Server`](super::super::Server) has one for each namespace, unless the application keeps it
/// [outside](super::RecoveryStorage::Outside): then it may use this too. Both are told the same things, in the same order.
/// Instants are by one clock, so that processes which share a store must share the epoch of their clocks.
///
/// # Examples
///
/// ```
/// use socketio_proto::engine::Instant;
/// use socketio_proto::server::{RecoveryConfig, RecoveryStore};
///
/// let store = RecoveryStore::new(RecoveryConfig::default());
/// assert_eq!((store.packets().count(), store.sessions().count(), store.bytes()), (0, 0, 0));
/// ```
///
/// Source: `socket.io-adapter`, `SessionAwareAdapter`.
pub struct RecoveryStore {
    config: RecoveryConfig,
    packets: VecDeque<LoggedPacket>,
    /// The number of the packet at the front.
    first: u64,
    /// The numbers of packets.
    offsets: BTreeMap<ByteString, u64>,
    /// The bytes of all packets.
    bytes: usize,
    /// By number, in the order in which they were saved.
    sessions: BTreeMap<u64, SavedSession>,
    /// The numbers of sessions.
    pids: BTreeSet<(Head, u64)>,
    next_session: u64,
    /// The names of the rooms of all sessions, kept once each, and how many sessions have them.
    names: BTreeMap<Arc<str>, usize>,
    /// The bytes that packets and sessions keep on the heap.
    contents: usize,
    /// What the server that keeps the store is charged.
    charge: Option<Charge>,
    steps: Steps,
}

impl fmt::Debug for RecoveryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryStore")
            .field("config", &self.config)
            .field("packets", &self.packets.len())
            .field("sessions", &self.sessions.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// The part of a pid by which it is looked up, which may leak through the time that takes. The rest of it, 72 random
/// bits, is compared in constant time.
type Head = [u8; 8];

impl Recipients {
    /// Whether a packet that was for these is for a session.
    ///
    /// Cost: O(r log q) for r names and a session in q rooms.
    #[must_use]
    pub fn include(&self, session: &SavedSession) -> bool {
        self.include_if(session, |rooms| {
            rooms.iter().any(|room| session.rooms.contains(room))
        })
    }

    /// As [`include`](Self::include), if the rooms ascend.
    ///
    /// Cost: O(min(r, q) log(r + q)) for r names and a session in q rooms.
    fn include_ordered(&self, session: &SavedSession, steps: &Steps) -> bool {
        self.include_if(session, |rooms| {
            if rooms.len() <= session.rooms.len() {
                rooms.iter().any(|room| {
                    steps.count();
                    session.rooms.contains(room)
                })
            } else {
                session.rooms.iter().any(|room| {
                    steps.count();
                    rooms.binary_search(room).is_ok()
                })
            }
        })
    }

    /// Whether a packet is for a session of which `is_in_any` tells whether it is in one of some rooms.
    fn include_if(&self, session: &SavedSession, is_in_any: impl Fn(&[Arc<str>]) -> bool) -> bool {
        let is_it = |socket: &SocketId| *socket == session.socket;
        self.socket.as_ref().is_none_or(is_it)
            && !self.except.as_ref().is_some_and(is_it)
            && (self.rooms.is_empty() || is_in_any(&self.rooms))
            && !is_in_any(&self.except_rooms)
    }

    /// How many rooms are named.
    fn names(&self) -> usize {
        self.rooms.len().saturating_add(self.except_rooms.len())
    }

    /// Names each room once, ascending.
    fn put_in_order(&mut self) {
        for rooms in [&mut self.rooms, &mut self.except_rooms] {
            if !rooms.is_sorted_by(|earlier, later| earlier < later) {
                rooms.sort_unstable();
                rooms.dedup();
            }
        }
    }
}

impl LoggedPacket {
    /// What it counts against [`RecoveryConfig::max_bytes`].
    fn bytes(&self) -> usize {
        let rooms = self.recipients.rooms.iter();
        let rooms = rooms.chain(&self.recipients.except_rooms);
        rooms.fold(self.packet.payload_len(), |sum, room| {
            sum.saturating_add(room.len())
        })
    }
}

impl RecoveryStore {
    /// Makes a store that holds nothing.
    #[must_use]
    pub const fn new(config: RecoveryConfig) -> Self {
        Self {
            config,
            packets: VecDeque::new(),
            first: 0,
            offsets: BTreeMap::new(),
            bytes: 0,
            sessions: BTreeMap::new(),
            pids: BTreeSet::new(),
            next_session: 0,
            names: BTreeMap::new(),
            contents: 0,
            charge: None,
            steps: Steps::new(),
        }
    }

    /// Keeps a packet that was sent; the oldest ones make room for it. One that is larger than all that may be kept is
    /// not kept, and what stood before it neither: who misses it cannot come back.
    ///
    /// Cost: O(r log r + log n) for r names of rooms, which are put in order, and n packets.
    pub fn record(&mut self, mut packet: LoggedPacket) {
        packet.recipients.put_in_order();
        let number = self.first.saturating_add(self.packets.len() as u64);
        self.bytes = self.bytes.saturating_add(packet.bytes());
        self.contents = self.contents.saturating_add(packet.heap_size());
        self.offsets.insert(packet.offset.clone(), number);
        if let Some(charge) = &self.charge {
            hold(&packet.packet, charge.ledger());
        }
        self.packets.push_back(packet);
        while self.packets.len() > self.config.max_packets || self.bytes > self.config.max_bytes {
            self.forget_packet();
        }
        self.settle();
    }

    /// Keeps a session whose client went away; the one that is away longest makes room for it.
    ///
    /// Cost: O(log n) for n sessions, and for each room O(log r) for r names of rooms.
    pub fn save(&mut self, mut session: SavedSession) {
        let number = self.next_session;
        self.next_session = number.saturating_add(1);
        self.pids.insert((head(&session.pid), number));
        let rooms = core::mem::take(&mut session.rooms).into_iter();
        session.rooms = rooms.map(|name| self.share(name)).collect();
        self.contents = self.contents.saturating_add(session.own_size());
        self.sessions.insert(number, session);
        while self.sessions.len() > self.config.max_sessions {
            let Some(oldest) = self.sessions.keys().next().copied() else {
                break;
            };
            self.forget_session(oldest);
        }
        self.settle();
    }

    /// The data for a client that names a session and the offset of its last packet. `None` if there is no such
    /// session, if the client was away too long, or if some of the missed packets are not stored. The session is
    /// removed in any case, so that no two clients recover it at the same time.
    ///
    /// Cost: O(p min(r, q) log(r + q)) for p packets that were sent after the offset, each to r rooms, and a session in q.
    pub fn restore(&mut self, pid: &Sid, offset: &str, now: Instant) -> Option<Restored> {
        let head = head(pid);
        let mut numbers = self.pids.range((head, 0)..=(head, u64::MAX));
        let number = numbers.find_map(|(_, number)| {
            let session = self.sessions.get(number)?;
            (session.pid == *pid).then_some(*number)
        })?;
        let session = self.forget_session(number)?;
        self.settle();
        if self.is_over(session.disconnected_at, now) {
            return None;
        }
        let last = self.offsets.get(offset)?;
        let skipped = last.saturating_sub(self.first).saturating_add(1);
        let packets = self
            .packets
            .iter()
            .skip(usize::try_from(skipped).unwrap_or(usize::MAX));
        let missed = packets
            .filter(|packet| {
                self.steps.count();
                packet.recipients.include_ordered(&session, &self.steps)
            })
            .map(|packet| packet.packet.clone())
            .collect();
        Some(Restored { session, missed })
    }

    /// Forgets what is older than [`RecoveryConfig::max_disconnection_duration`].
    ///
    /// Cost: O(log n) for each of the n packets and sessions that are forgotten.
    pub fn expire(&mut self, now: Instant) {
        self.expire_within(now, &mut { usize::MAX });
    }

    /// As [`expire`](Self::expire), until `work` is used up: one for each packet and session that is forgotten, and for
    /// each room that it names.
    pub(super) fn expire_within(&mut self, now: Instant, work: &mut usize) {
        while let Some(packet) = self.packets.front()
            && *work > 0
            && self.is_over(packet.sent_at, now)
        {
            *work = work.saturating_sub(packet.recipients.names().saturating_add(1));
            self.forget_packet();
        }
        while let Some((number, session)) = self.sessions.first_key_value()
            && *work > 0
            && self.is_over(session.disconnected_at, now)
        {
            let number = *number;
            *work = work.saturating_sub(session.rooms.len().saturating_add(1));
            self.forget_session(number);
        }
        self.settle();
    }

    /// When the oldest of what is kept was sent or left.
    pub(in super::super) fn oldest(&self) -> Option<Instant> {
        let packet = self.packets.front().map(|packet| packet.sent_at);
        let session = self.sessions.values().next();
        let session = session.map(|session| session.disconnected_at);
        packet.into_iter().chain(session).min()
    }

    /// Forgets the oldest packet or session, of equal age the packet.
    pub(in super::super) fn forget_oldest(&mut self) {
        let packet = self.packets.front().map(|packet| packet.sent_at);
        let session = self.sessions.first_key_value();
        let session = session.map(|(number, session)| (*number, session.disconnected_at));
        match (packet, session) {
            (Some(sent), Some((number, left))) if left < sent => {
                self.forget_session(number);
            }
            (None, Some((number, _))) => {
                self.forget_session(number);
            }
            (Some(_), _) => self.forget_packet(),
            (None, None) => {}
        }
        self.settle();
    }

    /// Charges what the store keeps to the server that keeps the store.
    pub(in super::super) fn attach(&mut self, ledger: &Ledger) {
        self.detach();
        for packet in &self.packets {
            hold(&packet.packet, ledger);
        }
        self.charge = Some(ledger.charge(0));
        self.settle();
    }

    /// Ends what [`attach`](Self::attach) began.
    pub(in super::super) fn detach(&mut self) {
        if let Some(charge) = self.charge.take() {
            for packet in &self.packets {
                release(&packet.packet, charge.ledger());
            }
        }
    }

    fn settle(&mut self) {
        let Some(charge) = &mut self.charge else {
            return;
        };
        let slots = self.packets.capacity();
        let sizes = [
            size_of::<Self>(),
            slots.saturating_mul(size_of::<LoggedPacket>()),
            ledger::map_size::<ByteString, u64>(self.offsets.len()),
            ledger::map_size::<u64, SavedSession>(self.sessions.len()),
            ledger::map_size::<(Head, u64), ()>(self.pids.len()),
            ledger::map_size::<Arc<str>, usize>(self.names.len()),
        ];
        charge.set(sizes.into_iter().fold(self.contents, usize::saturating_add));
    }

    /// The bounds.
    #[must_use]
    pub const fn config(&self) -> &RecoveryConfig {
        &self.config
    }

    /// The packets that are kept, in order.
    ///
    /// Cost: O(1) for each of them.
    pub fn packets(&self) -> impl Iterator<Item = &LoggedPacket> {
        self.packets.iter()
    }

    /// The sessions that are kept, in the order in which they were saved.
    ///
    /// Cost: O(1) for each of them.
    pub fn sessions(&self) -> impl Iterator<Item = &SavedSession> {
        self.sessions.values()
    }

    /// The bytes of the packets that are kept and of the names of their rooms.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.sessions.is_empty()
    }

    /// How often a kept packet or a room of one was looked at.
    #[cfg(feature = "count-steps")]
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.taken()
    }

    fn is_over(&self, since: Instant, now: Instant) -> bool {
        since + self.config.max_disconnection_duration < now
    }

    fn forget_packet(&mut self) {
        let Some(packet) = self.packets.pop_front() else {
            return;
        };
        self.bytes = self.bytes.saturating_sub(packet.bytes());
        self.contents = self.contents.saturating_sub(packet.heap_size());
        if let Some(charge) = &self.charge {
            release(&packet.packet, charge.ledger());
        }
        // Of two with one offset, which only a careless caller records, the later is meant.
        if self.offsets.get(&packet.offset) == Some(&self.first) {
            self.offsets.remove(&packet.offset);
        }
        self.first = self.first.saturating_add(1);
        if self.packets.is_empty() {
            self.packets = VecDeque::new();
            self.offsets = BTreeMap::new();
        } else if self.packets.len() < self.packets.capacity() / 4 {
            self.packets.shrink_to(self.packets.len().saturating_mul(2));
        }
    }

    /// The name of a room that one more session has, as the others have it.
    fn share(&mut self, name: Arc<str>) -> Arc<str> {
        if let Some((kept, _)) = self.names.get_key_value(&name) {
            let kept = Arc::clone(kept);
            self.names.entry(name).and_modify(|sessions| *sessions += 1);
            return kept;
        }
        self.contents = self.contents.saturating_add(text_size(&name));
        self.names.insert(Arc::clone(&name), 1);
        name
    }

    /// Notes that a session fewer has a room.
    fn unshare(&mut self, name: &Arc<str>) {
        let Some(sessions) = self.names.get_mut(name) else {
            return;
        };
        *sessions = sessions.saturating_sub(1);
        if *sessions == 0 {
            self.names.remove(name);
            self.contents = self.contents.saturating_sub(text_size(name));
        }
    }

    fn forget_session(&mut self, number: u64) -> Option<SavedSession> {
        let session = self.sessions.remove(&number)?;
        self.pids.remove(&(head(&session.pid), number));
        self.contents = self.contents.saturating_sub(session.own_size());
        for name in &session.rooms {
            self.unshare(name);
        }
        if self.sessions.is_empty() {
            // Emptied trees keep a node.
            (self.sessions, self.pids) = (BTreeMap::new(), BTreeSet::new());
            self.names = BTreeMap::new();
        }
        Some(session)
    }
}

/// The clone belongs to no server.
impl Clone for RecoveryStore {
    fn clone(&self) -> Self {
        Self {
            config: self.config,
            packets: self.packets.clone(),
            first: self.first,
            offsets: self.offsets.clone(),
            bytes: self.bytes,
            sessions: self.sessions.clone(),
            pids: self.pids.clone(),
            next_session: self.next_session,
            names: self.names.clone(),
            contents: self.contents,
            charge: None,
            steps: self.steps.clone(),
        }
    }
}

impl Drop for RecoveryStore {
    fn drop(&mut self) {
        self.detach();
    }
}

fn head(pid: &Sid) -> Head {
    let head = pid.as_str().as_bytes().first_chunk();
    head.copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use engineio_proto::{Encoded, Message};
    use proptest::prelude::*;

    use super::*;

    fn rooms(names: &[u8]) -> Vec<Arc<str>> {
        let names = names.iter().map(|name| alloc::format!("{name}"));
        names.map(Arc::from).collect()
    }

    proptest! {
        #[test]
        fn rooms_in_order_include_the_same_sessions(
            named in prop::collection::vec(0..12_u8, 0..8),
            excluded in prop::collection::vec(0..12_u8, 0..4),
            joined in prop::collection::vec(0..12_u8, 0..8),
        ) {
            let session = SavedSession {
                socket: SocketId::parse("AAAAAAAAAAAAAAAAAAAA").unwrap(),
                pid: Sid::parse("BBBBBBBBBBBBBBBBBBBB").unwrap(),
                rooms: rooms(&joined).into_iter().collect(),
                data: None,
                disconnected_at: Instant::ZERO,
            };
            let any = |names: &[u8]| names.iter().any(|name| joined.contains(name));
            let expected = (named.is_empty() || any(&named)) && !any(&excluded);
            let mut recipients = Recipients { rooms: rooms(&named), except_rooms: rooms(&excluded), ..Recipients::default() };
            prop_assert_eq!(recipients.include(&session), expected);
            recipients.put_in_order();
            for rooms in [&recipients.rooms, &recipients.except_rooms] {
                prop_assert!(rooms.is_sorted_by(|earlier, later| earlier < later));
            }
            prop_assert_eq!(recipients.include(&session), expected);
            prop_assert_eq!(recipients.include_ordered(&session, &Steps::new()), expected);
        }
    }

    #[test]
    fn debug_of_recipients_tells_how_many_rooms_there_are_and_not_their_names() {
        let recipients = Recipients {
            rooms: alloc::vec![Arc::from("secret"), Arc::from("other")],
            except_rooms: alloc::vec![Arc::from("secret")],
            ..Recipients::default()
        };
        let shown = alloc::format!("{recipients:?}");
        assert!(shown.starts_with("Recipients {") && !shown.contains("secret"));
        let all = alloc::format!("{recipients:-?}");
        assert_eq!(all.matches("secret").count(), 2);
    }

    fn packet(offset: u64) -> LoggedPacket {
        LoggedPacket {
            offset: alloc::format!("{offset}").into(),
            recipients: Recipients::default(),
            packet: EncodedPacket::from_parts(alloc::vec![Encoded::new(&Message::text("2"))])
                .unwrap(),
            sent_at: Instant::from_millis(offset),
        }
    }

    #[test]
    fn packets_that_expire_give_their_room_back() {
        let config = RecoveryConfig::default().with_max_packets(10_000);
        let mut store = RecoveryStore::new(config);
        (0..10_000).for_each(|offset| store.record(packet(offset)));
        let capacity = store.packets.capacity();
        store.expire(Instant::from_millis(4_000) + config.max_disconnection_duration);
        assert_eq!(
            store.packets.capacity(),
            capacity,
            "more than a fourth is left"
        );
        store.expire(Instant::from_millis(9_900) + config.max_disconnection_duration);
        assert_eq!(store.packets.len(), 100);
        assert!(store.packets.capacity() <= 4 * 100 + 8);
    }

    #[test]
    fn what_is_forgotten_takes_no_memory() {
        let mut store = RecoveryStore::new(RecoveryConfig::default());
        store.record(packet(0));
        store.save(SavedSession {
            socket: SocketId::parse("AAAAAAAAAAAAAAAAAAAA").unwrap(),
            pid: Sid::parse("BBBBBBBBBBBBBBBBBBBB").unwrap(),
            rooms: BTreeSet::new(),
            data: None,
            disconnected_at: Instant::ZERO,
        });
        assert_eq!((store.offsets.len(), store.pids.len()), (1, 1));
        store.expire(Instant::from_millis(1_000_000));
        assert!(store.is_empty() && store.offsets.is_empty() && store.pids.is_empty());
        assert_eq!(store.packets.capacity(), 0);
    }

    #[test]
    fn a_name_of_a_room_goes_with_the_last_session_that_has_it() {
        let mut store = RecoveryStore::new(RecoveryConfig::default());
        let saved = |pid: &str, names: &[u8], millis: u64| SavedSession {
            socket: SocketId::parse("AAAAAAAAAAAAAAAAAAAA").unwrap(),
            pid: Sid::parse(&pid.repeat(20)).unwrap(),
            rooms: rooms(names).into_iter().collect(),
            data: None,
            disconnected_at: Instant::from_millis(millis),
        };
        let stays = saved("S", &[1, 2], 1_000);
        store.save(stays.clone());
        let bytes = store.bytes();
        let mut store = RecoveryStore::new(RecoveryConfig::default());
        store.save(saved("A", &[1, 3], 0));
        store.save(saved("B", &[3, 4], 500));
        store.save(stays);
        let outlived = |store: &mut RecoveryStore, millis: u64| {
            store.expire(Instant::from_millis(millis) + store.config.max_disconnection_duration);
            let names: Vec<&str> = store.names.keys().map(|name| &**name).collect();
            names.concat()
        };
        assert_eq!(outlived(&mut store, 100), "1234");
        assert_eq!(outlived(&mut store, 600), "12");
        assert_eq!(store.bytes(), bytes);
    }
}
