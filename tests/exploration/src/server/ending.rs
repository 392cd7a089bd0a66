//! The ways in which a session comes to rest, from any state.

use engineio_proto::RequestId;

use super::{INTERVAL, ServerWorld, Word};

/// The peer falls silent; the application closes; the peer works normally.
pub(super) const ENDINGS: usize = 3;

/// The maximum number of deadlines that a silent session has left: its ping, the pong, a probe, a close, and some more.
const DEADLINES: usize = 8;

impl ServerWorld {
    pub(super) fn come_to_rest(&mut self, ending: usize) {
        match ending {
            0 => self.fall_silent(),
            1 => self.close_gracefully(),
            _ => self.go_on(),
        }
    }

    fn settle(&mut self) {
        self.drain();
        self.check();
        self.model.begin();
    }

    /// Nobody does anything any more. The session ends by its deadlines.
    fn fall_silent(&mut self) {
        for _ in 0..DEADLINES {
            self.wait();
            self.settle();
        }
        let open = self.model.open;
        self.report
            .require(!open, || "a silent session never ends".to_owned());
    }

    /// The application closes, and the waiting data leaves.
    fn close_gracefully(&mut self) {
        let all = self.model.sent;
        let could = self.model.open;
        self.close();
        self.settle();
        for _ in 0..usize::from(all) + DEADLINES {
            if self.model.open {
                self.take_what_waits();
            }
        }
        let open = self.model.open;
        self.report
            .require(!could || !open, || "a graceful close never ends".to_owned());
    }

    /// The peer takes the waiting data and answers pings. The session stays.
    fn go_on(&mut self) {
        if !self.model.open || self.model.closing_by.is_some() {
            return;
        }
        let end = self.now + INTERVAL * 4;
        while self.now < end && self.model.open {
            for _ in 0..DEADLINES {
                self.take_what_waits();
            }
            if let Some(word) = self.model.heart.duty() {
                self.do_duty(word);
                self.take_what_waits();
            }
            let waiting = self.model.waiting();
            self.report
                .require(waiting == 0, || format!("{waiting} messages do not leave"));
            if self.report.broken().is_some() {
                return;
            }
            // Half of the time that a client of revision 3 has, or until a ping is due.
            let next = self.machine.poll_timeout().into_iter();
            self.wait_until(next.chain([self.now + INTERVAL / 2]).min());
            self.settle();
        }
        let open = self.model.open;
        self.report
            .require(open, || "a session with a good peer ended".to_owned());
    }

    fn take_what_waits(&mut self) {
        match self.model.carrier {
            Some(id) => {
                let connections = &self.model.connections;
                if connections
                    .iter()
                    .any(|open| open.id == id && open.is_announced)
                {
                    self.pull(id);
                }
            }
            None if !self.model.holds_poll() => self.poll(),
            None => {}
        }
        self.settle();
    }

    fn do_duty(&mut self, word: Word) {
        match self.model.carrier {
            Some(id) => self.say(id, word),
            None => {
                // A POST that has begun would overlap.
                let begun = self.model.posts.first().copied();
                let id = begun.unwrap_or_else(|| RequestId(self.name()));
                self.post(id, Some(word));
            }
        }
        self.settle();
    }
}
