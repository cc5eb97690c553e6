//! What a schedule can ask of a run. Each answer comes with what was found, so that a failed
//! assertion explains itself.

use crate::{
    driver::{Fair, Line, Pattern, What},
    memgraph::RoleName,
    oracle::Violation,
    world::{BadName, ControllerNo, Fate, Happening, Payload, World, WriteId},
};
use ha_core::{
    ids::{GatewayId, InstanceId, Term},
    observation::{RoleView, Route},
    plan::Plan,
    reason::Recipe,
    record::{Record, Stage},
};
use std::{fmt, str::FromStr};

/// The role of an instance, or that it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleWord {
    /// Main.
    Main,
    /// Replica.
    Replica,
    /// No process.
    Down,
}

/// What a controller tells gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteWord {
    /// Nothing.
    Closed,
    /// To a main.
    Open,
    /// To a main, for open transactions.
    Draining,
}

/// A question about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// It does not hold.
    Not(Box<Self>),
    /// The leader calls the cluster settled.
    Settled,
    /// The leader waits for a procedure left to people.
    Hold(Recipe),
    /// The leader waits by this rule.
    HoldBy(String),
    /// The recorded term.
    Term(Term),
    /// The recorded stage.
    Stage(Stage),
    /// The recorded target.
    Target(InstanceId),
    /// A recorded voter.
    Voter(InstanceId),
    /// The role of an instance.
    Role(InstanceId, RoleWord),
    /// The state that a main shows for a replica; none for no row.
    Row(InstanceId, InstanceId, String),
    /// A replica keeps a write until its decision.
    Prepared(InstanceId, WriteId),
    /// The log of an instance holds a write.
    Committed(InstanceId, WriteId),
    /// The log of an instance lacks a write.
    Missing(InstanceId, WriteId),
    /// What the client was told of a write.
    Told(Fate, WriteId),
    /// The term of a gateway's live grant; none for no grant.
    Grant(GatewayId, Option<Term>),
    /// What a controller tells gateways.
    Route(ControllerNo, RouteWord),
    /// Who holds the lease by its own clock.
    Leader(Option<ControllerNo>),
    /// A message is under way.
    InFlight(Pattern),
    /// Something came about since the directives after the last assertion: so many times, or at
    /// least once.
    Happened(String, Option<usize>),
    /// Nothing was found broken so far, losses that the promise excepts aside.
    NoViolations,
    /// Something was found broken whose sentence has these words in it.
    Violated(String),
}

/// An answer, with what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whether it holds.
    pub holds: bool,
    /// What is there instead, or as well.
    pub found: String,
}

/// The lines of a trace that count as recent.
pub type Recent<'a> = &'a [Line];

fn is<T: PartialEq + fmt::Display>(found: Option<T>, wanted: &T) -> Found {
    let holds = found.as_ref() == Some(wanted);
    Found { holds, found: found.map_or_else(|| "none".into(), |found| found.to_string()) }
}

fn holds(holds: bool, found: impl Into<String>) -> Found {
    Found { holds, found: found.into() }
}

