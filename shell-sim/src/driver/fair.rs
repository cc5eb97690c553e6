//! A fair scheduler over virtual time: what can arrive arrives, processes act in their periods,
//! the kubelet brings back what ended, and idle time is jumped over. Messages can be withheld and
//! places stopped. It never injects a fault.

use super::{
    Counters, Pattern, Situations,
    noted::Journal,
    timers::{Scan, Timers},
    trace::Trace,
};
use crate::{
    oracle::{self, Violation},
    topology::Judge,
    world::{ControllerNo, Decide, Event, Happening, Place, Refused, Settings, World},
};
use ha_core::{leadership::Millis, plan::Plan, reason::Recipe};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

/// How long a hold must stand before a run ends in it.
const QUIET_MS: Millis = 6_000;

/// How many steps one moment may take.
const STEPS_AT_ONCE: u32 = 20_000;

/// How a run to rest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// As it should be.
    Settled,
    /// In holds that name procedures left to people.
    Holds(Vec<Recipe>),
    /// Neither, within the limit.
    Stuck(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled => f.write_str("settled"),
            Self::Holds(recipes) => {
                f.write_str("holds for")?;
                recipes.iter().try_for_each(|recipe| write!(f, " {}", recipe.name()))
            }
            Self::Stuck(why) => write!(f, "stuck: {why}"),
        }
    }
}

/// A world with a fair scheduler.
#[derive(Debug, Clone)]
pub struct Fair {
    /// The world.
    pub world: World,
    /// What came about so far.
    pub counters: Counters,
    /// In which kinds of situations controllers decided so far.
    pub situations: Situations,
    /// What was found broken so far.
    pub violations: Vec<Violation>,
    /// What happened, if it is kept.
    pub trace: Trace,
    /// What controllers saw and decided, if it is kept.
    pub journal: Journal,
    pub(super) decide: Decide,
    pub(super) timers: Timers,
    pub(super) agenda: VecDeque<Event>,
    pub(super) withheld: Vec<Pattern>,
    pub(super) stopped: BTreeSet<Place>,
    pub(super) plans: BTreeMap<ControllerNo, (Millis, Plan)>,
    /// When something was last done from outside.
    pub(super) disturbed: Millis,
    /// Since when the leader only holds.
    quiet: Option<Millis>,
    pub(super) planned: bool,
    judge: Judge,
    /// The moment of the last step, and how many steps were made at it.
    pace: (Millis, u32),
    out: Vec<Happening>,
}

impl Fair {
    /// A scheduler over a world that nothing was done to yet.
    #[must_use]
    pub fn new(settings: &Settings, decide: Decide) -> Self {
        Self::over(World::new(settings), decide)
    }

    /// A scheduler over a world in any state.
    #[must_use]
    pub fn over(world: World, decide: Decide) -> Self {
        let Settings { controllers, gateways, instances, .. } = world.settings;
        Self {
            timers: Timers::new(controllers, gateways, instances),
            disturbed: world.now,
            world,
            counters: Counters::default(),
            situations: Situations::default(),
            violations: Vec::new(),
            trace: Trace::default(),
            journal: Journal::default(),
            decide,
            agenda: VecDeque::new(),
            withheld: Vec::new(),
            stopped: BTreeSet::new(),
            plans: BTreeMap::new(),
            quiet: None,
            planned: false,
            judge: Judge::default(),
            pace: (0, 0),
            out: Vec::new(),
        }
    }

    /// Messages that match do not arrive until they are released.
    pub fn withhold(&mut self, pattern: Pattern) {
        if !self.withheld.contains(&pattern) {
            self.withheld.push(pattern);
        }
    }

    /// What is withheld now.
    #[must_use]
    pub fn withheld(&self) -> Vec<Pattern> {
        self.withheld.clone()
    }

    /// Ends a withholding; false if there was none.
    pub fn release(&mut self, pattern: &Pattern) -> bool {
        let before = self.withheld.len();
        self.withheld.retain(|kept| kept != pattern);
        self.withheld.len() < before
    }

    /// A place does nothing by itself and hears nothing until it resumes.
    pub fn stop(&mut self, place: Place) {
        self.stopped.insert(place);
    }

    /// A stopped place acts again; false if it was not stopped.
    pub fn resume(&mut self, place: Place) -> bool {
        self.stopped.remove(&place)
    }

    /// Ends every disturbance: nothing is withheld, stopped, cut, frozen or switched off.
    pub fn calm(&mut self) {
        self.withheld.clear();
        self.stopped.clear();
        for event in self.world.remedies() {
            // Each of them is possible, since the world named it.
            let _done = self.apply(&event);
        }
    }

    /// The last plan of the controller that holds the lease by its own clock, and its time.
    #[must_use]
    pub fn leader_plan(&self) -> Option<(ControllerNo, Millis, &Plan)> {
        let leads = |no: &ControllerNo| {
            let now = self.world.controller_time(*no);
            let timing = &self.world.settings.timing;
            self.world.controller(*no).is_ok_and(|process| process.leader.right(now, timing) > 0)
        };
        let (no, (at, plan)) = self.plans.iter().find(|(no, _)| leads(no))?;
        Some((*no, *at, plan))
    }

