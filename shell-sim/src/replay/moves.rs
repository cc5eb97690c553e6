//! What may come next in a run, and what it does: inputs of the record, threads of the policy,
//! clients, Kubernetes, chance. It judges nothing.

use super::{
    inject::{Part, inject, part_of},
    reproduce::Step,
    search::{Search, Sight, State, Way},
    setup::{MEMBERS, instance_of, link, lose_sight, miss_a_commit},
};
use crate::{
    incident::{EventWord, Item, Value},
    memgraph::ReplicaState,
    predecessor::{Door, Emitted, Predecessor, Thread, Turn},
    world::Event,
};
use ha_core::{ids::InstanceId, leadership::Millis};
use std::collections::BTreeMap;

/// What clients and gateways show when a client writes.
const OF_CLIENTS: &[EventWord] = &[
    EventWord::ClientWriteAcked,
    EventWord::ClientWriteFailed,
    EventWord::ClientWriteAttempted,
    EventWord::GatewayConnectionEstablished,
    EventWord::GatewayConnectionRejected,
];

/// One move of a run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Move {
    Tail,
    /// The main loses sight of its sync replica, or it is seen again.
    Sight(Sight),
    /// Kubernetes removes a pod that is marked for deletion.
    Remove(InstanceId),
    /// Kubernetes makes a pod again, and its process starts.
    Return(InstanceId),
    /// Kubernetes calls a pod Ready.
    Ready(InstanceId),
    Client(Door),
    Input(usize),
    Thread(Thread),
    /// A thread goes on to the end of its work, and nothing else happens meanwhile.
    Whole(Thread),
    World(Event),
}

/// A time in which a pass is made for certain.
pub(super) const LONG_MS: Millis = 10_000;
/// Threads whose work has an end.
const WHOLE: [Thread; 2] = [Thread::Failover, Thread::Pass];
/// Steps that one work takes at most.
const STEPS_OF_A_WORK: usize = 60;

/// How far a move leads away from where the search would rather look first: what the policy does
/// by itself before what Kubernetes or chance does.
pub(super) const fn weight(next: Move) -> usize {
    match next {
        Move::Input(_) | Move::Client(_) | Move::Tail | Move::Sight(_) => 1,
        Move::Whole(_) | Move::Thread(Thread::Prestop | Thread::Prober | Thread::Discovery) => 2,
        Move::Thread(Thread::Pass | Thread::Failover) => 4,
        Move::World(_) | Move::Remove(_) | Move::Return(_) | Move::Ready(_) => 2,
    }
}

