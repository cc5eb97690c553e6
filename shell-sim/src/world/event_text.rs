//! The text form of events: one line of words each, printed and parsed.

use super::{BadName, Event, act::Act, client::Next, names::Place, network::Cut};
use crate::memgraph::ReplicaName;
use ha_core::ids::InstanceId;
use std::{fmt, str::FromStr};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stale = |f: &mut fmt::Formatter<'_>, stale: u8| {
            if stale > 0 { write!(f, " stale={stale}") } else { Ok(()) }
        };
        match *self {
            Self::Advance(ms) => write!(f, "advance {ms}"),
            Self::Deliver(id) => write!(f, "deliver {id}"),
            Self::Fail(id) => write!(f, "fail {id}"),
            Self::Overdue(id) => write!(f, "overdue {id}"),
            Self::Cut(from, to, Cut::Refuse) => write!(f, "cut {from} {to} refuse"),
            Self::Cut(from, to, Cut::Silent) => write!(f, "cut {from} {to} silent"),
            Self::Heal(from, to) => write!(f, "heal {from} {to}"),
            Self::Crash(id) => write!(f, "crash {id}"),
            Self::Start(id) => write!(f, "start {id}"),
            Self::MarkDeleted(id) => write!(f, "delete-pod {id}"),
            Self::RemovePod(id) => write!(f, "remove-pod {id}"),
            Self::CreatePod(id, true) => write!(f, "create-pod {id}"),
            Self::CreatePod(id, false) => write!(f, "create-pod {id} without-address"),
            Self::AssignAddress(id) => write!(f, "assign-address {id}"),
            Self::PowerLoss(id, keep) => write!(f, "power-loss {id} keep={keep}"),
            Self::PowerOn(id) => write!(f, "power-on {id}"),
            Self::Wipe(id) => write!(f, "wipe {id}"),
            Self::Beat(id, name) => write!(f, "beat {id} mg-{}", name.0),
            Self::Busy(id, true) => write!(f, "busy {id}"),
            Self::Busy(id, false) => write!(f, "unbusy {id}"),
            Self::StartController(no) => write!(f, "start {no}"),
            Self::CrashController(no) => write!(f, "crash {no}"),
            Self::ReadPods(no) => write!(f, "read-pods {no}"),
            Self::ReadRecord(no, old) => {
                write!(f, "read-record {no}")?;
                stale(f, old)
            }
            Self::ReadLease(no, old) => {
                write!(f, "read-lease {no}")?;
                stale(f, old)
            }
            Self::Renew(no) => write!(f, "renew {no}"),
            Self::AskPeers(no) => write!(f, "ask-peers {no}"),
            Self::Release(no) => write!(f, "release-lease {no}"),
            Self::Probe(no, id) => write!(f, "probe {no} {id}"),
            Self::Decide(no) => write!(f, "decide {no}"),
            Self::Effect(no) => write!(f, "effect {no}"),
            Self::GiveUp(no) => write!(f, "give-up {no}"),
            Self::Ask(id) => write!(f, "ask {id}"),
            Self::RestartGateway(id) => write!(f, "restart {id}"),
            Self::Freeze(place) => write!(f, "freeze {place}"),
            Self::Thaw(place) => write!(f, "thaw {place}"),
            Self::JumpWall(place, ms) => write!(f, "jump-wall {place} {ms}"),
            Self::Drift(place, ppm) => write!(f, "drift {place} {ppm}"),
            Self::ApiDown => f.write_str("api-down"),
            Self::ApiUp => f.write_str("api-up"),
            Self::Write(client, gateway, None) => write!(f, "write {client} {gateway}"),
            Self::Write(client, gateway, Some(id)) => write!(f, "write {client} {gateway} {id}"),
            Self::Begin(client, gateway) => write!(f, "begin {client} {gateway}"),
            Self::GoOn(client, Next::Stage) => write!(f, "stage {client}"),
            Self::GoOn(client, Next::Commit) => write!(f, "commit {client}"),
            Self::GoOn(client, Next::Rollback) => write!(f, "rollback {client}"),
            Self::DeleteRecord => f.write_str("delete-record"),
            Self::AcceptLoss(main) => write!(f, "accept-loss {main}"),
            Self::Reset(of) => write!(f, "reset {of}"),
            Self::RestoreAside(of) => write!(f, "restore-aside {of}"),
            Self::Switchover(None) => f.write_str("switchover"),
            Self::Switchover(Some(to)) => write!(f, "switchover {to}"),
            Self::Pause(true) => f.write_str("pause"),
            Self::Pause(false) => f.write_str("unpause"),
            Self::Act(act) => act.fmt(f),
        }
    }
}

