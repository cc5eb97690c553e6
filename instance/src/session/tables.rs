//! Rows of the SHOW statements, in Memgraph's words and types (MR 1.4, 1.5).

use super::usage;
use crate::node::Node;
use crate::settings::{FLAGS, Settings};
use bolt::value::{Value, map};
use shell_sim::memgraph::{Row, Version};

/// The only database (MR 7).
pub(super) const DATABASE: &str = "memgraph";

/// One row of SHOW REPLICAS.
pub(super) fn replica(node: &Node, row: &Row) -> Vec<Value> {
    let address = node.address(row.endpoint);
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let system = row.system.map(|state| {
        map([("ts", Value::Int(0)), ("behind", Value::Null), ("status", state.as_str().into())])
    });
    let data = row.data.map(|info| {
        let info = map([
            ("ts", number(info.ts)),
            ("behind", Value::Int(info.behind)),
            ("status", info.status.as_str().into()),
        ]);
        (DATABASE, info)
    });
    vec![
        node.replica(row.name).into(),
        format!("{}:{}", address.host, address.port).into(),
        row.mode.as_str().into(),
        system.into(),
        map(data).into(),
    ]
}

/// SHOW CONFIG: names with underscores (MR 1.5).
pub(super) fn config(settings: &Settings) -> Vec<Vec<Value>> {
    let mut flags: Vec<_> = FLAGS.iter().collect();
    flags.sort_by_key(|flag| flag.name);
    let row = |flag: &crate::settings::Flag| {
        vec![
            flag.name.replace('-', "_").into(),
            flag.default.into(),
            settings.current(flag).into(),
            flag.about.into(),
        ]
    };
    flags.into_iter().map(row).collect()
}

/// The plain SHOW STORAGE INFO: of the database up to 3.10, of the instance from 3.11 on. No
/// allocations are counted here: as tracked is shown what is resident.
pub(super) fn storage_info(node: &Node) -> Vec<Vec<Value>> {
    let none = usage::size(0);
    match node.config().version {
        Version::V3_6 | Version::V3_8 | Version::V3_10 => {
            let mut rows = vec![("name", Value::from(DATABASE))];
            rows.extend(counts(node));
            rows.extend([
                ("vm_max_map_count", usage::most_mappings()),
                ("memory_res", usage::resident()),
                ("peak_memory_res", usage::peak()),
                ("unreleased_delta_objects", Value::Int(0)),
                ("disk_usage", disk_usage(node)),
                ("memory_tracked", usage::resident()),
                ("allocation_limit", none.clone()),
                ("global_isolation_level", "SNAPSHOT_ISOLATION".into()),
                ("session_isolation_level", "".into()),
                ("next_session_isolation_level", "".into()),
                ("storage_mode", "IN_MEMORY_TRANSACTIONAL".into()),
            ]);
            pairs(rows)
        }
        Version::V3_12 | Version::Head => pairs(vec![
            ("vm_max_map_count", usage::most_mappings()),
            ("memory_res", usage::resident()),
            ("peak_memory_res", usage::peak()),
            ("disk_usage", disk_usage(node)),
            ("memory_tracked", usage::resident()),
            ("memory_limit", none.clone()),
            ("license_memory_limit", none.clone()),
            ("vector_index_memory_tracked", none),
            ("global_isolation_level", "SNAPSHOT_ISOLATION".into()),
            ("session_isolation_level", "".into()),
            ("next_session_isolation_level", "".into()),
            ("global_storage_mode", "IN_MEMORY_TRANSACTIONAL".into()),
        ]),
    }
}

/// SHOW STORAGE INFO ON CURRENT DATABASE.
pub(super) fn database_info(node: &Node) -> Vec<Vec<Value>> {
    let uuid = node.storage_uuid().map(|uuid| uuid_text(uuid.0));
    let mut rows = vec![
        ("name", Value::from(DATABASE)),
        ("database_uuid", uuid.into()),
        ("state", "HOT".into()),
        ("storage_mode", "IN_MEMORY_TRANSACTIONAL".into()),
    ];
    rows.extend(counts(node));
    rows.extend([
        ("unreleased_delta_objects", Value::Int(0)),
        ("disk_usage", disk_usage(node)),
        ("memory_tracked", usage::resident()),
        ("storage_isolation_level", "SNAPSHOT_ISOLATION".into()),
    ]);
    if node.config().version == Version::Head {
        rows.push(("health", if node.is_broken() { "broken" } else { "ready" }.into()));
    }
    pairs(rows)
}

/// Rows of SHOW INDEX INFO.
pub(super) fn indexes(node: &Node) -> Vec<Vec<Value>> {
    let graph = node.graph();
    let row = |index: &crate::graph::Index| {
        let count = i64::try_from(graph.labelled_count(&index.label)).unwrap_or(i64::MAX);
        let kind = if index.property.is_some() { "label+property" } else { "label" };
        let property = index.property.as_ref().map(|name| Value::List(vec![(&**name).into()]));
        vec![kind.into(), (&*index.label).into(), property.into(), count.into()]
    };
    graph.indexes().map(row).collect()
}

fn counts(node: &Node) -> [(&'static str, Value); 3] {
    let graph = node.graph();
    let (nodes, edges) = (graph.node_count(), graph.edge_count());
    let int = |count: usize| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    let degree = average_degree(nodes, edges);
    [("vertex_count", int(nodes)), ("edge_count", int(edges)), ("average_degree", degree.into())]
}

#[expect(clippy::float_arithmetic, reason = "a mean that is only shown")]
#[expect(clippy::cast_precision_loss, reason = "a mean that is only shown")]
fn average_degree(nodes: usize, edges: usize) -> f64 {
    if nodes == 0 { 0.0 } else { 2.0 * edges as f64 / nodes as f64 }
}

fn disk_usage(node: &Node) -> Value {
    usage::on_disk(node.settings.data_directory.as_deref())
}

fn pairs(rows: Vec<(&'static str, Value)>) -> Vec<Vec<Value>> {
    rows.into_iter().map(|(name, value)| vec![name.into(), value]).collect()
}

/// A number in the shape of the identity that Memgraph shows.
fn uuid_text(number: u64) -> String {
    let hex = format!("{number:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|range| hex.get(range).unwrap_or_default()).join("-")
}
