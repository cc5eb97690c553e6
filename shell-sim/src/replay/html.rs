//! A replay as one page that needs nothing from outside: a lane for each instance, the controller,
//! the gateways and the clients; the record above, ours below. It arranges; nothing is judged here.

use super::{
    report::{Replay, bare, told},
    told::{Lane, Told},
};
use crate::incident::{Actor, Item, Value};
use std::{collections::BTreeSet, fmt::Write as _};

const STYLE: &str = include_str!("page.css");
const LANES: [Lane; 6] = [
    Lane::Instance(0),
    Lane::Instance(1),
    Lane::Instance(2),
    Lane::Controller,
    Lane::Gateways,
    Lane::Clients,
];

/// The page of some replays.
#[must_use]
pub fn page(replays: &[Replay]) -> String {
    let mut out = String::new();
    let title = match replays {
        [one] => text(&one.incident.title),
        _ => format!("{} records, replayed", replays.len()),
    };
    put(
        &mut out,
        &format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title}</title><style>{STYLE}</style></head><body><header><h1>{title}</h1>{}\
             </header><main>",
            legend()
        ),
    );
    if replays.len() > 1 {
        contents(&mut out, replays);
    }
    for replay in replays {
        record(&mut out, replay, replays.len() > 1);
    }
    put(&mut out, "</main></body></html>\n");
    out
}

fn legend() -> &'static str {
    "<p class=\"lead\">Each record is told three times: as it was <b>recorded</b>, with what the \
     record itself shows broken; as the <b>earlier controller's policy</b> does it again in a \
     simulated world; and as <b>ours</b> acts in its place. Time runs downwards. A column is a lane: \
     three instances, the controller, the gateways, the clients. What happened stands in bold, the \
     facts and the rule below it; pointing at a box shows the recorded words, or when a rule speaks.\
     </p>\
     <p class=\"legend\"><span class=\"chip\">observed or done</span>\
     <span class=\"chip soft\">told by the author, not logged</span>\
     <span class=\"chip bad\">a rule is broken</span>\
     <span class=\"chip act\">our controller acts, with its rule</span>\
     <span class=\"chip hold\">our controller waits, with its rule</span></p>"
}

fn contents(out: &mut String, replays: &[Replay]) {
    put(
        out,
        "<nav><table><thead><tr><th>record</th><th>findings</th><th>policy</th><th>ours</th>\
              <th>longest wait</th></tr></thead><tbody>",
    );
    for replay in replays {
        put(
            out,
            &format!(
                "<tr><td><a href=\"#{id}\">{title}</a><br><small>{id}</small></td><td>{}</td>\
                 <td>{}</td><td>{}</td><td>{} ms</td></tr>",
                replay.audit.len(),
                replay.captured(),
                if replay.is_safe() { "safe" } else { "BROKEN" },
                replay.ours.longest_ms,
                id = text(&replay.incident.id),
                title = text(&replay.incident.title),
            ),
        );
    }
    put(out, "</tbody></table></nav>");
}

/// One record; among several it says its title.
fn record(out: &mut String, replay: &Replay, titled: bool) {
    let incident = &replay.incident;
    let title = if titled { format!("<h2>{}</h2>", text(&incident.title)) } else { String::new() };
    put(
        out,
        &format!(
            "<article id=\"{}\">{title}<p class=\"id\">{} · {} · {}</p>",
            text(&incident.id),
            text(&incident.id),
            incident.kind,
            incident.date.as_deref().map_or_else(|| "undated".to_owned(), text),
        ),
    );
    verdicts(out, replay);
    put(out, "<h3>Recorded</h3>");
    lanes(out, |out| {
        for item in &incident.timeline {
            recorded_row(out, replay, item);
        }
    });
    asked(out, replay);
    policy(out, replay);
    put(out, "<h3>Ours in its place</h3>");
    ours(out, replay);
    if !incident.unknowns.is_empty() {
        put(out, "<details open><summary>Not known from the record</summary><ul>");
        for unknown in &incident.unknowns {
            put(out, &format!("<li>{}</li>", text(unknown)));
        }
        put(out, "</ul></details>");
    }
    put(out, "</article>");
}

