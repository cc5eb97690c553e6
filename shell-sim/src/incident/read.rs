//! From the text of a file to an [`Incident`]. This module decides what is accepted: the schema,
//! the closed vocabularies, orders, stamps and names. It deliberately does not know what the fields
//! say that judge the predecessor: it skips them.

use super::{
    error::{Place, Problem, ReadError},
    facts::{Facts, Fault, parse_mode},
    model::{Clock, Config, Incident, Item, PodBefore, Source},
    pod::{POD_NAMES, PodName},
    stamp::{SHAPES, Stamp, parse_date},
    value::Data,
    words::{UnknownWord, shorten},
};
use ha_core::leadership::Millis;
use serde::{Deserialize, de::IgnoredAny};
use serde_saphyr::{DuplicateKeyPolicy, Error as YamlError, MergeKeyPolicy, Spanned};
use std::{collections::BTreeSet, str::FromStr};

/// No incident comes near it; a log file given by mistake does.
const SIZE_LIMIT: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIncident {
    id: String,
    title: String,
    kind: String,
    variant_of: Option<String>,
    date: String,
    clock: RawClock,
    source: Vec<RawSource>,
    severity: Option<String>,
    memgraph_version: Option<String>,
    topology_before: Vec<RawPod>,
    config: RawConfig,
    timeline: Vec<Spanned<RawItem>>,
    #[serde(default, rename = "original_outcome")]
    _outcome: IgnoredAny,
    #[serde(default, rename = "invariant_violated")]
    _violated: IgnoredAny,
    #[serde(default, rename = "what_a_correct_controller_does")]
    _advice: IgnoredAny,
    unknowns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClock {
    date: Option<String>,
    date_basis: Option<String>,
    zone: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    file: String,
    section: Option<String>,
    commit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPod {
    pod: String,
    role: Option<String>,
    sync_mode: Option<String>,
    status: Option<String>,
    behind: Option<i64>,
    ts: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    replication_mode: Option<String>,
    pvc: Option<bool>,
    prestop: Option<bool>,
    snapshot_on_exit: Option<bool>,
    prestop_timeout_s: Option<u64>,
    termination_grace_s: Option<u64>,
    notes: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawItem {
    t: Option<String>,
    order: i64,
    actor: String,
    pod: Option<String>,
    event: String,
    #[serde(default)]
    data: Option<Data>,
    quote: Option<String>,
    evidence: String,
}

impl Incident {
    /// Reads a file. `name` is its name, with or without folders and ending; its stem must equal
    /// the `id` inside.
    pub fn read(name: &str, text: &str) -> Result<Self, ReadError> {
        let reader = Reader { file: name };
        if text.len() > SIZE_LIMIT {
            let problem = Problem::TooLarge { found: text.len(), limit: SIZE_LIMIT };
            return Err(reader.error(Place::default(), problem));
        }
        reader.incident(parse(&reader, text)?)
    }

    /// Reads a file that need not be text.
    pub fn read_bytes(name: &str, bytes: &[u8]) -> Result<Self, ReadError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let problem = Problem::NotUtf8 { at: error.valid_up_to() };
            Reader { file: name }.error(Place::default(), problem)
        })?;
        Self::read(name, text)
    }
}

/// How deep values may be nested; recorded data needs four levels.
const DEPTH_LIMIT: usize = 16;

/// Parses the YAML with limits far above what incidents need and far below what hurts.
fn parse(reader: &Reader<'_>, text: &str) -> Result<RawIncident, ReadError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_LIMIT,
            max_aliases: 0,
            max_anchors: 0,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map(|location| location.line());
        let place = Place { line, ..Place::default() };
        reader.error(place, explain(&error, line_of(text, line)))
    })
}

fn line_of(text: &str, line: Option<u64>) -> &str {
    let index = line.and_then(|line| usize::try_from(line).ok()?.checked_sub(1));
    index.and_then(|index| text.lines().nth(index)).unwrap_or_default().trim()
}

/// The parser's error in the words of the schema. `line` is the line at fault.
fn explain(error: &YamlError, line: &str) -> Problem {
    if let YamlError::DuplicateMappingKey { key, .. } = error {
        let key = shorten(key.as_deref().unwrap_or(line));
        return Problem::value(format!("the key `{key}` a second time"), "each key once");
    }
    if let YamlError::InvalidScalar { ty: "i64" | "u64", .. } = error {
        return Problem::value(format!("`{}`", shorten(line)), "a whole number there");
    }
    if let YamlError::NullIntoString { .. } = error {
        return Problem::value(format!("`{}`", shorten(line)), "a text after it");
    }
    if let YamlError::Budget { .. } = error {
        return Problem::value(
            format!("`{}`", shorten(line)),
            format!("no anchors, no aliases and at most {DEPTH_LIMIT} levels"),
        );
    }
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(before, _)| before);
    Problem::Shape { message: message.to_owned(), found: shorten(line) }
}

