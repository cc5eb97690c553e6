//! From drafts to an incident: sorted by time, orders from 1, what was seen before the first event
//! as the topology before.

use super::Draft;
use crate::incident::{
    Clock, Config, Data, EventWord, Evidence, Incident, Item, Kind, PodBefore, PodName, Role,
    Source, facts::Facts,
};
use std::collections::BTreeMap;

pub(super) fn incident(id: &str, files: &[String], mut drafts: Vec<Draft>) -> Incident {
    drafts.sort_by_key(|draft| (draft.at.is_none(), draft.at, draft.seq));
    forget_echoes(&mut drafts);
    let topology_before = before(&mut drafts);
    let first = drafts.iter().find_map(|draft| draft.at);
    let day = first.filter(|at| at.dated).map(super::clock::Moment::day);
    let mut timeline = Vec::new();
    let (mut order, mut last) = (0, None);
    for draft in drafts {
        // Two lines of one millisecond are not known to be in this order, unless one file has both.
        if last != Some(draft.seq) {
            order += 1;
        }
        last = Some(draft.seq);
        let data = Data(draft.data);
        let Ok(facts) = Facts::of(&data) else { continue };
        timeline.push(Item {
            t: draft.at.map(super::clock::Moment::clock),
            at: draft.at.and_then(|at| Some(at.ms.saturating_sub(first?.ms))),
            order,
            actor: draft.actor,
            pod: draft.pod,
            event: draft.event,
            facts,
            data,
            quote: Some(draft.quote),
            evidence: Evidence::Log,
        });
    }
    let date = day.map(crate::incident::stamp::date_of);
    let prestop =
        timeline.iter().any(|item| item.event == EventWord::PrestopCalled).then_some(true);
    Incident {
        id: id.to_owned(),
        title: format!("Log of {}", files.join(", ")),
        kind: Kind::Incident,
        variant_of: None,
        clock: Clock { date: date.clone(), date_basis: None, zone: None },
        date,
        source: files
            .iter()
            .map(|file| Source { file: file.clone(), section: None, commit: None })
            .collect(),
        severity: None,
        memgraph_version: None,
        topology_before,
        config: Config {
            replication_mode: None,
            pvc: None,
            prestop,
            snapshot_on_exit: None,
            prestop_timeout_s: None,
            termination_grace_s: None,
            notes: None,
        },
        timeline,
        unknowns: Vec::new(),
    }
}

/// Several lines tell of the end of one pod, and several of one call of a hook; the first counts.
fn forget_echoes(drafts: &mut Vec<Draft>) {
    const ECHOING: &[EventWord] =
        &[EventWord::PodDeleted, EventWord::PrestopCompleted, EventWord::PodDeletionRequested];
    let mut gone: BTreeMap<(EventWord, Option<PodName>), bool> = BTreeMap::new();
    drafts.retain(|draft| {
        if matches!(draft.event, EventWord::PodCreated | EventWord::PrestopCalled) {
            gone.retain(|(_, pod), _| *pod != draft.pod);
        }
        !ECHOING.contains(&draft.event) || gone.insert((draft.event, draft.pod), true).is_none()
    });
}

/// Takes the observations before the first event for the state before the record.
fn before(drafts: &mut Vec<Draft>) -> Vec<PodBefore> {
    let is_observation = |draft: &Draft| {
        let address = draft.data.contains_key("bolt_address");
        matches!(draft.event, EventWord::RoleObserved | EventWord::ReplicaStatusObserved)
            && !address
            || draft.event == EventWord::ReplicasListed
    };
    let count = drafts.iter().take_while(|draft| is_observation(draft)).count();
    if count == drafts.len() {
        return Vec::new();
    }
    let mut pods: BTreeMap<PodName, PodBefore> = BTreeMap::new();
    for draft in drafts.drain(..count) {
        let Some(pod) = draft.pod else { continue };
        let Ok(facts) = Facts::of(&Data(draft.data)) else { continue };
        let entry = pods.entry(pod).or_insert(PodBefore {
            pod,
            role: None,
            sync_mode: None,
            status: None,
            behind: None,
            ts: None,
        });
        entry.role = facts.role.or(entry.role);
        if draft.event == EventWord::ReplicaStatusObserved {
            entry.role = entry.role.or(Some(Role::Replica));
            entry.sync_mode = facts.sync_mode.or(entry.sync_mode);
            entry.status = facts.status.or(entry.status);
            entry.behind = facts.behind.or(entry.behind);
            entry.ts = facts.ts.or(entry.ts);
        }
    }
    pods.into_values().collect()
}
