//! The ways in which the two machines come to rest, from any state.

use super::SocketPair;
use super::bystander::Bystander;
use crate::network::Move;

/// The network works again; the client leaves; the server disconnects it.
pub(super) const ENDINGS: usize = 3;

/// More steps than any rest takes.
const STEPS: usize = 60;

impl SocketPair {
    pub(super) fn come_to_rest(&mut self, ending: usize) {
        match ending {
            0 => self.calm_down(),
            1 => {
                self.client_leaves();
                self.settle();
                self.come_to_nothing();
            }
            _ => {
                self.deliver();
                self.server_takes_out();
                self.settle();
                self.come_to_nothing();
            }
        }
    }

    /// The network works. The client joins, and everything that has to arrive arrives.
    fn calm_down(&mut self) {
        for _ in 0..STEPS {
            if self.network.report.broken().is_some() {
                return;
            }
            self.deliver();
            if !self.network.client.is_active(self.socket) {
                self.client_joins();
                self.settle();
                self.deliver();
            }
            let is_in = self.network.client.is_connected(self.socket);
            if is_in && self.model.pending() == 0 && self.model.client_member().is_some() {
                break;
            }
            self.model.interrupted = true;
            self.network.make(Move::Wait);
            self.settle();
        }
        self.model.all_is_well(&mut self.network.report);
    }

    /// The client receives an event, loses its connection and returns. The application is asked about it.
    pub(super) fn come_back(&mut self) {
        self.server_broadcasts();
        self.settle();
        self.deliver();
        let moves = self.network.moves(true);
        let cut = moves.into_iter().find(|step| matches!(step, Move::Cut(_)));
        let mut next = cut.unwrap_or(Move::Wait);
        for _ in 0..STEPS {
            self.network.make(next);
            self.settle();
            if !self.model.tokens.is_empty() {
                break;
            }
            let deliveries = self.network.wires.deliveries();
            next = deliveries.first().copied().unwrap_or(Move::Wait);
        }
        self.network.wires.losses = 0;
        self.model.interrupted = true;
        let asked = !self.model.tokens.is_empty();
        let report = &mut self.network.report;
        report.require(asked, || "a client never comes back".to_owned());
    }

    /// Delivers everything, and lets both applications answer, until nothing is in flight.
    pub(super) fn deliver(&mut self) {
        for _ in 0..STEPS {
            let round = self.network.wires.deliveries();
            let asked = self.bystander.as_ref().is_some_and(Bystander::is_asked);
            let answers = self.model.has_server_token() || self.model.has_client_token();
            if round.is_empty() && !answers && !asked && self.model.tokens.is_empty() {
                return;
            }
            self.server_accepts();
            self.server_answers();
            self.client_answers();
            self.bystander_answers();
            self.settle();
            for step in round {
                if self.network.report.broken().is_some() {
                    return;
                }
                if self.network.wires.deliveries().contains(&step) {
                    self.network.make(step);
                    self.settle();
                }
            }
        }
        self.network
            .report
            .require(false, || "no end of deliveries".to_owned());
    }

    /// The data that the client would send on its return is dropped, together with its acknowledgements.
    fn forget_all(&mut self) {
        self.client_leaves();
        self.client_clears();
        let forgotten = self.network.client.forget(self.socket);
        let report = &mut self.network.report;
        report.require(forgotten, || "the socket cannot be forgotten".to_owned());
        self.settle();
    }

    /// The client gives up, and its recovery data is dropped.
    fn come_to_nothing(&mut self) {
        self.deliver();
        self.model.gave_up = true;
        self.network.client.close(self.network.now);
        if let Some(bystander) = &mut self.bystander {
            bystander.leave(&mut self.network.server, self.network.now);
        }
        self.settle();
        for _ in 0..STEPS {
            self.deliver();
            if self.network.due().is_none() || self.network.report.broken().is_some() {
                break;
            }
            self.network.make(Move::Wait);
            self.settle();
        }
        self.forget_all();
        let server = &self.network.server;
        let left = [
            ("deadlines", usize::from(self.network.due().is_some())),
            ("sessions", server.engine().session_count()),
            ("sockets", server.all_sockets_count()),
            ("bytes", server.bytes_held()),
            ("acknowledgements", self.model.pending()),
        ];
        let left = left.into_iter().find(|(_, count)| *count > 0);
        let empty = self.network.wires.is_empty();
        let report = &mut self.network.report;
        report.require(left.is_none(), || format!("left are {left:?}"));
        report.require(empty, || "something is still under way".to_owned());
    }
}
