//! Actions of the two applications.

use socketio_proto::client::EmitError;
use socketio_proto::server::Target;

use super::payloads::{answer, event};
use super::{ANSWER, ROOM, SocketPair};

impl SocketPair {
    pub(super) fn server_broadcasts(&mut self) {
        let number = self.model.next_down();
        let target = Target::namespace("/");
        // The client is in the room, the bystander is not.
        let target = match number % 3 {
            1 => target,
            2 => target.except_rooms(&[ROOM]),
            _ => target.rooms(&[ROOM]),
        };
        let (to_client, to_bystander) = (number % 3 != 2, !number.is_multiple_of(3));
        let sent = self
            .network
            .server
            .broadcast(&target, &event("down", number), self.network.now);
        let count = sent.as_ref().map(|sent| sent.sent).ok();
        let now = self.network.now;
        let expected = self.model.broadcast(number, to_client, to_bystander, now);
        self.network.report.require(count == Some(expected), || {
            format!("a broadcast reached {count:?} sockets instead of {expected}")
        });
    }

    pub(super) fn server_emits(&mut self) {
        let Some(socket) = self.model.newest_member() else {
            return;
        };
        let number = self.model.next_down();
        let emitted = self
            .network
            .server
            .emit(socket, &event("down", number), self.network.now);
        let report = &mut self.network.report;
        report.require(emitted.is_ok(), || format!("{emitted:?}"));
        self.model.server_emitted(socket, number, self.network.now);
    }

    pub(super) fn server_asks(&mut self) {
        let Some(socket) = self.model.newest_member() else {
            return;
        };
        let number = self.model.next_down();
        let now = self.network.now;
        let asked = self
            .network
            .server
            .emit_with_ack(socket, &event("down", number), ANSWER, now);
        self.network
            .report
            .require(asked.is_ok(), || format!("{asked:?}"));
        if let Ok(id) = asked {
            self.model.server_asked(socket, number, id, now + ANSWER);
        }
    }

    pub(super) fn server_asks_all(&mut self) {
        let number = self.model.next_down();
        let now = self.network.now;
        let (target, event) = (Target::namespace("/"), event("down", number));
        let asked = self
            .network
            .server
            .broadcast_with_ack(&target, &event, ANSWER, now);
        let report = &mut self.network.report;
        report.require(asked.is_ok(), || format!("{asked:?}"));
        if let Ok((id, sent)) = asked {
            let expected = self.model.server_asked_all(number, id, now + ANSWER);
            report.require(sent.sent == expected, || {
                format!("{} are asked instead of {expected}", sent.sent)
            });
        }
    }

    pub(super) fn server_answers(&mut self) {
        if let Some((token, number)) = self.model.take_server_token() {
            // The socket may have gone meanwhile.
            let answered = self.network.server.respond(token, &answer(number));
            let report = &mut self.network.report;
            report.note(|| format!("server answers {number}: {answered:?}"));
        }
    }

    pub(super) fn server_accepts(&mut self) {
        if self.model.tokens.is_empty() {
            return;
        }
        let (token, recovered) = self.model.tokens.remove(0);
        // The client may have gone meanwhile.
        if let Ok(socket) = self.network.server.accept(token, self.network.now) {
            self.joined(socket, recovered);
        }
    }

    pub(super) fn server_takes_out(&mut self) {
        if let Some(socket) = self.model.client_member() {
            self.model.interrupted = true;
            self.network.server.disconnect(socket, self.network.now);
        }
    }

    pub(super) fn bystander_answers(&mut self) {
        if let Some(bystander) = &mut self.bystander {
            bystander.answer(&mut self.network.server, self.network.now);
        }
    }

    pub(super) fn client_emits(&mut self, asks: bool) {
        let number = self.model.up + 1;
        let now = self.network.now;
        let full = self.model.is_full();
        let client = &mut self.network.client;
        let event = event("up", number);
        let asked = if asks {
            client
                .emit_with_ack(self.socket, &event, Some(ANSWER), now)
                .map(Some)
        } else {
            client.emit(self.socket, &event, now).map(|()| None)
        };
        let report = &mut self.network.report;
        report.note(|| format!("client sends {number}: {asked:?}"));
        let wanted = match &asked {
            Ok(_) => !full,
            Err(EmitError::Full { .. }) => full,
            Err(_) => false,
        };
        report.require(wanted, || format!("{asked:?}, full: {full}"));
        if let Ok(id) = asked {
            self.model.client_emitted(number, id, now + ANSWER);
        }
    }

    pub(super) fn client_answers(&mut self) {
        if let Some((token, number)) = self.model.take_client_token() {
            let now = self.network.now;
            // The session of the event may be over.
            let answered = self.network.client.respond(token, &answer(number), now);
            let report = &mut self.network.report;
            report.note(|| format!("client answers {number}: {answered:?}"));
        }
    }

    pub(super) fn client_leaves(&mut self) {
        self.model.interrupted = true;
        self.model.leaves();
        let now = self.network.now;
        let left = self.network.client.disconnect(self.socket, now);
        self.network
            .report
            .require(left.is_ok(), || "the socket is gone".to_owned());
    }

    pub(super) fn client_joins(&mut self) {
        let now = self.network.now;
        let joins = self.network.client.connect_again(self.socket, now);
        self.network
            .report
            .require(joins.is_ok(), || "the socket is gone".to_owned());
    }

    pub(super) fn client_clears(&mut self) {
        self.model.interrupted = true;
        let dropped = self.network.client.clear_buffer(self.socket);
        let expected = self.model.clear();
        let holds = dropped == expected || self.plan.retries;
        self.network.report.require(holds, || {
            format!("{dropped} events were dropped instead of {expected}")
        });
    }
}
