//! What our controllers do in the predecessor's place: the same pods lose their addresses, leave
//! and return at the recorded times, in every combination of open facts and several orders, and
//! afterwards nothing disturbs the cluster any more. It judges by the same oracle as every other
//! simulation.

use super::{
    facts::{OpenFacts, Storage, Suspicion},
    setup::{MEMBERS, instance_of},
    told::{self, Told},
};
use crate::{
    driver::{Chance, End, Fair, Line},
    incident::{EventWord, Incident, Status},
    oracle,
    world::{ClientId, Cut, Decide, Event, Fate, Place, Settings},
};
use ha_core::{
    ids::{GatewayId, InstanceId},
    leadership::Millis,
};
use std::collections::BTreeSet;

/// Orders tried for each combination of open facts.
pub const ORDERS: u64 = 4;
/// How often the client writes.
pub(super) const WRITE_MS: Millis = 50;
/// How long writes go on after the last thing that was done from outside.
const AFTER_MS: Millis = 4_000;
/// How long the cluster may take to settle.
const SETTLE_MS: Millis = 120_000;
/// When the record begins, if replicas have to become `invalid` before (MR 2.4).
const BEGINS_MS: Millis = 3_500;
/// When such replicas can be reached again: shortly before the pod leaves, or after its return.
const REACHED_MS: Millis = 4_000;
const UNREACHED_MS: Millis = 9_000;
/// The writing client and its gateway.
const WRITER: (ClientId, GatewayId) = (ClientId(0), GatewayId(0));

/// What our controllers came to.
#[derive(Debug, Clone)]
pub struct Ours {
    /// Runs made.
    pub schedules: usize,
    /// Runs that settled.
    pub settled: usize,
    /// Everything that broke, once each.
    pub violations: Vec<String>,
    /// Procedures left to people that the last plan of a run waits for, once each. A run can be
    /// settled all the same, where nothing but comfort waits for them.
    pub holds: Vec<String>,
    /// What kept runs from settling, once each.
    pub stuck: Vec<String>,
    /// What happened in the first run, with times since the first thing that was done.
    pub timeline: Vec<Told>,
    /// When the first item of the record is done in that run; what comes before makes the cluster as
    /// the record finds it.
    pub begins_ms: Millis,
    /// The longest time between two acknowledged writes in the first run.
    pub waited_ms: Millis,
    /// The same over all runs.
    pub longest_ms: Millis,
}

/// Something done to the cluster, so long after the start.
#[derive(Debug, Clone, Copy)]
enum Done {
    World(Event),
    /// The volume of an absent pod is as it was earlier.
    Age(InstanceId, Storage),
}

/// What is done, when the record begins, and for how long nobody writes before.
struct Script {
    done: Vec<(Millis, Done)>,
    begins: Millis,
    quiet: Millis,
}

/// Runs every combination of open facts in several orders. `first` is the combination that the
/// timeline is told of.
#[must_use]
pub fn ours(incident: &Incident, first: Option<OpenFacts>, decide: Decide) -> Ours {
    let mut combinations: Vec<OpenFacts> = Vec::new();
    for facts in first.into_iter().chain(OpenFacts::all(incident)) {
        if !combinations.iter().any(|known| concern(known) == concern(&facts)) {
            combinations.push(facts);
        }
    }
    let mut sum = Ours {
        schedules: 0,
        settled: 0,
        violations: Vec::new(),
        holds: Vec::new(),
        stuck: Vec::new(),
        timeline: Vec::new(),
        begins_ms: 0,
        waited_ms: 0,
        longest_ms: 0,
    };
    let (mut broken, mut holds, mut stuck) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let bases: Vec<(InstanceId, Fair)> =
        (0..2).map(InstanceId).map(|id| (id, base(id, decide))).collect();
    for facts in combinations {
        let Some((_, start)) = bases.iter().find(|(id, _)| *id == facts.target) else { continue };
        for order in 0..ORDERS {
            let run = run(start, incident, &facts, order);
            if sum.schedules == 0 {
                sum.timeline = run.timeline;
                sum.begins_ms = run.begins;
                sum.waited_ms = run.waited;
            }
            sum.schedules += 1;
            sum.longest_ms = sum.longest_ms.max(run.waited);
            broken.extend(run.violations);
            holds.extend(run.holds);
            match run.end {
                End::Settled => sum.settled += 1,
                End::Holds(_) => {}
                End::Stuck(why) => {
                    stuck.insert(why);
                }
            }
        }
    }
    sum.violations = broken.into_iter().collect();
    sum.holds = holds.into_iter().collect();
    sum.stuck = stuck.into_iter().collect();
    sum
}

