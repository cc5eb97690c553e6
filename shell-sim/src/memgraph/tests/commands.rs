//! MR 1.2, 1.3, 1.4: effects, refusals and rows of the commands.

use super::net::{A, B, C, Net, endpoint, id, is_request, name};
use crate::memgraph::*;
use Statement as S;
use SyncMode::{Async, StrictSync, Sync};

fn pair() -> Net {
    Net::cluster(Config::default(), &[Sync])
}

#[test]
fn mr_1_2_set_role_to_main() {
    let mut net = pair();
    let text = "Couldn't set replication role to main!";
    assert_eq!(net.refused(A, S::SetRoleMain), text);
    net.input(B, Input::Busy(true));
    assert_eq!(net.refused(B, S::SetRoleMain), text);
    net.input(B, Input::Busy(false));

    net.write(A, 7);
    let before = net.nodes[B].timeline().unwrap().clone();
    assert_eq!(net.run(B, S::SetRoleMain), Answer::Done(vec![Notice::SetReplica(RoleName::Main)]));
    let after = net.nodes[B].timeline().unwrap();
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(after.history.last(), Some(&Branch { epoch: before.epoch, ldt: 2 }));
    assert!(after.clock > after.ldt);
    assert_eq!(net.nodes[B].rows(), []);
    assert!(!net.nodes[B].is_listening());
    let uuid = net.nodes[B].as_main().unwrap().uuid;
    assert_eq!(net.nodes[B].volume.store, Some(Store::Main { uuid, registrations: vec![] }));
}

#[test]
fn mr_1_2_set_role_to_replica() {
    let mut net = pair();
    let text = "Couldn't set role to replica!";
    assert_eq!(net.refused(B, S::SetRoleReplica { port: 10000 }), text);
    net.input(A, Input::Busy(true));
    assert_eq!(net.refused(A, S::SetRoleReplica { port: 10000 }), text);
    net.input(A, Input::Busy(false));
    assert_eq!(net.names(A).len(), 1);
    net.demote(A);
    assert_eq!(net.nodes[A].volume.registrations(), []);
    net.restart(A);
    assert_eq!(net.run(A, S::ShowRole), Answer::Role(RoleName::Replica));
    net.done(A, S::SetRoleMain);
    assert_eq!(net.run(A, S::ShowReplicas), Answer::Replicas(vec![]));
}

#[test]
fn mr_1_2_demotion_without_a_port() {
    let text = "Couldn't set role to replica!";
    let mut net = pair();
    net.input(A, Input::Port(PortState::Taken));
    assert_eq!(net.refused(A, S::SetRoleReplica { port: 10000 }), text);
    assert_eq!(net.nodes[A].role(), Some(RoleName::Main));
    assert_eq!(net.names(A).len(), 1);

    net.input(A, Input::Port(PortState::StartFails));
    assert_eq!(net.refused(A, S::SetRoleReplica { port: 10000 }), text);
    assert_eq!(net.nodes[A].role(), Some(RoleName::Replica));
    assert!(!net.nodes[A].is_listening());
    assert!(matches!(net.nodes[A].volume.store, Some(Store::Replica { .. })));
    assert_eq!(net.refused(A, S::SetRoleReplica { port: 10000 }), text);
}

#[test]
fn mr_1_2_demotion_warns_of_bolts_port() {
    let mut net = Net::fresh(1, Config::default());
    assert_eq!(
        net.run(A, S::SetRoleReplica { port: 7687 }),
        Answer::Done(vec![Notice::ReplicaPort, Notice::SetReplica(RoleName::Replica)])
    );
}

#[test]
fn mr_1_2_commands_on_a_replica() {
    let mut net = pair();
    let register = Net::register_statement(C, Sync);
    assert_eq!(net.refused(B, register), "Replica can't register another replica!");
    assert_eq!(
        net.refused(B, S::Drop { name: name(A) }),
        "Replica can't unregister a replica! Please rerun the query on main in order to \
         unregister a replica from the cluster."
    );
    assert_eq!(
        net.refused(B, S::ShowReplicas),
        "Show replicas query should only be run on the main instance."
    );
    assert_eq!(net.run(B, S::ShowRole), Answer::Role(RoleName::Replica));
}

