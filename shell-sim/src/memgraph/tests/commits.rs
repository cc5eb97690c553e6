//! MR 4: commits in one phase, their locks, queues and errors.

use super::net::{A, B, C, Net, id, is_answer, is_request, name};
use crate::memgraph::*;
use Statement as S;
use SyncMode::{Async, StrictSync, Sync};

fn failed(answer: Answer) -> ServerError {
    let Answer::Failed(error) = answer else { panic!("did not fail: {answer:?}") };
    error
}

#[test]
fn mr_4_1_sync_is_waited_for_and_async_is_not() {
    let mut net = Net::cluster(Config::default(), &[Async, Sync]);
    let writer = net.ask(A, S::Write(id(1)));
    assert_eq!(net.answer(A, writer), None);
    // In order of registration: the ASYNC shipment left first.
    assert_eq!(net.wire.iter().map(|packet| packet.to).collect::<Vec<_>>(), [B, C]);
    assert_eq!(net.ids(A), [0; 0]);
    net.pump();
    assert!(matches!(net.answer(A, writer), Some(Answer::Committed { tick: 2, .. })));

    let mut net = Net::cluster(Config::default(), &[Async]);
    let writer = net.ask(A, S::Write(id(1)));
    assert!(matches!(net.answer(A, writer), Some(Answer::Committed { .. })));
    assert_eq!(net.ids(A), [1]);
}

#[test]
fn mr_4_replicas_are_waited_for_one_after_the_other() {
    let mut net = Net::cluster(Config::default(), &[Sync, Sync]);
    net.ask(A, S::Write(id(1)));
    assert_eq!(net.wire.len(), 1);
    assert_eq!(net.wire[0].to, B);
    net.step();
    assert!(is_answer(&net.wire[0]));
    assert_eq!(net.wire.len(), 1);
    net.step();
    assert_eq!(net.wire[0].to, C);
    net.pump();
    assert_eq!((net.ids(A), net.ids(B), net.ids(C)), (vec![1], vec![1], vec![1]));
}

#[test]
fn mr_4_commits_queue_behind_the_engine_lock() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    let first = net.ask(A, S::Write(id(1)));
    let second = net.ask(A, S::Write(id(2)));
    let third = net.ask(A, S::Write(id(3)));
    let reader = net.ask(A, S::Read);
    assert_eq!(net.answer(A, reader), Some(Answer::Read { ldt: 0 }));
    assert_eq!(net.wire.len(), 1);
    net.input(A, Input::Abandon { session: second });
    net.pump();
    // Start ticks 1, 3, 4, 5; the second and third commit tick come after the reader's.
    assert!(matches!(net.answer(A, first), Some(Answer::Committed { tick: 2, .. })));
    assert_eq!(net.answer(A, second), None);
    assert!(matches!(net.answer(A, third), Some(Answer::Committed { tick: 7, .. })));
    assert_eq!(net.ids(B), [1, 2, 3]);
    assert_eq!(net.ticks(A), [2, 6, 7]);
}

#[test]
fn mr_1_2_role_commands_are_refused_while_a_commit_runs() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.disconnect(A, B, RpcFailure::TimedOut);
    let writer = net.ask(A, S::Write(id(1)));
    let cases = [
        (S::SetRoleMain, "Couldn't set replication role to main!"),
        (S::SetRoleReplica { port: 10000 }, "Couldn't set role to replica!"),
        (Net::register_statement(C, Sync), "Couldn't register replica replica_2. Error: 6"),
        (
            S::Drop { name: name(B) },
            "Failed to unregister replica due to lack of unique access over the cluster state. \
             Please try again later on.",
        ),
    ];
    for (statement, text) in cases {
        let session = net.ask(A, statement);
        assert_eq!(failed(net.answer(A, session).unwrap()).to_string(), text);
    }
    assert_eq!(net.answer(A, writer), None);
    net.pump();
    assert!(net.answer(A, writer).is_some());
    net.demote(A);
}

#[test]
fn mr_4_2_sync_failure_is_committed_and_reported() {
    for (version, fails) in [
        (Version::V3_8, true),
        (Version::V3_10, true),
        (Version::V3_12, true),
        (Version::Head, false),
    ] {
        let mut net = Net::cluster(Config { version, ..Config::default() }, &[Sync]);
        net.disconnect(A, B, RpcFailure::Refused);
        let failures = vec![Failure { name: name(B), mode: Sync, reason: Reason::NotInSync }];
        let answer = net.write(A, 1);
        assert_eq!(net.ids(A), [1]);
        if fails {
            assert_eq!(answer, Answer::Failed(ServerError::SyncFailed { version, failures }));
        } else {
            let notices = vec![Notice::SyncReplicationFailure(failures)];
            assert_eq!(answer, Answer::Committed { tick: 2, notices });
        }
        assert_eq!(net.status(A, B), "invalid");
    }
}

