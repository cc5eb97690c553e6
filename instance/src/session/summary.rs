//! What the last SUCCESS of a statement says (MR 7).

use crate::execute::{Access, Stats};
use crate::node::Node;
use bolt::Map;
use bolt::value::{Value, map};
use shell_sim::memgraph::Notice;
use std::time::Duration;

/// How long the parts of a statement took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) parsing: Duration,
    pub(super) planning: Duration,
    pub(super) execution: Duration,
}

/// What is told of a finished statement.
#[derive(Debug, Clone, Default)]
pub(super) struct Summary {
    /// None for a statement that does not touch the graph.
    pub(super) access: Option<Access>,
    pub(super) stats: Stats,
    pub(super) times: Times,
    pub(super) notices: Vec<Notice>,
}

impl Summary {
    /// As it is sent.
    pub(super) fn map(&self, node: &Node) -> Map {
        let mut summary = map([
            ("cost_estimate", Value::Float(0.0)),
            ("parsing_time", self.times.parsing.as_secs_f64().into()),
            ("planning_time", self.times.planning.as_secs_f64().into()),
            ("plan_execution_time", self.times.execution.as_secs_f64().into()),
            // Drivers know `s` as a statement about the schema or the server.
            ("type", self.access.map_or("s", Access::as_str).into()),
        ]);
        if !self.stats.is_empty() {
            let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            let entries = self.stats.entries();
            let stats = map(entries.map(|(name, count)| (name, number(count))));
            summary.insert("stats".into(), stats.into());
        }
        if !self.notices.is_empty() {
            summary.insert("notifications".into(), notifications(&self.notices, node));
        }
        summary
    }
}

/// Notifications with the four keys that they have (MR 1.2).
pub(super) fn notifications(notices: &[Notice], node: &Node) -> Value {
    let shown = |notice: &Notice| -> Value {
        let title = node.title(notice);
        map([
            ("severity", notice.severity()),
            ("code", notice.code()),
            ("title", title.as_str()),
            ("description", ""),
        ])
        .into()
    };
    Value::List(notices.iter().map(shown).collect())
}
