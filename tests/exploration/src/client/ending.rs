//! The ways in which a client comes to rest, from any state.

use super::model::{Kind, Stage};
use super::{Action, ClientWorld, INTERVAL, Word};
use crate::search::World;

/// The server falls silent; the application closes; the server works normally.
pub(super) const ENDINGS: usize = 3;

/// More steps than any rest takes.
const STEPS: usize = 40;

impl ClientWorld {
    pub(super) fn come_to_rest(&mut self, ending: usize) {
        match ending {
            0 => self.hear_nothing(),
            1 => self.close_gracefully(),
            _ => self.go_on(),
        }
    }

    /// Nobody answers any more. The client ends by its deadlines, and then everything that is open fails.
    fn hear_nothing(&mut self) {
        for _ in 0..STEPS {
            if self.machine.poll_timeout().is_some() {
                self.act(Action::Wait);
            }
        }
        self.is_over("a client that hears nothing never ends");
        for _ in 0..STEPS {
            if let Some(request) = self.model.requests.first() {
                self.act(Action::Fail(request.id));
            }
        }
        self.nothing_is_left();
    }

    /// The application closes, and the waiting data leaves.
    fn close_gracefully(&mut self) {
        self.act(Action::Close);
        self.cooperate();
        self.is_over("a graceful close never ends");
        self.nothing_is_left();
    }

    /// The server answers and pings. The connection stays, and the waiting data leaves.
    fn go_on(&mut self) {
        if self.model.is_closed() || self.model.closing {
            return;
        }
        let end = self.now + INTERVAL * 3;
        while self.now < end && self.report.broken().is_none() {
            self.cooperate();
            self.ping();
            self.cooperate();
            let (open, waiting) = (self.model.is_there(), self.model.waiting());
            self.report
                .require(open, || "a connection to a good server ended".to_owned());
            self.report
                .require(waiting == 0, || format!("{waiting} messages do not leave"));
            // Half of the time that there is.
            self.model.begin(self.machine.is_upgrading());
            self.now = self.now + INTERVAL / 2;
            self.model.pass_time(self.now);
            self.machine.handle_timeout(self.now);
            self.drain();
            self.check();
        }
    }

    fn is_over(&mut self, promise: &str) {
        let over = self.model.is_closed();
        self.report.require(over, || promise.to_owned());
    }

    fn nothing_is_left(&mut self) {
        self.act(Action::TakeUnsent);
        let (requests, connections) = (&self.model.requests, &self.model.connections);
        let left = requests.len() + connections.len();
        self.report
            .require(left == 0, || format!("{requests:?} are left"));
        let output = self.machine.poll_output();
        self.report
            .require(output.is_none(), || format!("{output:?} is left"));
    }

    /// The server and the network do everything that is asked of them, until nothing is left.
    fn cooperate(&mut self) {
        for _ in 0..STEPS {
            if self.report.broken().is_some() {
                return;
            }
            let Some(action) = self.next_duty() else {
                return;
            };
            self.act(action);
        }
        self.report.require(false, || "no end of work".to_owned());
    }

    fn next_duty(&self) -> Option<Action> {
        for connection in &self.model.connections {
            let id = connection.id;
            if !connection.is_connected {
                return Some(Action::Connected(id));
            }
            if connection.is_announced {
                return Some(Action::Pull(id));
            }
            match connection.stage {
                Stage::Opening => return Some(Action::Say(id, Word::Handshake)),
                Stage::Probed => return Some(Action::Say(id, Word::Probe)),
                Stage::Probe | Stage::Answered | Stage::Moving | Stage::Carrier => {}
            }
        }
        let is_post = |kind| kind == Kind::Post;
        let posts = self
            .model
            .requests
            .iter()
            .find(|request| is_post(request.kind));
        if let Some(post) = posts {
            return Some(Action::Accept(post.id));
        }
        let releases = self.machine.is_upgrading() || self.model.is_closed();
        self.model
            .requests
            .iter()
            .find_map(|request| match request.kind {
                Kind::Handshake => Some(Action::Answer(request.id, Word::Handshake)),
                Kind::Get if releases => Some(Action::Answer(request.id, Word::Noop)),
                Kind::Get | Kind::Post => None,
            })
    }

    /// The server pings on the client's transport.
    fn ping(&mut self) {
        let carrier = |stage| matches!(stage, Stage::Carrier | Stage::Moving);
        let connections = &self.model.connections;
        let connection = connections.iter().find(|open| carrier(open.stage));
        let get = self
            .model
            .requests
            .iter()
            .find(|request| request.kind == Kind::Get);
        match (connection, get) {
            (Some(connection), _) => self.act(Action::Say(connection.id, Word::Beat)),
            (None, Some(get)) => self.act(Action::Answer(get.id, Word::Beat)),
            (None, None) => {}
        }
    }
}