fn verdicts(out: &mut String, replay: &Replay) {
    let mut broken: Vec<&str> = replay.audit.iter().map(|one| one.invariant.as_str()).collect();
    broken.sort_unstable();
    broken.dedup();
    let shown = if broken.is_empty() {
        "nothing broken is shown by the record".to_owned()
    } else {
        broken.iter().map(|name| format!("<code>{name}</code>")).collect::<Vec<_>>().join(" ")
    };
    let state = if replay.is_safe() { "good" } else { "bad" };
    let found = &replay.predecessor;
    let met = if found.combinations == 0 {
        String::new()
    } else {
        format!(": {} of {} items met in their order", found.best, found.expected)
    };
    put(
        out,
        &format!(
            "<dl class=\"verdicts\"><div class=\"{}\"><dt>The record shows broken</dt><dd>{shown}</dd>\
             </div><div><dt>The earlier policy, tried again</dt><dd>{}{}</dd></div>\
             <div class=\"{state}\"><dt>Ours</dt><dd>{}; {} of {} runs came to rest; clients waited \
             at most <b>{} ms</b> for an acknowledged write</dd></div></dl>",
            if broken.is_empty() { "good" } else { "bad" },
            replay.captured(),
            met,
            if replay.is_safe() { "no rule broken" } else { "A RULE WAS BROKEN" },
            replay.ours.settled,
            replay.ours.schedules,
            replay.ours.longest_ms,
        ),
    );
}

/// The frame of lanes, with its heads.
fn lanes(out: &mut String, rows: impl FnOnce(&mut String)) {
    put(
        out,
        "<div class=\"lanes\" role=\"table\"><div class=\"head\" role=\"row\"><span>time</span>",
    );
    for lane in LANES {
        put(out, &format!("<span>{lane}</span>"));
    }
    put(out, "</div>");
    rows(out);
    put(out, "</div>");
}

fn row(out: &mut String, time: &str, lane: Lane, classes: &str, title: &str, inner: &str) {
    let column = LANES.iter().position(|one| *one == lane).unwrap_or(3) + 2;
    put(
        out,
        &format!(
            "<div class=\"row\" role=\"row\"><time>{}</time><div class=\"box {classes}\" \
             style=\"--c:{column}\" title=\"{}\"><b class=\"lane\">{lane}</b>{inner}</div></div>",
            text(time),
            text(title),
        ),
    );
}

fn recorded_row(out: &mut String, replay: &Replay, item: &Item) {
    let findings: Vec<_> = replay
        .audit
        .iter()
        .filter(|one| (one.order, one.event) == (item.order, item.event) && replay.is_of(one, item))
        .collect();
    let facts: Vec<String> = item
        .data
        .0
        .iter()
        .filter(|(_, value)| **value != Value::Unstated)
        .map(|(key, value)| format!("{key} {}", bare(&value.to_string())))
        .collect();
    let mut inner = format!("<span class=\"what\">{}", words(item.event.as_str()));
    if let (Some(pod), false) = (item.pod, matches!(lane_of(item), Lane::Instance(_))) {
        put(&mut inner, &format!(" <i>{pod}</i>"));
    }
    put(&mut inner, "</span>");
    if !facts.is_empty() {
        put(&mut inner, &format!("<span class=\"why\">{}</span>", text(&facts.join(" · "))));
    }
    for one in &findings {
        put(
            &mut inner,
            &format!(
                "<span class=\"finding\"><code>{}</code> {}</span>",
                one.invariant,
                text(&one.why)
            ),
        );
    }
    let classes = match (findings.is_empty(), item.evidence.is_recorded()) {
        (false, _) => "bad",
        (true, false) => "soft",
        (true, true) => "",
    };
    let time = item.t.clone().unwrap_or_else(|| format!("({})", item.order));
    let title = item.quote.clone().unwrap_or_else(|| item.event.to_string());
    row(out, &time, lane_of(item), classes, &title, &inner);
}

/// What concerns one pod stands in its lane, whoever tells it; the rest with its actor.
fn lane_of(item: &Item) -> Lane {
    let of_pod = item.pod.and_then(|pod| u8::try_from(pod.ordinal).ok()).filter(|id| *id < 3);
    match (item.actor, of_pod) {
        (Actor::Client, _) => Lane::Clients,
        (Actor::Gateway, _) => Lane::Gateways,
        (Actor::Kubernetes | Actor::Memgraph, Some(id)) => Lane::Instance(id),
        (Actor::Controller | Actor::Operator | Actor::Kubernetes | Actor::Memgraph, _) => {
            Lane::Controller
        }
    }
}