/// Turns raw parts into typed ones; it knows the file's name for its errors.
struct Reader<'f> {
    file: &'f str,
}

impl Reader<'_> {
    fn error(&self, place: Place, problem: impl Into<Problem>) -> ReadError {
        ReadError { file: self.file.to_owned(), place, problem: Box::new(problem.into()) }
    }

    fn incident(&self, raw: RawIncident) -> Result<Incident, ReadError> {
        self.check_id(&raw.id)?;
        let timeline = self.timeline(raw.timeline)?;
        Ok(Incident {
            kind: self.word(&raw.kind, || Place::field("kind"))?,
            date: self.date("date", &raw.date)?,
            clock: self.clock(raw.clock)?,
            source: raw
                .source
                .into_iter()
                .map(|RawSource { file, section, commit }| Source { file, section, commit })
                .collect(),
            topology_before: self.topology(raw.topology_before)?,
            config: self.config(raw.config)?,
            timeline,
            id: raw.id,
            title: raw.title,
            variant_of: raw.variant_of,
            severity: raw.severity,
            memgraph_version: raw.memgraph_version,
            unknowns: raw.unknowns,
        })
    }

    fn check_id(&self, id: &str) -> Result<(), ReadError> {
        let base = self.file.rsplit(['/', '\\']).next().unwrap_or(self.file);
        let stem = base.strip_suffix(".yaml").unwrap_or(base);
        if id == stem {
            return Ok(());
        }
        let problem = Problem::value(
            format!("`{}`", shorten(id)),
            format!("`{stem}`, the file's name without its ending"),
        );
        Err(self.error(Place::field("id"), problem))
    }

    fn word<W: FromStr<Err = UnknownWord>>(
        &self,
        text: &str,
        place: impl FnOnce() -> Place,
    ) -> Result<W, ReadError> {
        text.parse().map_err(|wrong: UnknownWord| self.error(place(), wrong))
    }

    fn date(&self, field: &str, text: &str) -> Result<Option<String>, ReadError> {
        if text == "undated" {
            return Ok(None);
        }
        if parse_date(text).is_some() {
            return Ok(Some(text.to_owned()));
        }
        let problem =
            Problem::value(format!("`{}`", shorten(text)), "a date YYYY-MM-DD or `undated`");
        Err(self.error(Place::field(field), problem))
    }

    fn clock(&self, raw: RawClock) -> Result<Clock, ReadError> {
        let date = match raw.date {
            Some(text) => self.date("clock.date", &text)?,
            None => None,
        };
        Ok(Clock { date, date_basis: raw.date_basis, zone: raw.zone })
    }

    fn topology(&self, raw: Vec<RawPod>) -> Result<Vec<PodBefore>, ReadError> {
        let mut seen = BTreeSet::new();
        let mut pods = Vec::new();
        for (index, one) in raw.into_iter().enumerate() {
            let place = |field: &str| Place::field(&format!("topology_before[{index}].{field}"));
            let pod = self.pod(&one.pod, || place("pod"))?;
            if !seen.insert(pod) {
                let problem = Problem::value(format!("`{pod}` again"), "each pod once");
                return Err(self.error(place("pod"), problem));
            }
            let word = |text: Option<String>, field: &str| (text, place(field));
            let (role, at) = word(one.role, "role");
            let role = role.map(|text| self.word(&text, || at)).transpose()?;
            let (mode, at) = word(one.sync_mode, "sync_mode");
            let sync_mode = self.mode(mode, at)?;
            let (status, at) = word(one.status, "status");
            let status = status.map(|text| self.word(&text, || at)).transpose()?;
            pods.push(PodBefore { pod, role, sync_mode, status, behind: one.behind, ts: one.ts });
        }
        Ok(pods)
    }

    fn config(&self, raw: RawConfig) -> Result<Config, ReadError> {
        Ok(Config {
            replication_mode: self
                .mode(raw.replication_mode, Place::field("config.replication_mode"))?,
            pvc: raw.pvc,
            prestop: raw.prestop,
            snapshot_on_exit: raw.snapshot_on_exit,
            prestop_timeout_s: raw.prestop_timeout_s,
            termination_grace_s: raw.termination_grace_s,
            notes: raw.notes,
        })
    }

    fn mode(
        &self,
        text: Option<String>,
        place: Place,
    ) -> Result<Option<super::SyncMode>, ReadError> {
        text.map(|text| parse_mode(&text).map_err(|wrong| self.error(place, wrong))).transpose()
    }

    fn pod(&self, text: &str, place: impl FnOnce() -> Place) -> Result<PodName, ReadError> {
        text.parse().map_err(|_| {
            let problem = Problem::value(format!("`{}`", shorten(text)), POD_NAMES);
            self.error(place(), problem)
        })
    }

    fn timeline(&self, raw: Vec<Spanned<RawItem>>) -> Result<Vec<Item>, ReadError> {
        let mut items: Vec<Stamped> = Vec::new();
        for one in raw {
            let line = one.defined.line();
            let previous = items.last().map_or(0, |last| last.item.order);
            items.push(self.item(one.value, line, previous)?);
        }
        self.place_in_time(&mut items)?;
        Ok(items.into_iter().map(|one| one.item).collect())
    }

    fn item(&self, raw: RawItem, line: u64, previous: u32) -> Result<Stamped, ReadError> {
        let place = |field: &str| Place {
            line: Some(line),
            order: Some(raw.order),
            field: Some(field.to_owned()),
        };
        let order = next_order(raw.order, previous)
            .map_err(|problem| self.error(Place { order: None, ..place("order") }, problem))?;
        let stamp = raw.t.as_deref().map(|text| {
            Stamp::parse(text).ok_or_else(|| {
                self.error(place("t"), Problem::value(format!("`{}`", shorten(text)), SHAPES))
            })
        });
        let data = raw.data.unwrap_or_default();
        let facts = Facts::of(&data)
            .map_err(|Fault { key, problem }| self.error(place(&format!("data.{key}")), problem))?;
        let item = Item {
            at: None,
            order,
            actor: self.word(&raw.actor, || place("actor"))?,
            pod: raw.pod.as_deref().map(|text| self.pod(text, || place("pod"))).transpose()?,
            event: self.word(&raw.event, || place("event"))?,
            facts,
            evidence: self.word(&raw.evidence, || place("evidence"))?,
            t: raw.t,
            data,
            quote: raw.quote,
        };
        Ok(Stamped { item, stamp: stamp.transpose()?, line })
    }

    /// Sets the relative times and refuses a stamp that lies before one of a lower order.
    fn place_in_time(&self, items: &mut [Stamped]) -> Result<(), ReadError> {
        let day = items.iter().find_map(|one| one.stamp.and_then(Stamp::day)).unwrap_or(0);
        let on_scale = |one: &Stamped| one.stamp.map(|stamp| stamp.on_scale(day));
        let first = items.iter().filter_map(on_scale).min().unwrap_or(0);
        let mut floor: Option<(Millis, String)> = None;
        for group in items.chunk_by_mut(|one, next| one.item.order == next.item.order) {
            let mut highest = floor.clone();
            for one in group {
                let Some(at) = on_scale(one) else { continue };
                let text = one.item.t.clone().unwrap_or_default();
                if let Some((_, earlier)) = floor.as_ref().filter(|(limit, _)| at < *limit) {
                    let problem = Problem::TimeRunsBack { found: text, earlier: earlier.clone() };
                    return Err(self.error(one.place("t"), problem));
                }
                if highest.as_ref().is_none_or(|(limit, _)| at > *limit) {
                    highest = Some((at, text));
                }
                one.item.at = Some(at.saturating_sub(first));
            }
            floor = highest;
        }
        Ok(())
    }
}

/// An item with what is needed to place it in time.
struct Stamped {
    item: Item,
    stamp: Option<Stamp>,
    line: u64,
}

impl Stamped {
    fn place(&self, field: &str) -> Place {
        Place {
            line: Some(self.line),
            order: Some(i64::from(self.item.order)),
            field: Some(field.to_owned()),
        }
    }
}

/// The order of an item that follows one with order `previous` (0 before the first).
fn next_order(found: i64, previous: u32) -> Result<u32, Problem> {
    let order = u32::try_from(found).ok();
    let next = previous.saturating_add(1);
    match order {
        Some(order) if order == next || (order == previous && previous > 0) => Ok(order),
        Some(_) | None if previous == 0 => Err(Problem::Order { found, expected: "1".to_owned() }),
        Some(_) | None => Err(Problem::Order { found, expected: format!("{previous} or {next}") }),
    }
}
