//! MR 5: starts, ends, flags, lost power, wiped volumes.

use super::net::{A, B, C, Net, id, is_request, name};
use crate::memgraph::*;
use Statement as S;
use SyncMode::{Async, StrictSync, Sync};

#[test]
fn mr_5_2_a_main_contacts_its_replicas_before_bolt_opens() {
    let mut net = Net::cluster(Config::default(), &[Sync, Async]);
    net.input(A, Input::Kill);
    net.events.clear();
    net.input(A, Input::Start);
    for replica in [B, C] {
        for kind in ["system", "check"] {
            assert!(!net.nodes[A].is_bolt_open());
            assert_eq!(net.wire.len(), 1);
            assert!(is_request(&net.wire[0], kind) && net.wire[0].to == replica);
            net.step();
            net.step();
        }
    }
    assert_eq!(net.events, [(A, Output::BoltOpen)]);
    assert!(net.nodes[A].is_bolt_open());
}

#[test]
fn mr_5_2_recovery_runs_on_while_the_next_replica_is_contacted() {
    let mut net = Net::cluster(Config::default(), &[Async, Async]);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 1);
    net.input(A, Input::Kill);
    net.connect(A, B);
    net.input(A, Input::Start);
    net.pump_until(|packet| is_request(packet, "recover"));
    assert!(!net.nodes[A].is_bolt_open());
    net.pump();
    assert_eq!((net.status(A, B), net.status(A, C)), ("ready", "ready"));
}

#[test]
fn mr_5_2_an_unreachable_replica_delays_bolt_by_two_requests() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.input(B, Input::Kill);
    net.input(A, Input::Kill);
    net.input(A, Input::Start);
    net.lose(RpcFailure::TimedOut);
    assert!(!net.nodes[A].is_bolt_open());
    net.lose(RpcFailure::TimedOut);
    assert!(net.nodes[A].is_bolt_open());
    assert_eq!(net.status(A, B), "invalid");
}

#[test]
fn mr_5_2_a_replica_listens_before_bolt_and_dies_without_its_port() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.input(B, Input::Kill);
    assert!(!net.nodes[B].is_listening());
    net.events.clear();
    net.input(B, Input::Port(PortState::Taken));
    net.input(B, Input::Start);
    assert_eq!(net.events, [(B, Output::Died)]);
    assert_eq!(net.nodes[B].role(), None);
    net.input(B, Input::Port(PortState::Free));
    net.input(B, Input::Start);
    assert!(net.nodes[B].is_listening() && net.nodes[B].is_bolt_open());
}

#[test]
fn mr_5_3_fresh() {
    let net = Net::fresh(1, Config::default());
    assert_eq!(net.nodes[A].role(), Some(RoleName::Main));
    assert_eq!((net.nodes[A].ldt(), net.nodes[A].rows()), (0, vec![]));
    assert_eq!(net.nodes[A].timeline().unwrap().history, []);
    assert_eq!(net.nodes[A].volume.store, None);
}

#[test]
fn mr_5_3_a_main_restarts_with_all_registrations() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    net.write(A, 2);
    let (uuid, epoch) =
        (net.nodes[A].as_main().unwrap().uuid, net.nodes[A].timeline().unwrap().epoch);
    net.restart(A);
    assert_eq!(net.nodes[A].as_main().unwrap().uuid, uuid);
    let timeline = net.nodes[A].timeline().unwrap();
    assert_eq!(timeline.epoch, epoch);
    assert_eq!(timeline.history, [Branch { epoch, ldt: 4 }]);
    assert_eq!(net.info(A, B), (4, 0, "ready"));
    assert_eq!(net.ids(A), [1, 2]);
}

#[test]
fn mr_5_3_a_diverged_registration_stays_listed() {
    let net = super::epochs::diverged_at_start();
    assert_eq!(net.status(A, B), "diverged");
    assert!(net.nodes[A].is_bolt_open());
}

