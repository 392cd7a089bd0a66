//! Changes of scenarios: a turn is lost, doubled, or happens too early.

use socketio_proto::engine::inputs::{Change, Mutate, Mutation};

use super::Scenario;

/// The turns are lost, doubled, swapped or cut off, or a turn happens to another client. The order may become one in which
/// no application acts, such as two disconnects in a row.
impl<E: Clone> Mutate for Scenario<E> {
    fn mutate(&mut self, mutation: &Mutation) {
        let turns = self.turns.len();
        let (at, _) = mutation.within(turns);
        match (mutation.change, self.turns.get_mut(at)) {
            (_, None) => {}
            (Change::Remove, _) => drop(self.turns.remove(at)),
            (Change::Double | Change::Insert, Some(turn)) => {
                let again = turn.clone();
                self.turns.insert(at, again);
            }
            (Change::Swap, _) if at + 1 < turns => self.turns.swap(at, at + 1),
            (Change::Cut, _) => self.turns.truncate(at),
            (_, Some(turn)) => turn.client = turn.client.wrapping_add(1),
        }
    }
}
