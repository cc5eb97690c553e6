//! MR 4.3, 4.5: commits in two phases.

use super::net::{A, B, C, Ids, Net, id, is_answer, is_request, name};
use crate::memgraph::*;
use Statement as S;
use SyncMode::{Async, StrictSync, Sync};

fn strict(modes: &[SyncMode]) -> Net {
    Net::cluster(Config::default(), modes)
}

fn aborted(answer: &Answer) -> bool {
    matches!(answer, Answer::Failed(ServerError::StrictSyncFailed { .. }))
}

#[test]
fn mr_4_3_two_phases_and_async_last() {
    let mut net = strict(&[Async, StrictSync]);
    let writer = net.ask(A, S::Write(id(1)));
    // The ASYNC replica is registered first, yet only the vote is asked for.
    assert_eq!(net.wire.len(), 1);
    assert_eq!(net.wire[0].to, C);
    net.step();
    assert_eq!(net.nodes[C].prepared().map(|entry| entry.tick), Some(2));
    assert_eq!((net.ids(A), net.ids(C)), (vec![], vec![]));
    net.step();
    // Committed here, then the decision and the ASYNC shipment go out.
    assert_eq!(net.ids(A), [1]);
    assert_eq!(net.answer(A, writer), None);
    assert!(is_request(&net.wire[0], "prepare") && net.wire[0].to == B);
    assert!(is_request(&net.wire[1], "finalize") && net.wire[1].to == C);
    net.pump();
    assert!(matches!(net.answer(A, writer), Some(Answer::Committed { tick: 2, .. })));
    assert_eq!((net.ids(B), net.ids(C)), (vec![1], vec![1]));
    assert_eq!((net.info(A, B), net.info(A, C)), ((2, 0, "ready"), (2, 0, "ready")));
}

#[test]
fn mr_4_3_a_missing_vote_aborts_everywhere() {
    let mut net = strict(&[StrictSync, StrictSync, Async]);
    net.write(A, 1);
    net.disconnect(A, C, RpcFailure::Refused);
    let answer = net.write(A, 2);
    assert!(aborted(&answer), "{answer:?}");
    // B had prepared, and was told to drop it.
    assert!(net.events.contains(&(B, Output::Discarded { tick: 4 })));
    assert!(net.events.contains(&(A, Output::Aborted { tick: 4 })));
    assert_eq!(net.nodes[B].prepared(), None);
    for node in [A, B, C, 3] {
        assert_eq!(net.ids(node), [1]);
    }
    assert_eq!(net.status(A, B), "ready");
    assert_eq!(net.status(A, C), "invalid");
    assert_eq!(net.status(A, 3), "replicating");
}

#[test]
fn mr_4_3_a_strict_replica_comes_back_under_writes() {
    let mut net = strict(&[StrictSync]);
    net.write(A, 1);
    net.input(B, Input::Kill);
    for number in 2..5 {
        let answer = net.write(A, number);
        assert!(aborted(&answer));
    }
    net.input(B, Input::Start);
    net.beat(A);
    assert_eq!(net.status(A, B), "ready");
    assert!(matches!(net.write(A, 5), Answer::Committed { .. }));
    assert_eq!((net.ids(A), net.ids(B)), (vec![1, 5], vec![1, 5]));
}

#[test]
fn mr_4_1_an_invalid_strict_replica_aborts_at_once() {
    let mut net = strict(&[StrictSync]);
    net.disconnect(A, B, RpcFailure::TimedOut);
    net.write(A, 1);
    let writer = net.ask(A, S::Write(id(2)));
    assert!(net.answer(A, writer).is_some_and(|answer| aborted(&answer)));
}

#[test]
fn mr_4_3_the_main_dies_between_the_phases() {
    let mut net = strict(&[StrictSync]);
    net.write(A, 1);
    net.ask(A, S::Write(id(2)));
    net.step();
    net.input(A, Input::Kill);
    net.wire.clear();
    assert_eq!(net.nodes[B].prepared().map(|entry| entry.payload.clone()), Some(id(2)));
    assert_eq!(net.ids(B), [1]);
    // In two phases the local log is not written before the votes.
    assert_eq!(net.ids(A), [1]);
    // Any of these drops it: a promotion, the next transaction.
    let mut promoted = net.clone();
    promoted.done(B, S::SetRoleMain);
    assert!(promoted.events.contains(&(B, Output::Discarded { tick: 4 })));
    assert_eq!(promoted.ids(B), [1]);
    net.input(A, Input::Start);
    net.pump();
    assert!(net.nodes[B].prepared().is_some());
    net.write(A, 3);
    assert!(net.events.contains(&(B, Output::Discarded { tick: 4 })));
    assert_eq!(net.ids(B), [1, 3]);
    assert_eq!(net.nodes[B].prepared(), None);
}

