//! Waits of a session: requests that are asked again at the next instance, logins that take too long.

mod support;

use bolt::{
    Request, Version,
    message::{AuthMap, Extra, Fetch},
    server::FaultClass,
};
use gateway::session::{Ending, Standing};
use support::{
    requests::{Batch, auto, failure_codes, one, run},
    rig::{HOLD_MS, Rig, logged_in, policy},
};

/// Goes on until a request is forwarded that the instance has not looked at.
fn until_asked(rig: &mut Rig) {
    for _ in 0..10_000 {
        rig.client_step(usize::MAX);
        if rig.session.is_busy() {
            return;
        }
        rig.serve_step(usize::MAX);
        rig.server_step(usize::MAX);
    }
    panic!("nothing is asked");
}

/// The route moves once the instance has these requests and has answered none.
fn moved_unanswered(requests: Vec<Request>) -> Rig {
    let mut rig = logged_in(vec![Batch { requests, commits: vec![] }]);
    until_asked(&mut rig);
    rig.client_step(usize::MAX);
    rig.cut();
    rig
}

#[test]
fn what_was_not_answered_and_cannot_have_been_applied_is_asked_again() {
    let write = || [run("CREATE 1"), Request::Pull(Fetch::ALL)];
    let begin = Request::Begin(Extra::none());
    let within = [std::slice::from_ref(&begin), &write()].concat();
    for requests in [vec![run("CREATE 1")], vec![begin], within] {
        let mut rig = moved_unanswered(requests.clone());
        rig.run();
        assert!(rig.ending.is_none() && rig.session.is_held(), "{requests:?}");
        rig.route(1);
        rig.run();
        assert_eq!(failure_codes(&rig.answers), [""; 0], "{requests:?}");
        assert_eq!((rig.summaries, rig.tally.rehomed), (rig.asked, 1), "{requests:?}");
        let mut rig = moved_unanswered(requests.clone());
        rig.pass_time(HOLD_MS);
        let codes = failure_codes(&rig.answers);
        assert_eq!(codes, [FaultClass::MainChanged.code()], "{requests:?}: nobody came");
        assert_eq!(rig.summaries, rig.asked);
    }
    // The next one closes the connection, too: perhaps for what is asked.
    let mut rig = moved_unanswered(vec![run("CREATE 1")]);
    rig.route(1);
    until_asked(&mut rig);
    rig.cut();
    assert_eq!(failure_codes(&rig.answers), [FaultClass::MainChanged.code()], "once only");
    let rig = moved_unanswered(write().to_vec());
    assert_eq!(rig.ending, Some(Ending::InDoubt), "the last of it may have been applied");
    let rig = moved_unanswered(vec![run(&format!("RETURN '{}'", "x".repeat(70_000)))]);
    assert_eq!(failure_codes(&rig.answers), [FaultClass::MainChanged.code()], "too long to keep");
}

/// Drivers write the end of a message apart from its body, so that a main may be lost in between.
#[test]
fn a_request_without_its_end_goes_on_at_the_next_instance() {
    let lengths = |request: &Request| support::request_bytes(request, Version::V5_2).len();
    for request in [run("CREATE 1"), Request::Begin(Extra::none())] {
        for sent in 1..lengths(&request) {
            let cut = || {
                let mut rig = logged_in(vec![one(request.clone())]);
                rig.until(|rig| rig.summaries == 2);
                for _ in 0..sent {
                    rig.client_step(1);
                }
                rig.cut();
                rig
            };
            let mut rig = cut();
            rig.route(1);
            rig.run();
            assert_eq!(failure_codes(&rig.answers), [""; 0], "{request:?}, {sent} bytes");
            assert_eq!((rig.summaries, rig.asked), (3, 3), "{request:?}, {sent} bytes");
            // Nobody comes; the client says the rest, and goes on when it was told.
            let mut rig = cut();
            rig.pass_time(HOLD_MS);
            rig.run();
            rig.pass_time(2 * HOLD_MS);
            rig.run();
            let codes = failure_codes(&rig.answers);
            assert_eq!(codes, [FaultClass::MainChanged.code()], "{request:?}, {sent} bytes");
            rig.route(1);
            rig.asks(auto(2));
            rig.run();
            assert_eq!(rig.database(1).committed, [2], "{request:?}, {sent} bytes");
            assert_eq!((rig.ending, rig.summaries), (None, rig.asked), "{request:?}, {sent} bytes");
        }
    }
}