impl Search<'_> {
    /// Everything that may come next.
    pub(super) fn moves(&self, state: &State) -> Vec<Move> {
        let next = self.next_items(&state.open);
        let items = || next.iter().filter_map(|i| self.items.get(*i).map(|item| (*i, *item)));
        let inputs =
            items().filter(|(_, item)| part_of(item) != Part::Shown && self.is_time(state, item));
        let mut moves: Vec<Move> = inputs.map(|(index, _)| Move::Input(index)).collect();
        // Clients write all the time; it matters only when the record tells of one next.
        if items().any(|(_, item)| OF_CLIENTS.contains(&item.event)) {
            moves.extend(state.policy.doors().iter().copied().map(Move::Client));
        }
        let (soon, late): (Vec<_>, Vec<_>) =
            self.of_pods(state).into_iter().partition(|one| matches!(one, Move::World(_)));
        moves.extend(soon);
        let enabled = state.policy.enabled(&state.world);
        let whole = enabled.iter().filter(|one| self.way != Way::Deep && WHOLE.contains(one));
        moves.extend(whole.map(|thread| Move::Whole(*thread)));
        moves.extend(enabled.iter().map(|thread| Move::Thread(*thread)));
        let serves = state
            .world
            .body(self.facts.target)
            .is_ok_and(|body| body.instance.is_bolt_open() && body.instance.as_main().is_some());
        if state.tail_left && serves {
            moves.push(Move::Tail);
        }
        match state.sight {
            Sight::Open if serves => moves.push(Move::Sight(Sight::Lost)),
            Sight::Lost => moves.push(Move::Sight(Sight::Settled)),
            Sight::Open | Sight::Settled => {}
        }
        moves.extend(late);
        moves.extend(self.beats(state));
        moves
    }

    /// Whether an item may come now: when the record leaves a long time before it, a pass that is due
    /// by then has been made. Passes come every 30 s, and after each event of a pod (PI 5.6, 9).
    fn is_time(&self, state: &State, item: &Item) -> bool {
        let met = self.items.iter().enumerate().filter(|(index, _)| !state.open.contains(index));
        let last = met.filter_map(|(_, item)| item.at).max();
        let is_long = last.zip(item.at).is_some_and(|(last, at)| at >= last + LONG_MS);
        let left = state.policy.passes_left;
        self.way != Way::Timed
            || !is_long
            || left == 0
            || (state.policy.is_idle() && left < state.passes_then)
    }

    /// What Kubernetes does to pods by itself. What the record tells of a pod is left to the record.
    fn of_pods(&self, state: &State) -> Vec<Move> {
        let told = |id: InstanceId, events: &[EventWord]| {
            self.items.iter().any(|item| {
                events.contains(&item.event) && item.pod.and_then(instance_of) == Some(id)
            })
        };
        let policy = &state.policy;
        let mut moves = Vec::new();
        for (id, body) in state.world.instances().zip(&state.world.bodies) {
            let Some(pod) = &body.pod else {
                if id.0 < MEMBERS && !told(id, &[EventWord::PodCreated]) {
                    moves.push(Move::Return(id));
                }
                continue;
            };
            if pod.address.is_none() {
                moves.push(Move::World(Event::AssignAddress(id)));
            }
            if pod.deleting && !told(id, &[EventWord::PodDeleted, EventWord::PodForceKilled]) {
                moves.push(Move::Remove(id));
            }
            if !body.runs() && body.powered && !pod.deleting {
                moves.push(Move::World(Event::Start(id)));
            }
            let unready = id.0 < MEMBERS && !policy.ready.contains(&id) && !pod.deleting;
            if body.runs() && unready && !told(id, &[EventWord::PodReady]) {
                moves.push(Move::Ready(id));
            }
        }
        moves
    }

    /// Heartbeats of the target main to replicas of which it has lost sight (MR 2.4).
    fn beats(&self, state: &State) -> Vec<Move> {
        let main = state.policy.target;
        let rows = state.world.body(main).map(|body| body.instance.rows()).unwrap_or_default();
        let lost = rows
            .iter()
            .filter(|row| row.data.is_some_and(|data| data.status == ReplicaState::MaybeBehind));
        lost.map(|row| Move::World(Event::Beat(main, row.name))).collect()
    }

    /// Makes a move: what it showed. None: the world does not allow it.
    pub(super) fn make(&self, state: &mut State, next: Move) -> Option<Vec<Emitted>> {
        let main = self.facts.target;
        let sync = Predecessor::sync_of(main);
        match next {
            Move::Thread(thread) => return Some(state.policy.step(&mut state.world, thread)),
            Move::Whole(thread) => return Some(whole(state, thread)),
            Move::Client(door) => return Some(state.policy.client_write(&mut state.world, door)),
            Move::Input(index) => {
                let shown = inject(state, self.items.get(index)?, self.items, &self.facts)?;
                state.open.remove(&index);
                return Some(shown);
            }
            Move::Ready(id) => {
                state.policy.ready.insert(id);
                return Some(Vec::new());
            }
            Move::Tail => state.tail_left = false,
            Move::Sight(sight) => state.sight = sight,
            Move::World(_) | Move::Remove(_) | Move::Return(_) => {}
        }
        let mut turn = Turn::new(&mut state.world);
        match next {
            Move::World(event) => turn.event(&event),
            Move::Remove(id) => turn.event(&Event::RemovePod(id)),
            Move::Return(id) => {
                turn.event(&Event::CreatePod(id, true));
                turn.event(&Event::Start(id));
            }
            Move::Tail => miss_a_commit(&mut turn, main),
            Move::Sight(Sight::Lost) => lose_sight(&mut turn, main, sync),
            Move::Sight(Sight::Open | Sight::Settled) => link(&mut turn, main, sync, false),
            Move::Thread(_)
            | Move::Whole(_)
            | Move::Client(_)
            | Move::Input(_)
            | Move::Ready(_) => {}
        }
        turn.settle();
        let mut shown = turn.shown;
        if let Move::Remove(id) = next {
            shown.extend(state.policy.pod_deleted(id));
        }
        Some(shown)
    }

    /// How a move is told.
    pub(super) fn tell(&self, next: Move, shown: &[Emitted], meets: Vec<u32>) -> Step {
        let main = self.facts.target;
        let sync = Predecessor::sync_of(main);
        let shown = || shown.iter().map(words).collect();
        let (by, shown) = match next {
            Move::Thread(thread) | Move::Whole(thread) => (thread.as_str(), shown()),
            Move::Client(_) => ("client", shown()),
            Move::World(event) => ("world", vec![event.to_string()]),
            Move::Tail => ("client", vec!["a commit that the sync replica misses".to_owned()]),
            Move::Sight(Sight::Lost) => ("world", vec![format!("{main} loses sight of {sync}")]),
            Move::Sight(Sight::Open | Sight::Settled) => {
                ("world", vec![format!("{main} can reach {sync} again")])
            }
            Move::Remove(id) => ("kubernetes", vec![format!("the pod of {id} is gone")]),
            Move::Return(id) => ("kubernetes", vec![format!("the pod of {id} is back")]),
            Move::Ready(id) => ("kubernetes", vec![format!("{id} is Ready")]),
            Move::Input(index) => {
                let item = self.items.get(index);
                let by = item.map_or("", |item| item.actor.as_str());
                (by, item.map(|item| subject(item)).into_iter().collect())
            }
        };
        Step { by: by.to_owned(), shown, meets }
    }
}

/// A thread goes on to the end of its work.
fn whole(state: &mut State, thread: Thread) -> Vec<Emitted> {
    let mut shown = Vec::new();
    for _ in 0..STEPS_OF_A_WORK {
        shown.extend(state.policy.step(&mut state.world, thread));
        if !state.policy.is_at_work(thread) {
            break;
        }
    }
    shown
}

/// An item in short.
pub(super) fn named(item: &Item) -> String {
    format!("{} {}", item.order, subject(item))
}

fn subject(item: &Item) -> String {
    let pod = item.pod.map(|pod| format!(" {pod}")).unwrap_or_default();
    format!("{}{pod}", item.event)
}

fn words(emitted: &Emitted) -> String {
    let pod = emitted.pod.map(|pod| format!(" {pod}")).unwrap_or_default();
    format!("{}{pod}{}", emitted.event, facts_of(&emitted.data.0))
}

fn facts_of(data: &BTreeMap<String, Value>) -> String {
    let bare = |value: &Value| value.to_string().replace('`', "");
    data.iter().map(|(key, value)| format!(" {key}={}", bare(value))).collect()
}
