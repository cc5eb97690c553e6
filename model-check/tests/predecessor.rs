//! The earlier controller's mistakes, one at a time: each is put in the decision's place, and the
//! checker leads it to the harm that it did, not only to the first rule that it breaks. What comes
//! out stands in `design/incidents.md`, with the recorded incidents of that class. With
//! `KEEP_TRACES=1` the schedules in `traces/predecessor/` and the table are written anew; with
//! `MISTAKE=name` that one alone is looked for.

#[path = "common/kept.rs"]
mod kept;
#[path = "common/shortest.rs"]
mod shortest;
#[path = "common/worlds.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod worlds;

use model_check::{
    explore::{Limits, Liveness, explore},
    model::{Budget, COARSE, Configuration, Model, Outside, world},
};
use shell_sim::{mutants, schedule::Schedule, world::Decide};
use shortest::{Found, shortest};
use std::{fs, path::PathBuf};
use worlds::{alone, alone_of_four, cached, resetting_unflushed, usual};

/// A good part of the time goes into parts of worlds that come and go.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One mistake.
struct Mistake {
    /// What the earlier controller did.
    did: &'static str,
    /// The decision with that belief; what is none is said by the settings.
    policy: &'static str,
    budget: &'static [(Outside, u8)],
    world: fn(&mut Configuration),
    /// What happened before.
    before: &'static str,
    /// The property that breaks: the harm.
    harm: &'static str,
    /// The invariant of recorded incidents that names the class.
    class: &'static str,
}

use Outside::{Crash, Freeze, Main, Node, Power, Voter, Write};

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    Mistake {
        did: "promote before recording",
        policy: "promotes-before-it-records",
        budget: &[(Main, 1)],
        world: usual,
        before: "",
        harm: "intent-precedes-promotion",
        class: "single-writer-of-target",
    },
    Mistake {
        did: "drop an unhealthy voter",
        policy: "drops-an-unhealthy-voter",
        budget: &[(Write, 1), (Main, 1)],
        world: alone,
        before: "
            stop mg-1
            crash mg-1
        ",
        harm: "acknowledged-writes-survive",
        class: "never-drop-sync",
    },
    Mistake {
        did: "count `invalid` with behind 0 as ready",
        policy: "counts-invalid-as-ready",
        budget: &[(Write, 1), (Crash, 1)],
        world: alone,
        before: "",
        harm: "no-silent-divergence",
        class: "prestop-waits-for-ready",
    },
    Mistake {
        did: "cache the target",
        policy: "cached target",
        budget: &[(Main, 1), (Freeze, 1)],
        world: cached,
        before: "",
        harm: "term-never-falls",
        class: "no-stale-decision",
    },
    Mistake {
        did: "count who is reachable from a list that is never pruned",
        policy: "counts-whoever-was-ever-there",
        budget: &[(Node, 1)],
        world: alone,
        before: "",
        harm: "settles",
        class: "converges-after-rolling-restart",
    },
    Mistake {
        did: "drop after a failed register",
        policy: "registers-an-unproven-voter-anew",
        budget: &[(Voter, 1)],
        world: alone,
        before: "",
        harm: "never-drop-sync",
        class: "never-drop-sync",
    },
    Mistake {
        did: "open the gateway with no replica registered",
        policy: "opens-without-a-replica",
        budget: &[(Write, 1), (Main, 2)],
        world: alone,
        before: "",
        harm: "acknowledged-writes-survive",
        class: "no-unreplicated-ack",
    },
    Mistake {
        did: "answer Error 3 by a wipe",
        policy: "wipes-whoever-is-refused",
        budget: &[(Write, 1), (Power, 1)],
        world: resetting_unflushed,
        before: "",
        harm: "acknowledged-writes-survive",
        class: "diverged-recovers",
    },
    Mistake {
        did: "let a failover need every ASYNC replica",
        policy: "waits-for-every-replica",
        budget: &[(Node, 1)],
        world: alone_of_four,
        before: "
            power-loss mg-3 keep=9
            remove-pod mg-3
        ",
        harm: "settles",
        class: "failover-under-1s",
    },
];

/// The world in which the mistake is looked for, and the same world in which nobody makes it.
fn model(mistake: &Mistake, decide: Decide, is_made: bool) -> Model {
    let mut configuration = Configuration {
        name: "mistake",
        about: "",
        settings: world(),
        budget: Budget { each: mistake.budget.to_vec(), faults: 3 },
        decide,
        grain: COARSE,
        main: false,
    };
    (mistake.world)(&mut configuration);
    if !is_made {
        (configuration.settings.mistake, configuration.settings.rechecks) = (None, true);
    }
    let before = Schedule::parse(mistake.before).expect("a schedule");
    Model::after(configuration, &before).expect("a cluster to begin with")
}

