//! Schedules as tests: each tells one situation from the empty cluster to its end, and what must
//! be true on the way, whatever rules bring it about.

use shell_sim::{
    oracle::Violation,
    schedule::{Report, Schedule, run},
};

/// Runs a schedule and demands that everything went as it says.
fn story(text: &str) -> Report {
    let schedule = Schedule::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let report = run(&schedule, ha_core::plan);
    let failed: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}\nfailed: {}", report.story(), failed.join("\n"));
    report
}

/// The main's process dies and the voter, which has everything, takes over; the old main comes
/// back as main and becomes a replica before anything is routed to it (S1, S33).
#[test]
fn a_dead_main_is_replaced_by_its_voter() {
    let report = story(
        "world instances=3 controllers=2 gateways=1 clients=2
         bootstrap
         write cl-0 gw-0
         run until acked w1
         stop mg-0
         crash mg-0
         run until grant gw-0=2
         assert target=mg-1
         assert voter=mg-2
         assert committed mg-1 w1
         write cl-0 gw-0
         run until acked w2
         resume mg-0
         run until role mg-0=main
         run until role mg-0=replica
         assert not forwarded gw-0 mg-0
         settle
         assert committed mg-0 w2
         assert target=mg-1
         assert no-violations",
    );
    assert_eq!(report.counters.failovers, 1);
    assert_eq!(report.counters.old_mains_returned, 1);
}

/// A commit that never reached the voter is in doubt, and not on the new main (S2).
#[test]
fn a_commit_before_its_first_phase_is_in_doubt() {
    story(
        "bootstrap
         withhold prepare mg-0 mg-1
         write cl-0 gw-0
         run until in-flight prepare mg-0 mg-1
         stop mg-0
         crash mg-0
         fail prepare mg-0 mg-1
         release prepare mg-0 mg-1
         run until grant gw-0=2
         assert doubt w1
         assert missing mg-1 w1
         resume mg-0
         settle
         assert no-violations",
    );
}

/// What the voter only prepared is dropped when it is promoted (S3).
#[test]
fn a_prepared_transaction_dies_with_its_main() {
    story(
        "bootstrap
         withhold prepare-answer mg-1 mg-0
         write cl-0 gw-0
         run until prepared mg-1 w1
         assert pending w1
         stop mg-0
         crash mg-0
         run until role mg-1=main
         assert missing mg-1 w1
         assert doubt w1
         release prepare-answer mg-1 mg-0
         resume mg-0
         settle
         assert no-violations",
    );
}

/// A main that dies between its own commit and the second phase is ahead by a transaction that
/// nobody was told of: its data is diverged (S4).
#[test]
fn a_main_that_dies_before_the_second_phase_is_ahead() {
    story(
        "bootstrap
         withhold finalize mg-0 mg-1
         write cl-0 gw-0
         run until in-flight finalize mg-0 mg-1
         assert committed mg-0 w1
         stop mg-0
         crash mg-0
         fail finalize mg-0 mg-1
         release finalize mg-0 mg-1
         run until grant gw-0=2
         assert doubt w1
         assert missing mg-1 w1
         resume mg-0
         settle
         assert target=mg-1
         assert no-violations",
    );
}

/// A lost second phase shows nowhere; the next commit exposes and repairs it (S5, S36).
#[test]
fn a_lost_second_phase_is_repaired_by_the_next_commit() {
    story(
        "bootstrap
         withhold finalize mg-0 mg-1
         write cl-0 gw-0
         run until in-flight finalize mg-0 mg-1
         fail finalize mg-0 mg-1
         release finalize mg-0 mg-1
         run until acked w1
         assert missing mg-1 w1
         assert row mg-0 mg-1=ready
         write cl-0 gw-0
         run until failed w2
         settle
         assert committed mg-1 w1
         assert missing mg-1 w2
         assert no-violations",
    );
}

