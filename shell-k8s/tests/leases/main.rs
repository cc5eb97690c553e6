//! Two real controllers that change leadership all the time: they stand still, are cut off from the
//! API server, lose its answers and start anew, while clocks run apart, wall clocks jump, and mains
//! are lost. Whoever lost the lease overwrites nothing, no grant is alive when another instance is
//! promoted or another controller may promote one, and each move is recorded once and stands in the
//! history once. On paused time, from several seeds beside each other; `LEASES=2000` asks for so many
//! changes from each, `SEEDS=8` for so many seeds, `FIRST_SEED=3` for those from 3 on.

mod right;
mod seat;
#[path = "../theatre/mod.rs"]
mod theatre;

use gateway::{
    clock::Clock,
    controllers::wire::{Ask, VERSION},
};
use ha_core::{
    grant::{Clocks, GrantHolder},
    ids::{ControllerId, InstanceId, Term},
    leadership::Timing,
};
use right::Judged;
use seat::{Court, Plight, Seat, gateway_clock};
use shell_k8s::{
    cluster::Names,
    controller::{Controller, Move, Settings},
    memgraph::Endpoints,
};
use shell_sim::world::Event;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use theatre::Theatre;
use tokio::{task::JoinHandle, time::sleep};

const TIMING: Timing =
    Timing { lease_ms: 1_000, renew_ms: 200, grant_ms: 600, promise_ms: 1_000, drift_ppm: 50_000 };

/// Numbers that are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        // Xorshift; its quality is enough to choose faults.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// The clock of a controller: it runs faster or slower than the world's, within what is assumed; its
/// wall clock jumps as well.
fn clock(theatre: &Theatre, court: &Arc<Mutex<Court>>, no: usize) -> Clock {
    let (theatre, court) = (theatre.clone(), Arc::clone(court));
    let per_mille = [1_045, 955][no];
    Clock::given(move || {
        let monotonic = 10_000 + theatre.now() * per_mille / 1_000;
        let jumped = court.lock().expect("no test panics with it").plights[no].jumped;
        Clocks { monotonic, wall: monotonic.cast_signed() + jumped }
    })
}

struct Play {
    theatre: Theatre,
    court: Arc<Mutex<Court>>,
    gateway: Arc<Mutex<GrantHolder>>,
    running: Vec<JoinHandle<bool>>,
    started: u128,
    /// What each process remembers, or remembered, of each move.
    remembered: BTreeMap<(ControllerId, Term), Move>,
}

impl Play {
    /// Takes down what those who run remember: a process that ends takes its memory with it.
    fn remember(&mut self) {
        let stage = self.theatre.stage();
        for controller in &stage.controllers {
            let me = controller.me();
            let moves = controller.status().borrow().moves.clone();
            let terms: BTreeSet<_> = moves.iter().map(|it| it.term).collect();
            assert_eq!(terms.len(), moves.len(), "{me} lists a move twice: {moves:?}");
            self.remembered.extend(moves.into_iter().map(|it| ((me, it.term), it)));
        }
    }

    /// Every move that the record has had stands in the history of all of them once, with who began
    /// it and why.
    fn judge_history(&self) {
        let mut history: BTreeMap<Term, Move> = BTreeMap::new();
        let mut begun = BTreeSet::new();
        for ((me, term), it) in &self.remembered {
            assert!(it.read || begun.insert(*term), "{me} and another began {it:?}");
            history
                .entry(*term)
                .and_modify(|known| *known = known.merged(it))
                .or_insert(it.clone());
        }
        let listed: BTreeSet<_> = history.keys().copied().collect();
        assert_eq!(listed, self.court().intents);
        let told = history.values().filter(|it| !it.rule.is_empty() && !it.why.is_empty()).count();
        println!("{} moves in the history, {told} of them with rule and facts", history.len());
        assert!(told * 10 >= history.len() * 9, "too few are explained");
    }

    /// A process begins at a place, in the place of the one before.
    fn start(&mut self, no: usize) {
        self.remember();
        self.started += 1;
        let me = ControllerId(self.started);
        let seat = Seat {
            theatre: self.theatre.clone(),
            court: Arc::clone(&self.court),
            gateway: Arc::clone(&self.gateway),
            no,
            me,
        };
        let names = Names::new("test", "test", "memgraph-ha", 3).expect("names");
        let settings = Settings { timing: TIMING, ..Settings::default() };
        let number = u8::try_from(no).expect("one of two");
        let controller = Controller::new(
            settings,
            Arc::new(seat),
            (me, format!("pod-{no}")),
            number,
            clock(&self.theatre, &self.court, no),
            Endpoints::pods(names),
        );
        let runs = controller.clone();
        let handle = tokio::spawn(async move { runs.run(std::future::pending()).await });
        let mut stage = self.theatre.stage();
        if no < self.running.len() {
            self.running[no].abort();
            self.running[no] = handle;
            stage.controllers[no] = controller;
        } else {
            self.running.push(handle);
            stage.controllers.push(controller);
        }
    }

    fn court(&self) -> MutexGuard<'_, Court> {
        self.court.lock().expect("no test panics with it")
    }

    /// Something happens that changes who leads, or whom.
    fn disturb(&mut self, chance: &mut Chance) {
        let no = usize::try_from(chance.below(2)).expect("one of two");
        let now = self.theatre.now();
        let until = now + 200 + chance.below(4_000);
        match chance.below(9) {
            0 | 1 => self.court().plights[no].frozen_until = until,
            2 | 3 => self.court().plights[no].cut_until = until,
            4 => self.court().plights.iter_mut().for_each(|plight| plight.cut_until = until),
            5 => self.court().plights[no].mute_until = now + chance.below(1_000),
            6 => self.start(no),
            // Wall clocks jump by an hour at most, either way.
            7 => {
                let mut jump = || chance.below(7_200_000).cast_signed() - 3_600_000;
                let (one, gateways) = (jump(), jump());
                let mut court = self.court();
                court.plights[no].jumped = one;
                court.gateway_jumped = gateways;
            }
            _ => {
                let id = InstanceId(u8::try_from(chance.below(3)).expect("one of three"));
                // It may be down already.
                let _ = self.theatre.stage().fair.apply(&Event::Crash(id));
            }
        }
    }
}

