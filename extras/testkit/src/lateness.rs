//! Applications that have no time, or little, and drivers that look late at what a machine wants.

use std::time::Duration;

use socketio_proto::engine::Instant;

use crate::delivery::Delivery;
use crate::network::{ClientId, Network, Peer, ServerId};
use crate::tally::Effect;

/// The delays of the application and the driver of one machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lateness {
    busy: bool,
    /// The time that the application takes for an event.
    pace: Duration,
    /// The time at which the application is done with the last event.
    free_at: Instant,
    /// The delay between an input and the driver's look at the outputs.
    lag: Duration,
    /// The time of the driver's next or last look at them.
    drains_at: Instant,
    /// Whether something came in that the driver has not looked at since. After a jump of the clock the planned time is over,
    /// and it still has not.
    undrained: bool,
}

impl Lateness {
    pub(crate) const NONE: Self = Self {
        busy: false,
        pace: Duration::ZERO,
        free_at: Instant::ZERO,
        lag: Duration::ZERO,
        drains_at: Instant::ZERO,
        undrained: false,
    };

    /// Whether the application takes an event.
    pub(crate) fn takes_events(&self, now: Instant) -> bool {
        !self.busy && self.free_at <= now
    }

    /// Whether the driver has yet to look at what was wanted since an input.
    pub(crate) const fn is_undrained(&self) -> bool {
        self.undrained
    }

    fn drains_later(&self, now: Instant) -> bool {
        now < self.drains_at
    }

    /// Forgets earlier inputs.
    pub(crate) fn forget(&mut self) {
        (self.free_at, self.drains_at) = (Instant::ZERO, Instant::ZERO);
        self.undrained = false;
    }
}

impl Network {
    /// Whether the application of a server has no time: it is told nothing, and so its machine stands still but for what
    /// arrives and for its deadlines.
    pub fn set_server_busy(&mut self, id: ServerId, busy: bool) {
        self.set_busy(Peer::Server(id.0), busy);
        self.note(format_args!("{id} is {}", busy_or_free(busy)));
    }

    /// Whether the application of a client has no time, as [`set_server_busy`](Self::set_server_busy).
    pub fn set_client_busy(&mut self, id: ClientId, busy: bool) {
        self.set_busy(Peer::Client(id.0), busy);
        self.note(format_args!("{id} is {}", busy_or_free(busy)));
    }

    /// Sets the time that the application of a server takes for each event. It gets no other event meanwhile. Actions
    /// of the machine before the next event are performed at once.
    pub fn set_server_pace(&mut self, id: ServerId, pace: Duration) {
        self.note(format_args!("{id} takes {pace:?} for an event"));
        let late = &mut self.servers[id.0].late;
        (late.pace, late.free_at) = (pace, self.now);
        self.dirty.insert(Peer::Server(id.0));
    }

    /// Sets the time for which the driver of a server leaves outputs, frames and deadlines after an input.
    pub fn set_server_lag(&mut self, id: ServerId, lag: Duration) {
        self.note(format_args!("{id} is drained after {lag:?}"));
        self.set_lag(Peer::Server(id.0), lag);
    }

    /// Sets the time for which the driver of a client leaves outputs, as [`set_server_lag`](Self::set_server_lag).
    pub fn set_client_lag(&mut self, id: ClientId, lag: Duration) {
        self.note(format_args!("{id} is drained after {lag:?}"));
        self.set_lag(Peer::Client(id.0), lag);
    }

    fn set_busy(&mut self, peer: Peer, busy: bool) {
        self.late_mut(peer).busy = busy;
        if busy && self.has_pending(peer) {
            self.count_untold(peer);
        }
        self.dirty.insert(peer);
    }

    fn set_lag(&mut self, peer: Peer, lag: Duration) {
        let now = self.now;
        let late = self.late_mut(peer);
        late.lag = lag;
        late.drains_at = late.drains_at.min(now);
        self.drain(peer);
    }

    /// The driver looks at what a machine wants, and at what its pipes can take.
    pub(crate) fn drain(&mut self, peer: Peer) {
        self.dirty.insert(peer);
        match peer {
            Peer::Client(index) => drop(self.changed.insert(index)),
            Peer::Server(_) => self.changed.extend(0..self.clients.len()),
        }
    }

    /// Whether the driver of a machine that got an input looks at the outputs later. Then it has no deadline until it does.
    pub(crate) fn leaves_outputs(&mut self, peer: Peer) -> bool {
        let now = self.now;
        let late = self.late_mut(peer);
        if late.lag.is_zero() || late.drains_at == now {
            late.undrained = false;
            return false;
        }
        if !std::mem::replace(&mut late.undrained, true) {
            late.drains_at = now + late.lag;
            let at = late.drains_at;
            self.queue_at(at, Delivery::Drain(peer));
            self.count(match peer {
                Peer::Client(_) => Effect::ClientDrainedLate,
                Peer::Server(_) => Effect::ServerDrainedLate,
            });
        }
        self.set_deadline(peer, None);
        true
    }

    /// The time has come to look at outputs. It may be later than planned, if the clock jumped.
    pub(crate) fn drain_is_due(&mut self, peer: Peer) {
        let now = self.now;
        let late = self.late_mut(peer);
        if late.lag.is_zero() || late.drains_later(now) {
            return;
        }
        late.drains_at = now;
        late.undrained = false;
        self.drain(peer);
    }

    /// An application was told an event, and takes its time for it.
    pub(crate) fn begin_event(&mut self, peer: Peer) {
        let now = self.now;
        let late = self.late_mut(peer);
        if !late.pace.is_zero() {
            late.free_at = now + late.pace;
            let at = late.free_at;
            self.queue_at(at, Delivery::Free(peer));
        }
    }

    /// An event waits for the application. Counts why, if it cannot be told at once.
    pub(crate) fn count_untold(&mut self, peer: Peer) {
        let now = self.now;
        let late = self.late_mut(peer);
        let why = match peer {
            Peer::Client(_) if late.busy => Effect::ClientBusy,
            Peer::Server(_) if late.busy => Effect::ServerBusy,
            Peer::Server(_) if !late.takes_events(now) => Effect::ServerSlow,
            Peer::Client(_) | Peer::Server(_) => return,
        };
        self.count(why);
    }

    fn late_mut(&mut self, peer: Peer) -> &mut Lateness {
        match peer {
            Peer::Client(index) => &mut self.clients[index].late,
            Peer::Server(index) => &mut self.servers[index].late,
        }
    }
}

const fn busy_or_free(busy: bool) -> &'static str {
    if busy { "busy" } else { "free" }
}