#[test]
fn mr_4_2_reasons_from_the_network() {
    for (why, reason) in [
        (RpcFailure::Refused, Reason::NotInSync),
        (RpcFailure::TimedOut, Reason::Timeout),
        (RpcFailure::Broken, Reason::RpcError),
        (RpcFailure::LockBusy, Reason::LockBusy),
    ] {
        let mut net = Net::cluster(Config::default(), &[Sync]);
        net.disconnect(A, B, why);
        let error = failed(net.write(A, 1));
        let ServerError::SyncFailed { failures, .. } = error else { panic!("{error:?}") };
        assert_eq!(failures[0].reason, reason);
    }
}

#[test]
fn mr_4_1_only_the_first_commit_after_a_failure_waits() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.disconnect(A, B, RpcFailure::TimedOut);
    net.write(A, 1);
    let writer = net.ask(A, S::Write(id(2)));
    let error = failed(net.answer(A, writer).expect("an answer at once"));
    let ServerError::SyncFailed { failures, .. } = error else { panic!("{error:?}") };
    assert_eq!(failures[0].reason, Reason::NotInSync);
    // The commit attempt queued a check.
    assert!(is_request(&net.wire[0], "check"));
}

#[test]
fn mr_4_1_sync_is_not_synchronous_while_it_recovers() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.disconnect(A, B, RpcFailure::Refused);
    net.write(A, 1);
    net.connect(A, B);
    net.input(A, Input::Heartbeat { name: name(B) });
    net.pump_until(|packet| is_request(packet, "recover"));
    let writer = net.ask(A, S::Write(id(2)));
    assert!(matches!(net.answer(A, writer), Some(Answer::Failed(ServerError::SyncFailed { .. }))));
    assert_eq!(net.ids(A), [1, 2]);
}

#[test]
fn mr_4_1_diverged_is_reported_by_sync_and_aborts_strict() {
    let mut net = super::epochs::diverged_at_start();
    net.write(A, 5);
    assert_eq!(net.status(A, B), "diverged");
    for (mode, committed) in [(Sync, true), (StrictSync, false)] {
        let mut net = net.clone();
        let Some(Process { role: Role::Main(main), .. }) = &mut net.nodes[A].process else {
            panic!("not a main")
        };
        main.clients[0].registration.mode = mode;
        let error = failed(net.write(A, 6));
        let (ServerError::SyncFailed { failures, .. }
        | ServerError::StrictSyncFailed { failures, .. }) = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(failures, [Failure { name: name(B), mode, reason: Reason::Diverged }]);
        assert_eq!(net.ids(A).contains(&6), committed);
    }
}

#[test]
fn mr_4_1_a_replica_rejects_what_it_cannot_follow() {
    let config = Config { flush_every: 100, ..Config::default() };
    let mut net = Net::cluster(config, &[Sync]);
    net.write(A, 1);
    net.write(A, 2);
    net.input(B, Input::PowerLoss { keep: 1 });
    net.input(B, Input::Start);
    assert_eq!(net.status(A, B), "ready");
    assert!(matches!(net.write(A, 3), Answer::Failed(_)));
    assert_eq!(net.ids(B), [1]);
    net.beat(A);
    assert_eq!(net.ids(B), [1, 2, 3]);

    net.input(B, Input::Busy(true));
    assert!(matches!(net.write(A, 4), Answer::Failed(_)));
    assert_eq!(net.status(A, B), "invalid");
}

#[test]
fn mr_4_2_heartbeats_that_give_up_a_replica_fail_the_commit() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    net.ask(A, S::Write(id(1)));
    let prepare = net.wire.pop_front().unwrap();
    net.disconnect(A, B, RpcFailure::TimedOut);
    (0..3).for_each(|_| net.beat(A));
    net.connect(A, B);
    net.wire.push_back(prepare);
    net.pump();
    assert!(matches!(net.answers.values().next(), Some(Answer::Failed(_))));
    assert_eq!((net.ids(A), net.ids(B)), (vec![1], vec![1]));
    assert_eq!(net.status(A, B), "invalid");
}

