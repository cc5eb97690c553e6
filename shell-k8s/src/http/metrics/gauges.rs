//! What is true at the moment of asking, read from the last status. A controller that does not lead
//! is silent about what only a leader knows; silence is better than a zero that means nothing.

use super::{super::facts, stamp};
use crate::controller::{Controller, Status, WarningKind};
use ha_core::{
    ids::InstanceId,
    marks::{Replicates, mark},
    observation::{ClusterObservation, Route},
    record::Stage,
    rules::RuleId,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use std::{collections::BTreeMap, fmt, sync::Arc};
use tokio::sync::watch;

/// Reads the gauges.
#[derive(Debug)]
pub(super) struct Gauges {
    /// Whose.
    pub(super) controller: Controller,
    /// What it knows.
    pub(super) status: watch::Receiver<Arc<Status>>,
}

struct Encoding<'a>(DescriptorEncoder<'a>);

impl Encoding<'_> {
    fn one(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    fn flag(&mut self, name: &str, help: &str, value: bool) -> fmt::Result {
        self.one(name, help, i64::from(value))
    }

    fn count(&mut self, name: &str, help: &str, value: usize) -> fmt::Result {
        self.one(name, help, i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// One counter, which is called a total.
    fn total(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    /// One gauge of several rows: labels and values.
    fn rows<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = ([(&'static str, String); N], i64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in rows {
            ConstGauge::new(value).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Gauges {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = Arc::clone(&self.status.borrow());
        let leads = self.controller.leads();
        let mut out = Encoding(encoder);
        out.flag("memgraph_controller_is_leader", "Whether this controller leads", leads)?;
        let help = "Whether it grants by promises of the other controllers, its lease not renewed";
        out.flag("memgraph_ha_grants_on_promises", help, self.controller.grants_on_promises())?;
        let help = "Whether lease, grants of other leaders and promises let it promote";
        out.flag("memgraph_ha_may_promote", help, self.controller.may_promote())?;
        let help = "Lines of the journal that were not written";
        out.total("memgraph_ha_journal_errors", help, self.controller.unwritten_lines())?;
        warnings(&mut out, &status)?;
        let Some(seen) = &status.observation else { return Ok(()) };
        let help = "When the last pass ended, in seconds since 1970";
        let name = "memgraph_controller_last_reconciliation_timestamp";
        out.one(name, help, stamp(status.wall_ms))?;
        cluster(&mut out, seen)?;
        record(&mut out, seen)?;
        holds(&mut out, &status)?;
        if leads {
            let help = "1: writes are routed, every replica is proven, nothing is to be done";
            out.flag("memgraph_cluster_state", help, status.plan.settled)?;
            route(&mut out, seen)?;
            marks(&mut out, seen)?;
        }
        Ok(())
    }
}

/// What people are told that no rule waits for, and the two numbers that should agree.
fn warnings(out: &mut Encoding<'_>, status: &Status) -> fmt::Result {
    let row = |kind: &WarningKind| {
        let is_so = status.warnings.iter().any(|warning| warning.kind == *kind);
        ([("kind", kind.name().to_owned())], i64::from(is_so))
    };
    let help = "What is amiss beside what rules wait for, by kind";
    out.rows("memgraph_ha_warnings", help, WarningKind::ALL.iter().map(row))?;
    if status.passes > 0 {
        let help = "How many instances this controller keeps in order";
        out.count("memgraph_ha_instances", help, status.size.into())?;
    }
    if let Some(replicas) = status.set_replicas {
        let help = "How many pods the StatefulSet asks for";
        out.one("memgraph_ha_set_replicas", help, i64::from(replicas))?;
    }
    Ok(())
}

fn cluster(out: &mut Encoding<'_>, seen: &ClusterObservation) -> fmt::Result {
    let (total, answering) = facts::pods(seen);
    out.count("memgraph_cluster_pods_total", "Pods of instances that exist", total)?;
    out.count("memgraph_cluster_pods_healthy", "Pods whose instance answers", answering)?;
    let help = "Whether the main finds a voter up to date";
    let ready = facts::ready_voter(seen).is_some();
    out.flag("memgraph_cluster_sync_replica_healthy", help, ready)
}

fn record(out: &mut Encoding<'_>, seen: &ClusterObservation) -> fmt::Result {
    let Some(record) = facts::record(seen) else { return Ok(()) };
    out.one("memgraph_ha_term", "The recorded term", i64::from(record.term.0))?;
    let help = "The ordinal of the recorded main";
    out.one("memgraph_ha_main_ordinal", help, i64::from(record.target.0))?;
    let stages = [Stage::Intent, Stage::Withdrawn, Stage::Attached, Stage::Steady];
    let row = |stage: Stage| ([("stage", stage.to_string())], i64::from(stage == record.stage));
    out.rows("memgraph_ha_stage", "How far the move to the main has come", stages.map(row))?;
    let row = |id: &InstanceId| ([("instance", id.to_string())], i64::from(record.is_voter(*id)));
    out.rows("memgraph_ha_votes", "Whose vote commits wait for", seen.instances.keys().map(row))?;
    let help = "Instances whose data was ordered to be set aside";
    out.count("memgraph_ha_resets_ordered", help, record.resets.len())
}

/// What pods are marked with; nothing of an instance of which it is not known.
fn marks(out: &mut Encoding<'_>, seen: &ClusterObservation) -> fmt::Result {
    let row = |id: &InstanceId| {
        let value = match mark(seen, *id).replicates {
            Replicates::Yes => 1,
            Replicates::No(_) => 0,
            Replicates::Unknown => return None,
        };
        Some(([("instance", id.to_string())], value))
    };
    let help = "Whether an instance really replicates";
    out.rows("memgraph_ha_replicates", help, seen.instances.keys().filter_map(row))
}

/// What is waited for: how often by each rule.
fn holds(out: &mut Encoding<'_>, status: &Status) -> fmt::Result {
    let mut counts: BTreeMap<RuleId, i64> = BTreeMap::new();
    for hold in &status.plan.holds {
        *counts.entry(hold.rule).or_default() += 1;
    }
    let row = |(rule, count): (RuleId, i64)| {
        ([("rule", rule.to_string()), ("name", rule.rule().name.to_owned())], count)
    };
    out.rows("memgraph_ha_holds", "Deliberate waits, by rule", counts.into_iter().map(row))
}

fn route(out: &mut Encoding<'_>, seen: &ClusterObservation) -> fmt::Result {
    let now = match seen.route.handed_out {
        Route::Closed => "closed",
        Route::Open { .. } => "open",
        Route::Draining { .. } => "draining",
    };
    let row = |state: &'static str| ([("state", state.to_owned())], i64::from(state == now));
    let help = "The write route that is handed out";
    out.rows("memgraph_ha_route", help, ["closed", "open", "draining"].map(row))?;
    let help = "Gateways that may forward under a grant of this controller";
    out.count("memgraph_ha_gateways_outstanding", help, seen.route.outstanding.len())
}