/// The open facts that concern ours: main, whether it is down, volume, reachability, unnamed pod.
type Concern = (InstanceId, bool, Option<Storage>, Option<bool>, Option<InstanceId>);

/// What of the open facts our controllers can come across at all: they ask nothing of a pod without
/// an address, have no prober with a verdict of its own, and no SYNC replica.
fn concern(facts: &OpenFacts) -> Concern {
    let down = facts.suspicion == Some(Suspicion::Down);
    (facts.target, down, facts.storage, facts.reachable, facts.unnamed)
}

/// A settled cluster of ours with that main, and with data.
fn base(main: InstanceId, decide: Decide) -> Fair {
    let settings = Settings { instances: MEMBERS, ..Settings::default() };
    let mut fair = Fair::new(&settings, decide);
    fair.settle(SETTLE_MS);
    if fair.world.recorded_main() != Some(main) {
        // It was possible a moment ago: nothing else is ordered.
        let _ordered = fair.apply(&Event::Switchover(Some(main)));
        fair.settle(SETTLE_MS);
    }
    for _ in 0..20 {
        write(&mut fair);
        fair.run_for(WRITE_MS);
    }
    fair.settle(SETTLE_MS);
    fair
}

struct Run {
    end: End,
    holds: Vec<String>,
    violations: Vec<String>,
    timeline: Vec<Told>,
    begins: Millis,
    waited: Millis,
}

fn run(start: &Fair, incident: &Incident, facts: &OpenFacts, order: u64) -> Run {
    let mut fair = start.clone();
    fair.trace.keep();
    let begun = fair.world.now;
    let mut chance = Chance::new(order);
    let script = script(incident, facts, (order > 0).then_some(&mut chance));
    let last = script.done.last().map_or(0, |(at, _)| *at);
    let mut busy = Busy::default();
    for (at, done) in script.done {
        let quiet = begun + at.min(script.quiet);
        fair.run_for(quiet.saturating_sub(fair.world.now));
        busy.write_until(&mut fair, begun + at);
        match done {
            Done::World(event) if has_happened(&fair, &event) => {}
            Done::World(event) => {
                // What a pod cannot take just now, its end included, it does not get.
                let _refused = fair.apply(&event);
            }
            Done::Age(id, storage) => age(&mut fair, id, storage),
        }
    }
    busy.write_until(&mut fair, begun + last + AFTER_MS);
    let waited = busy.longest_wait(fair.trace.lines(), begun + script.quiet);
    fair.calm();
    let end = fair.settle(SETTLE_MS);
    for violation in oracle::final_violations(&fair.world, end == End::Settled) {
        fair.found(violation);
    }
    let unexcused = fair.violations.iter().filter(|violation| !violation.is_known());
    let violations = unexcused.map(|violation| format!("{violation} [{facts}]")).collect();
    let plan = fair.leader_plan().map(|(_, _, plan)| plan.recipes());
    let holds = plan.into_iter().flatten().map(|recipe| recipe.name().to_owned()).collect();
    let timeline = told::story(fair.trace.lines(), begun);
    Run { end, holds, violations, timeline, begins: script.begins, waited }
}

/// The script of a record: what was done to the pods, at the recorded times or, in later orders,
/// around them.
fn script(incident: &Incident, facts: &OpenFacts, chance: Option<&mut Chance>) -> Script {
    let mut jitter = jitter(chance);
    let mut done = Vec::new();
    let main = facts.target;
    for pod in &incident.topology_before {
        let Some(id) = instance_of(pod.pod).filter(|id| *id != main) else { continue };
        if pod.status == Some(Status::Invalid) {
            for (from, to) in [(main, id), (id, main)] {
                let (from, to) = (Place::Instance(from), Place::Instance(to));
                done.push((0, Done::World(Event::Cut(from, to, Cut::Refuse))));
                let heals = if facts.reachable == Some(false) { UNREACHED_MS } else { REACHED_MS };
                done.push((heals, Done::World(Event::Heal(from, to))));
            }
        }
    }
    match facts.suspicion {
        // Nothing that we look at changes when a prober or a readiness probe is wrong.
        Some(Suspicion::Prober | Suspicion::Unready) | None => {}
        Some(Suspicion::Down) => done.push((jitter(500), Done::World(Event::Crash(main)))),
    }
    let begins = if done.is_empty() { 0 } else { BEGINS_MS };
    let mut marked = BTreeSet::new();
    for item in incident.happened() {
        let Some(id) = facts.subject(item, main) else { continue };
        let at = begins + item.at.unwrap_or(0) + jitter(200);
        done.extend(inputs(item.event, id, facts, &mut marked).into_iter().map(|one| (at, one)));
    }
    done.sort_by_key(|(at, _)| *at);
    Script { done, begins, quiet: begins.saturating_sub(1) }
}

