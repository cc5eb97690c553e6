//! MR 3.3, 3.4: epochs, branching points, and who obeys whom.

use super::net::{A, B, C, Net, id, name};
use crate::memgraph::*;
use Statement as S;
use SyncMode::{Async, StrictSync, Sync};

/// B was promoted and wrote; A never learnt of it and started again with B still registered.
pub(super) fn diverged_at_start() -> Net {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.write(A, 1);
    let uuid = net.nodes[A].as_main().unwrap().uuid;
    net.done(B, S::SetRoleMain);
    net.write(B, 2);
    net.demote(B);
    // Another REGISTER that crashed after the swap may leave B obeying A.
    let request = Rpc::SwapMainUuid { main_uuid: uuid };
    let from = Endpoint(0);
    let outputs =
        net.nodes[B].handle(Input::Request { id: RpcId(0), from, request }, &mut net.mint);
    assert_eq!(outputs.len(), 1);
    net.restart(A);
    net
}

/// A is dead and B, promoted, is the main.
fn failed_over(extra_on_a: bool) -> Net {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    if extra_on_a {
        net.disconnect(A, B, RpcFailure::Refused);
        net.write(A, 2);
        net.connect(A, B);
    }
    net.input(A, Input::Kill);
    net.done(B, S::SetRoleMain);
    net
}

#[test]
fn mr_3_3_an_old_main_without_extra_commits_is_taken_back() {
    let mut net = failed_over(false);
    net.write(B, 3);
    net.input(A, Input::Start);
    net.pump();
    net.demote(A);
    net.register(B, A, Sync);
    assert_eq!(net.status(B, A), "ready");
    assert_eq!(net.ids(A), [1, 3]);
    net.write(B, 4);
    assert_eq!(net.ids(A), [1, 3, 4]);
}

#[test]
fn mr_3_3_a_single_extra_commit_is_error_3() {
    let mut net = failed_over(true);
    net.input(A, Input::Start);
    net.pump();
    net.demote(A);
    assert!(net.refused(B, Net::register_statement(A, Sync)).ends_with("Error: 3"));
}

#[test]
fn mr_3_3_a_third_replica_that_got_more_is_diverged() {
    let mut net = Net::cluster(Config::default(), &[Async, Async]);
    net.write(A, 1);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 2);
    net.input(A, Input::Kill);
    net.done(B, S::SetRoleMain);
    assert!(net.refused(B, Net::register_statement(C, Async)).ends_with("Error: 3"));
}

#[test]
fn mr_3_3_promotion_without_commits_is_harmless() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    net.done(B, S::SetRoleMain);
    net.demote(B);
    net.done(A, S::Drop { name: name(B) });
    net.register(A, B, Sync);
    assert_eq!(net.status(A, B), "ready");
}

#[test]
fn mr_3_3_history_gains_nothing_at_an_equal_tick() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    for _ in 0..3 {
        net.done(B, S::SetRoleMain);
        net.demote(B);
    }
    let history = &net.nodes[B].timeline().unwrap().history;
    assert!(history.windows(2).all(|pair| pair[0].ldt != pair[1].ldt), "{history:?}");
    assert_eq!(history.last().map(|branch| branch.ldt), Some(2));
}

#[test]
fn mr_3_3_a_promoted_main_falls_back_to_the_old_epoch() {
    let mut net = failed_over(false);
    let old = net.nodes[A].volume.log[0].epoch;
    let new = net.nodes[B].timeline().unwrap().epoch;
    assert_ne!(old, new);
    net.restart(B);
    let timeline = net.nodes[B].timeline().unwrap();
    assert_eq!(timeline.epoch, old);
    assert_eq!(timeline.history, [Branch { epoch: old, ldt: 2 }]);
}