/// The documented hole: the second phase is lost, and the main dies before anything exposes it
/// (S6, MR 4.3).
#[test]
fn a_lost_second_phase_and_a_dead_main_lose_one_write() {
    let report = story(
        "bootstrap
         withhold finalize mg-0 mg-1
         withhold prepare mg-0 mg-2
         write cl-0 gw-0
         run until in-flight finalize mg-0 mg-1
         fail finalize mg-0 mg-1
         release finalize mg-0 mg-1
         run until acked w1
         stop mg-0
         crash mg-0
         fail prepare mg-0 mg-2
         release prepare mg-0 mg-2
         run until grant gw-0=2
         assert violated mg-1 lacks the acknowledged w1",
    );
    assert!(report.violations.iter().all(Violation::is_known), "{:?}", report.violations);
}

/// Without main and voter nobody is promoted, for the third may lack something; both come back and
/// the reign goes on (S9, S11).
#[test]
fn an_async_replica_is_not_promoted() {
    story(
        "bootstrap
         withhold prepare mg-0 mg-2
         write cl-0 gw-0
         run until acked w1
         stop mg-0
         stop mg-1
         crash mg-1
         crash mg-0
         release prepare mg-0 mg-2
         run 20000
         assert role mg-2=replica
         assert term=1
         assert grant gw-0=none
         resume mg-0
         resume mg-1
         settle
         assert committed mg-0 w1
         assert committed mg-1 w1
         assert no-violations",
    );
}

/// The loss of the third instance does not keep the voter from taking over (S13).
#[test]
fn an_absent_async_replica_does_not_block_a_failover() {
    story(
        "bootstrap
         stop mg-2
         crash mg-2
         run 500
         crash mg-0
         run until target=mg-1
         run until grant gw-0=2
         assert role mg-1=main
         resume mg-2
         settle
         assert no-violations",
    );
}

/// Whatever the leader leaves half-way, the next one finishes (S15, S16, S17, S18).
#[test]
fn the_next_leader_finishes_a_failover() {
    for moment in
        ["stage=intent", "stage=withdrawn", "role mg-1=main", "row mg-1 mg-2=ready", "stage=steady"]
    {
        story(&format!(
            "bootstrap
             write cl-0 gw-0
             run until acked w1
             crash mg-0
             run until term=2
             run until {moment}
             stop ct-0
             crash ct-0
             run until leader=ct-1
             run until grant gw-0=2
             assert target=mg-1
             assert committed mg-1 w1
             resume ct-0
             settle
             assert no-violations"
        ));
    }
}

/// A leader frozen between its last check and its send acts after its successor: the command comes
/// too late to do anything (S19).
#[test]
fn a_late_promotion_changes_nothing() {
    let report = story(
        "bootstrap
         withhold promote ct-0 *
         crash mg-0
         run until in-flight promote ct-0 mg-1
         freeze ct-0
         run until leader=ct-1
         run until grant gw-0=2
         write cl-0 gw-0
         run until acked w1
         release promote ct-0 *
         run 100
         assert happened landed promote mg-1
         thaw ct-0
         settle
         assert target=mg-1
         assert committed mg-1 w1
         assert no-violations",
    );
    assert_eq!(report.counters.failovers, 1);
}

/// A record read one version behind ends in a conflict, and nothing else (S20, S24).
#[test]
fn a_stale_record_meets_a_conflict() {
    story(
        "bootstrap
         stop ct-0
         crash ct-0
         run until leader=ct-1
         crash mg-0
         run until grant gw-0=2
         assert no-violations
         resume ct-0
         run 2000
         read-record ct-0 stale=1
         settle
         assert target=mg-1
         assert no-violations",
    );
}

/// While the API server is away nobody is promoted, and the reign goes on when it is back (S23).
#[test]
fn an_outage_of_the_api_server_moves_nobody() {
    story(
        "bootstrap
         api-down
         run 600000
         assert term=1
         assert role mg-0=main
         api-up
         settle
         assert term=1
         assert grant gw-0=1
         assert no-violations",
    );
}

/// A pod that was made anew is not looked for where the old one was (S21, S22).
#[test]
fn a_new_pod_is_found_at_its_own_address() {
    story(
        "bootstrap
         remove-pod mg-2
         create-pod mg-2 without-address
         start mg-2
         run until role mg-2=replica
         settle
         assert row mg-0 mg-2=ready
         assert term=1
         assert no-violations",
    );
}

