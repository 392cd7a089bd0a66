//! How the two come to rest, from any state.

use super::SocketPair;
use crate::network::Move;

/// The network works again; the client leaves; the server takes it out.
pub(super) const ENDINGS: usize = 3;

/// More than the steps that any rest takes.
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

    /// The network works: the client gets in, and all that is to arrive arrives.
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
            if is_in && self.model.pending() == 0 && self.model.members() == 1 {
                break;
            }
            self.model.interrupted = true;
            self.network.make(Move::Wait);
            self.settle();
        }
        self.model.all_is_well(&mut self.network.report);
    }

    /// Delivers everything, and lets both applications answer, until nothing is under way.
    pub(super) fn deliver(&mut self) {
        for _ in 0..STEPS {
            let round = self.network.wires.deliveries();
            let answers = self.model.has_server_token() || self.model.has_client_token();
            if round.is_empty() && !answers {
                return;
            }
            self.server_answers();
            self.client_answers();
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

    /// The client gives up, and what is kept for it is forgotten.
    fn come_to_nothing(&mut self) {
        self.deliver();
        self.model.gave_up = true;
        self.network.client.close(self.network.now);
        self.settle();
        for _ in 0..STEPS {
            self.deliver();
            if self.network.due().is_none() || self.network.report.broken().is_some() {
                break;
            }
            self.network.make(Move::Wait);
            self.settle();
        }
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