impl Predicate {
    /// Asks a run.
    #[must_use]
    pub fn ask(&self, fair: &Fair, recent: Recent<'_>) -> Found {
        let world = &fair.world;
        match self {
            Self::Not(inner) => {
                let found = inner.ask(fair, recent);
                Found { holds: !found.holds, ..found }
            }
            Self::Settled => ask_plan(fair, |plan| plan.settled),
            Self::Hold(recipe) => {
                ask_plan(fair, |plan| plan.recipes().any(|waited_for| waited_for == *recipe))
            }
            Self::HoldBy(rule) => {
                ask_plan(fair, |plan| plan.holds.iter().any(|h| h.rule.to_string() == *rule))
            }
            Self::Term(term) => is(world.api.record().map(|record| record.term), term),
            Self::Stage(stage) => is(world.api.record().map(|record| record.stage), stage),
            Self::Target(target) => is(world.api.record().map(|record| record.target), target),
            Self::Voter(id) => {
                let voters = world.api.record().into_iter().flat_map(Record::voters);
                let voters: Vec<String> = voters.map(|id| id.to_string()).collect();
                holds(voters.contains(&id.to_string()), voters.join(" "))
            }
            Self::Role(id, wanted) => is(Some(role(world, *id)), wanted),
            Self::Row(main, replica, wanted) => {
                let found = row(world, *main, *replica);
                holds(found == *wanted, found)
            }
            Self::Prepared(id, write) => {
                let kept = world.body(*id).ok().and_then(|body| body.instance.prepared());
                is(kept.map(|entry| entry.payload), &Payload::Write(*write))
            }
            Self::Committed(id, write) => logged(world, *id, *write, true),
            Self::Missing(id, write) => logged(world, *id, *write, false),
            Self::Told(fate, write) => {
                is(world.clients.iter().find_map(|c| c.writes.get(write)).copied(), fate)
            }
            Self::Grant(gateway, wanted) => {
                let live = world.gateway(*gateway).ok().and_then(|gw| gw.live(world.now));
                let term = live.map(|grant| grant.term);
                let found = term.map_or_else(|| "none".into(), |term| term.to_string());
                holds(term == *wanted, found)
            }
            Self::Route(no, wanted) => {
                let route =
                    world.controller(*no).map(|process| route_word(process.history.route()));
                is(route.ok(), wanted)
            }
            Self::Leader(wanted) => {
                let leader = leader(world);
                let found = leader.map_or_else(|| "none".into(), |no| no.to_string());
                holds(leader == *wanted, found)
            }
            Self::InFlight(pattern) => {
                let ids = || world.network.messages.keys();
                let list: Vec<String> = ids().map(ToString::to_string).collect();
                holds(ids().any(|id| pattern.matches(id)), list.join(", "))
            }
            Self::Happened(pattern, wanted) => {
                let count = recent.iter().filter(|line| matches(pattern, line)).count();
                let holds = wanted.map_or(count > 0, |wanted| count == wanted);
                Found { holds, found: format!("{count} times") }
            }
            Self::NoViolations => {
                broken(fair, |violation| !violation.is_known(), |text| text.is_empty())
            }
            Self::Violated(words) => broken(fair, |_| true, |text| text.contains(words)),
        }
    }
}

fn ask_plan(fair: &Fair, met: impl Fn(&Plan) -> bool) -> Found {
    let Some((_, _, plan)) = fair.leader_plan() else {
        return holds(false, "no controller leads");
    };
    holds(met(plan), plan.to_string().trim_end())
}

/// Asks about the sentences of what was found broken.
fn broken(
    fair: &Fair,
    counts: impl Fn(&Violation) -> bool,
    wanted: impl Fn(&str) -> bool,
) -> Found {
    let found: Vec<String> =
        fair.violations.iter().filter(|v| counts(v)).map(ToString::to_string).collect();
    let found = found.join("; ");
    Found { holds: wanted(&found), found }
}

fn role(world: &World, id: InstanceId) -> RoleWord {
    match world.body(id).ok().and_then(|body| body.instance.role()) {
        Some(RoleName::Main) => RoleWord::Main,
        Some(RoleName::Replica) => RoleWord::Replica,
        None => RoleWord::Down,
    }
}

fn row(world: &World, main: InstanceId, replica: InstanceId) -> String {
    match world.bolt_view(main).map(|view| view.role) {
        Some(RoleView::Main { rows, .. }) => {
            rows.get(&replica).map_or_else(|| "none".into(), |row| row.state.to_string())
        }
        Some(RoleView::Replica) => "replica".into(),
        None => "down".into(),
    }
}

fn logged(world: &World, id: InstanceId, write: WriteId, wanted: bool) -> Found {
    let Ok(body) = world.body(id) else { return holds(false, "no such instance") };
    let log = &body.instance.volume.log;
    let there = log.iter().any(|entry| entry.payload == Payload::Write(write));
    let list: Vec<String> = log.iter().map(|entry| entry.payload.to_string()).collect();
    holds(there == wanted, list.join(" "))
}

