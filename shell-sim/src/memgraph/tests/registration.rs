//! MR 3.1, 3.2: REGISTER step by step, and phantoms.

use super::net::{A, B, Body, C, Net, endpoint, id, is_answer, is_request, name};
use crate::memgraph::*;
use Statement as S;
use SyncMode::{Async, StrictSync, Sync};

fn unattached() -> Net {
    let mut net = Net::fresh(2, Config::default());
    net.demote(B);
    net
}

#[test]
fn mr_3_1_three_round_trips() {
    let mut net = unattached();
    net.write(A, 1);
    let session = net.ask(A, Net::register_statement(B, Sync));
    // Stored and listed before anything is sent, together with the UUID.
    let uuid = net.nodes[A].as_main().unwrap().uuid;
    assert_eq!(net.nodes[A].volume.registrations().len(), 1);
    assert!(matches!(net.nodes[A].volume.store, Some(Store::Main { uuid: u, .. }) if u == uuid));
    for kind in ["swap", "system", "check"] {
        assert_eq!(net.wire.len(), 1);
        assert!(is_request(&net.wire[0], kind), "{kind}: {:?}", net.wire);
        assert_eq!(net.answers.len(), 0);
        net.step();
        assert!(is_answer(&net.wire[0]));
        net.step();
    }
    // REGISTER returns before the data is there.
    assert_eq!(net.answer(A, session), Some(Answer::Done(vec![Notice::RegisterReplica(name(B))])));
    assert_eq!(net.status(A, B), "recovery");
    net.pump();
    assert_eq!(net.info(A, B), (2, 0, "ready"));
    assert_eq!(net.ids(B), [1]);
}

#[test]
fn mr_3_1_a_crash_between_swap_and_check() {
    let mut net = unattached();
    net.ask(A, Net::register_statement(B, Sync));
    net.step();
    assert_eq!(net.nodes[B].as_replica().unwrap().obeys, net.nodes[A].as_main().unwrap().uuid);
    net.input(A, Input::Kill);
    net.wire.clear();
    net.input(A, Input::Start);
    net.pump();
    assert_eq!(net.status(A, B), "ready");
}

#[test]
fn mr_3_1_a_refused_check_still_registers() {
    let mut net = Net::fresh(3, Config::default());
    // B holds data of its own: its database stays foreign.
    net.write(B, 7);
    net.demote(B);
    net.register(A, B, StrictSync);
    assert_eq!(net.status(A, B), "invalid");
    (0..4).for_each(|_| net.beat(A));
    assert_eq!(net.status(A, B), "invalid");
    assert!(matches!(net.write(A, 1), Answer::Failed(ServerError::StrictSyncFailed { .. })));
}

#[test]
fn mr_3_1_an_empty_replica_adopts_the_database() {
    let mut net = unattached();
    assert_ne!(net.nodes[A].volume.storage_uuid, net.nodes[B].volume.storage_uuid);
    net.register(A, B, Sync);
    assert_eq!(net.nodes[A].volume.storage_uuid, net.nodes[B].volume.storage_uuid);
}

#[test]
fn mr_3_1_system_recovery_of_a_main_that_is_not_obeyed() {
    let mut net = unattached();
    let before = net.nodes[B].clone();
    let request =
        Rpc::SystemRecovery { main_uuid: MainUuid(12345), storage_uuid: StorageUuid(54321) };
    let input = Input::Request { id: RpcId(0), from: endpoint(A), request };
    let outputs = net.nodes[B].handle(input, &mut net.mint);
    let response = RpcResponse::Aligned(false);
    assert_eq!(outputs, [Output::Respond { id: RpcId(0), to: endpoint(A), response }]);
    assert_eq!(net.nodes[B], before);
}

#[test]
fn mr_3_1_register_of_an_abandoned_connection_goes_on() {
    let mut net = unattached();
    let session = net.ask(A, Net::register_statement(B, Sync));
    net.input(A, Input::Abandon { session });
    net.pump();
    assert_eq!(net.answer(A, session), None);
    assert_eq!(net.status(A, B), "ready");
}

#[test]
fn mr_3_1_commits_wait_for_register() {
    let mut net = unattached();
    net.ask(A, Net::register_statement(B, Sync));
    let writer = net.ask(A, S::Write(id(1)));
    assert_eq!(net.answer(A, writer), None);
    assert!(!net.wire.iter().any(|packet| is_request(packet, "prepare")));
    net.pump();
    assert!(matches!(net.answer(A, writer), Some(Answer::Committed { .. })));
    assert_eq!(net.ids(B), [1]);
}

#[test]
fn mr_3_2_error_5_leaves_a_phantom() {
    let mut net = Net::fresh(2, Config::default());
    // B is a main: no replication server.
    assert!(net.refused(A, Net::register_statement(B, StrictSync)).ends_with("Error: 5"));
    assert_eq!(net.row(A, B).data, None);
    assert_eq!(net.nodes[A].beating().count(), 0);
    // Not even STRICT_SYNC blocks.
    assert!(matches!(net.write(A, 1), Answer::Committed { .. }));
    assert!(net.refused(A, Net::register_statement(B, StrictSync)).ends_with("Error: 1"));
    let renamed = S::Register { name: ReplicaName(9), mode: Sync, endpoint: endpoint(B) };
    assert!(net.refused(A, renamed).ends_with("Error: 2"));
    net.demote(B);
    net.done(A, S::Drop { name: name(B) });
    net.register(A, B, StrictSync);
    assert_eq!(net.status(A, B), "ready");
}