#[test]
fn mr_5_3_a_replica_comes_back_without_any_command() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    net.input(B, Input::Kill);
    (0..3).for_each(|_| net.beat(A));
    assert!(matches!(net.write(A, 2), Answer::Failed(_)));
    net.input(B, Input::Start);
    assert_eq!(net.nodes[B].role(), Some(RoleName::Replica));
    net.beat(A);
    assert_eq!(net.status(A, B), "ready");
    assert_eq!(net.ids(B), [1, 2]);
}

#[test]
fn mr_5_3_without_restored_state_a_replica_is_a_writable_main() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.write(A, 1);
    net.nodes[B].config.restore_state = false;
    net.restart(B);
    assert_eq!(net.nodes[B].role(), Some(RoleName::Main));
    assert!(matches!(net.write(B, 9), Answer::Committed { .. }));
    assert_eq!(net.ids(B), [1, 9]);
    // The store was not touched: with the flag the old role is back.
    net.nodes[B].config.restore_state = true;
    net.restart(B);
    assert_eq!(net.nodes[B].role(), Some(RoleName::Replica));
}

#[test]
fn mr_5_3_without_restored_state_a_main_forgets_its_replicas() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    let uuid = net.nodes[A].as_main().unwrap().uuid;
    net.nodes[A].config.restore_state = false;
    net.restart(A);
    assert_eq!(net.nodes[A].rows(), []);
    assert_ne!(net.nodes[A].as_main().unwrap().uuid, uuid);
    net.demote(A);
    net.nodes[A].config.restore_state = true;
    net.restart(A);
    assert_eq!(net.nodes[A].as_main().unwrap().uuid, uuid);
    assert_eq!(net.names(A).len(), 1);
}

#[test]
fn mr_5_3_without_data_recovery_a_replica_is_filled_again() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    net.input(B, Input::Kill);
    (0..3).for_each(|_| net.beat(A));
    net.nodes[B].config.recover_data = false;
    net.input(B, Input::Start);
    assert_eq!((net.nodes[B].role(), net.nodes[B].ldt()), (Some(RoleName::Replica), 0));
    net.beat(A);
    assert_eq!(net.ids(B), [1]);
    assert_eq!(net.status(A, B), "ready");
}

#[test]
fn mr_5_4_a_wiped_instance() {
    let mut net = Net::cluster(Config::default(), &[StrictSync]);
    net.write(A, 1);
    let storage = net.nodes[B].volume.storage_uuid;
    net.input(B, Input::Kill);
    net.input(B, Input::Wipe);
    net.input(B, Input::Start);
    assert_eq!(net.nodes[B].role(), Some(RoleName::Main));
    assert!(!net.nodes[B].is_listening());
    assert_ne!(net.nodes[B].volume.storage_uuid, storage);
    (0..3).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, B), "invalid");
    // A role alone does not help: it listens, and obeys nobody.
    net.demote(B);
    (0..3).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, B), "invalid");
    net.done(A, S::Drop { name: name(B) });
    net.register(A, B, StrictSync);
    assert_eq!(net.ids(B), [1]);
}

#[test]
fn mr_4_a_killed_main_keeps_what_it_had_not_confirmed() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.write(A, 1);
    net.ask(A, S::Write(id(2)));
    assert_eq!((net.ids(A), net.nodes[A].ldt()), (vec![1], 2));
    net.input(A, Input::Kill);
    net.wire.clear();
    net.done(B, S::SetRoleMain);
    net.input(A, Input::Start);
    net.pump();
    // The log is written before anything is shipped: A comes back with more than B had.
    assert_eq!(net.ids(A), [1, 2]);
    net.demote(A);
    assert!(net.refused(B, Net::register_statement(A, Sync)).ends_with("Error: 3"));
}