fn leader(world: &World) -> Option<ControllerNo> {
    let timing = &world.settings.timing;
    world.controller_numbers().find(|no| {
        let now = world.controller_time(*no);
        world.controller(*no).is_ok_and(|process| process.leader.right(now, timing) > 0)
    })
}

const fn route_word(route: Route) -> RouteWord {
    match route {
        Route::Closed => RouteWord::Closed,
        Route::Open { .. } => RouteWord::Open,
        Route::Draining { .. } => RouteWord::Draining,
    }
}

/// Whether the words of a line begin with those of the pattern, `*` for any word.
fn matches(pattern: &str, line: &Line) -> bool {
    let text = match &line.what {
        What::Happened(happening) => happening.to_string(),
        What::Act(controller, step) => {
            Happening::Sent { controller: *controller, action: step.action.clone() }.to_string()
        }
        What::Event(_) | What::Hold(..) | What::Settled(_) | What::Broken(_) => return false,
    };
    let mut words = text.split_whitespace();
    pattern.split_whitespace().all(|wanted| {
        words.next().is_some_and(|found| wanted == "*" || wanted == found.trim_end_matches(':'))
    })
}

impl fmt::Display for RoleWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "main",
            Self::Replica => "replica",
            Self::Down => "down",
        })
    }
}

impl fmt::Display for RouteWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Draining => "draining",
        })
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::Settled => f.write_str("settled"),
            Self::Hold(recipe) => write!(f, "hold {}", recipe.name()),
            Self::HoldBy(rule) => write!(f, "hold rule={rule}"),
            Self::Term(term) => write!(f, "term={term}"),
            Self::Stage(stage) => write!(f, "stage={stage}"),
            Self::Target(id) => write!(f, "target={id}"),
            Self::Voter(id) => write!(f, "voter={id}"),
            Self::Role(id, role) => write!(f, "role {id}={role}"),
            Self::Row(main, replica, state) => write!(f, "row {main} {replica}={state}"),
            Self::Prepared(id, write) => write!(f, "prepared {id} {write}"),
            Self::Committed(id, write) => write!(f, "committed {id} {write}"),
            Self::Missing(id, write) => write!(f, "missing {id} {write}"),
            Self::Told(fate, write) => write!(f, "{fate} {write}"),
            Self::Grant(gateway, None) => write!(f, "grant {gateway}=none"),
            Self::Grant(gateway, Some(term)) => write!(f, "grant {gateway}={term}"),
            Self::Route(no, route) => write!(f, "route {no}={route}"),
            Self::Leader(None) => f.write_str("leader=none"),
            Self::Leader(Some(no)) => write!(f, "leader={no}"),
            Self::InFlight(pattern) => write!(f, "in-flight {pattern}"),
            Self::Happened(pattern, None) => write!(f, "happened {pattern}"),
            Self::Happened(pattern, Some(times)) => write!(f, "happened {pattern} {times}"),
            Self::NoViolations => f.write_str("no-violations"),
            Self::Violated(words) => write!(f, "violated {words}"),
        }
    }
}

const EXPECTED: &str = "a condition: settled, hold <recipe>, hold rule=<id>, term=2, \
     stage=withdrawn, target=mg-1, voter=mg-2, role mg-0=replica, row mg-1 mg-2=ready, \
     phantom mg-1 mg-2, prepared mg-1 w3, committed mg-0 w3, missing mg-0 w3, acked w3, failed w3, \
     doubt w3, held w3, pending w3, grant gw-0=none, route ct-0=closed, leader=ct-1, \
     in-flight <pattern>, rpc-received mg-1 from mg-0, forwarded gw-0 mg-0, \
     happened <words> [times], no-violations, violated <words>, or not and one of these";

fn bad(text: &str) -> BadName {
    BadName { found: text.into(), expected: EXPECTED }
}

fn read<T: FromStr>(text: &str) -> Result<T, BadName> {
    text.parse().map_err(|_| bad(text))
}

fn number(text: &str) -> Result<Term, BadName> {
    read(text).map(Term)
}

