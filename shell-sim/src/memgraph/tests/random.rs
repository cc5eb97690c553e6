//! Random walks: what no order of inputs may break.

use super::net::{Ids, Net, endpoint, id, name};
use crate::memgraph::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const NODES: usize = 3;

/// One move of a walk.
#[derive(Debug, Clone)]
enum Move {
    Run(usize, u64, Statement<Ids>),
    Step,
    Lose(RpcFailure),
    Beat(usize),
    Restart(usize),
    PowerLoss(usize, usize),
    Wipe(usize),
    Abandon(usize, u64),
    Busy(usize, bool),
}

fn statement() -> impl Strategy<Value = Statement<Ids>> {
    let replica = 0..NODES;
    let mode = prop_oneof![Just(SyncMode::StrictSync), Just(SyncMode::Sync), Just(SyncMode::Async)];
    prop_oneof![
        2 => Just(Statement::SetRoleMain),
        2 => Just(Statement::SetRoleReplica { port: 10000 }),
        4 => (replica.clone(), mode).prop_map(|(replica, mode)| Net::register_statement(replica, mode)),
        2 => replica.prop_map(|replica| Statement::Drop { name: name(replica) }),
        8 => (0..99_u32).prop_map(|number| Statement::Write(id(number))),
        1 => Just(Statement::Begin),
        1 => Just(Statement::Commit),
        1 => Just(Statement::Read),
        1 => Just(Statement::Snapshot),
        1 => Just(Statement::ShowReplicas),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let node = 0..NODES;
    let why = prop_oneof![Just(RpcFailure::TimedOut), Just(RpcFailure::Refused)];
    let one = prop_oneof![
        8 => (node.clone(), 0..4_u64, statement())
            .prop_map(|(node, session, statement)| Move::Run(node, session, statement)),
        30 => Just(Move::Step),
        2 => why.prop_map(Move::Lose),
        3 => node.clone().prop_map(Move::Beat),
        1 => node.clone().prop_map(Move::Restart),
        1 => (node.clone(), 0..6_usize).prop_map(|(node, keep)| Move::PowerLoss(node, keep)),
        1 => node.clone().prop_map(Move::Wipe),
        1 => (node.clone(), 0..4_u64).prop_map(|(node, session)| Move::Abandon(node, session)),
        1 => (node, any::<bool>()).prop_map(|(node, busy)| Move::Busy(node, busy)),
    ];
    prop::collection::vec(one, 0..200)
}

fn take(net: &mut Net, step: Move) {
    match step {
        Move::Run(node, session, statement) => net.ask_on(node, Session(session), statement),
        Move::Step => {
            if !net.wire.is_empty() {
                net.step();
            }
        }
        Move::Lose(why) => {
            if !net.wire.is_empty() {
                net.lose(why);
            }
        }
        Move::Beat(node) => {
            let names: Vec<_> = net.nodes[node].beating().collect();
            for name in names {
                net.input(node, Input::Heartbeat { name });
            }
        }
        Move::Restart(node) => {
            net.input(node, Input::Kill);
            net.input(node, Input::Start);
        }
        Move::PowerLoss(node, keep) => {
            net.input(node, Input::PowerLoss { keep });
            net.input(node, Input::Start);
        }
        Move::Wipe(node) => {
            net.input(node, Input::Kill);
            net.input(node, Input::Wipe);
            net.input(node, Input::Start);
        }
        Move::Abandon(node, session) => {
            net.input(node, Input::Abandon { session: Session(session) });
        }
        Move::Busy(node, busy) => net.input(node, Input::Busy(busy)),
    }
    net.answers.clear();
}

fn check(instance: &Instance<Ids>) {
    let volume = &instance.volume;
    assert!(volume.flushed <= volume.log.len());
    assert!(volume.covered() <= volume.flushed);
    let Some(timeline) = instance.timeline() else { return };
    assert_eq!(timeline.ldt, instance.log().last().map_or(0, |entry| entry.tick));
    let pairs = timeline.history.windows(2);
    assert!(pairs.into_iter().all(|pair| pair[0].ldt != pair[1].ldt), "{:?}", timeline.history);
    let Some(main) = instance.as_main() else { return };
    assert!(timeline.clock > timeline.ldt);
    let mut stored = main.registrations();
    stored.sort_by_key(|registration| registration.name);
    let mut kept = volume.registrations().to_vec();
    kept.sort_by_key(|registration| registration.name);
    assert_eq!(stored, kept);
    if main.commit.is_none() && main.attach.is_none() {
        assert!(main.queued.is_empty());
    }
    for live in main.clients.iter().filter_map(|client| client.live.as_ref()) {
        assert!(live.running.is_some() || live.queue.is_empty());
        assert!(live.queue.iter().filter(|task| **task == Task::Check).count() <= 1);
        let ships = live.queue.iter().any(|task| matches!(task, Task::Ship { .. }));
        assert!(live.state != ReplicaState::Ready || !ships);
    }
}

/// Doubles every id, which keeps equal ones equal and different ones different.
struct Double;

impl Renumber for Double {
    fn main_uuid(&mut self, old: MainUuid) -> MainUuid {
        MainUuid(old.0 * 2)
    }
    fn storage_uuid(&mut self, old: StorageUuid) -> StorageUuid {
        StorageUuid(old.0 * 2)
    }
    fn epoch(&mut self, old: Epoch) -> Epoch {
        Epoch(old.0 * 2)
    }
    fn rpc(&mut self, old: RpcId) -> RpcId {
        RpcId(old.0 * 2)
    }
    fn session(&mut self, old: Session) -> Session {
        old
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn invariants_hold_on_random_walks(walk in moves()) {
        let mut net = Net::fresh(NODES, Config { flush_every: 3, ..Config::default() });
        for step in walk {
            take(&mut net, step);
            net.nodes.iter().for_each(check);
        }
        let text = serde_json::to_string(&net.nodes).unwrap();
        let read: Vec<Instance<Ids>> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &net.nodes);
    }

    /// Ids are compared for equality alone, so other numbers lead to the same answers.
    #[test]
    fn the_numbers_of_ids_do_not_matter(walk in moves()) {
        let modes = [SyncMode::StrictSync, SyncMode::Async];
        let mut plain = Net::cluster(Config::default(), &modes);
        let mut doubled = plain.clone();
        for (index, step) in walk.into_iter().enumerate() {
            if index % 40 == 0 {
                doubled.renumber(&mut Double);
                doubled.mint.0 = doubled.mint.0 * 2 + 1;
            }
            take(&mut plain, step.clone());
            take(&mut doubled, step);
            prop_assert_eq!(plain.wire.len(), doubled.wire.len());
            for (left, right) in plain.nodes.iter().zip(&doubled.nodes) {
                prop_assert_eq!(left.rows(), right.rows());
                prop_assert_eq!(left.role(), right.role());
                prop_assert_eq!(left.ldt(), right.ldt());
            }
        }
    }
}

#[test]
fn a_machine_is_a_function_of_its_inputs() {
    let run = || {
        let mut net = Net::cluster(Config::default(), &[SyncMode::StrictSync, SyncMode::Async]);
        for number in 0..5 {
            net.write(0, number);
            net.beat(0);
        }
        net.done(0, Statement::Drop { name: name(2) });
        assert_eq!(net.row(0, 1).endpoint, endpoint(1));
        let map: BTreeMap<usize, _> = net.nodes.into_iter().enumerate().collect();
        map
    };
    assert_eq!(run(), run());
}
