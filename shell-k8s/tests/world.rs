//! The real loop over the simulated world, on paused time.

mod theatre;

use gateway::controllers::wire::{Ask, VERSION};
use ha_core::{
    action::Action,
    desired::SwitchoverRequest,
    grant::{Clocks, GrantHolder, Question},
    history::Outcome,
    ids::{ControllerId, InstanceId, RequestId},
    journal::What,
    leadership::Timing,
    plan::Hold,
    reason::Reason,
    record::{Cause, Record, Stage},
};
use shell_k8s::{
    cluster::Names,
    controller::{Controller, Settings},
    memgraph::Endpoints,
};
use shell_sim::{
    driver::Pattern,
    world::{Act, ByHand, Event, Kind, Place},
};
use std::{sync::Arc, time::Duration};
use theatre::{LIMIT, Theatre};
use tokio::time::{Instant, sleep};

fn controller(theatre: &Theatre, number: u8) -> Controller {
    let names = Names::new("test", "test", "memgraph-ha", 3).expect("names");
    let me = ControllerId(u128::from(number) + 1);
    let effects = Arc::new(theatre.clone());
    let endpoints = Endpoints::pods(names);
    let desired = theatre.stage().desired.clone();
    Controller::new(
        Settings { desired, ..Settings::default() },
        effects,
        (me, String::new()),
        number,
        theatre.clock(),
        endpoints,
    )
}

fn run(controller: &Controller) -> tokio::task::JoinHandle<bool> {
    let controller = controller.clone();
    tokio::spawn(async move { controller.run(std::future::pending()).await })
}

/// A world in which a controller has made a cluster.
async fn bootstrapped() -> (Theatre, Controller, tokio::task::JoinHandle<bool>) {
    let theatre = Theatre::new();
    tokio::spawn(theatre.clone().keep_time());
    let controller = controller(&theatre, 0);
    let running = run(&controller);
    theatre.until("bootstrap", |record| record.stage == Stage::Steady).await;
    settled(&controller).await;
    (theatre, controller, running)
}