fn stage(text: &str) -> Result<Stage, BadName> {
    [Stage::Intent, Stage::Withdrawn, Stage::Attached, Stage::Steady]
        .into_iter()
        .find(|stage| stage.to_string() == text)
        .ok_or_else(|| bad(text))
}

fn recipe(text: &str) -> Result<Recipe, BadName> {
    serde_json::from_value(serde_json::Value::String(text.into())).map_err(|_| bad(text))
}

fn fate(text: &str) -> Option<Fate> {
    [Fate::Pending, Fate::Held, Fate::Acked, Fate::Failed, Fate::InDoubt]
        .into_iter()
        .find(|fate| fate.word() == text)
}

impl FromStr for Predicate {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        if let Some(rest) = text.strip_prefix("not ") {
            return rest.trim().parse().map(|inner| Self::Not(Box::new(inner)));
        }
        if let Some(words) = text.strip_prefix("violated ") {
            return Ok(Self::Violated(words.trim().into()));
        }
        let words: Vec<&str> = text.split([' ', '=']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["settled"] => Ok(Self::Settled),
            ["no-violations"] => Ok(Self::NoViolations),
            ["hold", "rule", id] => Ok(Self::HoldBy((*id).into())),
            ["hold", name] => recipe(name).map(Self::Hold),
            ["term", term] => number(term).map(Self::Term),
            ["stage", name] => stage(name).map(Self::Stage),
            ["target", id] => read(id).map(Self::Target),
            ["voter", id] => read(id).map(Self::Voter),
            ["role", id, "main"] => read(id).map(|id| Self::Role(id, RoleWord::Main)),
            ["role", id, "replica"] => read(id).map(|id| Self::Role(id, RoleWord::Replica)),
            ["role", id, "down"] => read(id).map(|id| Self::Role(id, RoleWord::Down)),
            ["row", main, replica, state] => {
                Ok(Self::Row(read(main)?, read(replica)?, (*state).into()))
            }
            ["phantom", main, replica] => {
                Ok(Self::Row(read(main)?, read(replica)?, "phantom".into()))
            }
            ["prepared", id, write] => Ok(Self::Prepared(read(id)?, read(write)?)),
            ["committed", id, write] => Ok(Self::Committed(read(id)?, read(write)?)),
            ["missing", id, write] => Ok(Self::Missing(read(id)?, read(write)?)),
            ["grant", gateway, "none"] => Ok(Self::Grant(read(gateway)?, None)),
            ["grant", gateway, term] => Ok(Self::Grant(read(gateway)?, Some(number(term)?))),
            ["route", no, "closed"] => Ok(Self::Route(read(no)?, RouteWord::Closed)),
            ["route", no, "open"] => Ok(Self::Route(read(no)?, RouteWord::Open)),
            ["route", no, "draining"] => Ok(Self::Route(read(no)?, RouteWord::Draining)),
            ["leader", "none"] => Ok(Self::Leader(None)),
            ["leader", no] => read(no).map(|no| Self::Leader(Some(no))),
            ["in-flight", rest @ ..] => rest.join(" ").parse().map(Self::InFlight),
            ["rpc-received", to, "from", from] => {
                Ok(Self::Happened(format!("rpc-received * {from} {to}"), None))
            }
            ["forwarded", rest @ ..] => {
                Ok(Self::Happened(format!("forwarded {}", rest.join(" ")), None))
            }
            ["happened", ..] => Ok(happened(text)),
            [word, write] => {
                let fate = fate(word).ok_or_else(|| bad(text))?;
                Ok(Self::Told(fate, read(write)?))
            }
            _ => Err(bad(text)),
        }
    }
}

fn happened(text: &str) -> Predicate {
    let rest = text.strip_prefix("happened").unwrap_or(text).trim();
    let (words, times) = match rest.rsplit_once(' ') {
        Some((words, last)) => match last.parse() {
            Ok(times) => (words, Some(times)),
            Err(_) => (rest, None),
        },
        None => (rest, None),
    };
    Predicate::Happened(words.split_whitespace().collect::<Vec<_>>().join(" "), times)
}
