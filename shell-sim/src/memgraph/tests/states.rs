//! MR 2.2, 2.3, 2.4: what the main thinks of its replicas, ticks, heartbeats.

use super::net::{A, B, C, Net, id, is_answer, is_request, name};
use crate::memgraph::*;
use Statement as S;
use SyncMode::{Async, Sync};

#[test]
fn mr_2_3_ticks_of_a_fresh_instance() {
    let mut net = Net::fresh(1, Config::default());
    assert!(matches!(net.write(A, 1), Answer::Committed { tick: 2, .. }));
    assert_eq!(net.run(A, S::Read), Answer::Read { ldt: 2 });
    assert!(matches!(net.write(A, 2), Answer::Committed { tick: 5, .. }));
    net.done(A, S::Snapshot);
    assert!(matches!(net.write(A, 3), Answer::Committed { tick: 8, .. }));
    // A transaction takes one tick at its start, however much it reads.
    let session = Session(900);
    for statement in [S::Begin, S::Read, S::Read, S::Stage(id(4))] {
        net.run_on(A, session, statement);
    }
    assert!(matches!(net.run_on(A, session, S::Commit), Answer::Committed { tick: 10, .. }));
}

#[test]
fn mr_2_3_replication_commands_take_no_tick() {
    let mut net = Net::cluster(Config::default(), &[Sync, Async]);
    net.done(A, S::ShowReplicas);
    net.done(A, S::ShowRole);
    assert!(matches!(net.write(A, 1), Answer::Committed { tick: 2, .. }));
    assert_eq!((net.info(A, B), net.info(A, C)), ((2, 0, "ready"), (2, 0, "ready")));
}

/// The constants 2, 6, 9 and 12 with a restart and a read before each write.
#[test]
fn mr_2_3_ticks_go_on_after_a_restart() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    net.restart(A);
    for expected in [6, 9, 12] {
        net.done(A, S::Read);
        net.write(A, 2);
        assert_eq!(net.nodes[A].ldt(), expected);
    }
}

#[test]
fn mr_2_3_cache_is_zero_after_a_restart() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.write(A, 1);
    assert_eq!(net.info(A, B), (2, 0, "ready"));
    net.disconnect(A, B, RpcFailure::Refused);
    net.restart(A);
    assert_eq!(net.info(A, B), (0, -2, "invalid"));
    net.connect(A, B);
    net.beat(A);
    assert_eq!(net.info(A, B), (2, 0, "ready"));
}

#[test]
fn mr_2_3_show_replicas_sends_nothing() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.ask(A, S::ShowReplicas);
    assert!(net.wire.is_empty());
}

#[test]
fn mr_2_4_exactly_the_third_failure_in_a_row() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    let rounds = |net: &mut Net, count: usize| (0..count).for_each(|_| net.beat(A));
    net.disconnect(A, B, RpcFailure::TimedOut);
    rounds(&mut net, 2);
    assert_eq!(net.status(A, B), "ready");
    net.connect(A, B);
    rounds(&mut net, 1);
    net.disconnect(A, B, RpcFailure::TimedOut);
    rounds(&mut net, 2);
    assert_eq!(net.status(A, B), "ready");
    rounds(&mut net, 1);
    assert_eq!(net.status(A, B), "invalid");
    net.connect(A, B);
    rounds(&mut net, 1);
    assert_eq!(net.status(A, B), "ready");
}

#[test]
fn mr_2_4_the_fourth_failure_changes_nothing() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.disconnect(A, B, RpcFailure::TimedOut);
    (0..3).for_each(|_| net.beat(A));
    // A commit attempt checks it meanwhile, and finds it behind.
    net.connect(A, B);
    net.write(A, 1);
    assert_eq!(net.info(A, B), (2, 0, "ready"));
    net.disconnect(A, B, RpcFailure::TimedOut);
    (0..300).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, B), "ready");
    let main = net.nodes[A].as_main().unwrap();
    assert_eq!(main.clients[0].live.as_ref().unwrap().failures, 3);
}

#[test]
fn mr_2_4_a_heartbeat_says_nothing_of_the_main() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.restart(B);
    net.done(B, S::SetRoleMain);
    net.demote(B);
    // B obeys nobody now, yet answers, so it stays `ready` until a commit is rejected.
    (0..5).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, B), "ready");
    assert!(matches!(net.write(A, 1), Answer::Failed(ServerError::SyncFailed { .. })));
    assert_eq!(net.status(A, B), "invalid");
    (0..5).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, B), "invalid");
}