/// A REGISTER that the network spoils leaves a phantom, which is cleared; nobody is reset for it
/// (S37, S38).
#[test]
fn a_phantom_is_cleared() {
    let report = story(
        "bootstrap
         cut mg-1 mg-2 refuse
         crash mg-0
         run until happened end ct-0 register mg-2 * on mg-1 refused
         assert phantom mg-1 mg-2
         heal mg-1 mg-2
         run until row mg-1 mg-2=ready
         settle
         assert not phantom mg-1 mg-2
         assert not hold data-reset
         assert no-violations",
    );
    assert!(report.counters.phantoms_cleared > 0, "{}", report.story());
}

/// Clocks that jump or drift within bounds end a grant early, never late (S51).
#[test]
fn clocks_that_jump_forward_end_a_grant() {
    story(
        "bootstrap
         jump-wall gw-0 3600000
         assert grant gw-0=none
         run until grant gw-0=1
         jump-wall gw-0 -3600000
         drift gw-0 -900
         drift ct-1 900
         stop ct-0
         stop mg-0
         crash ct-0
         crash mg-0
         run until grant gw-0=2
         assert no-violations",
    );
}

/// A gateway that was stopped for a minute forwards nothing on waking (S52).
#[test]
fn a_frozen_gateway_forwards_nothing_on_waking() {
    story(
        "world gateways=2
         bootstrap
         withhold request-answer mg-0 gw-0
         write cl-0 gw-0
         run until in-flight request-answer mg-0 gw-0
         freeze gw-0
         run 100
         cut ct-0 mg-0 silent
         cut ct-1 mg-0 silent
         run 60000
         assert target=mg-1
         release request-answer mg-0 gw-0
         thaw gw-0
         write cl-1 gw-0
         assert not forwarded gw-0 mg-0
         assert doubt w1
         calm
         settle
         assert no-violations",
    );
}

/// A main that loses power and comes back without its last transactions is not opened; its voter
/// has them (S63).
#[test]
fn a_main_that_lost_its_tail_gives_way_to_its_voter() {
    story(
        "world flush=100000
         bootstrap
         write cl-0 gw-0
         run until acked w1
         power-loss mg-0 keep=1
         power-on mg-0
         run until role mg-0=main
         assert missing mg-0 w1
         settle
         assert target=mg-1
         assert committed mg-1 w1
         assert committed mg-0 w1
         assert no-violations",
    );
}

/// A main that only the controllers lost sight of: its vote is in, its client hears nothing after
/// the route was withdrawn (S67). Nobody else shares the history of whoever was promoted, so that the
/// move goes back.
#[test]
fn a_false_failover_acknowledges_nothing() {
    story(
        "bootstrap
         withhold prepare-answer mg-1 mg-0
         write cl-0 gw-0
         run until prepared mg-1 w1
         cut ct-0 mg-0 silent
         cut ct-1 mg-0 silent
         run until role mg-1=main
         assert doubt w1
         release prepare-answer mg-1 mg-0
         run until committed mg-0 w1
         calm
         settle
         assert doubt w1
         assert target=mg-0
         assert committed mg-1 w1
         assert no-violations",
    );
}

/// A planned move: open transactions finish, nothing fails.
#[test]
fn a_switchover_fails_no_write() {
    let report = story(
        "bootstrap
         begin cl-0 gw-0
         run 10
         stage cl-0
         run 10
         write cl-1 gw-0
         switchover mg-1
         run until route ct-0=draining
         run 100
         write cl-1 gw-0
         commit cl-0
         run until grant gw-0=2
         assert acked w1
         assert acked w2
         assert held w3
         write cl-1 gw-0 w3
         settle
         assert acked w3
         assert target=mg-1
         assert no-violations",
    );
    assert_eq!((report.counters.failed, report.counters.in_doubt), (0, 0));
    assert_eq!(report.counters.switchovers, 1);
}

/// The pod of the main is to go: the move comes first, and the pod may leave after it.
#[test]
fn a_pod_that_is_to_go_gives_its_main_away() {
    story(
        "bootstrap
         write cl-0 gw-0
         run until acked w1
         delete-pod mg-0
         run until grant gw-0=2
         run until role mg-0=down
         assert target=mg-1
         settle
         assert committed mg-0 w1
         assert no-violations",
    );
}
