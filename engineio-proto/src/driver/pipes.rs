//! Connections of a driver, each with one batch of frames under way.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::{ConnectionId, Frame};

/// The connections that a driver writes to, each with what the driver keeps of it.
///
/// A connection has one batch under way at most: the next is pulled when the driver says that the last has left. Until
/// then frames wait in the machine, where they are counted and limited.
#[derive(Clone, Debug)]
pub struct Pipes<T> {
    max_bytes: usize,
    max_frames: usize,
    pipes: BTreeMap<ConnectionId, Pipe<T>>,
}

#[derive(Clone, Debug)]
struct Pipe<T> {
    value: T,
    /// A batch is under way.
    busy: bool,
    /// The machine said that frames wait, and not all have been pulled.
    waiting: bool,
}

impl<T> Pipes<T> {
    /// Makes an empty set. A batch takes no further frame once it has `max_bytes` of content, or `max_frames` frames.
    #[must_use]
    pub const fn new(max_bytes: usize, max_frames: usize) -> Self {
        Self {
            max_bytes,
            max_frames,
            pipes: BTreeMap::new(),
        }
    }

    /// Adds a connection.
    pub fn insert(&mut self, id: ConnectionId, value: T) {
        let pipe = Pipe {
            value,
            busy: false,
            waiting: false,
        };
        self.pipes.insert(id, pipe);
    }

    /// Takes a connection out.
    pub fn remove(&mut self, id: ConnectionId) -> Option<T> {
        self.pipes.remove(&id).map(|pipe| pipe.value)
    }

    /// What the driver keeps of a connection.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<&T> {
        self.pipes.get(&id).map(|pipe| &pipe.value)
    }

    /// Takes all connections out.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        core::mem::take(&mut self.pipes)
            .into_values()
            .map(|pipe| pipe.value)
    }

    /// The number of connections.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pipes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pipes.is_empty()
    }

    /// Notes that the machine has frames for a connection.
    pub fn frames_wait(&mut self, id: ConnectionId) {
        if let Some(pipe) = self.pipes.get_mut(&id) {
            pipe.waiting = true;
        }
    }

    /// Notes that the last batch of a connection has left.
    pub fn written(&mut self, id: ConnectionId) {
        if let Some(pipe) = self.pipes.get_mut(&id) {
            pipe.busy = false;
        }
    }

    /// Pulls the next batch for a connection from its machine, with what the driver keeps of the connection. `None` while
    /// the last batch is under way, and if no frame waits.
    pub fn next_batch(
        &mut self,
        id: ConnectionId,
        mut poll_frame: impl FnMut() -> Option<Frame>,
    ) -> Option<(Vec<Frame>, &mut T)> {
        let pipe = self.pipes.get_mut(&id)?;
        if pipe.busy || !pipe.waiting {
            return None;
        }
        let (mut batch, mut bytes) = (Vec::new(), 0_usize);
        while batch.len() < self.max_frames && bytes < self.max_bytes {
            let Some(frame) = poll_frame() else {
                pipe.waiting = false;
                break;
            };
            bytes = bytes.saturating_add(frame.len());
            batch.push(frame);
        }
        pipe.busy = !batch.is_empty();
        pipe.busy.then_some((batch, &mut pipe.value))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const ID: ConnectionId = ConnectionId(1);

    fn pipes() -> Pipes<()> {
        let mut pipes = Pipes::new(4, 3);
        pipes.insert(ID, ());
        pipes
    }

    fn sizes(pipes: &mut Pipes<()>, queue: &mut Vec<Frame>) -> Option<Vec<usize>> {
        let batch = pipes.next_batch(ID, || (!queue.is_empty()).then(|| queue.remove(0)));
        batch.map(|(batch, ())| batch.iter().map(Frame::len).collect())
    }

    fn frames(sizes: &[usize]) -> Vec<Frame> {
        let frame = |size: &usize| Frame::Binary(vec![0; *size].into());
        sizes.iter().map(frame).collect()
    }

    #[test]
    fn one_batch_is_under_way_at_a_time() {
        let (mut pipes, mut queue) = (pipes(), frames(&[1, 1]));
        assert_eq!(sizes(&mut pipes, &mut queue), None, "nothing was announced");
        pipes.frames_wait(ID);
        assert_eq!(sizes(&mut pipes, &mut queue), Some(vec![1, 1]));
        queue.extend(frames(&[1]));
        pipes.frames_wait(ID);
        assert_eq!(
            sizes(&mut pipes, &mut queue),
            None,
            "the first is under way"
        );
        pipes.written(ID);
        assert_eq!(sizes(&mut pipes, &mut queue), Some(vec![1]));
        pipes.written(ID);
        assert_eq!(sizes(&mut pipes, &mut queue), None);
    }

    #[test]
    fn a_batch_ends_at_its_bytes_and_at_its_frames() {
        let (mut pipes, mut queue) = (pipes(), frames(&[3, 3, 1, 0, 0, 0, 2]));
        pipes.frames_wait(ID);
        let mut batches = Vec::new();
        while let Some(batch) = sizes(&mut pipes, &mut queue) {
            batches.push(batch);
            pipes.written(ID);
        }
        assert_eq!(batches, [vec![3, 3], vec![1, 0, 0], vec![0, 2]]);
    }

    #[test]
    fn a_connection_that_is_gone_has_no_batch() {
        let (mut pipes, mut queue) = (pipes(), frames(&[1]));
        pipes.frames_wait(ID);
        assert_eq!(pipes.remove(ID), Some(()));
        assert_eq!(sizes(&mut pipes, &mut queue), None);
        assert_eq!((queue.len(), pipes.len()), (1, 0));
    }
}
