//! The breadth-first search.
//!
//! A machine cannot be copied, so a state is kept as the path that leads to it and is reached by walking that path from
//! the start. The cost of a step is the length of its path, which is short; the machines take microseconds.

use core::fmt::{self, Debug, Display};
use core::num::ParseIntError;
use core::str::FromStr;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::report::Report;

/// Machines, what surrounds them, and the promises that they have to keep.
pub(crate) trait World {
    type Action: Copy + Debug + Send + Sync;

    /// The possible next actions, in an order that depends only on the state.
    fn actions(&self) -> Vec<Self::Action>;

    /// Lets it happen and checks the promises.
    fn act(&mut self, action: Self::Action);

    /// A number that stands for the state.
    fn digest(&self) -> u128;

    /// The number of ways to come to rest.
    fn endings(&self) -> usize;

    /// Comes to rest, and checks that nothing is left. The world is of no use afterwards.
    fn end(&mut self, ending: usize);

    fn report(&mut self) -> &mut Report;
}

/// The extent of a search.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The longest path.
    pub depth: usize,
    /// The number of threads.
    pub threads: usize,
}

impl Limits {
    /// Paths of up to `depth` steps, searched by so many threads.
    #[must_use]
    pub const fn new(depth: usize, threads: usize) -> Self {
        Self { depth, threads }
    }
}

/// The result of a search.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The number of states, including the first one.
    pub states: usize,
    /// The number of steps that were tried.
    pub steps: usize,
    /// The length of the longest path to a state that no shorter one reaches.
    pub depth: usize,
    /// Nothing new lies beyond that depth: these are all states that there are.
    pub complete: bool,
    /// The shortest path that breaks a promise, if there is one.
    pub fault: Option<Fault>,
}

/// A path that breaks a promise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fault {
    /// The promise.
    pub promise: String,
    /// At each step the number of the action among those that were possible, and at the end how the world came to rest,
    /// if that is where it broke.
    pub path: Path,
}

/// The steps of a path, by their numbers among the actions that were possible.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Path {
    /// The number of each step.
    pub steps: Vec<u16>,
    /// The ending behind them.
    pub ending: Option<usize>,
}

struct Node {
    parent: u32,
    step: u16,
}

struct Edge {
    parent: u32,
    step: u16,
    digest: u128,
}

/// Searches all paths up to a length, shortest first, until one breaks a promise.
pub(crate) fn search<W: World>(start: &(impl Fn() -> W + Sync), limits: Limits) -> Outcome {
    let mut search = Search {
        start,
        threads: limits.threads.max(1),
        nodes: vec![Node { parent: 0, step: 0 }],
        seen: HashSet::from([start().digest()]),
    };
    let mut outcome = Outcome {
        states: 1,
        steps: 0,
        depth: 0,
        complete: false,
        fault: search.end_all(&[0]),
    };
    let mut frontier = vec![0];
    for depth in 1..=limits.depth {
        if outcome.fault.is_some() {
            break;
        }
        let (edges, fault) = search.step_all(&frontier);
        outcome.steps += edges.len();
        frontier = search.keep_new(edges);
        outcome.fault = fault.or_else(|| search.end_all(&frontier));
        outcome.states = search.nodes.len();
        if frontier.is_empty() {
            outcome.complete = true;
            break;
        }
        outcome.depth = depth;
    }
    outcome
}

struct Search<'a, F> {
    start: &'a F,
    threads: usize,
    nodes: Vec<Node>,
    seen: HashSet<u128>,
}