/// What the rules ask for that the record shows broken.
fn asked(out: &mut String, replay: &Replay) {
    let broken: BTreeSet<_> = replay.audit.iter().map(|one| one.invariant).collect();
    if broken.is_empty() {
        return;
    }
    put(out, "<details open><summary>The rules that were broken</summary><dl class=\"rules\">");
    for name in broken {
        put(out, &format!("<dt><code>{name}</code></dt><dd>{}</dd>", text(name.asks())));
    }
    put(out, "</dl></details>");
}

fn policy(out: &mut String, replay: &Replay) {
    let found = &replay.predecessor;
    if found.combinations == 0 {
        return;
    }
    put(
        out,
        &format!(
            "<details><summary>The earlier policy in the simulated world: <b>{}</b> ({} of {} items \
             met in order, {} states searched)</summary>",
            replay.captured(),
            found.best,
            found.expected,
            found.states
        ),
    );
    if !found.reproduced {
        put(
            out,
            &format!(
                "<p>The situation was not captured. This is the run that came nearest; next would \
                 have been {}.</p>",
                text(&found.missing.join(", "))
            ),
        );
    }
    let facts = replay.facts();
    if !facts.is_empty() {
        put(out, "<ul>");
        for (question, answer, shared) in facts {
            let note = if shared { "in every match" } else { "in the first match" };
            put(out, &format!("<li>{}: <b>{}</b> ({note})</li>", text(question), text(&answer)));
        }
        put(out, "</ul>");
    }
    put(out, "<ol class=\"run\">");
    for step in found.run.iter().filter_map(told) {
        put(out, &format!("<li>{}</li>", text(&step)));
    }
    put(out, "</ol></details>");
}

fn ours(out: &mut String, replay: &Replay) {
    let ours = &replay.ours;
    for broken in &ours.violations {
        put(out, &format!("<p class=\"finding\">{}</p>", text(broken)));
    }
    if ours.timeline.is_empty() {
        put(
            out,
            "<p>Nothing is to be done: no rule asks for a step, and clients notice nothing.</p>",
        );
        return;
    }
    put(out, &format!("<p class=\"lead\">{}</p>", text(&replay.preface())));
    lanes(out, |out| {
        for told in &ours.timeline {
            our_row(out, told);
        }
    });
    let rules: BTreeSet<(&str, &str)> = ours
        .timeline
        .iter()
        .filter_map(|told| told.rule.as_ref().map(|by| (by.rule.as_str(), by.when)))
        .collect();
    put(out, "<details open><summary>The rules that spoke</summary><dl class=\"rules\">");
    for (rule, when) in rules {
        put(out, &format!("<dt><code>{}</code></dt><dd>when {}</dd>", text(rule), text(when)));
    }
    put(out, "</dl></details>");
}

/// Names of instances as the lanes have them.
fn in_full(plain: &str) -> String {
    text(
        &plain
            .replace("mg-", "memgraph-ha-")
            .replace("gw-", "gateway ")
            .replace("ct-", "controller "),
    )
}

fn our_row(out: &mut String, told: &Told) {
    let time = format!("{}.{:03} s", told.at / 1_000, told.at % 1_000);
    let words = told.what.strip_prefix("clients: ").unwrap_or(&told.what);
    let what = format!("<span class=\"what\">{}</span>", in_full(words));
    let Some(by) = &told.rule else {
        let classes = if told.what.starts_with("BROKEN") { "bad" } else { "" };
        return row(out, &time, told.lane, classes, &told.what, &what);
    };
    let inner = format!(
        "{what}<span class=\"why\"><code>{}</code> {}</span>",
        text(&by.rule),
        in_full(&by.why)
    );
    let title = format!("{}, when {}: {}", by.rule, by.when, by.why);
    row(out, &time, told.lane, if by.acts { "act" } else { "hold" }, &title, &inner);
}

/// The words of an event, for people.
fn words(event: &str) -> String {
    text(&event.replace('_', " "))
}

/// Text with nothing in it that a browser takes for more than text.
fn text(plain: &str) -> String {
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn put(out: &mut String, piece: &str) {
    // Writing to a string cannot fail.
    let _written = out.write_str(piece);
}