#[test]
fn mr_4_3_recovery_drops_what_was_prepared() {
    let mut net = strict(&[StrictSync]);
    net.write(A, 1);
    net.ask(A, S::Write(id(2)));
    net.step();
    net.lose(RpcFailure::TimedOut);
    net.pump();
    // A gave up, and its "no" was never sent to a replica that did not answer.
    assert!(net.nodes[B].prepared().is_some());
    net.done(A, S::Drop { name: name(B) });
    net.write(A, 3);
    net.register(A, B, StrictSync);
    assert_eq!(net.nodes[B].prepared(), None);
    assert_eq!(net.ids(B), [1, 3]);
}

#[test]
fn mr_4_3_a_lost_decision_is_reported_as_success() {
    let mut net = strict(&[StrictSync]);
    net.write(A, 1);
    let writer = net.ask(A, S::Write(id(2)));
    net.pump_until(|packet| is_request(packet, "finalize"));
    net.lose(RpcFailure::TimedOut);
    assert!(matches!(net.answer(A, writer), Some(Answer::Committed { .. })));
    assert_eq!((net.ids(A), net.ids(B)), (vec![1, 2], vec![1]));
    // `ready` although it misses a commit; only the cached tick tells.
    assert_eq!(net.info(A, B), (2, -2, "ready"));

    // Promoted in this window, it has lost an acknowledged transaction, and the old main is
    // diverged.
    let mut lost = net.clone();
    lost.input(A, Input::Kill);
    lost.done(B, S::SetRoleMain);
    assert_eq!(lost.ids(B), [1]);
    lost.input(A, Input::Start);
    lost.pump();
    lost.demote(A);
    assert!(lost.refused(B, Net::register_statement(A, StrictSync)).ends_with("Error: 3"));

    // Else the next prepare is rejected, and recovery follows.
    let answer = net.write(A, 3);
    assert!(aborted(&answer));
    net.beat(A);
    assert_eq!(net.ids(B), [1, 2]);
}

#[test]
fn mr_4_3_a_decision_about_an_unknown_tick_succeeds() {
    let mut net = strict(&[StrictSync]);
    net.write(A, 1);
    let main_uuid = net.nodes[A].as_main().unwrap().uuid;
    let storage_uuid = net.nodes[A].volume.storage_uuid.unwrap();
    let decide = |net: &mut Net, main_uuid| {
        let request = Rpc::FinalizeCommit { main_uuid, storage_uuid, tick: 99, commit: true };
        let input = Input::Request { id: RpcId(0), from: Endpoint(0), request };
        let outputs: Vec<Output<Ids>> = net.nodes[B].handle(input, &mut net.mint);
        outputs
    };
    let response = |accepted| Output::Respond {
        id: RpcId(0),
        to: Endpoint(0),
        response: RpcResponse::Finalized(accepted),
    };
    assert_eq!(decide(&mut net, main_uuid), [response(true)]);
    assert_eq!(decide(&mut net, MainUuid(12345)), [response(false)]);
    net.ask(A, S::Write(id(2)));
    net.step();
    assert_eq!(decide(&mut net, main_uuid), [response(true)]);
    assert_eq!(net.nodes[B].prepared().map(|entry| entry.tick), Some(4));
    assert_eq!(net.ids(B), [1]);
}

#[test]
fn mr_4_5_sync_beside_strict_sync() {
    let mut net = strict(&[Sync, StrictSync]);
    // The SYNC replica silently misses the transaction and stays `replicating`.
    assert!(matches!(net.write(A, 1), Answer::Committed { .. }));
    assert_eq!((net.ids(A), net.ids(B), net.ids(C)), (vec![1], vec![], vec![1]));
    assert_eq!(net.status(A, B), "replicating");
    // The next commit finds it so: aborted everywhere.
    let answer = net.write(A, 2);
    assert!(aborted(&answer));
    assert_eq!(net.status(A, B), "invalid");
    assert_eq!((net.ids(A), net.ids(C)), (vec![1], vec![1]));
}

#[test]
fn mr_3_2_a_strict_phantom_does_not_ask_for_votes() {
    let mut net = Net::fresh(3, Config::default());
    net.demote(B);
    net.register(A, B, Sync);
    assert!(net.refused(A, Net::register_statement(C, StrictSync)).ends_with("Error: 5"));
    assert!(matches!(net.write(A, 1), Answer::Committed { .. }));
    assert_eq!(net.ids(B), [1]);
}

#[test]
fn mr_3_3_an_aborted_prepare_has_already_ended_the_epoch() {
    let mut net = strict(&[StrictSync, StrictSync]);
    net.write(A, 1);
    net.input(A, Input::Kill);
    net.done(B, S::SetRoleMain);
    net.register(B, C, StrictSync);
    net.ask(B, S::Write(id(2)));
    net.step();
    let timeline = net.nodes[C].timeline().unwrap().clone();
    assert_eq!(timeline.epoch, net.nodes[B].timeline().unwrap().epoch);
    assert_eq!(timeline.ldt, 2);
    assert_eq!(timeline.history.last().map(|branch| branch.ldt), Some(2));
    assert!(is_answer(&net.wire[0]));
    // A restart falls back: nothing of that epoch was written.
    net.restart(C);
    assert_ne!(net.nodes[C].timeline().unwrap().epoch, timeline.epoch);
}