/// The words that an event begins with, and the message that names them.
macro_rules! verbs {
    ($first:literal $(, $verb:literal)* $(,)?) => {
        impl Event {
            /// The words that an event begins with. An act has its own: [`Act::VERBS`].
            pub const VERBS: &[&str] = &[$first $(, $verb)*];
        }

        /// What a line must begin with to be an event.
        const EXPECTED: &str = concat!(
            "an event: ", $first $(, ", ", $verb)*,
            ", each with its arguments, or an act such as scale or by-hand"
        );
    };
}

verbs!(
    "advance",
    "deliver",
    "fail",
    "overdue",
    "cut",
    "heal",
    "crash",
    "start",
    "delete-pod",
    "remove-pod",
    "create-pod",
    "assign-address",
    "power-loss",
    "power-on",
    "wipe",
    "beat",
    "busy",
    "unbusy",
    "read-pods",
    "read-record",
    "read-lease",
    "renew",
    "ask-peers",
    "release-lease",
    "probe",
    "decide",
    "effect",
    "give-up",
    "ask",
    "restart",
    "freeze",
    "thaw",
    "jump-wall",
    "drift",
    "api-down",
    "api-up",
    "write",
    "begin",
    "stage",
    "commit",
    "rollback",
    "switchover",
    "accept-loss",
    "reset",
    "restore-aside",
    "delete-record",
    "pause",
    "unpause",
);

fn word<T: FromStr>(text: &str, expected: &'static str) -> Result<T, BadName> {
    text.parse().map_err(|_| BadName::new(text, expected))
}

fn instance(text: &str) -> Result<InstanceId, BadName> {
    word(text, "an instance such as mg-0")
}

fn gateway(text: &str) -> Result<ha_core::ids::GatewayId, BadName> {
    word(text, "a gateway such as gw-0")
}

fn named<T: FromStr>(text: &str, name: &str, expected: &'static str) -> Result<T, BadName> {
    let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
    value.and_then(|value| value.parse().ok()).ok_or_else(|| BadName::new(text, expected))
}

impl FromStr for Event {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let Some((verb, rest)) = words.split_first() else {
            return Err(BadName::new(text, EXPECTED));
        };
        if let Some(event) = parse_message(verb, rest) {
            return event;
        }
        match (*verb, rest) {
            ("advance", [ms]) => Ok(Self::Advance(word(ms, "milliseconds such as 500")?)),
            ("cut", [from, to, how]) => {
                let how = match *how {
                    "refuse" => Cut::Refuse,
                    "silent" => Cut::Silent,
                    other => return Err(BadName::new(other, "refuse or silent")),
                };
                Ok(Self::Cut(from.parse()?, to.parse()?, how))
            }
            ("heal", [from, to]) => Ok(Self::Heal(from.parse()?, to.parse()?)),
            ("freeze", [place]) => Ok(Self::Freeze(place.parse()?)),
            ("thaw", [place]) => Ok(Self::Thaw(place.parse()?)),
            ("jump-wall", [place, ms]) => {
                Ok(Self::JumpWall(place.parse()?, word(ms, "milliseconds such as -3600000")?))
            }
            ("drift", [place, ppm]) => {
                Ok(Self::Drift(place.parse()?, word(ppm, "millionths such as 500")?))
            }
            ("api-down", []) => Ok(Self::ApiDown),
            ("api-up", []) => Ok(Self::ApiUp),
            ("delete-record", []) => Ok(Self::DeleteRecord),
            ("accept-loss", [main]) => Ok(Self::AcceptLoss(instance(main)?)),
            ("reset", [of]) => Ok(Self::Reset(instance(of)?)),
            ("restore-aside", [of]) => Ok(Self::RestoreAside(instance(of)?)),
            ("switchover", []) => Ok(Self::Switchover(None)),
            ("switchover", [to]) => Ok(Self::Switchover(Some(instance(to)?))),
            ("pause", []) => Ok(Self::Pause(true)),
            ("unpause", []) => Ok(Self::Pause(false)),
            ("crash", [place]) => match place.parse()? {
                Place::Instance(id) => Ok(Self::Crash(id)),
                Place::Controller(no) => Ok(Self::CrashController(no)),
                Place::Gateway(_) | Place::Api => {
                    Err(BadName::new(place, "an instance or a controller; a gateway restarts"))
                }
            },
            ("start", [place]) => match place.parse()? {
                Place::Instance(id) => Ok(Self::Start(id)),
                Place::Controller(no) => Ok(Self::StartController(no)),
                Place::Gateway(_) | Place::Api => {
                    Err(BadName::new(place, "an instance or a controller"))
                }
            },
            (_, rest) => parse_body(verb, rest)
                .or_else(|| parse_process(verb, rest))
                .or_else(|| parse_client(verb, rest))
                .or_else(|| Act::VERBS.contains(verb).then(|| text.parse().map(Event::Act)))
                .unwrap_or_else(|| Err(BadName::new(text, EXPECTED))),
        }
    }
}