    /// Something is done to the world from outside.
    ///
    /// # Errors
    /// Why it cannot be done now; then nothing changed, so that a run without it goes the same way.
    pub fn apply(&mut self, event: &Event) -> Result<(), Refused> {
        let before = (self.disturbed, self.quiet);
        (self.disturbed, self.quiet) = (self.world.now, None);
        self.trace.event(self.world.now, event);
        let done = self.step(event);
        match done {
            Ok(()) => {
                self.counters.power_losses += u64::from(matches!(event, Event::PowerLoss(..)));
            }
            Err(_) => (self.disturbed, self.quiet) = before,
        }
        done
    }

    fn step(&mut self, event: &Event) -> Result<(), Refused> {
        let mut out = std::mem::take(&mut self.out);
        if matches!(event, Event::Effect(_)) {
            self.judge.before(&self.world);
        }
        let done = self.world.step_into(event, self.decide, &mut out);
        self.counters.events += 1;
        self.note_samples();
        if !is_a_look(event) {
            for broken in self.judge.after(&self.world, &out) {
                self.found(Violation::Rule(broken));
            }
            self.check();
        }
        for happening in out.drain(..) {
            self.notice(happening);
        }
        self.out = out;
        done
    }

    fn check(&mut self) {
        for violation in oracle::violations(&self.world) {
            self.found(violation);
        }
    }

    /// Remembers a violation once.
    pub fn found(&mut self, violation: Violation) {
        if !self.violations.contains(&violation) {
            self.trace.violation(self.world.now, &violation);
            self.violations.push(violation);
        }
    }

    /// Lets everybody go on for so long.
    pub fn run_for(&mut self, ms: Millis) {
        let until = self.world.now + ms;
        while self.micro_step(until) {}
    }

    /// Lets everybody make so many single steps, whatever time they take.
    pub fn run_steps(&mut self, steps: u32) {
        let until = self.world.now + 60_000;
        for _ in 0..steps {
            if !self.micro_step(until) {
                return;
            }
        }
    }

    /// Lets everybody go on until this holds; false if it does not within the limit.
    pub fn run_until(&mut self, holds: impl Fn(&Self) -> bool, limit: Millis) -> bool {
        let until = self.world.now + limit;
        while !holds(self) {
            if !self.micro_step(until) {
                return holds(self);
            }
        }
        true
    }

    /// Lets everybody go on until nothing is left to do.
    pub fn settle(&mut self, limit: Millis) -> End {
        let until = self.world.now + limit;
        self.disturbed = self.world.now;
        self.quiet = None;
        loop {
            if std::mem::take(&mut self.planned)
                && let Some(end) = self.rest()
            {
                return end;
            }
            if !self.micro_step(until) {
                return End::Stuck(self.obstacles());
            }
        }
    }

    /// Whether the leader's last plan says that nothing is left to do.
    fn rest(&mut self) -> Option<End> {
        let now = self.world.now;
        let (disturbed, undisturbed) = (self.disturbed, self.world.is_undisturbed());
        let (_, at, plan) = self.leader_plan()?;
        if plan.settled && at > disturbed && undisturbed {
            return Some(End::Settled);
        }
        let mut recipes: Vec<Recipe> = plan.recipes().collect();
        if !plan.steps.is_empty() || recipes.is_empty() || !undisturbed {
            self.quiet = None;
            return None;
        }
        let since = *self.quiet.get_or_insert(now);
        recipes.sort();
        recipes.dedup();
        (now >= since + QUIET_MS).then_some(End::Holds(recipes))
    }

    fn obstacles(&self) -> String {
        match self.leader_plan() {
            None => "no controller leads".into(),
            Some((no, _, plan)) => format!("{no} says:\n{plan}"),
        }
    }

    /// Whether so much happened at one moment that time will not go on: somebody acts in reaction
    /// to an event without end.
    fn stands_still(&mut self) -> bool {
        let (at, steps) = self.pace;
        let now = self.world.now;
        self.pace = if at == now { (now, steps + 1) } else { (now, 0) };
        let still = self.pace.1 > STEPS_AT_ONCE;
        if still {
            self.found(Violation::TimeStandsStill { at: now });
        }
        still
    }

    /// One step: an event that is due, or a jump to the next time at which one is. False once the
    /// limit is reached and nothing is due.
    fn micro_step(&mut self, until: Millis) -> bool {
        if self.stands_still() {
            return false;
        }
        if let Some(event) = self.agenda.pop_front() {
            // Looks may be impossible just now; the next round tries again.
            let _refused = self.step(&event);
            return true;
        }
        let mut scan = Scan::new(self.world.now);
        if let Some(event) = self.due(&mut scan) {
            let _refused = self.step(&event);
            return true;
        }
        let now = self.world.now;
        if now >= until {
            return false;
        }
        let next = scan.next().clamp(now + 1, until);
        let _always = self.step(&Event::Advance(next - now));
        true
    }
}

/// Whether an event only reads, so that nothing can break by it.
#[must_use]
pub const fn is_a_look(event: &Event) -> bool {
    matches!(
        event,
        Event::ReadPods(_)
            | Event::ReadRecord(..)
            | Event::ReadLease(..)
            | Event::Probe(..)
            | Event::Decide(_)
            | Event::Ask(_)
            | Event::Renew(_)
            | Event::AskPeers(_)
    )
}
