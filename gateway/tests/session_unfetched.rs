//! A RUN that was answered and whose result was not asked for when its instance was lost: as clients
//! have it that wait for the answer before they fetch.

mod support;

use bolt::{
    Request, Response, Version,
    message::{Amount, Extra, Fetch, Route, RouteTarget},
    server::FaultClass,
    value::map,
};
use gateway::session::{Ending, Listener, Policy, Routing, Standing};
use support::{
    request_bytes,
    requests::{Batch, Told, auto, failure_codes, one, run},
    rig::{HOLD_MS, Rig, logged_in, policy},
};

const SPOKEN: Version = Version::V5_2;
const PULL: Request = Request::Pull(Fetch::ALL);

/// The client has the answer to its RUN, which writes 1, and its instance is lost.
fn lost() -> Rig {
    lost_of(logged_in(vec![one(run("CREATE 1"))]))
}

fn lost_of(mut rig: Rig) -> Rig {
    rig.run();
    assert_eq!((rig.summaries, rig.asked), (3, 3), "HELLO, LOGON, RUN");
    rig.cut();
    assert_eq!((rig.ending, rig.session.is_held()), (None, false));
    rig
}

fn says(rig: &mut Rig, request: Request) {
    let commits = if request == PULL { vec![1] } else { Vec::new() };
    rig.asks(Batch { requests: vec![request], commits });
}

#[test]
fn it_is_asked_again_and_the_client_notices_a_wait() {
    let mut rig = lost();
    rig.route(1);
    rig.run();
    assert_eq!(rig.database(1).logins, 0, "nobody has asked for the result yet");
    says(&mut rig, PULL);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked)]);
    assert_eq!(rig.database(1).committed, [1]);
    assert_eq!((rig.tally.asked_again, rig.tally.rehomed, rig.tally.failed_retryable), (1, 1, 0));
    let answers: Vec<_> = rig.answers.iter().filter(|answer| answer.is_summary()).collect();
    assert_eq!(answers.len(), 4, "one answer to RUN, not two");
    // The client fetches while there is no route.
    let mut rig = lost();
    says(&mut rig, PULL);
    rig.run();
    assert!(rig.session.is_held());
    rig.route(1);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked)]);
}

#[test]
fn it_fails_as_before_where_the_other_instance_answers_otherwise() {
    // Other columns; a refusal, which shows that it is not the main either; nothing in time.
    let mut rig = lost();
    rig.database(1).column = "other";
    rig.route(1);
    says(&mut rig, PULL);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Retry)]);
    let mut rig = lost();
    rig.demote(1);
    rig.route(1);
    says(&mut rig, PULL);
    rig.until(|rig| !rig.told.is_empty());
    assert_eq!((rig.told.as_slice(), rig.tally.forbidden), (&[(1, Told::Retry)][..], 1));
    let mut rig = lost();
    says(&mut rig, PULL);
    rig.run();
    rig.pass_time(HOLD_MS);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Retry)]);
    // It goes on after each of them.
    rig.route(1);
    rig.asks(auto(2));
    rig.run();
    assert_eq!(rig.told, [(1, Told::Retry), (2, Told::Acked)]);
    assert_eq!(rig.database(1).committed, [2]);
}

#[test]
fn it_is_asked_again_once() {
    // The next instance is lost before it answers, or after it has.
    for answered in [false, true] {
        let mut rig = lost();
        rig.route(1);
        says(&mut rig, PULL);
        rig.until(|rig| rig.tally.asked_again == 1);
        if answered {
            while rig.serve_step(usize::MAX) {}
            rig.server_step(usize::MAX);
        }
        assert!(rig.session.is_busy());
        rig.cut();
        rig.run();
        assert_eq!(rig.told, [(1, Told::Retry)]);
        rig.route(0);
        rig.run();
        assert_eq!((rig.told.len(), rig.summaries), (1, rig.asked));
        assert!(rig.database(0).committed.is_empty() && rig.database(1).committed.is_empty());
    }
    // A RUN that was asked again unanswered is not asked a third time.
    let mut rig = logged_in(vec![one(run("CREATE 1"))]);
    rig.until(|rig| rig.summaries == 2);
    rig.client_step(usize::MAX);
    rig.cut();
    rig.route(1);
    rig.run();
    assert_eq!((rig.tally.asked_again, rig.summaries), (1, 3));
    rig.cut();
    rig.route(0);
    says(&mut rig, PULL);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Retry)]);
}