#[test]
fn mr_2_2_ready_is_not_checked_again() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    net.input(B, Input::Kill);
    net.nodes[B].config.recover_data = false;
    net.input(B, Input::Start);
    net.beat(A);
    assert_eq!(net.info(A, B), (2, 0, "ready"));
    assert_eq!(net.ids(B), [0; 0]);
    net.write(A, 2);
    assert_eq!(net.status(A, B), "invalid");
    net.beat(A);
    assert_eq!(net.info(A, B), (4, 0, "ready"));
    assert_eq!(net.ids(B), [1, 2]);
}

#[test]
fn mr_2_4_no_heartbeats_when_switched_off() {
    let mut net = Net::cluster(Config { heartbeats: false, ..Config::default() }, &[Async]);
    assert_eq!(net.nodes[A].beating().count(), 0);
    net.input(A, Input::Heartbeat { name: name(B) });
    assert!(net.wire.is_empty());
    // The setting is stored with the registration.
    net.nodes[A].config.heartbeats = true;
    net.restart(A);
    assert_eq!(net.nodes[A].beating().count(), 0);
}

#[test]
fn mr_2_4_a_waiting_heartbeat_thread_skips_rounds() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.input(A, Input::Heartbeat { name: name(B) });
    net.input(A, Input::Heartbeat { name: name(B) });
    assert_eq!(net.wire.len(), 1);
}

#[test]
fn mr_2_2_behind_leads_through_recovery_to_ready() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 1);
    net.write(A, 2);
    assert_eq!(net.info(A, B), (0, -4, "invalid"));
    net.connect(A, B);
    net.input(A, Input::Heartbeat { name: name(B) });
    net.pump_until(|packet| is_request(packet, "recover"));
    assert_eq!(net.status(A, B), "recovery");
    net.pump();
    assert_eq!(net.info(A, B), (4, 0, "ready"));
    assert_eq!(net.ids(B), [1, 2]);
}

#[test]
fn mr_2_2_a_commit_during_recovery_leaves_invalid() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 1);
    net.connect(A, B);
    net.input(A, Input::Heartbeat { name: name(B) });
    net.pump_until(|packet| is_request(packet, "recover"));
    let writer = net.ask(A, S::Write(id(2)));
    assert!(matches!(net.answer(A, writer), Some(Answer::Committed { .. })));
    net.pump();
    assert_eq!(net.info(A, B), (2, -2, "invalid"));
    net.beat(A);
    assert_eq!(net.info(A, B), (4, 0, "ready"));
}

#[test]
fn mr_2_2_failed_recovery_leaves_invalid() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 1);
    net.connect(A, B);
    net.input(A, Input::Heartbeat { name: name(B) });
    net.pump_until(|packet| is_request(packet, "recover"));
    net.lose(RpcFailure::TimedOut);
    assert_eq!(net.status(A, B), "invalid");
    net.beat(A);
    assert_eq!(net.status(A, B), "ready");
}

#[test]
fn mr_2_2_async_still_busy_misses_the_next_commit() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.ask(A, S::Write(id(1)));
    assert_eq!(net.status(A, B), "replicating");
    net.ask(A, S::Write(id(2)));
    assert_eq!(net.status(A, B), "invalid");
    net.pump();
    // The first one went through, and does not make it `ready`: it misses the second.
    assert_eq!(net.ids(B), [1]);
    assert_eq!(net.status(A, B), "invalid");
    net.beat(A);
    assert_eq!(net.ids(B), [1, 2]);
    assert_eq!(net.info(A, B), (4, 0, "ready"));
}

#[test]
fn mr_9_3_one_worker_takes_tasks_in_order() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.ask(A, S::Write(id(1)));
    net.ask(A, S::Write(id(2)));
    // `invalid` now: this commit queues a check behind the transaction under way.
    net.ask(A, S::Write(id(3)));
    assert_eq!(net.wire.len(), 1);
    assert!(is_request(&net.wire[0], "prepare"));
    net.step();
    assert!(is_answer(&net.wire[0]));
    net.step();
    assert!(is_request(&net.wire[0], "check"));
    net.pump();
    assert_eq!(net.ids(B), [1, 2, 3]);
    assert_eq!(net.info(A, B), (6, 0, "ready"));
}