#[test]
fn mr_1_2_drop() {
    let mut net = pair();
    net.write(A, 1);
    assert_eq!(
        net.refused(A, S::Drop { name: name(C) }),
        "Failed to unregister the replica replica_2."
    );
    net.input(A, Input::Busy(true));
    assert_eq!(
        net.refused(A, S::Drop { name: name(B) }),
        "Failed to unregister replica due to lack of unique access over the cluster state. \
         Please try again later on."
    );
    net.input(A, Input::Busy(false));
    let obeyed = net.nodes[B].as_replica().unwrap().obeys;
    assert_eq!(
        net.run(A, S::Drop { name: name(B) }),
        Answer::Done(vec![Notice::DropReplica(name(B))])
    );
    assert_eq!(net.nodes[A].volume.registrations(), []);
    assert_eq!(net.nodes[B].as_replica().unwrap().obeys, obeyed);
    net.write(A, 2);
    assert_eq!(net.ids(B), [1]);
}

#[test]
fn mr_1_2_drop_forgets_requests_under_way() {
    let mut net = Net::cluster(Config::default(), &[Async]);
    let writer = net.ask(A, S::Write(id(1)));
    assert!(is_request(&net.wire[0], "prepare"));
    net.done(A, S::Drop { name: name(B) });
    assert!(matches!(net.answer(A, writer), Some(Answer::Committed { tick: 2, .. })));
    assert_eq!(net.names(A).len(), 0);
}

#[test]
fn mr_1_2_explicit_transactions_refuse_administration() {
    let mut net = pair();
    let session = Session(900);
    net.run_on(A, session, S::Begin);
    let topics = [
        (S::ShowRole, "Managing replication"),
        (S::ShowReplicas, "Managing replication"),
        (S::SetRoleMain, "Managing replication"),
        (S::SetRoleReplica { port: 1 }, "Managing replication"),
        (Net::register_statement(C, Sync), "Managing replication"),
        (S::Drop { name: name(B) }, "Managing replication"),
        (S::ShowVersion, "Version information query"),
        (S::ShowConfig, "Configuration information query"),
        (S::ShowStorageInfo, "Storage information query"),
    ];
    for (statement, words) in topics {
        let Answer::Failed(error) = net.run_on(A, session, statement) else { panic!("{words}") };
        assert_eq!(
            error.to_string(),
            format!("{words} is not allowed in multicommand transactions.")
        );
        assert_eq!(error.code(), "Memgraph.ClientError.MemgraphError.MemgraphError");
    }
    let failed = Answer::Failed(ServerError::RollbackExpected);
    assert_eq!(net.run_on(A, session, S::Commit), failed);
    assert_eq!(net.run_on(A, session, S::Rollback), Answer::Done(vec![]));
}

#[test]
fn mr_1_2_one_system_query_at_a_time() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.nodes.push(Instance::new(Config::default()));
    net.input(C, Input::Start);
    net.demote(C);
    let slow = net.ask(A, Net::register_statement(C, Async));
    let text = "Multiple concurrent system queries are not supported.";
    for statement in [
        S::SetRoleMain,
        S::SetRoleReplica { port: 1 },
        Net::register_statement(B, Async),
        S::Drop { name: name(B) },
    ] {
        let other = net.ask(A, statement);
        let Some(Answer::Failed(error)) = net.answer(A, other) else { panic!("not refused") };
        assert_eq!(error.to_string(), text);
    }
    let show = net.ask(A, S::ShowReplicas);
    let Some(Answer::Replicas(rows)) = net.answer(A, show) else { panic!("SHOW REPLICAS waits") };
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1].data, None);
    net.pump();
    assert_eq!(net.answer(A, slow), Some(Answer::Done(vec![Notice::RegisterReplica(name(C))])));
}