/// While B is awaited, heartbeats give up C: it is not even asked, and counts as failed if SYNC.
#[test]
fn mr_4_1_a_replica_given_up_during_the_commit() {
    for (mode, fails) in [(Sync, true), (Async, false)] {
        let mut net = Net::cluster(Config::default(), &[Sync, mode]);
        let writer = net.ask(A, S::Write(id(1)));
        let prepare = net.wire.pop_front().unwrap();
        net.disconnect(A, C, RpcFailure::TimedOut);
        (0..3).for_each(|_| net.beat(A));
        net.connect(A, C);
        net.wire.push_back(prepare);
        net.pump();
        let answer = net.answer(A, writer).unwrap();
        assert_eq!(matches!(answer, Answer::Failed(ServerError::SyncFailed { .. })), fails);
        assert_eq!((net.ids(B), net.ids(C)), (vec![1], vec![]));
        assert_eq!(net.status(A, C), "invalid");
    }
}

#[test]
fn mr_4_an_abandoned_commit_goes_on_without_an_answer() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    let session = net.ask(A, S::Write(id(1)));
    net.ask_on(A, session, S::Read);
    assert_eq!(net.events.pop(), Some((A, Output::Rejected(Rejection::SessionBusy(session)))));
    net.input(A, Input::Abandon { session });
    net.pump();
    assert_eq!(net.answer(A, session), None);
    assert_eq!((net.ids(A), net.ids(B)), (vec![1], vec![1]));
}

#[test]
fn mr_4_without_wal_nothing_is_replicated() {
    let config = Config { wal_enabled: false, ..Config::default() };
    let mut net = Net::cluster(config, &[StrictSync]);
    assert!(matches!(net.write(A, 1), Answer::Committed { .. }));
    assert_eq!(net.info(A, B), (0, -2, "ready"));
    assert_eq!(net.ids(B), [0; 0]);
    net.restart(A);
    assert_eq!(net.ids(A), [0; 0]);
    net.done(A, S::Drop { name: name(B) });
    net.nodes[A].config.wal_enabled = true;
    net.restart(A);
    net.register(A, B, Sync);
    net.write(A, 2);
    assert_eq!(net.ids(B), [2]);
    net.restart(B);
    assert_eq!((net.ids(B), net.nodes[B].volume.flushed), (vec![], 0));
}

#[test]
fn mr_4_4_writes_on_a_replica() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    let text = "Write queries are forbidden on the replica instance. Replica instances accept \
                only read queries, while the main instance accepts read and write queries. Please \
                retry your query on the main instance.";
    assert_eq!(net.refused(B, S::Write(id(1))), text);
    assert_eq!(net.run(B, S::Read), Answer::Read { ldt: 0 });
    let session = Session(900);
    net.run_on(B, session, S::Begin);
    assert_eq!(failed(net.run_on(B, session, S::Stage(id(1)))).to_string(), text);
    assert_eq!(net.run_on(B, session, S::Rollback), Answer::Done(vec![]));
    net.run_on(B, session, S::Begin);
    net.run_on(B, session, S::Read);
    assert_eq!(net.run_on(B, session, S::Commit), Answer::Done(vec![]));
}

#[test]
fn mr_4_4_transactions_open_over_a_demotion() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    let (writer, reader) = (Session(900), Session(901));
    for session in [writer, reader] {
        net.run_on(A, session, S::Begin);
    }
    net.run_on(A, writer, S::Stage(id(1)));
    net.run_on(A, reader, S::Read);
    net.demote(A);
    let error = failed(net.run_on(A, writer, S::Commit));
    assert_eq!(error.to_string(), "Cannot commit because instance is not main anymore.");
    assert_eq!(net.run_on(A, reader, S::Commit), Answer::Done(vec![]));
    assert_eq!(net.ids(A), [0; 0]);
}

#[test]
fn explicit_transactions() {
    let mut net = Net::cluster(Config::default(), &[Sync]);
    let session = Session(900);
    let fails = |net: &mut Net, statement| failed(net.run_on(A, session, statement)).to_string();
    assert_eq!(fails(&mut net, S::Commit), "No current transaction to commit.");
    assert_eq!(fails(&mut net, S::Rollback), "No current transaction to rollback.");
    net.run_on(A, session, S::Begin);
    net.run_on(A, session, S::Stage(id(1)));
    net.run_on(A, session, S::Write(id(2)));
    assert!(matches!(net.run_on(A, session, S::Commit), Answer::Committed { tick: 2, .. }));
    assert_eq!(net.ids(B), [1, 2]);
    assert_eq!(net.ticks(B), [2]);

    net.run_on(A, session, S::Begin);
    net.run_on(A, session, S::Stage(id(3)));
    net.run_on(A, session, S::Rollback);
    net.run_on(A, session, S::Begin);
    net.run_on(A, session, S::Stage(id(4)));
    net.input(A, Input::Abandon { session });
    assert_eq!(net.ids(A), [1, 2]);
    assert_eq!(net.run_on(A, session, S::Begin), Answer::Done(vec![]));
    assert_eq!(fails(&mut net, S::Begin), "Nested transactions are not supported.");
}