/// What the gateway answers itself with success has an end, too, that belongs to nothing else.
#[test]
fn a_reset_without_its_end_is_answered_once() {
    for request in [Request::Reset, Request::Rollback] {
        for sent in 1..support::request_bytes(&request, Version::V5_2).len() {
            let mut rig = logged_in(vec![one(request.clone())]);
            rig.until(|rig| rig.summaries == 2);
            for _ in 0..sent {
                rig.client_step(1);
            }
            rig.cut();
            for at in [HOLD_MS, 2 * HOLD_MS] {
                rig.pass_time(at);
                rig.run();
            }
            rig.route(1);
            rig.asks(auto(2));
            rig.run();
            assert_eq!((rig.ending, rig.summaries), (None, rig.asked), "{request:?}, {sent} bytes");
            assert_eq!(rig.database(1).committed, [2], "{request:?}, {sent} bytes");
        }
    }
}

#[test]
fn one_that_waits_too_long_to_be_logged_in_is_told_why() {
    for version in Version::MEMGRAPH.iter().copied() {
        let rig = || Rig::new(version, policy(), Vec::new());
        let mut whole = rig();
        let mut steps = 0;
        while !whole.session.is_joined() {
            one_byte(&mut whole, steps);
            steps += 1;
            assert!(steps < 10_000, "{version} never logs in");
        }
        // The route ends before each byte of handshake and login, or there never was one.
        for at in 0..steps {
            let mut rig = rig();
            rig.open = (at > 0).then_some(0);
            for step in 0..at {
                one_byte(&mut rig, step);
            }
            rig.cut();
            rig.run();
            rig.pass_time(HOLD_MS - 1);
            assert_eq!(rig.ending, None, "{version}, step {at}");
            rig.pass_time(HOLD_MS);
            rig.run();
            let codes = failure_codes(&rig.answers);
            assert_eq!(codes, [FaultClass::MainChanged.code()], "{version}, step {at}");
            assert_eq!(rig.ending, Some(Ending::HoldTime), "{version}, step {at}");
            assert_eq!(rig.tally.failed_retryable, 1, "{version}, step {at}");
        }
    }
}

/// The grant is out and its connections stay, or an instance is reached that says nothing.
#[test]
fn one_whose_login_an_instance_leaves_unanswered_is_told_why() {
    for at in 0..3_000 {
        let mut rig = Rig::new(Version::V5_2, policy(), Vec::new());
        for step in 0..at {
            one_byte(&mut rig, step);
        }
        if rig.session.is_joined() {
            return assert!(at > 100, "handshake and login have more bytes");
        }
        rig.stand(Standing::Frozen);
        while rig.client_step(usize::MAX) {}
        rig.pass_time(4_999);
        assert_eq!(rig.ending, None, "step {at}");
        rig.pass_time(5_000);
        rig.run();
        assert_eq!(failure_codes(&rig.answers), [FaultClass::MainChanged.code()], "step {at}");
        assert_eq!(rig.ending, Some(Ending::HoldTime), "step {at}");
    }
    panic!("it never logs in");
}

/// Each try is a connection that opens and comes to nothing.
#[test]
fn tries_that_come_to_nothing_make_a_login_wait_no_longer() {
    let mut rig = Rig::new(Version::V5_2, policy(), Vec::new());
    rig.cut();
    rig.run();
    for at in [1_000, 2_000, 3_000, 4_000] {
        rig.pass_time(at);
        rig.route(1);
        rig.cut();
    }
    rig.pass_time(HOLD_MS);
    rig.run();
    assert_eq!(failure_codes(&rig.answers), [FaultClass::MainChanged.code()]);
    assert_eq!(rig.ending, Some(Ending::HoldTime));
}