#[test]
fn mr_3_2_error_5_when_the_swap_times_out_after_it_took_effect() {
    let mut net = unattached();
    let session = net.ask(A, Net::register_statement(B, Sync));
    net.step();
    net.lose(RpcFailure::TimedOut);
    let Some(Answer::Failed(error)) = net.answer(A, session) else { panic!("registered") };
    assert!(error.to_string().ends_with("Error: 5"));
    assert_eq!(net.row(A, B).data, None);
    let uuid = net.nodes[A].as_main().unwrap().uuid;
    assert_eq!(net.nodes[B].as_replica().unwrap().obeys, uuid);
}

#[test]
fn mr_3_2_a_restart_turns_a_phantom_live() {
    let mut net = Net::fresh(2, Config::default());
    assert!(net.refused(A, Net::register_statement(B, StrictSync)).ends_with("Error: 5"));
    net.demote(B);
    net.restart(A);
    assert_eq!(net.status(A, B), "invalid");
    let answer = net.write(A, 1);
    assert!(matches!(answer, Answer::Failed(ServerError::StrictSyncFailed { .. })));
    assert_eq!(net.ids(A), [0; 0]);
}

/// A is a main whose B was promoted and wrote.
fn old_replica_went_on(version: Version) -> Net {
    let mut net = Net::cluster(Config { version, ..Config::default() }, &[Async]);
    net.write(A, 1);
    net.done(B, S::SetRoleMain);
    net.write(B, 2);
    net.demote(B);
    net.done(A, S::Drop { name: name(B) });
    net
}

#[test]
fn mr_3_2_error_3_leaves_a_phantom_in_releases() {
    for version in [Version::V3_8, Version::V3_10, Version::V3_12] {
        let mut net = old_replica_went_on(version);
        assert!(net.refused(A, Net::register_statement(B, Sync)).ends_with("Error: 3"));
        assert_eq!(net.row(A, B).data, None);
        assert_eq!(net.nodes[A].volume.registrations().len(), 1);
        net.restart(A);
        assert_eq!(net.status(A, B), "diverged");
    }
}

#[test]
fn mr_3_2_error_3_rolls_back_on_head() {
    let mut net = old_replica_went_on(Version::Head);
    assert!(net.refused(A, Net::register_statement(B, Sync)).ends_with("Error: 3"));
    assert_eq!(net.nodes[A].rows(), []);
    assert_eq!(net.nodes[A].volume.registrations(), []);
}

#[test]
fn mr_3_4_error_3_has_already_stolen_the_replica() {
    let mut net = Net::cluster(Config::default(), &[Async, Async]);
    net.write(A, 1);
    net.disconnect(A, C, RpcFailure::Refused);
    net.write(A, 2);
    net.write(A, 3);
    net.done(C, S::SetRoleMain);
    // B went further than C: for the new main C it is diverged.
    assert!(net.refused(C, Net::register_statement(B, Async)).ends_with("Error: 3"));
    net.write(A, 4);
    assert_eq!(net.status(A, B), "invalid");
    net.beat(A);
    assert_eq!(net.status(A, B), "invalid");
}

#[test]
fn mr_3_4_swap_is_taken_from_anyone() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.nodes.push(Instance::new(Config::default()));
    net.input(C, Input::Start);
    net.ask(C, Net::register_statement(B, Sync));
    net.step();
    let uuid = net.nodes[C].as_main().unwrap().uuid;
    assert_eq!(net.nodes[B].as_replica().unwrap().obeys, uuid);
    assert_eq!(net.nodes[B].volume.store, Some(Store::Replica { port: 10000, obeys: uuid }));
    assert!(matches!(net.wire[0].body, Body::Response(RpcResponse::Swapped)));
}

#[test]
fn mr_3_5_a_replica_that_is_nearly_up_to_date_is_sent_what_it_lacks_and_no_more() {
    let mut net = unattached();
    net.register(A, B, Async);
    for number in 0..1000 {
        net.write(A, number);
        net.pump();
    }
    net.done(A, S::Drop { name: name(B) });
    for number in 1000..1003 {
        net.write(A, number);
    }
    net.ask(A, Net::register_statement(B, Async));
    net.pump_until(|packet| is_request(packet, "recover"));
    let recoveries = net.wire.iter().filter_map(|packet| match &packet.body {
        Body::Request(request @ Rpc::Recover { .. }) => Some(request.entries().len()),
        Body::Request(_) | Body::Response(_) | Body::Failed(_) => None,
    });
    assert_eq!(recoveries.collect::<Vec<_>>(), [3]);
    net.pump();
    assert_eq!(net.ids(B).len(), 1003);
}