async fn settled(controller: &Controller) {
    let mut status = controller.status();
    let found = status.wait_for(|status| status.leads && status.plan.settled);
    let found = tokio::time::timeout(LIMIT, found).await;
    found
        .unwrap_or_else(|_| panic!("not settled: {}", controller.status().borrow().plan))
        .expect("it runs");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_comes_to_be() {
    let (theatre, _, _) = bootstrapped().await;
    let record = theatre.record().expect("a record");
    assert_eq!((record.target, record.term.0), (InstanceId(0), 1));
    assert_eq!(record.voters().collect::<Vec<_>>(), [InstanceId(1)]);
    theatre.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn the_voter_takes_over_from_a_main_that_dies() {
    let (theatre, controller, _) = bootstrapped().await;
    theatre.event(&Event::Crash(InstanceId(0)));
    let moved = |record: &Record| record.target == InstanceId(1) && record.stage == Stage::Steady;
    theatre.until("failover", moved).await;
    settled(&controller).await;
    theatre.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_main_that_says_nothing_is_lost_too() {
    let (theatre, controller, _) = bootstrapped().await;
    theatre.event(&Event::Freeze(Place::Instance(InstanceId(0))));
    let moved = |record: &Record| record.target == InstanceId(1) && record.stage == Stage::Steady;
    theatre.until("failover", moved).await;
    theatre.event(&Event::Thaw(Place::Instance(InstanceId(0))));
    settled(&controller).await;
    theatre.assert_sound();
}

/// It is missed in the look after its last answer, and then for as long as patience lasts: not for
/// another look longer, whatever else makes passes come at other times.
#[tokio::test(start_paused = true)]
async fn patience_ends_when_it_ends() {
    let settings = Settings::default();
    let silence = Duration::from_millis(settings.patience.silence_ms);
    let longest = settings.look_period + silence + Duration::from_millis(500);
    for phase in 0..10 {
        let (theatre, _, _) = bootstrapped().await;
        theatre.event(&Event::Freeze(Place::Instance(InstanceId(0))));
        let silent = Instant::now();
        sleep(Duration::from_millis(2_000 + phase * 100)).await;
        theatre.event(&Event::Crash(InstanceId(2)));
        theatre.until("an intent", |record| record.target == InstanceId(1)).await;
        let waited = silent.elapsed();
        assert!((silence..longest).contains(&waited), "phase {phase}: {waited:?}");
    }
}

/// It is looked for at once, then less and less often up to the usual pace.
#[tokio::test(start_paused = true)]
async fn looks_at_who_refuses_pause_longer_and_longer() {
    let (theatre, controller, _) = bootstrapped().await;
    theatre.stage().fair.stop(Place::Instance(InstanceId(2)));
    theatre.event(&Event::Crash(InstanceId(2)));
    let before = theatre.stage().looks[&InstanceId(2)];
    let looked = |theatre: &Theatre| theatre.stage().looks[&InstanceId(2)] - before;
    sleep(Duration::from_secs(1)).await;
    let at_first = looked(&theatre);
    assert!((20..=35).contains(&at_first), "{at_first} looks in the first second");
    sleep(Duration::from_secs(10)).await;
    let at_first = looked(&theatre);
    sleep(Duration::from_secs(60)).await;
    let later = looked(&theatre) - at_first;
    assert!((55..=65).contains(&later), "{later} looks in a minute");
    theatre.stage().fair.resume(Place::Instance(InstanceId(2)));
    settled(&controller).await;
    theatre.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_order_moves_the_main_once() {
    let (theatre, controller, _) = bootstrapped().await;
    let order = SwitchoverRequest { id: RequestId(7), to: Some(InstanceId(1)) };
    theatre.stage().desired.switchover = Some(order);
    let moved = |record: &Record| record.target == InstanceId(1) && record.stage == Stage::Steady;
    let record = theatre.until("switchover", moved).await;
    assert_eq!(record.answered, Some(RequestId(7)));
    settled(&controller).await;
    let term = theatre.record().expect("a record").term;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(theatre.record().expect("a record").term, term);
    theatre.assert_sound();
}

/// What it waits for may be there for a moment only.
#[tokio::test(start_paused = true)]
async fn a_move_that_waits_looks_more_often() {
    let (theatre, controller, _) = bootstrapped().await;
    theatre.stage().fair.stop(Place::Instance(InstanceId(2)));
    theatre.event(&Event::Crash(InstanceId(2)));
    let looked = |theatre: &Theatre| theatre.stage().looks[&InstanceId(0)];
    sleep(Duration::from_secs(5)).await;
    let before = looked(&theatre);
    sleep(Duration::from_secs(5)).await;
    let usual = looked(&theatre) - before;
    theatre.stage().desired.switchover = Some(SwitchoverRequest { id: RequestId(7), to: None });
    let mut status = controller.status();
    let waits = status.wait_for(|status| status.plan.is_move_waiting());
    tokio::time::timeout(LIMIT, waits).await.expect("it waits").expect("it runs");
    let before = looked(&theatre);
    sleep(Duration::from_secs(5)).await;
    let waiting = looked(&theatre) - before;
    assert!(waiting > 3 * usual, "{waiting} looks in five seconds, {usual} before");
    theatre.stage().fair.resume(Place::Instance(InstanceId(2)));
    let moved = |record: &Record| record.target == InstanceId(1) && record.stage == Stage::Steady;
    theatre.until("switchover", moved).await;
    settled(&controller).await;
    theatre.assert_sound();
}

/// Nobody tells that a voter is even, and clients wait: it is seen soon, however long it took.
#[tokio::test(start_paused = true)]
async fn a_voter_that_clients_wait_for_is_looked_for_more_often() {
    let all = |kind| Pattern { kind: Some((kind, false)), from: None, to: None };
    let [main, third] = [0, 2].map(|no| Place::Instance(InstanceId(no)));
    let slice = all(Kind::Recover);
    for took in [300, 700, 1_100, 1_500].map(Duration::from_millis) {
        let (theatre, controller, _) = bootstrapped().await;
        // Whoever is to vote lacks something, and gets it late.
        theatre.stage().fair.withhold(slice);
        let commit = Pattern { from: Some(main), to: Some(third), ..all(Kind::Prepare) };
        theatre.stage().fair.withhold(commit);
        theatre.event(&Event::Act(Act::ByHand(InstanceId(0), ByHand::Write)));
        sleep(Duration::from_millis(50)).await;
        theatre.event(&Event::Crash(InstanceId(0)));
        let mut status = controller.status();
        let waits = status.wait_for(|status| {
            let holds = &status.plan.holds;
            let recovers =
                |it: &Hold| matches!(it.reason, Reason::VoterWaits { state: Some(_), .. });
            holds.iter().any(recovers)
        });
        tokio::time::timeout(LIMIT, waits).await.expect("it waits").expect("it runs");
        sleep(took).await;
        assert!(theatre.record().is_some_and(|record| record.stage == Stage::Withdrawn));
        assert!(theatre.stage().fair.release(&slice));
        let even = Instant::now();
        theatre.until("failover", |record| record.stage == Stage::Steady).await;
        let seen = even.elapsed();
        assert!(seen < Duration::from_millis(100) + took / 4, "{seen:?} after {took:?}");
        theatre.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn a_main_beyond_a_smaller_size_moves_before_it_goes() {
    let theatre = Theatre::of(5);
    tokio::spawn(theatre.clone().keep_time());
    let first = controller(&theatre, 0);
    let running = run(&first);
    theatre.until("bootstrap", |record| record.stage == Stage::Steady).await;
    settled(&first).await;
    let at = |id: u8| {
        move |record: &Record| record.target == InstanceId(id) && record.stage == Stage::Steady
    };
    let order = SwitchoverRequest { id: RequestId(7), to: Some(InstanceId(4)) };
    theatre.stage().desired.switchover = Some(order);
    theatre.until("switchover", at(4)).await;
    settled(&first).await;
    running.abort();

    // A controller of three instances, as an upgrade of the chart starts one.
    theatre.stage().desired.instances = 3;
    let second = controller(&theatre, 1);
    let _running = run(&second);
    let within = |record: &Record| record.target.0 < 3 && record.stage == Stage::Steady;
    let record = theatre.until("a move", within).await;
    assert_eq!(record.cause, Cause::Switchover { request: None }, "{record:?}");
    settled(&second).await;
    let record = theatre.record().expect("a record");
    assert!(record.members.keys().all(|id| id.0 < 3), "{record:?}");
    theatre.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn another_controller_goes_on_where_the_first_one_died() {
    for stage in [Stage::Intent, Stage::Withdrawn, Stage::Attached] {
        let (theatre, _, running) = bootstrapped().await;
        theatre.stage().dies_at = Some(stage);
        theatre.event(&Event::Crash(InstanceId(0)));
        theatre.until("a move", |record| record.term.0 == 2 && record.stage == stage).await;
        running.abort();
        let second = controller(&theatre, 1);
        let _running = run(&second);
        let steady = |record: &Record| record.term.0 >= 2 && record.stage == Stage::Steady;
        theatre.until("the second one finishes", steady).await;
        settled(&second).await;
        theatre.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_api_server_nothing_moves() {
    let (theatre, controller, _) = bootstrapped().await;
    let before = theatre.record();
    let at_first = controller.status().borrow().steps.len();
    theatre.stage().api_down = true;
    sleep(Duration::from_secs(10)).await;
    theatre.event(&Event::Crash(InstanceId(0)));
    sleep(Duration::from_secs(290)).await;
    assert_eq!(theatre.record(), before);
    {
        let stage = theatre.stage();
        let body = stage.fair.world.body(InstanceId(1)).expect("an instance");
        assert!(body.instance.as_replica().is_some(), "it was promoted without a record");
    }
    let steps: Vec<_> = controller.status().borrow().steps.iter().cloned().collect();
    let done = steps.iter().skip(at_first).filter(|step| step.outcome == Outcome::Done);
    for step in done {
        assert_eq!(step.action, "route writes to nobody", "{step:?}");
    }
    theatre.stage().api_down = false;
    settled(&controller).await;
    theatre.assert_sound();
}

/// Whether a gateway that asks is granted to forward to this instance.
async fn grants(controller: &Controller, number: u64, main: InstanceId) -> bool {
    let question = Question {
        gateway: 7.into(),
        number,
        holds: None,
        open_transactions: false,
        last_byte_ms: None,
    };
    let ask = Ask { version: VERSION, question, accepted: None, seen: None, wait_ms: 0, pod: None };
    let reply = controller.ask(ask).await;
    reply.is_ok_and(|reply| {
        reply.main().is_some_and(|at| at.id == main) && reply.answer.lasts_ms > 0
    })
}

#[tokio::test(start_paused = true)]
async fn two_controllers_let_writes_go_on_without_an_api_server() {
    let theatre = Theatre::new();
    tokio::spawn(theatre.clone().keep_time());
    let both = [controller(&theatre, 0), controller(&theatre, 1)];
    theatre.stage().controllers = both.to_vec();
    let leads = run(&both[0]);
    theatre.until("bootstrap", |record| record.stage == Stage::Steady).await;
    let _follows = run(&both[1]);
    settled(&both[0]).await;
    sleep(Duration::from_secs(15)).await;
    let before = theatre.record();

    theatre.stage().api_down = true;
    for number in 1..=300 {
        sleep(Duration::from_secs(1)).await;
        assert!(grants(&both[0], number, InstanceId(0)).await, "not after {number} s");
        assert!(!grants(&both[1], number, InstanceId(0)).await, "it does not lead");
    }
    assert!(both[0].grants_on_promises());
    assert_eq!(theatre.record(), before);
    theatre.stage().api_down = false;
    settled(&both[0]).await;
    assert!(!both[0].grants_on_promises());
    assert_eq!(theatre.record(), before, "nothing moved");

    // Without the other one there is no promise, and no grant outlives the lease for long.
    theatre.stage().api_down = true;
    theatre.stage().controllers.truncate(1);
    sleep(Duration::from_secs(11)).await;
    assert!(!grants(&both[0], 1_000, InstanceId(0)).await);
    theatre.stage().api_down = false;
    settled(&both[0]).await;
    theatre.assert_sound();
    leads.abort();
}

/// What changes an instance is in the journal, with its term and its rule, before it is sent.
#[tokio::test(start_paused = true)]
async fn a_command_is_in_the_journal_before_it_is_sent() {
    let theatre = Theatre::new();
    tokio::spawn(theatre.clone().keep_time());
    let controller = controller(&theatre, 0);
    let journal = theatre.clone();
    controller.keep_journal(Box::new(move |line| {
        let mut stage = journal.stage();
        if let What::Decided(decided) = &line.what {
            stage.decided.extend(decided.plan.steps.iter().cloned());
        }
        Ok(false)
    }));
    let _running = run(&controller);
    theatre.until("bootstrap", |record| record.stage == Stage::Steady).await;
    settled(&controller).await;
    theatre.event(&Event::Crash(InstanceId(0)));
    let moved = |record: &Record| record.target == InstanceId(1) && record.stage == Stage::Steady;
    theatre.until("failover", moved).await;
    settled(&controller).await;
    let stage = theatre.stage();
    assert!(stage.sent.len() > 6, "{:?}", stage.sent);
    for (action, known) in &stage.sent {
        assert!(*known, "{action} was sent and no journal told of it");
    }
    let promotions = stage
        .decided
        .iter()
        .filter(|step| matches!(step.action, Action::Promote { term, .. } if term.0 == 2));
    assert!(promotions.count() > 0, "with the term of the failover");
}

/// A stop gives the lease up and says so, and the next controller grants the same term before its own
/// turn would have come: a gateway that asks both is never without a grant, and nothing moves.
#[tokio::test(start_paused = true)]
async fn a_stop_hands_grants_over() {
    let theatre = Theatre::new();
    tokio::spawn(theatre.clone().keep_time());
    let both = [controller(&theatre, 0), controller(&theatre, 1)];
    theatre.stage().controllers = both.to_vec();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let first = both[0].clone();
    let running = tokio::spawn(async move {
        first
            .run(async {
                let _told = stopped.await;
            })
            .await
    });
    theatre.until("bootstrap", |record| record.stage == Stage::Steady).await;
    let _follows = run(&both[1]);
    settled(&both[0]).await;
    sleep(Duration::from_secs(15)).await;
    let before = theatre.record();

    let mut holder = GrantHolder::start(7.into(), Timing::default().grant_ms);
    let clocks = || Clocks { monotonic: theatre.now(), wall: theatre.now().cast_signed() };
    let mut stop = Some(stop);
    for turn in 0..200 {
        for asked in &both {
            let question = holder.ask(clocks(), false, None);
            let ask = Ask {
                version: VERSION,
                question,
                accepted: None,
                seen: None,
                wait_ms: 0,
                pod: None,
            };
            if let Ok(reply) = asked.ask(ask).await {
                // An answer that is refused changes nothing.
                let _ = holder.answered(&reply.answer);
            }
        }
        let live = holder.live(clocks());
        assert!(turn == 0 || live.is_some(), "without a grant in turn {turn}");
        sleep(Duration::from_millis(100)).await;
        if turn == 50
            && let Some(stop) = stop.take()
        {
            stop.send(()).expect("it runs");
        }
        assert!(turn < 53 || both[1].leads(), "nobody leads in turn {turn}");
    }
    assert!(running.await.expect("it ends"), "because it was told to");
    assert!(both[1].leads() && !both[0].leads());
    assert_eq!(theatre.record(), before, "nothing moved");
    theatre.assert_sound();
}

/// A renewal may be under way when a process is told to stop: it lands, and nobody hears of its answer.
#[tokio::test(start_paused = true)]
async fn a_stop_amid_a_renewal_gives_the_lease_up() {
    let theatre = Theatre::new();
    tokio::spawn(theatre.clone().keep_time());
    let only = controller(&theatre, 0);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let runs = only.clone();
    let running = tokio::spawn(async move {
        runs.run(async {
            let _told = stopped.await;
        })
        .await
    });
    settled(&only).await;
    let written = theatre.stage().leases.len();
    theatre.stage().lease_unanswered = true;
    let written_again = async {
        while theatre.stage().leases.len() == written {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, written_again).await.expect("it is renewed");
    stop.send(()).expect("it runs");
    assert!(running.await.expect("it ends"), "because it was told to");
    let last = theatre.stage().leases.last().expect("a lease").sample.holder;
    assert_eq!(last, None, "the next one would wait for the whole length of the lease");
}