#[test]
fn mr_3_3_lost_power_takes_what_was_not_flushed() {
    let flushed_after = |flush_every, writes: u32| {
        let mut net = Net::fresh(1, Config { flush_every, ..Config::default() });
        (0..writes).for_each(|number| {
            net.write(A, number);
        });
        net.input(A, Input::PowerLoss { keep: 0 });
        net.input(A, Input::Start);
        net.ids(A).len()
    };
    assert_eq!(flushed_after(1, 3), 3);
    assert_eq!(flushed_after(2, 5), 4);
    assert_eq!(flushed_after(100, 5), 0);
}

#[test]
fn mr_3_3_lost_power_keeps_snapshots_and_what_luck_keeps() {
    let mut net = Net::fresh(1, Config { flush_every: 100, ..Config::default() });
    (0..3).for_each(|number| drop(net.write(A, number)));
    net.done(A, S::Snapshot);
    (3..6).for_each(|number| drop(net.write(A, number)));
    let mut lucky = net.clone();
    net.input(A, Input::PowerLoss { keep: 0 });
    assert_eq!(net.ids(A), [0, 1, 2]);
    lucky.input(A, Input::Kill);
    lucky.input(A, Input::PowerLoss { keep: 5 });
    assert_eq!(lucky.ids(A), [0, 1, 2, 3, 4]);
}

#[test]
fn mr_3_5_recovery_by_snapshot_replaces_what_was_there() {
    let config = Config { flush_every: 100, recovery: RecoveryPath::Snapshot, ..Config::default() };
    let mut net = Net::cluster(config, &[Async]);
    net.write(A, 1);
    net.write(A, 2);
    net.input(A, Input::PowerLoss { keep: 1 });
    net.disconnect(A, B, RpcFailure::Refused);
    net.input(A, Input::Start);
    net.pump();
    net.write(A, 3);
    net.write(A, 4);
    net.connect(A, B);
    net.beat(A);
    assert_eq!(net.ids(A), [1, 3, 4]);
    assert_eq!(net.ids(B), [1, 3, 4]);
    assert!(net.events.contains(&(B, Output::Replaced)));
    net.input(B, Input::PowerLoss { keep: 0 });
    assert_eq!(net.ids(B), [1, 3, 4]);
}

#[test]
fn mr_3_5_recovery_by_wal_files_keeps_a_foreign_tail() {
    let config = Config { flush_every: 100, ..Config::default() };
    let mut net = Net::cluster(config, &[Async]);
    net.write(A, 1);
    net.write(A, 2);
    net.input(A, Input::PowerLoss { keep: 1 });
    net.disconnect(A, B, RpcFailure::Refused);
    net.input(A, Input::Start);
    net.pump();
    net.write(A, 3);
    net.write(A, 4);
    net.connect(A, B);
    net.beat(A);
    assert_eq!(net.ids(A), [1, 3, 4]);
    assert_eq!(net.status(A, B), "ready");
    assert_ne!(net.ids(B), net.ids(A));
}

#[test]
fn mr_3_5_recovery_without_files_is_impossible() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    net.nodes[A].config.wal_enabled = false;
    net.write(A, 1);
    net.disconnect(A, B, RpcFailure::Refused);
    (0..3).for_each(|_| net.beat(A));
    net.connect(A, B);
    net.beat(A);
    assert_eq!(net.info(A, B), (0, -2, "invalid"));
    net.done(A, S::Snapshot);
    net.beat(A);
    assert_eq!(net.info(A, B), (2, 0, "ready"));
}

#[test]
fn late_messages_are_ignored() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.ask(A, S::Write(id(1)));
    net.pump_until(super::net::is_answer);
    net.input(A, Input::Kill);
    let before = net.nodes[A].clone();
    net.step();
    assert_eq!(net.nodes[A], before);
    net.restart(B);
    let before = net.nodes[B].clone();
    net.input(B, Input::Response { id: RpcId(7), response: RpcResponse::Alive });
    net.input(B, Input::Heartbeat { name: name(A) });
    assert_eq!(net.nodes[B], before);
}