fn parse_message(verb: &str, rest: &[&str]) -> Option<Result<Event, BadName>> {
    let event = match verb {
        "deliver" => Event::Deliver,
        "fail" => Event::Fail,
        "overdue" => Event::Overdue,
        _ => return None,
    };
    Some(rest.join(" ").parse().map(event))
}

fn parse_body(verb: &str, rest: &[&str]) -> Option<Result<Event, BadName>> {
    Some(match (verb, rest) {
        ("delete-pod", [id]) => instance(id).map(Event::MarkDeleted),
        ("remove-pod", [id]) => instance(id).map(Event::RemovePod),
        ("create-pod", [id]) => instance(id).map(|id| Event::CreatePod(id, true)),
        ("create-pod", [id, "without-address"]) => {
            instance(id).map(|id| Event::CreatePod(id, false))
        }
        ("assign-address", [id]) => instance(id).map(Event::AssignAddress),
        ("power-loss", [id]) => instance(id).map(|id| Event::PowerLoss(id, 0)),
        ("power-loss", [id, keep]) => instance(id).and_then(|id| {
            let keep = named(keep, "keep", "entries that stay, such as keep=3")?;
            Ok(Event::PowerLoss(id, keep))
        }),
        ("power-on", [id]) => instance(id).map(Event::PowerOn),
        ("wipe", [id]) => instance(id).map(Event::Wipe),
        ("busy", [id]) => instance(id).map(|id| Event::Busy(id, true)),
        ("unbusy", [id]) => instance(id).map(|id| Event::Busy(id, false)),
        ("beat", [id, of]) => {
            instance(id).and_then(|id| Ok(Event::Beat(id, ReplicaName(instance(of)?.0.into()))))
        }
        _ => return None,
    })
}

fn parse_process(verb: &str, rest: &[&str]) -> Option<Result<Event, BadName>> {
    const STALE: &str = "how many versions behind, such as stale=1";
    Some(match (verb, rest) {
        ("read-pods", [no]) => no.parse().map(Event::ReadPods),
        ("read-record", [no]) => no.parse().map(|no| Event::ReadRecord(no, 0)),
        ("read-record", [no, stale]) => {
            no.parse().and_then(|no| Ok(Event::ReadRecord(no, named(stale, "stale", STALE)?)))
        }
        ("read-lease", [no]) => no.parse().map(|no| Event::ReadLease(no, 0)),
        ("read-lease", [no, stale]) => {
            no.parse().and_then(|no| Ok(Event::ReadLease(no, named(stale, "stale", STALE)?)))
        }
        ("renew", [no]) => no.parse().map(Event::Renew),
        ("ask-peers", [no]) => no.parse().map(Event::AskPeers),
        ("release-lease", [no]) => no.parse().map(Event::Release),
        ("probe", [no, id]) => no.parse().and_then(|no| Ok(Event::Probe(no, instance(id)?))),
        ("decide", [no]) => no.parse().map(Event::Decide),
        ("effect", [no]) => no.parse().map(Event::Effect),
        ("give-up", [no]) => no.parse().map(Event::GiveUp),
        ("ask", [id]) => gateway(id).map(Event::Ask),
        ("restart", [id]) => gateway(id).map(Event::RestartGateway),
        _ => return None,
    })
}

fn parse_client(verb: &str, rest: &[&str]) -> Option<Result<Event, BadName>> {
    Some(match (verb, rest) {
        ("write", [client, via]) => {
            client.parse().and_then(|client| Ok(Event::Write(client, gateway(via)?, None)))
        }
        ("write", [client, via, again]) => client
            .parse()
            .and_then(|client| Ok(Event::Write(client, gateway(via)?, Some(again.parse()?)))),
        ("begin", [client, via]) => {
            client.parse().and_then(|client| Ok(Event::Begin(client, gateway(via)?)))
        }
        ("stage", [client]) => client.parse().map(|client| Event::GoOn(client, Next::Stage)),
        ("commit", [client]) => client.parse().map(|client| Event::GoOn(client, Next::Commit)),
        ("rollback", [client]) => client.parse().map(|client| Event::GoOn(client, Next::Rollback)),
        _ => return None,
    })
}
