//! The collections, by the comparisons of their keys.

use std::cell::Cell;
use std::cmp::Ordering;

use socketio_proto::Rooms;

thread_local! {
    static COMPARISONS: Cell<usize> = const { Cell::new(0) };
}

/// A key that counts how often it is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Counted(u32);

impl Ord for Counted {
    fn cmp(&self, other: &Self) -> Ordering {
        COMPARISONS.set(COMPARISONS.get() + 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Counted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn comparisons(what: &str, act: impl FnOnce()) -> usize {
    COMPARISONS.set(0);
    act();
    println!("{what}: {} comparisons", COMPARISONS.get());
    COMPARISONS.get()
}

/// Rooms of which each has all members.
fn full(rooms: usize, members: u32) -> (Rooms<Counted>, Vec<String>) {
    let names: Vec<_> = (0..rooms).map(|room| format!("room {room}")).collect();
    let mut all = Rooms::new();
    for name in &names {
        for member in 0..members {
            all.join(Counted(member), name);
        }
    }
    (all, names)
}

#[test]
fn unknown_and_repeated_rooms_compare_no_members() {
    let (rooms, names) = full(1, 2_000);
    let unknown: Vec<_> = (0..10_000).map(|room| format!("unknown {room}")).collect();
    let mut list: Vec<_> = unknown.iter().map(String::as_str).collect();
    list.extend([&*names[0]; 10_000]);
    let alone = comparisons("one room of 2,000", || {
        assert_eq!(rooms.members_of_any(&[&names[0]]).count(), 2_000);
    });
    let listed = comparisons("the same behind 10,000 unknown ones, 10,000 times", || {
        assert_eq!(rooms.members_of_any(&list).count(), 2_000);
    });
    assert_eq!(listed, alone);
    assert!(alone <= 2_000, "{alone}");
}

#[test]
fn a_member_of_many_rooms_costs_each_of_them_once() {
    let (rooms, names) = full(4_000, 100);
    let list: Vec<_> = names.iter().map(String::as_str).collect();
    let taken = comparisons("100 members, each in 4,000 rooms, all named", || {
        assert_eq!(rooms.members_of_any(&list).count(), 100);
    });
    // A binary heap of 4,000: two comparisons on each of twelve levels.
    assert!(taken <= 4_000 * 100 * 2 * 12, "{taken}");
}
