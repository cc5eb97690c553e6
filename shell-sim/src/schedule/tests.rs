//! Every text form, there and back, and the errors of what is not one.

use super::{Directive, Schedule, run};
use crate::{
    driver::{Limits, Pattern, Walk},
    world::{Act, Event, MessageId, Place, Settings},
};
use std::collections::BTreeSet;

/// One line of every form.
const FORMS: &str = "\
world instances=3 controllers=2 gateways=1 clients=2 engine=3.10 flush=1
world instances=3 controllers=3 gateways=2 clients=4 engine=head flush=100000 wal=false \
restore=false recover=false heartbeats=false ordered=false recovery=snapshot lease=6000 \
renew=2000 grant=4000 promise=4500 drift=500
bootstrap
advance 500
deliver finalize mg-0 mg-1
fail promote-answer mg-1 ct-0 #2
overdue prepare mg-0 mg-2
cut mg-0 mg-1 silent
cut ct-0 api refuse
heal mg-0 mg-1
crash mg-0
crash ct-1
start mg-0
start ct-1
delete-pod mg-0
remove-pod mg-0
create-pod mg-0
create-pod mg-0 without-address
assign-address mg-0
power-loss mg-0 keep=3
power-on mg-0
wipe mg-2
beat mg-0 mg-1
busy mg-0
unbusy mg-0
read-pods ct-0
read-record ct-0
read-record ct-0 stale=1
read-lease ct-0
read-lease ct-0 stale=2
renew ct-0
ask-peers ct-0
release-lease ct-0
probe ct-0 mg-1
decide ct-0
effect ct-0
give-up ct-0
ask gw-0
restart gw-0
freeze gw-0
thaw ct-0
jump-wall gw-0 -3600000
drift ct-0 900
api-down
api-up
write cl-0 gw-0
write cl-0 gw-0 w3
begin cl-1 gw-0
stage cl-1
commit cl-1
rollback cl-1
switchover
switchover mg-1
accept-loss mg-2
reset mg-2
restore-aside mg-2
delete-record
pause
unpause
settle
settle 5000
run 500
steps 20
run until stage=withdrawn
run until not settled limit 100
withhold promote ct-0 *
withhold * * mg-1
release finalize-answer * mg-0
stop ct-0
resume ct-0
calm
assert settled
assert hold data-reset
assert hold rule=E15
assert term=2
assert stage=steady
assert target=mg-1
assert voter=mg-2
assert role mg-0=down
assert row mg-1 mg-2=ready
assert prepared mg-1 w3
assert committed mg-0 w3
assert missing mg-0 w3
assert acked w3
assert failed w3
assert doubt w3
assert held w3
assert pending w3
assert grant gw-0=none
assert grant gw-0=2
assert route ct-0=draining
assert leader=none
assert leader=ct-1
assert in-flight finalize mg-0 *
assert happened landed promote mg-1
assert happened acked 2
assert no-violations
assert violated lacks the acknowledged w1
";

#[test]
fn every_form_is_printed_as_it_is_read() {
    let schedule = Schedule::parse(FORMS).unwrap();
    assert_eq!(schedule.lines.len(), FORMS.lines().count());
    assert_eq!(schedule.to_string(), FORMS);
}

/// The list of verbs is that of the parser: each begins some line that is an event, no other word does,
/// and whoever writes one of them is told how events are written.
#[test]
fn verbs_are_those_that_events_begin_with() {
    let lines = Schedule::parse(FORMS).unwrap().lines;
    let events = lines.iter().filter_map(|(_, directive)| match directive {
        Directive::Event(event) => Some(event.to_string()),
        Directive::World(_)
        | Directive::Bootstrap
        | Directive::Settle(_)
        | Directive::Run(_)
        | Directive::Steps(_)
        | Directive::RunUntil(..)
        | Directive::Withhold(_)
        | Directive::Unwithhold(_)
        | Directive::Stop(_)
        | Directive::Resume(_)
        | Directive::Calm
        | Directive::Assert(_) => None,
    });
    let begin: BTreeSet<String> =
        events.map(|event| event.split(' ').next().unwrap_or_default().to_owned()).collect();
    let known: BTreeSet<String> = Event::VERBS.iter().map(|verb| (*verb).to_owned()).collect();
    assert_eq!(begin, known);
    for verb in Event::VERBS {
        let error = format!("{verb} no such arguments").parse::<Directive>().unwrap_err();
        assert!(!error.expected.starts_with("a directive:"), "{verb}: {error}");
        assert!(!Act::VERBS.contains(verb), "{verb} begins an act as well");
    }
}

