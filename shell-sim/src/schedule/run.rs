//! Runs a schedule against a decision function, and reports what was told, what broke, and which
//! assertions did not hold.

use super::{Directive, Predicate, SETTLE_MS, Schedule};
use crate::{
    driver::{Counters, End, Fair, Line},
    oracle::{self, Violation},
    world::{Decide, Settings},
};
use ha_core::leadership::Millis;
use std::fmt;

/// What did not go as the schedule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The line of the schedule.
    pub line: usize,
    /// What it says.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected {}, found {}", self.line, self.expected, self.found)
    }
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// Everything that was told, with its time.
    pub trace: Vec<Line>,
    /// What was found broken.
    pub violations: Vec<Violation>,
    /// What did not go as the schedule says.
    pub failures: Vec<Failure>,
    /// How many assertions held.
    pub held: usize,
    /// How the last run to rest ended.
    pub end: Option<End>,
    /// Counts.
    pub counters: Counters,
    /// The scheduler and its world at the end.
    pub fair: Fair,
}

impl Report {
    /// The story of the run, for people.
    #[must_use]
    pub fn story(&self) -> String {
        let lines = self.trace.iter().filter(|line| line.is_story());
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// Whether nothing failed, and nothing broke that the promise does not except.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures.is_empty() && self.violations.iter().all(Violation::is_known)
    }
}

struct Runner {
    fair: Fair,
    decide: Decide,
    journal: bool,
    failures: Vec<Failure>,
    held: usize,
    end: Option<End>,
    /// The first line of the trace that counts as recent.
    recent: usize,
    asserting: bool,
}

/// Runs a schedule. The first line that cannot be carried out ends the run; assertions that do not
/// hold are collected.
#[must_use]
pub fn run(schedule: &Schedule, decide: Decide) -> Report {
    run_in(Runner::new(decide, false), schedule)
}

/// The same, with the journal of what controllers saw and decided.
#[must_use]
pub fn run_with_journal(schedule: &Schedule, decide: Decide) -> Report {
    run_in(Runner::new(decide, true), schedule)
}

fn run_in(mut runner: Runner, schedule: &Schedule) -> Report {
    for (line, directive) in &schedule.lines {
        if let Err(wrong) = runner.execute(directive)
            && runner.failed(*line, directive, wrong)
        {
            break;
        }
    }
    runner.report()
}

/// Runs as much of a schedule as there can be: a line that the world refuses is left out, and what
/// was carried out comes back as a schedule that runs in the same way.
#[must_use]
pub fn run_possible(schedule: &Schedule, decide: Decide) -> (Schedule, Report) {
    let mut runner = Runner::new(decide, false);
    let mut done = Vec::new();
    for (line, directive) in &schedule.lines {
        let before = (runner.recent, runner.asserting);
        let wrong = runner.execute(directive).err();
        if wrong.is_some() && may_be_refused(directive) {
            (runner.recent, runner.asserting) = before;
            continue;
        }
        done.push(directive.clone());
        if let Some(wrong) = wrong
            && runner.failed(*line, directive, wrong)
        {
            break;
        }
    }
    (Schedule::of(done), runner.report())
}

/// Whether a directive leaves the run as it was where it cannot be carried out.
const fn may_be_refused(directive: &Directive) -> bool {
    matches!(directive, Directive::Event(_) | Directive::Unwithhold(_) | Directive::Resume(_))
}

fn fresh(settings: &Settings, decide: Decide, journal: bool) -> Fair {
    let mut fair = Fair::new(settings, decide);
    fair.trace.keep();
    if journal {
        fair.keep_journal();
    }
    fair
}

type Wrong = (String, String);

impl Runner {
    fn new(decide: Decide, journal: bool) -> Self {
        Self {
            fair: fresh(&Settings::default(), decide, journal),
            decide,
            journal,
            failures: Vec::new(),
            held: 0,
            end: None,
            recent: 0,
            asserting: false,
        }
    }

    fn report(self) -> Report {
        let Self { fair, failures, held, end, .. } = self;
        Report {
            trace: fair.trace.lines().to_vec(),
            violations: fair.violations.clone(),
            failures,
            held,
            end,
            counters: fair.counters,
            fair,
        }
    }

    /// Remembers what did not go as it should; true if the run ends by it.
    fn failed(&mut self, line: usize, directive: &Directive, (expected, found): Wrong) -> bool {
        self.failures.push(Failure { line, expected, found });
        !matches!(directive, Directive::Assert(_))
    }

    fn execute(&mut self, directive: &Directive) -> Result<(), Wrong> {
        let asserts = matches!(directive, Directive::Assert(_));
        if self.asserting && !asserts {
            self.recent = self.fair.trace.lines().len();
        }
        self.asserting = asserts;
        match directive {
            Directive::World(settings) => {
                self.fair = fresh(settings, self.decide, self.journal);
                self.recent = 0;
                Ok(())
            }
            Directive::Bootstrap => match self.settle(SETTLE_MS) {
                End::Settled => Ok(()),
                end @ (End::Holds(_) | End::Stuck(_)) => {
                    Err(("a bootstrap that settles".into(), end.to_string()))
                }
            },
            Directive::Event(event) => {
                self.fair.apply(event).map_err(|refused| (event.to_string(), refused.to_string()))
            }
            Directive::Settle(limit) => {
                self.settle(*limit);
                Ok(())
            }
            Directive::Run(ms) => {
                self.fair.run_for(*ms);
                Ok(())
            }
            Directive::Steps(steps) => {
                self.fair.run_steps(*steps);
                Ok(())
            }
            Directive::RunUntil(condition, limit) => {
                let recent = self.recent;
                let holds = |fair: &Fair| {
                    condition.ask(fair, fair.trace.lines().get(recent..).unwrap_or_default()).holds
                };
                if self.fair.run_until(holds, *limit) { Ok(()) } else { self.check(condition) }
            }
            Directive::Withhold(pattern) => {
                self.fair.withhold(*pattern);
                Ok(())
            }
            Directive::Unwithhold(pattern) => {
                let wrong = || (format!("release {pattern}"), "nothing is withheld so".into());
                self.fair.release(pattern).then_some(()).ok_or_else(wrong)
            }
            Directive::Stop(place) => {
                self.fair.stop(*place);
                Ok(())
            }
            Directive::Resume(place) => {
                let wrong = || (format!("resume {place}"), "it was not stopped".into());
                self.fair.resume(*place).then_some(()).ok_or_else(wrong)
            }
            Directive::Calm => {
                self.fair.calm();
                Ok(())
            }
            Directive::Assert(condition) => {
                self.check(condition)?;
                self.held += 1;
                Ok(())
            }
        }
    }

    fn settle(&mut self, limit: Millis) -> End {
        let end = self.fair.settle(limit);
        for violation in oracle::final_violations(&self.fair.world, end == End::Settled) {
            self.fair.found(violation);
        }
        self.end = Some(end.clone());
        end
    }

    fn check(&self, condition: &Predicate) -> Result<(), Wrong> {
        let recent = self.fair.trace.lines().get(self.recent..).unwrap_or_default();
        let found = condition.ask(&self.fair, recent);
        if found.holds { Ok(()) } else { Err((condition.to_string(), found.found)) }
    }
}
