//! What a gateway accepts from controllers, and for how long it may use it: every refusal on its
//! own, and random sequences against a second account of the same rules.

#[path = "common/runs.rs"]
mod runs;

use ha_core::{
    grant::{Answer, Clocks, Grant, GrantHolder, Refused},
    ids::{
        BootId, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid, StartId, Term, VolumeId,
    },
    observation::Route,
};
use proptest::prelude::*;
use runs::runs;

const LIMIT_MS: u64 = 3_000;

const MAIN: InstanceRef = InstanceRef {
    id: InstanceId(0),
    incarnation: Incarnation {
        pod: PodUid(1),
        start: StartId(1),
        boot: BootId(1),
        volume: VolumeId(1),
    },
};

fn at(ms: u64) -> Clocks {
    Clocks { monotonic: ms, wall: 1_000_000 + i64::try_from(ms).unwrap_or(i64::MAX / 2) }
}

fn open(number: u64, term: u32, lasts_ms: u64) -> Answer {
    let term = Term(term);
    Answer { number, term, route: Route::Open { term, main: MAIN }, lasts_ms }
}

fn asked(now: u64) -> (GrantHolder, u64) {
    let mut holder = GrantHolder::start(GatewayId(0), LIMIT_MS);
    let number = holder.ask(at(now), false, None).number;
    (holder, number)
}

#[test]
fn an_answer_counts_from_its_question() {
    let (mut holder, number) = asked(100);
    assert_eq!(holder.answered(&open(number, 4, 500)), Ok(()));
    assert_eq!(holder.live(at(599)).map(|grant| grant.term), Some(Term(4)));
    assert_eq!(holder.live(at(600)), None);
    assert_eq!(holder.ask(at(599), true, Some(7)).holds, Some(Term(4)));
    assert_eq!(holder.ask(at(600), true, Some(7)).holds, None);
}

#[test]
fn either_clock_ends_a_grant() {
    let (mut holder, number) = asked(100);
    assert_eq!(holder.answered(&open(number, 1, 500)), Ok(()));
    let wall_ahead = Clocks { monotonic: 101, wall: at(600).wall };
    let wall_back = Clocks { monotonic: 600, wall: at(0).wall };
    assert_eq!(holder.live(wall_ahead), None);
    assert_eq!(holder.live(wall_back), None);
    let lasts = |now| holder.live(now).map(|grant| grant.lasts(now));
    assert_eq!(lasts(at(599)), Some(1));
    assert_eq!(lasts(Clocks { monotonic: 101, wall: at(200).wall }), Some(400));
    assert_eq!(lasts(Clocks { monotonic: 300, wall: at(200).wall }), Some(300));
}

#[test]
fn an_answer_to_an_older_question_is_refused() {
    let (mut holder, first) = asked(0);
    let second = holder.ask(at(1), false, None).number;
    let refused = Err(Refused::NotLatest { found: first, latest: second });
    assert_eq!(holder.answered(&open(first, 1, 500)), refused);
    assert_eq!(holder.live(at(2)), None);
    let mut unasked = GrantHolder::start(GatewayId(0), LIMIT_MS);
    let refused = Err(Refused::NotLatest { found: 1, latest: 0 });
    assert_eq!(unasked.answered(&open(1, 1, 500)), refused);
}

#[test]
fn an_older_term_is_refused() {
    let (mut holder, number) = asked(0);
    holder.saw_term(Term(3));
    let refused = Err(Refused::OldTerm { found: Term(2), seen: Term(3) });
    assert_eq!(holder.answered(&open(number, 2, 500)), refused);
    assert_eq!(holder.answered(&open(number, 3, 500)), Ok(()));
    holder.saw_term(Term(4));
    assert_eq!(holder.live(at(1)), None);
}

/// The answer rests on a record that is new enough, and the route in it is of an older reign.
#[test]
fn a_route_of_an_older_term_is_refused() {
    let (mut holder, number) = asked(0);
    let answer = Answer { term: Term(3), ..open(number, 2, 500) };
    let _ = holder.answered(&answer);
    assert_eq!(holder.live(at(1)), None);
}

#[test]
fn an_answer_asked_for_before_a_close_is_refused() {
    let (mut holder, number) = asked(10);
    holder.void(at(10));
    assert_eq!(holder.answered(&open(number, 1, 500)), Err(Refused::Voided));
    let number = holder.ask(at(11), false, None).number;
    assert_eq!(holder.answered(&open(number, 1, 500)), Ok(()));
    holder.void(at(12));
    assert_eq!(holder.live(at(12)), None);
}

