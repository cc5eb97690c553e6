//! Logins after the first one: LOGOFF and LOGON of a connection that changes its user.

mod support;

use bolt::{
    Request, Version,
    message::{AuthMap, Fetch},
};
use gateway::session::{Ending, Policy};
use support::{
    request_bytes,
    requests::{Batch, Told, auto, failure_codes, one, run},
    rig::{Rig, logged_in, policy},
};

const OTHER: &str = "of another user";

fn changes_user(password: &str) -> Vec<Request> {
    vec![Request::Logoff, Request::Logon(AuthMap::basic("ann", password))]
}

/// A client that logs in, changes its user and goes on, with instances that answer LOGOFF.
fn rig(batches: Vec<Batch>) -> Rig {
    let mut rig = Rig::new(Version::V5_2, policy(), batches);
    for instance in 0..2 {
        rig.database(instance).answers_logoff = true;
    }
    rig
}

fn at_once(requests: Vec<Request>) -> Batch {
    Batch { requests, commits: Vec::new() }
}

fn is_in(what: &str, bytes: &[u8]) -> bool {
    bytes.windows(what.len()).any(|part| part == what.as_bytes())
}

#[test]
fn one_that_logged_in_again_goes_on_elsewhere_as_whom_it_is_now() {
    let apart = || changes_user(OTHER).into_iter().map(one).collect();
    let with_more = vec![at_once(
        [changes_user(OTHER), vec![run("RETURN 1"), Request::Pull(Fetch::ALL)]].concat(),
    )];
    for change in [vec![at_once(changes_user(OTHER))], apart(), with_more] {
        let mut rig = rig([vec![auto(1)], change].concat());
        rig.run();
        assert_eq!((rig.summaries, rig.session.deadline()), (rig.asked, None));
        rig.cut();
        assert_eq!(rig.ending, None);
        rig.route(1);
        rig.asks(auto(2));
        rig.run();
        assert_eq!(rig.told, [(1, Told::Acked), (2, Told::Acked)]);
        assert_eq!((rig.database(1).logins, rig.tally.rehomed), (1, 1));
        assert!(is_in(OTHER, &rig.delivered[1]) && !is_in("secret", &rig.delivered[1]));
    }
}

#[test]
fn one_that_is_between_two_logins_is_closed() {
    let mut rig = rig(vec![one(Request::Logoff)]);
    rig.run();
    rig.cut();
    assert_eq!(rig.ending, Some(Ending::Sticky));
    let mut rig = self::rig(vec![one(Request::Logoff)]);
    rig.run();
    rig.says(&request_bytes(&changes_user(OTHER)[1], Version::V5_2));
    rig.client_step(usize::MAX);
    rig.cut();
    assert_eq!(rig.ending, Some(Ending::Sticky), "nobody knows whether it is let in");
    // Longer than a login may be.
    let short = Policy { login_bytes: 512, ..policy() };
    let mut rig = Rig::new(Version::V5_2, short, vec![at_once(changes_user(&"x".repeat(600)))]);
    rig.database(0).answers_logoff = true;
    rig.run();
    assert_eq!(rig.summaries, rig.asked);
    rig.cut();
    assert_eq!(rig.ending, Some(Ending::Sticky));
}

#[test]
fn one_that_is_not_let_in_takes_the_route_from_nobody() {
    let mut rig = rig(vec![at_once(changes_user("wrong"))]);
    rig.until(|rig| !failure_codes(&rig.answers).is_empty());
    // The instance closes the connection.
    rig.session.server_ended(false, 0);
    let orders = rig.session.take_orders();
    assert!(!orders.void && !orders.put_off, "{orders:?}");
    assert_eq!(rig.session.ending(), Some(Ending::ServerClosed));
    // The failure of anything else explains no end.
    let mut rig = self::rig(vec![at_once(vec![run("COMMIT"), Request::Pull(Fetch::ALL)])]);
    rig.until(|rig| !failure_codes(&rig.answers).is_empty());
    rig.session.server_ended(false, 0);
    assert!(rig.session.take_orders().void);
}

/// As Memgraph's source has it: then it is not known which answer is to what.
#[test]
fn an_instance_that_answers_logoff_with_nothing_makes_no_session_movable() {
    for more in [vec![], vec![run("RETURN 1")], vec![run("RETURN 1"), Request::Pull(Fetch::ALL)]] {
        let mut rig = logged_in(vec![auto(1)]);
        rig.run();
        for request in changes_user(OTHER).iter().chain(&more) {
            rig.says(&request_bytes(request, Version::V5_2));
        }
        while rig.client_step(usize::MAX) | rig.serve_step(usize::MAX) {}
        // What comes is not as many answers as the client of this rig counts.
        let said = rig.unheard();
        rig.session.server(&said, 0);
        rig.session.cut(false, 0);
        let ending = rig.session.ending();
        assert!(matches!(ending, Some(Ending::Sticky | Ending::InDoubt)), "{ending:?}");
        assert!(rig.session.to_client.is_empty(), "nothing is said in its place");
    }
}

#[test]
fn a_change_at_every_byte_of_a_change_of_users_tells_nobody_what_is_not_true() {
    let batches = || vec![auto(1), at_once(changes_user(OTHER)), auto(2), one(run("CREATE 3"))];
    let (mut went_on, mut closed) = (0, 0);
    for at in 0..900 {
        let mut rig = rig(batches());
        let mut done = 0;
        while done < at && (rig.client_step(1) || rig.serve_step(1) || rig.server_step(1)) {
            done += 1;
        }
        rig.cut();
        let before = rig.delivered[0].clone();
        rig.route(1);
        rig.run();
        assert_eq!(rig.delivered[0], before, "step {at}: bytes to the old instance");
        rig.finish_left();
        for (write, told) in rig.told.clone() {
            let is_there = (0..2).any(|instance| rig.database(instance).committed.contains(&write));
            assert_eq!(is_there, told == Told::Acked, "step {at}: {write} is {told:?}");
        }
        match rig.ending {
            None => {
                assert_eq!(rig.summaries, rig.asked, "step {at}");
                went_on += 1;
            }
            Some(Ending::Sticky) => closed += 1,
            Some(Ending::InDoubt | Ending::WithinAnswer) => {}
            Some(other) => panic!("step {at}: {other}"),
        }
    }
    assert!(went_on > 300 && closed > 50, "{went_on} {closed}");
}