/// What an item of a record does to a pod. The end of a preStop wait tells that the pod was marked
/// for deletion before.
fn inputs(
    event: EventWord,
    id: InstanceId,
    facts: &OpenFacts,
    marked: &mut BTreeSet<InstanceId>,
) -> Vec<Done> {
    const MARKS: [EventWord; 3] =
        [EventWord::PrestopCompleted, EventWord::PrestopCalled, EventWord::PodDeletionRequested];
    if MARKS.contains(&event) && marked.insert(id) {
        return vec![Done::World(Event::MarkDeleted(id))];
    }
    if matches!(event, EventWord::PodDeleted | EventWord::PodForceKilled) {
        let age = facts.storage.map(|storage| Done::Age(id, storage));
        return [Some(Done::World(Event::RemovePod(id))), age].into_iter().flatten().collect();
    }
    if event == EventWord::PodCreated {
        return vec![Done::World(Event::CreatePod(id, true))];
    }
    if event == EventWord::PodIpMissing {
        let (gone, again) = (Event::RemovePod(id), Event::CreatePod(id, false));
        return vec![Done::World(gone), Done::World(again)];
    }
    Vec::new()
}

fn jitter(mut chance: Option<&mut Chance>) -> impl FnMut(u64) -> Millis {
    move |most| chance.as_mut().map_or(0, |chance| chance.below(most))
}

/// The volume of a pod that is away loses what it had committed last.
fn age(fair: &mut Fair, id: InstanceId, storage: Storage) {
    let Some(body) = fair.world.bodies.get_mut(usize::from(id.0)) else { return };
    if body.runs() {
        return;
    }
    let volume = &mut body.instance.volume;
    let reign = volume.log.last().map(|entry| entry.epoch);
    let keep = match storage {
        // A commit of a main that nobody chose cannot come about where ours decides.
        Storage::Whole | Storage::Foreign => return,
        Storage::NoTail => volume.log.len().saturating_sub(2),
        Storage::BeforeReign => {
            volume.log.iter().take_while(|entry| Some(entry.epoch) != reign).count()
        }
    };
    volume.log.truncate(keep);
    volume.flushed = volume.flushed.min(keep);
}

fn write(fair: &mut Fair) {
    let (client, gateway) = WRITER;
    let held = fair.world.clients.first().and_then(|one| {
        one.writes.iter().find(|(_, fate)| **fate == Fate::Held).map(|(id, _)| *id)
    });
    // A client that still waits for its answer does not write.
    let _busy = fair.apply(&Event::Write(client, gateway, held));
}

/// When the client wrote. In a long quiet time it writes at the beginning and the end only: what
/// happens in between is the same as always.
#[derive(Default)]
struct Busy {
    spans: Vec<(Millis, Millis)>,
}

impl Busy {
    fn write_until(&mut self, fair: &mut Fair, until: Millis) {
        let now = fair.world.now;
        if until > now + 2 * AFTER_MS {
            self.write_for(fair, now + AFTER_MS);
            fair.run_for(until - AFTER_MS - fair.world.now);
        }
        self.write_for(fair, until);
    }

    fn write_for(&mut self, fair: &mut Fair, until: Millis) {
        let from = fair.world.now;
        while fair.world.now < until {
            write(fair);
            let next = (fair.world.now + WRITE_MS).min(until);
            fair.run_for(next - fair.world.now);
        }
        match self.spans.last_mut() {
            Some((_, end)) if *end == from => *end = fair.world.now,
            Some(_) | None => self.spans.push((from, fair.world.now)),
        }
    }

    /// The longest time without an acknowledged write, while there were writes.
    fn longest_wait(&self, lines: &[Line], begun: Millis) -> Millis {
        let mut longest = 0;
        for (from, to) in self.spans.iter().filter(|(_, to)| *to > begun) {
            let mut last = (*from).max(begun);
            let span = last..=*to;
            for line in lines.iter().filter(|line| span.contains(&line.at)) {
                if told::fate(line) == Some(Fate::Acked) {
                    longest = longest.max(line.at - last);
                    last = line.at;
                }
            }
            longest = longest.max(to.saturating_sub(last));
        }
        longest
    }
}

/// Whether that was done already: the kubelet was faster.
fn has_happened(fair: &Fair, event: &Event) -> bool {
    let pod = |id: &InstanceId| fair.world.body(*id).is_ok_and(|body| body.pod.is_some());
    if let Event::RemovePod(id) = event {
        return !pod(id);
    }
    matches!(event, Event::CreatePod(id, _) if pod(id))
}