#[test]
fn other_spellings_mean_the_same() {
    let same = [
        ("assert phantom mg-1 mg-2", "assert row mg-1 mg-2=phantom"),
        ("assert rpc-received mg-1 from mg-0", "assert happened rpc-received * mg-0 mg-1"),
        ("assert forwarded gw-0 mg-0", "assert happened forwarded gw-0 mg-0"),
        ("power-loss mg-1", "power-loss mg-1 keep=0"),
        ("  crash   mg-0   # and a comment", "crash mg-0"),
        ("deliver beat mg-0 mg-1 #1 # the second", "deliver beat mg-0 mg-1 #1"),
    ];
    for (text, printed) in same {
        assert_eq!(Schedule::parse(text).unwrap().to_string().trim_end(), printed);
    }
    assert_eq!(Schedule::parse("# nothing\n\n   # here\n").unwrap(), Schedule::default());
}

#[test]
fn errors_say_which_line_what_is_wrong_and_what_would_be_right() {
    let wrong = [
        ("bootstrap\ncrush mg-0", "line 2: \"crush mg-0\" is not a directive"),
        ("crash gw-0", "line 1: \"gw-0\" is not an instance or a controller; a gateway restarts"),
        ("cut mg-0 mg-1 loud", "\"loud\" is not refuse or silent"),
        ("probe ct-0 mg-x", "\"mg-x\" is not an instance such as mg-0"),
        ("deliver ping mg-0 mg-1", "\"ping\" is not a kind of message"),
        ("world wall=true", "\"wall\" is not settings such as"),
        ("world grant=9000", "durations with grant <= lease"),
        ("assert rowl mg-0", "is not a condition: settled,"),
        ("assert hold coffee", "is not a condition: settled,"),
        ("run fast", "\"fast\" is not milliseconds such as 500"),
        ("calm down", "\"down\" is not nothing after this word"),
        ("withhold finalize", "is not a pattern such as"),
    ];
    for (text, expected) in wrong {
        let error = Schedule::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn a_failed_run_says_line_expectation_and_finding() {
    let report = |text| run(&Schedule::parse(text).unwrap(), ha_core::plan).failures;
    let failures = report("bootstrap\nassert target=mg-2\nassert term=1\nassert leader=none");
    let told: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["line 2: expected target=mg-2, found mg-0", "line 4: expected leader=none, found ct-0"]
    );
    let failures = report("start mg-0\nstart mg-0\nassert term=9");
    assert_eq!(
        failures[0].to_string(),
        "line 2: expected start mg-0, found not now: a process runs already; crash it first"
    );
    assert_eq!(failures.len(), 1, "what cannot be carried out ends the run");
    let failures = report("crash mg-7");
    assert!(failures[0].found.contains("there is no mg-7 in this world"));
}

#[test]
fn recent_is_since_the_directives_after_the_last_assertions() {
    let schedule = Schedule::parse(
        "bootstrap
         write cl-0 gw-0
         run 10
         assert happened acked w1 1
         assert forwarded gw-0 mg-0
         run 10
         assert not forwarded gw-0 mg-0
         assert happened acked 0",
    );
    assert_eq!(run(&schedule.unwrap(), ha_core::plan).failures, vec![]);
}

#[test]
fn what_walks_choose_can_be_printed_and_read() {
    let limits = Limits { choices: 80, faults: 8, stale_reads: true, ..Limits::default() };
    let walk = Walk::new(&Settings::default(), limits, ha_core::plan).unwrap();
    for seed in 0..50 {
        let schedule = walk.run(seed).schedule;
        let read = Schedule::parse(&schedule.to_string()).unwrap();
        assert_eq!(read, schedule, "seed {seed}");
    }
}

#[test]
fn names_go_through_files() {
    let id: MessageId = "finalize-answer mg-1 mg-0 #3".parse().unwrap();
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, "\"finalize-answer mg-1 mg-0 #3\"");
    assert_eq!(serde_json::from_str::<MessageId>(&json).unwrap(), id);
    let pattern: Pattern = "finalize-answer * mg-0".parse().unwrap();
    assert!(pattern.matches(&id));
    assert!(!"finalize * *".parse::<Pattern>().unwrap().matches(&id), "an answer is no request");
    assert_eq!("api".parse::<Place>().unwrap(), Place::Api);
    let Directive::Event(event) = "crash mg-0".parse().unwrap() else { panic!("an event") };
    assert_eq!(event, "crash mg-0".parse::<Event>().unwrap());
}