/// A gateway asks one controller or the other, and is answered late at times.
async fn ask(play: (Theatre, Arc<Mutex<GrantHolder>>, Arc<Mutex<Court>>), seed: u64) {
    let (theatre, gateway, court) = play;
    let mut chance = Chance(seed);
    loop {
        sleep(Duration::from_millis(20 + chance.below(200))).await;
        let no = usize::try_from(chance.below(2)).expect("one of two");
        let Some(asked) = theatre.stage().controllers.get(no).cloned() else { continue };
        let question = {
            let mut gateway = gateway.lock().expect("no test panics with it");
            gateway.ask(gateway_clock(&theatre, &court), false, None)
        };
        let ask =
            Ask { version: VERSION, question, accepted: None, seen: None, wait_ms: 0, pod: None };
        let Ok(reply) = asked.ask(ask).await else { continue };
        sleep(Duration::from_millis(chance.below(60))).await;
        // An answer that is refused changes nothing.
        if gateway.lock().expect("no test panics with it").answered(&reply.answer).is_ok() {
            court.lock().expect("no test panics with it").giver = Some(asked);
        }
    }
}

/// What came about from one seed.
#[derive(Debug, Default)]
struct Came {
    terms: u32,
    processes: u128,
    granted: u64,
    on_promises: u64,
    judged: Judged,
}

/// So many changes of the lease from a seed.
async fn play(seed: u64, wanted: u64) -> Came {
    let theatre = Theatre::new();
    tokio::spawn(theatre.clone().keep_time());
    let gateway = Arc::new(Mutex::new(GrantHolder::start(0.into(), TIMING.grant_ms)));
    let court: Arc<Mutex<Court>> = Arc::default();
    let all = || (theatre.clone(), Arc::clone(&gateway), Arc::clone(&court));
    tokio::spawn(ask(all(), 0x5eed ^ (seed << 16)));
    let (one, two, three) = all();
    tokio::spawn(right::judge(one, two, three));
    let (theatre, gateway, court) = all();
    let mut play = Play {
        theatre,
        court,
        gateway,
        running: Vec::new(),
        started: 0,
        remembered: BTreeMap::new(),
    };
    play.start(0);
    play.start(1);
    let mut chance = Chance(0x1ea5e ^ (seed << 20));
    let mut came = Came::default();
    while play.court().changes < wanted {
        sleep(Duration::from_millis(100 + chance.below(2_500))).await;
        play.remember();
        play.disturb(&mut chance);
        let stage = play.theatre.stage();
        let promised = stage.controllers.iter().any(Controller::grants_on_promises);
        drop(stage);
        came.on_promises += u64::from(promised);
        let live = play.gateway.lock().expect("no test panics with it");
        came.granted += u64::from(live.live(gateway_clock(&play.theatre, &play.court)).is_some());
        drop(live);
        let broken = std::mem::take(&mut play.court().broken);
        assert!(broken.is_empty(), "seed {seed}: {}", broken.join("\n"));
    }
    // Faults stop: one of them leads, and everything comes to rest.
    play.court().plights = [Plight::default(); 2];
    rests(&play).await;
    play.remember();
    play.judge_history();
    play.theatre.assert_sound();
    let terms = play.theatre.record().expect("a record").term.0;
    let judged = play.court().judged;
    Came { terms, processes: play.started, judged, ..came }
}

async fn rests(play: &Play) {
    let rests = async {
        loop {
            let controllers = play.theatre.stage().controllers.clone();
            let at_rest = |controller: &Controller| {
                let status = controller.status();
                let now = status.borrow();
                now.leads && now.plan.settled
            };
            if controllers.iter().any(at_rest) {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(theatre::LIMIT, rests).await.expect("it comes to rest");
}

/// A number that the environment gives.
fn given(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

#[test]
fn leadership_changes_a_great_many_times() {
    let (wanted, seeds, first) = (given("LEASES", 75), given("SEEDS", 4), given("FIRST_SEED", 0));
    let all: Vec<Came> = std::thread::scope(|scope| {
        let started: Vec<_> = (first..first + seeds)
            .map(|seed| {
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .start_paused(true)
                        .build()
                        .expect("a runtime");
                    runtime.block_on(play(seed, wanted))
                })
            })
            .collect();
        started.into_iter().map(|one| one.join().expect("its seed is sound")).collect()
    });
    for (seed, came) in (first..).zip(&all) {
        let Came { terms, processes, granted, on_promises, judged } = came;
        println!(
            "seed {seed}: {wanted} changes of the lease, {terms} reigns, {processes} processes; seen \
             with a grant {granted} times, on promises {on_promises} times; {judged:?}"
        );
    }
    let sum = |of: fn(&Came) -> u64| all.iter().map(of).sum::<u64>();
    let enough = sum(|it| it.terms.into()) > 3 * seeds
        && sum(|it| it.granted) > 20 * seeds
        && sum(|it| it.on_promises) > seeds
        && sum(|it| it.judged.alive) > 10_000 * seeds
        && sum(|it| it.judged.outlived) > 0
        && sum(|it| it.judged.taken) > 0;
    assert!(enough, "too little came about");
}
