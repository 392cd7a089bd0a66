//! The namespaces of one client, by name.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::collections::Steps;
use engineio_proto::hidden::HiddenQuery;

/// The namespaces that one client is in, waits for, or was taken out of.
///
/// Most clients are in one namespace. A few are kept in a list, and more in a map. Looking one up, adding one and
/// removing one therefore cost O(log k) for k namespaces.
#[derive(Debug)]
pub(super) struct Members<K> {
    held: Held<K>,
    steps: Steps,
}

#[derive(Debug)]
enum Held<K> {
    /// In the order in which the client asked.
    Few(Vec<Member<K>>),
    Many(Box<Many<K>>),
}

struct Many<K> {
    members: BTreeMap<ByteString, Numbered<K>>,
    next: u64,
}

/// A member with its place in the order in which the client asked.
#[derive(Debug)]
struct Numbered<K> {
    number: u64,
    member: Member<K>,
}

pub(super) struct Member<K> {
    pub(super) namespace: ByteString,
    pub(super) state: Membership<K>,
    /// The acknowledgements that are awaited.
    pub(super) acks: BTreeSet<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Membership<K> {
    Pending(K),
    Joined(K),
    /// The server took the socket out, and the client may not know yet.
    Left,
}

impl<K: fmt::Debug> fmt::Debug for Many<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys are in the members, which hide the queries in them.
        f.debug_list().entries(self.members.values()).finish()
    }
}

impl<K: fmt::Debug> fmt::Debug for Member<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            namespace,
            state,
            acks,
        } = self;
        f.debug_struct("Member")
            .field("namespace", &HiddenQuery(namespace))
            .field("state", state)
            .field("acks", acks)
            .finish()
    }
}

/// The most members of a list. A map turns into a list again once it has half as many.
const FEW: usize = 8;

impl<K> Members<K> {
    pub(super) const fn new() -> Self {
        Self {
            held: Held::Few(Vec::new()),
            steps: Steps::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.held {
            Held::Few(members) => members.len(),
            Held::Many(many) => many.members.len(),
        }
    }

    pub(super) fn get(&self, namespace: &str) -> Option<&Member<K>> {
        match &self.held {
            Held::Few(members) => members.iter().find(|member| {
                self.steps.count();
                member.namespace == namespace
            }),
            Held::Many(many) => {
                self.steps.count();
                many.members.get(namespace).map(|entry| &entry.member)
            }
        }
    }

    pub(super) fn get_mut(&mut self, namespace: &str) -> Option<&mut Member<K>> {
        let steps = &self.steps;
        match &mut self.held {
            Held::Few(members) => members.iter_mut().find(|member| {
                steps.count();
                member.namespace == namespace
            }),
            Held::Many(many) => {
                steps.count();
                let entry = many.members.get_mut(namespace);
                entry.map(|entry| &mut entry.member)
            }
        }
    }

    /// Puts a member behind all others, in the place of the one that has its namespace.
    pub(super) fn insert(&mut self, member: Member<K>) {
        self.remove(&member.namespace);
        match &mut self.held {
            Held::Few(members) if members.len() < FEW => {
                members.reserve_exact(1);
                members.push(member);
            }
            Held::Few(members) => {
                let mut many = Many::new();
                let members = core::mem::take(members).into_iter();
                members.chain([member]).for_each(|member| many.push(member));
                self.held = Held::Many(Box::new(many));
            }
            Held::Many(many) => many.push(member),
        }
    }

    pub(super) fn remove(&mut self, namespace: &str) -> Option<Member<K>> {
        match &mut self.held {
            Held::Few(members) => {
                let index = members.iter().position(|member| {
                    self.steps.count();
                    member.namespace == namespace
                })?;
                Some(members.remove(index))
            }
            Held::Many(many) => {
                self.steps.count();
                let removed = many.members.remove(namespace)?;
                self.fit();
                Some(removed.member)
            }
        }
    }

    /// Forgets the namespaces that the server took the client out of.
    ///
    /// Cost: O(k) for k members.
    pub(super) fn forget_left(&mut self) {
        let steps = &self.steps;
        let stays = |member: &Member<K>| {
            steps.count();
            !matches!(member.state, Membership::Left)
        };
        match &mut self.held {
            Held::Few(members) => members.retain(stays),
            Held::Many(many) => many.members.retain(|_, entry| stays(&entry.member)),
        }
        self.fit();
    }

    /// Turns a map of few into a list.
    fn fit(&mut self) {
        if let Held::Many(many) = &mut self.held
            && many.members.len() <= FEW / 2
        {
            let members = core::mem::take(&mut many.members);
            let mut members: Vec<_> = members.into_values().collect();
            members.sort_unstable_by_key(|entry| entry.number);
            self.held = Held::Few(members.into_iter().map(|entry| entry.member).collect());
        }
    }

    /// The members, in the order in which the client asked.
    ///
    /// Cost: O(k log k) for k members.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Member<K>> {
        let (few, mut many) = match &self.held {
            Held::Few(members) => (members.as_slice(), Vec::new()),
            Held::Many(many) => (&[][..], many.members.values().collect()),
        };
        many.sort_unstable_by_key(|entry| entry.number);
        let many = many.into_iter().map(|entry| &entry.member);
        few.iter().chain(many).inspect(|_| self.steps.count())
    }

