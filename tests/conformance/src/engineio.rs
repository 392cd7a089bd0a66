//! The Engine.IO server under test: it sends back what it gets.

use engineio_proto::driver::server::{App, Context};
use engineio_proto::server::{Event, Server, ServerEvent};
use engineio_proto::{Encoded, Message};

pub(crate) struct Echo;

impl App<Server> for Echo {
    type Command = ();

    fn handle_event(
        &mut self,
        server: &mut Server,
        event: ServerEvent,
        context: &mut Context<'_, ()>,
    ) {
        let ServerEvent::Session {
            session,
            event: Event::Message(message),
        } = event
        else {
            return;
        };
        let text = match &message {
            Message::Text(text) => &**text,
            Message::Binary(_) => "",
        };
        let (answer, close) = match text {
            "!close" => (None, true),
            "!bye" => (Some(Message::text("bye")), true),
            _ => (Some(message), false),
        };
        if let Some(answer) = answer
            && let Err(error) = server.send(session, &Encoded::new(&answer))
        {
            tracing::debug!(%error, "cannot answer");
        }
        if close {
            server.close(session, context.now);
        }
    }
}
