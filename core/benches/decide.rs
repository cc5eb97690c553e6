//! How long one decision takes, in four moments of a cluster of three instances, and how that grows
//! with more of them. The goal is at most 20 microseconds for three, and no faster growth than the square.

#[path = "../tests/common/bases.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod bases;
#[path = "../tests/common/wide.rs"]
mod wide;

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    for name in ["settled", "failover-begins", "drained", "bootstrap"] {
        let observation = bases::base(name);
        group.bench_function(name, |bencher| {
            bencher.iter(|| ha_core::plan(black_box(&observation)));
        });
    }
    group.finish();
}

fn sizes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("instances");
    for name in ["settled", "failover-begins", "drained"] {
        for instances in [3, 5, 7, 50] {
            let observation = wide::widened(bases::base(name), instances);
            group.bench_function(format!("{name}/{instances}"), |bencher| {
                bencher.iter(|| ha_core::plan(black_box(&observation)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, decide, sizes);
criterion_main!(benches);
