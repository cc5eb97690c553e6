//! How long one decision takes, in four moments of a cluster of three instances. The goal is at
//! most 20 microseconds each.

#[path = "../tests/common/bases.rs"]
mod bases;

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

criterion_group!(benches, decide);
criterion_main!(benches);