#[test]
fn a_client_that_gives_it_up_is_answered_at_once() {
    let mut rig = lost();
    says(&mut rig, Request::Reset);
    rig.run();
    assert_eq!((rig.summaries, rig.answers.last()), (rig.asked, Some(&Response::success())));
    rig.route(1);
    rig.asks(auto(2));
    rig.run();
    assert_eq!(rig.told, [(2, Told::Acked)]);
    assert_eq!((rig.database(1).committed.clone(), rig.tally.asked_again), (vec![2], 0));
    let mut rig = lost();
    rig.says(&request_bytes(&Request::Goodbye, SPOKEN));
    rig.run();
    assert_eq!(rig.ending, Some(Ending::Goodbye));
    let mut rig = lost();
    rig.session.client_ended();
    assert_eq!(rig.session.ending(), Some(Ending::ClientLeft));
}

#[test]
fn while_the_route_drains_it_is_not_asked_again() {
    let mut rig = lost();
    says(&mut rig, PULL);
    rig.run();
    rig.route(1);
    rig.stand(Standing::Draining);
    rig.run();
    assert_eq!((rig.tally.asked_again, rig.session.is_busy()), (0, false), "it begins nothing");
    rig.cut();
    rig.route(0);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked)]);
    assert_eq!((rig.database(0).committed.clone(), rig.tally.asked_again), (vec![1], 1));
}

#[test]
fn route_is_answered_in_between() {
    let routing = Some(Routing { write: None, read: None, listener: Listener::Write, ttl_s: 10 });
    let rig = Rig::new(SPOKEN, Policy { routing, ..policy() }, vec![one(run("CREATE 1"))]);
    let mut rig = lost_of(rig);
    let target = RouteTarget::Extra(Extra::none());
    let routing = map([("address", "gw:7687")]);
    says(&mut rig, Request::Route(Route { routing, bookmarks: Vec::new(), target }));
    rig.run();
    assert_eq!(rig.summaries, rig.asked);
    says(&mut rig, PULL);
    rig.route(1);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked)]);
}

#[test]
fn only_a_run_of_its_own_is_asked_again() {
    let begin = || one(Request::Begin(Extra::none()));
    // In a transaction, by message and by text; after a part of the result; a second one behind it.
    let some = Request::Pull(Fetch { amount: Amount::AtMost(1), qid: None });
    let text = Batch { requests: vec![run("BEGIN"), PULL], commits: vec![] };
    for batches in [
        vec![begin(), one(run("CREATE 1"))],
        vec![text, one(run("CREATE 1"))],
        vec![one(run("RETURN 3")), one(some)],
        vec![one(run(&format!("RETURN 3 '{}'", "x".repeat(70_000))))],
    ] {
        let mut rig = logged_in(batches.clone());
        rig.run();
        rig.cut();
        rig.route(1);
        says(&mut rig, PULL);
        rig.run();
        let codes = failure_codes(&rig.answers);
        assert_eq!(codes, [FaultClass::MainChanged.code()], "{batches:?}");
        assert_eq!((rig.summaries, rig.tally.asked_again), (rig.asked, 0), "{batches:?}");
    }
    // Of a session that has a state of its own, nothing is.
    let mut rig = logged_in(vec![one(run("SET x"))]);
    rig.run();
    rig.cut();
    assert_eq!(rig.ending, Some(Ending::Sticky));
    // A fetch that was forwarded may have been carried out.
    let mut rig =
        logged_in(vec![one(run("CREATE 1")), Batch { requests: vec![PULL], commits: vec![1] }]);
    rig.until(|rig| rig.summaries == 3);
    rig.client_step(usize::MAX);
    rig.cut();
    assert_eq!(rig.ending, Some(Ending::InDoubt));
}