impl<W: World, F: Fn() -> W + Sync> Search<'_, F> {
    /// Takes every step from every state of the frontier.
    fn step_all(&self, frontier: &[u32]) -> (Vec<Edge>, Option<Fault>) {
        let all = self.in_parallel(frontier, |node| {
            let path = self.path(node);
            let count = self.walk(&path).actions().len();
            let mut edges = Vec::with_capacity(count);
            for step in (0..count).filter_map(|step| u16::try_from(step).ok()) {
                let mut world = self.walk(&path);
                match attempt(&mut world, |world| take(world, step)) {
                    Ok(()) => edges.push(Edge {
                        parent: node,
                        step,
                        digest: world.digest(),
                    }),
                    Err(promise) => {
                        let mut steps = path.clone();
                        steps.push(step);
                        let path = Path {
                            steps,
                            ending: None,
                        };
                        return (edges, Some(Fault { promise, path }));
                    }
                }
            }
            (edges, None)
        });
        let mut edges = Vec::new();
        let mut fault = None;
        for (more, found) in all {
            edges.extend(more);
            fault = fault.or(found);
        }
        (edges, fault)
    }

    /// Lets every state of the frontier come to rest in every way.
    fn end_all(&self, frontier: &[u32]) -> Option<Fault> {
        let all = self.in_parallel(frontier, |node| {
            let steps = self.path(node);
            let endings = self.walk(&steps).endings();
            (0..endings).find_map(|ending| {
                let mut world = self.walk(&steps);
                let promise = attempt(&mut world, |world| world.end(ending)).err()?;
                let path = Path {
                    steps: steps.clone(),
                    ending: Some(ending),
                };
                Some(Fault { promise, path })
            })
        });
        all.into_iter().flatten().next()
    }

    /// The states that were not known before.
    fn keep_new(&mut self, edges: Vec<Edge>) -> Vec<u32> {
        let mut frontier = Vec::new();
        for Edge {
            parent,
            step,
            digest,
        } in edges
        {
            if self.seen.insert(digest) {
                frontier.push(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
                self.nodes.push(Node { parent, step });
            }
        }
        frontier
    }

    fn path(&self, mut node: u32) -> Vec<u16> {
        let mut steps = Vec::new();
        while node != 0
            && let Some(Node { parent, step }) = self.nodes.get(node as usize)
        {
            steps.push(*step);
            node = *parent;
        }
        steps.reverse();
        steps
    }

    fn walk(&self, path: &[u16]) -> W {
        let mut world = (self.start)();
        for step in path {
            take(&mut world, *step);
        }
        world
    }

    /// Applies `work` to every item, in their order.
    fn in_parallel<T: Send>(&self, items: &[u32], work: impl Fn(u32) -> T + Sync) -> Vec<T> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(items.len()));
        let run = || {
            while let Some((index, item)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                items.get(index).map(|item| (index, *item))
            } {
                let result = work(item);
                if let Ok(mut done) = done.lock() {
                    done.push((index, result));
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.threads {
                scope.spawn(run);
            }
            run();
        });
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

/// Walks a path once more, and tells all that happens on it: a line for each step, and lines for what came of it.
pub(crate) fn trace<W: World>(start: &impl Fn() -> W, path: &Path) -> Vec<String> {
    let mut world = start();
    world.report().record();
    let mut lines = Vec::new();
    for (index, step) in path.steps.iter().enumerate() {
        let Some(action) = world.actions().get(usize::from(*step)).copied() else {
            lines.push(format!("there is no step {step} here"));
            return lines;
        };
        lines.push(format!("{:>3}  {action:?}", index + 1));
        let panic = attempt(&mut world, |world| world.act(action)).err();
        lines.extend(world.report().take_lines().iter().map(indented));
        if let Some(promise) = panic {
            lines.push(format!("     BROKEN: {promise}"));
            return lines;
        }
    }
    let possible = world.actions();
    if let Some(ending) = path.ending {
        lines.push(format!("     comes to rest, in way {ending}"));
        let broken = attempt(&mut world, |world| world.end(ending)).err();
        lines.extend(world.report().take_lines().iter().map(indented));
        lines.extend(broken.map(|promise| format!("     BROKEN: {promise}")));
    } else {
        let choices = possible.iter().enumerate();
        let choices: Vec<_> = choices
            .map(|(step, action)| format!("{step} {action:?}"))
            .collect();
        lines.push(format!("     then one of: {}", choices.join(", ")));
    }
    lines
}

fn indented(line: &String) -> String {
    format!("       {line}")
}

fn take<W: World>(world: &mut W, step: u16) {
    if let Some(action) = world.actions().get(usize::from(step)) {
        world.act(*action);
    }
}

/// Does something, and says which promise that broke. A machine that panics breaks one too.
fn attempt<W: World>(world: &mut W, run: impl FnOnce(&mut W)) -> Result<(), String> {
    let done = catch_unwind(AssertUnwindSafe(|| run(world)));
    if let Err(panic) = done {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        return Err(format!("panicked: {}", text.unwrap_or("without a text")));
    }
    match world.report().broken() {
        Some(promise) => Err(promise.to_owned()),
        None => Ok(()),
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<_> = self.steps.iter().map(u16::to_string).collect();
        f.write_str(&steps.join("."))?;
        match self.ending {
            Some(ending) => write!(f, "+{ending}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Path {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let (steps, ending) = match text.split_once('+') {
            Some((steps, ending)) => (steps, Some(ending.parse()?)),
            None => (text, None),
        };
        let steps = steps.split('.').filter(|step| !step.is_empty());
        let steps = steps.map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { steps, ending })
    }
}