/// A restart puts the running epoch into the history; the same epoch may come to stand there
/// twice, and the later entry counts.
#[test]
fn mr_3_3_the_last_entry_of_an_epoch_counts() {
    let mut net = Net::cluster(Config::default(), &[Async, Async]);
    net.write(A, 1);
    net.restart(B);
    net.write(A, 2);
    net.done(B, S::SetRoleMain);
    let history = &net.nodes[B].timeline().unwrap().history;
    assert_eq!(history.iter().map(|branch| branch.ldt).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(history[0].epoch, history[1].epoch);
    net.register(B, C, Sync);
    assert_eq!(net.status(B, C), "ready");
}

#[test]
fn mr_3_3_a_first_commit_or_a_snapshot_keeps_the_new_epoch() {
    for statement in [S::Write(id(9)), S::Snapshot] {
        let mut net = failed_over(false);
        let new = net.nodes[B].timeline().unwrap().epoch;
        net.done(B, statement);
        net.restart(B);
        assert_eq!(net.nodes[B].timeline().unwrap().epoch, new);
    }
}

#[test]
fn mr_3_3_same_epoch_replica_ahead_is_never_noticed() {
    let config = Config { flush_every: 100, ..Config::default() };
    let mut net = Net::cluster(config, &[Sync]);
    net.write(A, 1);
    net.write(A, 2);
    net.write(A, 3);
    net.input(A, Input::PowerLoss { keep: 1 });
    net.input(A, Input::Start);
    net.pump();
    assert_eq!(net.ids(A), [1]);
    assert_eq!(net.info(A, B), (6, 4, "ready"));
    assert!(matches!(net.write(A, 4), Answer::Committed { .. }));
    assert_eq!(net.ids(B), [1, 2, 3, 4]);
    assert_eq!(net.status(A, B), "ready");
}

#[test]
fn mr_3_3_a_wiped_replica_is_always_acceptable() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    net.input(B, Input::Kill);
    net.input(B, Input::Wipe);
    net.input(B, Input::Start);
    net.demote(B);
    net.done(A, S::Drop { name: name(B) });
    net.register(A, B, Sync);
    assert_eq!(net.ids(B), [1]);
    assert_eq!(net.info(A, B), (2, 0, "ready"));
}

#[test]
fn mr_3_3_a_wiped_main_finds_its_replicas_foreign() {
    let mut net = Net::cluster(Config::default(), &[StrictSync]);
    net.write(A, 1);
    net.input(A, Input::Kill);
    net.input(A, Input::Wipe);
    net.input(A, Input::Start);
    net.register(A, B, StrictSync);
    assert_eq!(net.status(A, B), "invalid");
    (0..3).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, B), "invalid");
    assert!(matches!(net.write(A, 2), Answer::Failed(_)));
}

#[test]
fn mr_3_3_a_replica_ends_its_epoch_with_the_first_foreign_commit() {
    let mut net = Net::cluster(Config::default(), &[Async, Async]);
    net.write(A, 1);
    let old = net.nodes[C].timeline().unwrap().epoch;
    net.done(B, S::SetRoleMain);
    net.register(B, C, Sync);
    net.write(B, 2);
    let timeline = net.nodes[C].timeline().unwrap();
    assert_eq!(timeline.epoch, net.nodes[B].timeline().unwrap().epoch);
    assert_eq!(timeline.history.last(), Some(&Branch { epoch: old, ldt: 2 }));
}

#[test]
fn mr_3_4_a_fresh_main_changes_its_uuid_until_it_is_stored() {
    let mut net = Net::fresh(2, Config::default());
    let uuid = |net: &Net| net.nodes[A].as_main().unwrap().uuid;
    let first = uuid(&net);
    net.restart(A);
    assert_ne!(uuid(&net), first);
    net.demote(B);
    net.register(A, B, Sync);
    let stored = uuid(&net);
    net.restart(A);
    assert_eq!(uuid(&net), stored);
}

#[test]
fn mr_3_4_the_last_register_wins() {
    let mut net = Net::cluster(Config::default(), &[Async, Async]);
    net.write(A, 1);
    net.done(B, S::SetRoleMain);
    net.register(B, C, Async);
    net.write(A, 2);
    (0..3).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, C), "invalid");
    assert_eq!(net.ids(C), [1]);
    net.restart(C);
    net.restart(A);
    assert_eq!(net.status(A, C), "invalid");
    net.write(B, 3);
    assert_eq!(net.ids(C), [1, 3]);
}

#[test]
fn mr_3_4_the_returned_old_main_hazard() {
    let mut net = Net::cluster(Config::default(), &[Sync, Async]);
    net.write(A, 1);
    net.input(A, Input::Kill);
    net.done(B, S::SetRoleMain);
    // C was not registered by B yet: it still obeys A.
    net.input(A, Input::Start);
    net.pump();
    assert_eq!(net.status(A, C), "ready");
    assert_eq!(net.status(A, B), "invalid");
    net.write(A, 9);
    assert_eq!(net.ids(C), [1, 9]);
}

#[test]
fn mr_3_4_demoted_and_promoted_again_is_another_main() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.write(A, 1);
    let uuid = net.nodes[A].as_main().unwrap().uuid;
    net.demote(A);
    net.done(A, S::SetRoleMain);
    assert_ne!(net.nodes[A].as_main().unwrap().uuid, uuid);
    assert_eq!(net.nodes[A].rows(), []);
    net.register(A, B, Async);
    assert_eq!(net.status(A, B), "ready");
}