    /// How often a member was looked at.
    pub(super) const fn steps(&self) -> &Steps {
        &self.steps
    }
}

impl<K> Many<K> {
    const fn new() -> Self {
        Self {
            members: BTreeMap::new(),
            next: 0,
        }
    }

    fn push(&mut self, member: Member<K>) {
        let number = self.next;
        self.next = number.saturating_add(1);
        let namespace = member.namespace.clone();
        self.members.insert(namespace, Numbered { number, member });
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;

    fn member(name: &str, socket: usize, left: bool) -> Member<usize> {
        let state = if left {
            Membership::Left
        } else {
            Membership::Joined(socket)
        };
        Member {
            namespace: name.into(),
            state,
            acks: BTreeSet::new(),
        }
    }

    proptest! {
        #[test]
        fn behaves_as_a_list_whatever_its_length(ops in prop::collection::vec((0..10_u8, 0..20_u8), 0..200)) {
            let (mut members, mut model) = (Members::new(), Vec::<(ByteString, Membership<usize>)>::new());
            for (place, (op, name)) in ops.into_iter().enumerate() {
                let name = ByteString::from(format!("/{name}"));
                let known = model.iter().position(|(other, _)| *other == name);
                match op {
                    0..5 => {
                        let member = member(&name, place, op == 0);
                        if let Some(known) = known {
                            model.remove(known);
                        }
                        model.push((name.clone(), member.state));
                        members.insert(member);
                    }
                    5..8 => {
                        let expected = known.map(|known| model.remove(known).1);
                        prop_assert_eq!(members.remove(&name).map(|member| member.state), expected);
                    }
                    8 => {
                        if let Some(member) = members.get_mut(&name) {
                            member.state = Membership::Left;
                            model[known.unwrap()].1 = Membership::Left;
                        }
                    }
                    _ => {
                        members.forget_left();
                        model.retain(|(_, state)| *state != Membership::Left);
                    }
                }
                prop_assert_eq!(members.len(), model.len());
                let expected = model.iter().find(|(other, _)| *other == name).map(|(_, state)| *state);
                prop_assert_eq!(members.get(&name).map(|member| member.state), expected);
                let held = members.iter().map(|member| (member.namespace.clone(), member.state));
                prop_assert!(held.eq(model.iter().cloned()));
            }
        }
    }

    #[test]
    fn the_query_of_a_namespace_is_hidden_whether_there_are_few_or_many() {
        for count in [1, FEW + 1] {
            let mut members = Members::new();
            for number in 0..count {
                members.insert(member(&format!("/{number}?token=secret"), number, false));
            }
            let shown = format!("{members:?}");
            assert!(shown.contains("/0") && !shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn what_many_took_is_given_back() {
        let mut members = Members::new();
        let name = |number: usize| format!("/{number}");
        for number in 0..=FEW {
            members.insert(member(&name(number), number, false));
        }
        assert!(matches!(members.held, Held::Many(_)));
        for number in 0..=FEW {
            members.remove(&name(number));
        }
        assert!(matches!(&members.held, Held::Few(few) if few.capacity() <= FEW / 2));
    }
}