/// One byte of the party whose turn it is.
fn one_byte(rig: &mut Rig, turn: usize) {
    match turn % 3 {
        0 => rig.client_step(1),
        1 => rig.serve_step(1),
        _ => rig.server_step(1),
    };
}

#[test]
fn one_to_whom_a_failed_login_is_final_waits_for_twice_as_long() {
    for comes in [true, false] {
        let mut rig = Rig::new(Version::V5_2, policy(), vec![auto(1)]);
        rig.user_agent("neo4j-javascript/6.3.0");
        rig.cut();
        rig.run();
        for at in [HOLD_MS, 2 * HOLD_MS - 1] {
            rig.pass_time(at);
            rig.run();
            assert_eq!(rig.received, bolt::handshake::answer(Version::V5_2));
        }
        if comes {
            rig.route(1);
            rig.run();
            assert_eq!((rig.ending, rig.database(1).committed.as_slice()), (None, &[1][..]));
        } else {
            rig.pass_time(2 * HOLD_MS);
            assert_eq!(failure_codes(&rig.answers), [FaultClass::MainChanged.code()]);
            assert_eq!(rig.ending, Some(Ending::HoldTime));
        }
    }
}

#[test]
fn one_that_was_told_and_never_asks_is_closed() {
    let mut rig = Rig::new(Version::V5_2, policy(), Vec::new());
    rig.cut();
    // Its handshake, and nothing of its login.
    for _ in 0..20 {
        rig.client_step(1);
    }
    rig.pass_time(HOLD_MS);
    assert_eq!(rig.received, bolt::handshake::answer(Version::V5_2));
    assert_eq!((rig.ending, rig.session.deadline()), (None, Some(HOLD_MS + 5_000)));
    rig.pass_time(HOLD_MS + 5_000);
    assert_eq!(rig.ending, Some(Ending::LoginTime));
}

#[test]
fn versions_that_only_an_instance_may_judge_are_closed_without_a_word() {
    let mut rig = Rig::new(Version::new(6, 0), policy(), Vec::new());
    rig.cut();
    rig.run();
    rig.pass_time(HOLD_MS);
    assert_eq!((rig.ending, rig.received.len()), (Some(Ending::HoldTime), 0));
}

#[test]
fn one_that_logs_off_has_so_long_to_log_in_again() {
    let mut rig = logged_in(vec![auto(1), one(Request::Logoff)]);
    rig.run();
    assert_eq!(rig.session.deadline(), Some(rig.now + 5_000));
    rig.pass_time(4_999);
    assert_eq!(rig.ending, None);
    rig.pass_time(5_000);
    assert_eq!(rig.ending, Some(Ending::LoginTime));
    let mut rig = logged_in(vec![auto(1)]);
    rig.run();
    // Memgraph answers LOGOFF with nothing, so that a client cannot wait for it.
    for request in [Request::Logoff, Request::Logon(AuthMap::basic("a", "b"))] {
        rig.says(&support::request_bytes(&request, Version::V5_2));
        rig.client_step(usize::MAX);
    }
    assert_eq!((rig.session.deadline(), rig.ending), (None, None));
}

#[test]
fn an_instance_that_is_slow_to_log_a_session_in_takes_the_route_from_nobody() {
    let mut rig = logged_in(vec![auto(1), auto(2)]);
    rig.until(|rig| !rig.told.is_empty());
    rig.cut();
    rig.route(1);
    // The client's next request makes the session go to another instance, which says nothing.
    let is_under_way = (0..1_000).any(|_| {
        rig.client_step(64);
        rig.session.deadline().is_some()
    });
    assert!(is_under_way);
    rig.session.timer(false, 5_000);
    let orders = rig.session.take_orders();
    assert!(orders.drop_upstream && orders.put_off && !orders.void, "{orders:?}");
    assert_eq!(rig.session.ending(), None);
}
