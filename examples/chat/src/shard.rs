//! The chat with what surrounds it: numbers, and the admin namespace.

use socketio::server::{App, Context};
use socketio_admin::{self as admin, Admin};
use socketio_proto::server::Event;

use crate::Server;
use crate::app::Chat;
use crate::metrics::Ask;

/// The application of the only shard.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    chat: Chat,
    admin: Option<Admin>,
}

/// What other tasks ask of it.
#[derive(Debug)]
pub(crate) enum Command {
    Metrics(Ask),
    Admin(admin::Command),
}

impl Shard {
    pub(crate) fn new(admin: Option<Admin>) -> Self {
        Self {
            chat: Chat::default(),
            admin,
        }
    }
}

impl App<Server> for Shard {
    type Command = Command;

    fn started(&mut self, server: &mut Server, context: &mut Context<'_, Command>) {
        if let Some(admin) = &mut self.admin {
            admin.started(server, context);
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "only what users send changes what is kept of them"
    )]
    fn handle_event(
        &mut self,
        server: &mut Server,
        event: Event,
        context: &mut Context<'_, Command>,
    ) {
        let event = match &mut self.admin {
            Some(admin) => admin.handle_event(server, event, context),
            None => Some(event),
        };
        let Some(event) = event else {
            return;
        };
        let sender = match &event {
            Event::Event { socket, .. } => Some(*socket),
            _ => None,
        };
        self.chat.handle_event(server, event, context);
        if let (Some(admin), Some(sender)) = (&mut self.admin, sender) {
            admin.note_data(server, sender);
        }
    }

    fn handle_command(
        &mut self,
        server: &mut Server,
        command: Command,
        context: &mut Context<'_, Command>,
    ) {
        match (command, &mut self.admin) {
            (Command::Metrics(ask), _) => ask.answer(server),
            (Command::Admin(command), Some(admin)) => {
                admin.handle_command(server, command, context);
            }
            (Command::Admin(_), None) => {}
        }
    }
}

impl From<Ask> for Command {
    fn from(ask: Ask) -> Self {
        Self::Metrics(ask)
    }
}

impl From<admin::Command> for Command {
    fn from(command: admin::Command) -> Self {
        Self::Admin(command)
    }
}
