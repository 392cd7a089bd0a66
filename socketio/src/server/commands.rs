//! Commands of other tasks for the application of a shard.

use tokio::sync::mpsc;

/// Sends commands to the application of one shard.
#[derive(Debug)]
pub struct Commands<C>(pub(super) mpsc::Sender<C>);

impl<C> Commands<C> {
    /// Sends a command, waiting while too many wait already; false if the shard is gone.
    ///
    /// Not to be awaited by the application itself, which runs where commands are taken.
    pub async fn send(&self, command: C) -> bool {
        self.0.send(command).await.is_ok()
    }
}

impl<C> Clone for Commands<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