#[test]
fn a_length_beyond_the_limit_is_refused() {
    let (mut holder, number) = asked(0);
    let found_ms = LIMIT_MS + 1;
    let refused = Err(Refused::TooLong { found_ms, limit_ms: LIMIT_MS });
    assert_eq!(holder.answered(&open(number, 1, found_ms)), refused);
    assert_eq!(holder.answered(&open(number, 1, LIMIT_MS)), Ok(()));
    assert!(holder.live(at(LIMIT_MS - 1)).is_some());
}

#[test]
fn a_closed_route_ends_a_grant() {
    let (mut holder, number) = asked(0);
    assert_eq!(holder.answered(&open(number, 1, 500)), Ok(()));
    let number = holder.ask(at(1), false, None).number;
    let closed = Answer { number, term: Term(2), route: Route::Closed, lasts_ms: 0 };
    assert_eq!(holder.answered(&closed), Ok(()));
    assert_eq!(holder.live(at(2)), None);
    assert_eq!(holder.highest(), Term(2));
}

#[derive(Debug, Clone)]
enum Event {
    Pass { monotonic: u64, wall: i64 },
    Ask,
    Answer { back: u64, term: u32, kind: u8, lasts_ms: u64 },
    SawTerm(u32),
    Void,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0_u64..900, -400_i64..900).prop_map(|(m, w)| Event::Pass { monotonic: m, wall: w }),
        3 => Just(Event::Ask),
        4 => (0_u64..3, 1_u32..6, 0_u8..4, 0_u64..3_200)
            .prop_map(|(back, term, kind, lasts_ms)| Event::Answer { back, term, kind, lasts_ms }),
        1 => (1_u32..6).prop_map(Event::SawTerm),
        1 => Just(Event::Void),
    ]
}

/// The second account: all that happened, from which the right is told anew each time.
#[derive(Debug, Default)]
struct Account {
    now: Clocks,
    questions: Vec<Clocks>,
    highest: u32,
    voided: Option<u64>,
    /// Term, when it was asked for, and how long it lasts.
    held: Option<(u32, Clocks, u64)>,
}

impl Account {
    fn take(&mut self, answer: &Answer) -> bool {
        let latest = self.questions.len() as u64;
        let Some(asked) = self.questions.last().filter(|_| answer.number == latest) else {
            return false;
        };
        if answer.term.0 < self.highest || answer.lasts_ms > LIMIT_MS {
            return false;
        }
        self.highest = answer.term.0;
        if answer.route == Route::Closed {
            self.held = None;
            return true;
        }
        let asked_later = self.voided.is_none_or(|voided| voided < asked.monotonic);
        if asked_later {
            self.held = Some((answer.term.0, *asked, answer.lasts_ms));
        }
        asked_later
    }

    fn live(&self) -> Option<u32> {
        let (term, asked, lasts_ms) = self.held?;
        let waited = self.now.monotonic - asked.monotonic;
        let by_wall = self.now.wall - asked.wall;
        let lasts = i64::try_from(lasts_ms).unwrap_or(i64::MAX);
        (waited < lasts_ms && by_wall < lasts).then_some(term)
    }
}

proptest! {
    #![proptest_config(runs(20_000))]

    #[test]
    fn a_gateway_holds_what_the_account_says(
        events in proptest::collection::vec(event(), 0..40),
    ) {
        let mut holder = GrantHolder::start(GatewayId(0), LIMIT_MS);
        let mut account = Account { now: at(10_000), ..Account::default() };
        for event in events {
            match event {
                Event::Pass { monotonic, wall } => {
                    account.now.monotonic += monotonic;
                    account.now.wall += wall;
                }
                Event::Ask => {
                    account.questions.push(account.now);
                    let question = holder.ask(account.now, false, None);
                    prop_assert_eq!(question.number, account.questions.len() as u64);
                }
                Event::Answer { back, term, kind, lasts_ms } => {
                    let number = (account.questions.len() as u64).saturating_sub(back);
                    let term = Term(term);
                    let route = match kind {
                        0 => Route::Closed,
                        1 => Route::Draining { term, main: MAIN },
                        _ => Route::Open { term, main: MAIN },
                    };
                    let answer = Answer { number, term, route, lasts_ms };
                    prop_assert_eq!(holder.answered(&answer).is_ok(), account.take(&answer));
                }
                Event::SawTerm(term) => {
                    holder.saw_term(Term(term));
                    account.highest = account.highest.max(term);
                    account.held = account.held.filter(|held| held.0 >= term);
                }
                Event::Void => {
                    holder.void(account.now);
                    account.voided = Some(account.now.monotonic);
                    account.held = None;
                }
            }
            let live: Option<Grant> = holder.live(account.now);
            prop_assert_eq!(live.map(|grant| grant.term.0), account.live());
            prop_assert_eq!(holder.highest().0, account.highest);
        }
    }
}