fn limits() -> Limits {
    Limits { threads: 2, max_states: 1_500_000, ..Limits::default() }
}

/// Leads the checker to the harm.
fn harm_of(mistake: &Mistake) -> Result<Found, String> {
    let decide = mutants::named(mistake.policy).map_or(ha_core::plan as Decide, |it| it.decide);
    let found =
        shortest(mistake.policy, &model(mistake, decide, true), &limits(), Some(mistake.harm))?;
    if found.property == mistake.harm {
        Ok(found)
    } else {
        Err(format!("{}: comes to {} only", mistake.policy, found.property))
    }
}

/// The recorded incidents that name this invariant.
fn incidents_of(class: &str) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shell-sim/incidents");
    let lists = |text: &str| {
        let mut lines = text.lines().skip_while(|line| !line.starts_with("invariant_violated:"));
        lines.next();
        let mut listed = lines.map_while(|line| line.trim_start().strip_prefix("- "));
        listed.any(|name| name.trim_matches('"') == class)
    };
    let mut found: Vec<String> = fs::read_dir(folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| lists(&fs::read_to_string(path).expect("readable")))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

/// Where the table of them stands.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../design/incidents.md");
const MARKS: (&str, &str) = ("<!-- made by model-check/tests/predecessor.rs -->\n", "<!-- end -->");

fn row(mistake: &Mistake, found: &Found) -> String {
    let trace = file(mistake);
    let name = trace.file_stem().expect("a name").to_string_lossy();
    let told = format!(
        "`{}`, [{} steps](../model-check/traces/predecessor/{name}.txt), {} states",
        mistake.harm, found.steps, found.states
    );
    let incidents = incidents_of(mistake.class).join(", ");
    format!("| {} | {name} | {told} | `{}`: {incidents} |\n", mistake.did, mistake.class)
}

fn file(mistake: &Mistake) -> PathBuf {
    let name = format!("{}.txt", mistake.policy.replace(' ', "-"));
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("traces/predecessor").join(name)
}

/// What is wrong with the table; with `KEEP_TRACES` set it is written anew.
fn differs(rows: &str) -> Option<String> {
    let made = format!(
        "| the earlier controller's mistake | played as | the checker comes to | class of incidents, and those that name it |\n|---|---|---|---|\n{rows}"
    );
    let page = fs::read_to_string(PAGE).expect("readable");
    let (before, rest) = page.split_once(MARKS.0).expect("the mark of the table");
    let (kept, after) = rest.split_once(MARKS.1).expect("the end of the table");
    if std::env::var_os("KEEP_TRACES").is_some() {
        let page = [before, MARKS.0, &made, MARKS.1, after].concat();
        fs::write(PAGE, page).expect("writable");
        return None;
    }
    (kept != made).then(|| format!("the table in {PAGE} is another: KEEP_TRACES=1 writes it anew"))
}

#[test]
fn every_mistake_of_the_earlier_controller_does_its_harm() {
    let only = std::env::var("MISTAKE").ok();
    let (mut wrong, mut rows) = (Vec::new(), String::new());
    for mistake in MISTAKES.iter().filter(|it| only.as_ref().is_none_or(|name| name == it.policy)) {
        if incidents_of(mistake.class).is_empty() {
            wrong.push(format!("no recorded incident names {}", mistake.class));
        }
        match harm_of(mistake) {
            Err(why) => wrong.push(why),
            Ok(found) => {
                rows += &row(mistake, &found);
                wrong.extend(kept::differs(mistake.policy, &file(mistake), &found.text));
            }
        }
    }
    if only.is_none() {
        wrong.extend(differs(&rows));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// It is the mistake that does the harm: without it, the same world and the same faults do none.
#[test]
fn without_the_mistake_there_is_no_harm() {
    let mut wrong = Vec::new();
    for mistake in MISTAKES {
        let model = model(mistake, ha_core::plan, false);
        let found = explore(&model, &limits(), &mut |_| {});
        let settles = found.liveness.as_ref().is_some_and(Liveness::settles);
        if found.broken() != 0 || !settles {
            wrong.push(format!(
                "{}: broken {:b}, settles {settles}",
                mistake.policy,
                found.broken()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
