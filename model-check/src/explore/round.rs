//! The expansion of some states of one level: what threads do side by side. They read the states
//! found before; what they find is inserted later, by one thread, in the order of the states.

use super::{Edge, Facts, StateNo, System, at, exploration::Malformed, visited::Visited};

/// What the expansion of a few states gave. Only what matters later is kept.
pub(super) struct Chunk<S> {
    /// The states that were expanded, in order; all of them unless something is malformed.
    pub(super) sources: Vec<Source>,
    /// Their links, in order.
    pub(super) links: Vec<Link>,
    /// States that were not known before the round, each with its hash; one may stand twice.
    pub(super) fresh: Vec<(u64, S)>,
    /// What is wrong with the state after the last of `sources`.
    pub(super) malformed: Option<Malformed>,
}

/// A state that was expanded.
pub(super) struct Source {
    pub(super) facts: Facts,
    /// How many transitions it has.
    pub(super) edges: u32,
    /// How many of them were kept as links.
    pub(super) links: u32,
}

/// A transition that says something new.
pub(super) struct Link {
    pub(super) target: Target,
    pub(super) edge: u16,
    pub(super) class: u8,
    pub(super) progress: bool,
    pub(super) broken: u64,
    pub(super) seen: u64,
}

/// Where a transition leads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// To a state that was known before the round.
    Known(StateNo),
    /// To one of the chunk's fresh states, by index.
    Fresh(u32),
}

/// What is known already, so that it need not be told again.
#[derive(Debug, Clone, Copy)]
pub(super) struct News {
    /// The properties that have no witness yet.
    pub(super) broken: u64,
    /// The sights that have no witness yet.
    pub(super) seen: u64,
    /// Whether edges of progress are kept.
    pub(super) progress: bool,
}

/// Expands the states with the numbers `from..to`.
pub(super) fn expand<S: System>(
    system: &S,
    visited: &Visited<S::State>,
    (from, to): (StateNo, StateNo),
    news: News,
) -> Chunk<S::State> {
    let mut chunk = Chunk {
        sources: Vec::with_capacity(at(to - from)),
        links: Vec::new(),
        fresh: Vec::new(),
        malformed: None,
    };
    let mut edges = Vec::new();
    let mut own = Vec::new();
    for state in from..to {
        own.clear();
        let facts = system.expand(&visited.states()[at(state)], &mut own);
        chunk.malformed = malformed(state, &own);
        if chunk.malformed.is_some() {
            break;
        }
        chunk.sources.push(Source { facts, edges: own.len() as u32, links: 0 });
        edges.append(&mut own);
    }
    let mut found = edges.iter().zip(visited.find_all(edges.iter().map(|edge| &edge.to)));
    for source in &mut chunk.sources {
        let before = chunk.links.len();
        for (no, (edge, (hash, known))) in found.by_ref().take(at(source.edges)).enumerate() {
            let target = match known {
                None => {
                    chunk.fresh.push((hash, edge.to));
                    Target::Fresh((chunk.fresh.len() - 1) as u32)
                }
                Some(state) => Target::Known(state),
            };
            chunk.links.extend(link(edge, no as u16, target, news));
        }
        source.links = (chunk.links.len() - before) as u32;
    }
    chunk
}

/// What is to be told of a transition; nothing if all of it is known.
fn link<S>(edge: &Edge<S>, no: u16, target: Target, news: News) -> Option<Link> {
    let broken = edge.broken & news.broken;
    let seen = edge.seen & news.seen;
    let progress = edge.progress && news.progress;
    let is_fresh = matches!(target, Target::Fresh(_));
    let told = is_fresh || progress || broken != 0 || seen != 0;
    told.then_some(Link { target, edge: no, class: edge.class, progress, broken, seen })
}

/// What the engine cannot represent.
fn malformed<S>(state: StateNo, edges: &[Edge<S>]) -> Option<Malformed> {
    if edges.len() > usize::from(u16::MAX) + 1 {
        return Some(Malformed::TooManyEdges { state, edges: edges.len() });
    }
    let wrong = edges.iter().position(|edge| edge.class >= super::CLASSES)?;
    Some(Malformed::Class { state, edge: wrong, class: edges[wrong].class })
}