#[test]
fn mr_2_2_a_check_that_became_needless_is_skipped() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 1);
    net.connect(A, B);
    net.input(A, Input::Heartbeat { name: name(B) });
    net.pump_until(|packet| is_request(packet, "recover"));
    let recover = net.wire.pop_front().unwrap();
    net.disconnect(A, B, RpcFailure::Refused);
    (0..3).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, B), "invalid");
    net.connect(A, B);
    (0..3).for_each(|_| net.beat(A));
    // One check waits behind the recovery, however many heartbeats asked for it.
    let main = net.nodes[A].as_main().unwrap();
    assert_eq!(main.clients[0].live.as_ref().unwrap().queue, [Task::Check]);
    net.wire.push_back(recover);
    net.step();
    net.step();
    assert_eq!(net.info(A, B), (2, 0, "ready"));
    assert!(net.wire.is_empty());
}

#[test]
fn mr_2_2_a_check_under_way_is_enough() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 1);
    net.ask(A, S::Write(id(2)));
    net.ask(A, S::Write(id(3)));
    assert_eq!(net.wire.len(), 1);
    assert!(is_request(&net.wire[0], "check"));
    let main = net.nodes[A].as_main().unwrap();
    assert!(main.clients[0].live.as_ref().unwrap().queue.is_empty());
}

#[test]
fn mr_3_5_a_slice_beyond_the_replicas_tick_is_refused() {
    let config = Config { flush_every: 100, ..Config::default() };
    let mut net = Net::cluster(config, &[Async]);
    net.write(A, 1);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 2);
    net.connect(A, B);
    net.input(A, Input::Heartbeat { name: name(B) });
    net.pump_until(|packet| is_request(packet, "recover"));
    net.input(B, Input::PowerLoss { keep: 0 });
    net.input(B, Input::Start);
    net.pump();
    assert_eq!((net.status(A, B), net.ids(B)), ("invalid", vec![]));
    net.beat(A);
    assert_eq!((net.status(A, B), net.ids(B)), ("ready", vec![1, 2]));
}

#[test]
fn mr_2_2_diverged_is_left_by_the_third_failure_only() {
    let mut net = super::epochs::diverged_at_start();
    assert_eq!(net.status(A, B), "diverged");
    net.beat(A);
    net.write(A, 9);
    assert_eq!(net.status(A, B), "diverged");
    net.disconnect(A, B, RpcFailure::Refused);
    (0..3).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, B), "invalid");
    net.connect(A, B);
    net.beat(A);
    assert_eq!(net.status(A, B), "diverged");
}

#[test]
fn mr_2_system_recovery_is_retried_after_a_refused_check() {
    let mut net = Net::cluster(Config { licensed: true, ..Config::default() }, &[Async]);
    net.done(B, S::SetRoleMain);
    net.demote(B);
    net.write(A, 1);
    net.beat(A);
    assert_eq!(net.row(A, B).system, Some(SystemState::Behind));
    net.input(A, Input::Heartbeat { name: name(B) });
    net.pump_until(|packet| is_request(packet, "system"));
    assert_eq!(net.row(A, B).system, Some(SystemState::Recovery));
    net.pump();
    assert_eq!(net.row(A, B).system, Some(SystemState::Behind));
}

/// A finding waits for the commit that holds the engine lock, so that a replica which missed that
/// commit does not become `ready`.
#[test]
fn mr_2_2_recovery_ends_after_the_commit_under_way() {
    let mut net = Net::cluster(Config::default(), &[Sync, Async]);
    net.disconnect(A, C, RpcFailure::Refused);
    net.write(A, 1);
    net.connect(A, C);
    net.input(A, Input::Heartbeat { name: name(C) });
    net.pump_until(|packet| is_request(packet, "recover"));
    let recover = net.wire.pop_front().unwrap();
    net.ask(A, S::Write(id(2)));
    let prepare = net.wire.pop_front().unwrap();
    assert!(is_request(&prepare, "prepare"));
    net.wire.push_back(recover);
    net.step();
    net.step();
    assert_eq!(net.status(A, C), "recovery");
    net.wire.push_back(prepare);
    net.pump();
    assert_eq!(net.info(A, C), (2, -2, "invalid"));
    assert_eq!(net.ids(C), [1]);
}