#[test]
fn mr_1_3_error_numbers() {
    let mut net = pair();
    let text = |n| format!("Couldn't register replica replica_{n}");
    assert_eq!(net.refused(A, Net::register_statement(B, Async)), text(1) + ". Error: 1");
    let again = S::Register { name: ReplicaName(9), mode: Async, endpoint: endpoint(B) };
    assert_eq!(net.refused(A, again), text(9) + ". Error: 2");
    let unreachable = S::Register { name: ReplicaName(5), mode: Async, endpoint: endpoint(A) };
    assert_eq!(net.refused(A, unreachable), text(5) + ". Error: 5");
    net.input(A, Input::Busy(true));
    let busy = S::Register { name: ReplicaName(6), mode: Async, endpoint: Endpoint(6) };
    assert_eq!(net.refused(A, busy), text(6) + ". Error: 6");
}

#[test]
fn mr_1_4_rows() {
    let mut net =
        Net::cluster(Config { licensed: true, ..Config::default() }, &[StrictSync, Async]);
    net.write(A, 1);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 2);
    let rows = net.nodes[A].rows();
    assert_eq!(rows[0].mode.as_str(), "strict_sync");
    assert_eq!(rows[0].system.map(SystemState::as_str), Some("ready"));
    assert_eq!(rows[0].endpoint, endpoint(B));
    assert_eq!(net.info(A, B), (2, 0, "invalid"));
    assert_eq!(net.info(A, C), (2, 0, "replicating"));

    let without = Net::cluster(Config::default(), &[Sync]);
    assert_eq!(without.row(A, B).system, None);
}

#[test]
fn mr_1_4_rows_keep_registration_order_until_a_restart() {
    let mut net = Net::fresh(3, Config::default());
    net.demote(B);
    net.demote(C);
    net.register(A, C, Sync);
    net.register(A, B, Sync);
    let order = |net: &Net| net.nodes[A].rows().iter().map(|row| row.name.0).collect::<Vec<_>>();
    assert_eq!(order(&net), [2, 1]);
    net.restart(A);
    assert_eq!(order(&net), [1, 2]);

    net.input(A, Input::Kill);
    net.nodes[A].volume.rename_replicas(|old| ReplicaName(10 - old.0));
    net.input(A, Input::Start);
    net.pump();
    assert_eq!(order(&net), [8, 9]);
    assert_eq!(net.nodes[A].rows()[0].endpoint, endpoint(C));
}

#[test]
fn other_shows() {
    let mut net = Net::fresh(1, Config::default());
    net.write(A, 1);
    assert_eq!(net.run(A, S::ShowVersion), Answer::Version(Version::V3_12));
    assert_eq!(net.run(A, S::ShowConfig), Answer::Config(Config::default()));
    let storage_uuid = net.nodes[A].volume.storage_uuid;
    let expected = Answer::StorageInfo { storage_uuid, transactions: 1 };
    assert_eq!(net.run(A, S::ShowStorageInfo), expected);
}

#[test]
fn inputs_without_sense_are_named() {
    let mut instance: Instance<super::net::Ids> = Instance::new(Config::default());
    let mut mint = Mint::default();
    let mut rejection = |input| match instance.handle(input, &mut mint).pop() {
        Some(Output::Rejected(rejection)) => rejection.to_string(),
        other => panic!("accepted: {other:?}"),
    };
    let session = Session(1);
    assert!(rejection(Input::Kill).contains("no process runs"));
    assert!(rejection(Input::Busy(true)).contains("no process runs"));
    let show = Input::Execute { session, statement: S::ShowRole };
    assert_eq!(rejection(show), "session-1: the Bolt port is closed; wait for it to open");
    instance.handle(Input::Start, &mut mint);
    let mut rejection = |input| match instance.handle(input, &mut mint).pop() {
        Some(Output::Rejected(rejection)) => rejection.to_string(),
        other => panic!("accepted: {other:?}"),
    };
    assert!(rejection(Input::Start).contains("runs already"));
    assert!(rejection(Input::Wipe).contains("still runs"));
    let staged = Input::Execute { session, statement: S::Stage(id(1)) };
    assert_eq!(rejection(staged), "session-1: a staged write needs BEGIN first");
}
