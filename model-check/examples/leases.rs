use model_check::{explore::*, leases::*};
fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let max: u64 = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(3_000_000);
    if name == "third" || name == "three" {
        let v = variant("promises").unwrap();
        let v = Variant {
            places: 3,
            running: 3,
            cut: 1,
            timing: ticks(1, 1, 1),
            before: &[
                Act::Land(0),
                Act::ReadLease(1),
                Act::ReadLease(2),
                Act::Tick,
                Act::Write(1),
                Act::LandUnheard(1),
                Act::ReadLease(2),
                Act::Tick,
            ],
            ..v
        };
        let v = if name == "three" { Variant { before: &[], ..v } } else { v };
        let model = Leases::new(v);
        let limits = Limits {
            threads: 2,
            max_states: max,
            stop_at_first_violation: true,
            liveness: false,
            ..Limits::default()
        };
        let mut n = 0u64;
        let found = explore(&model, &limits, &mut |p| {
            n += 1;
            if n % 100 == 0 {
                eprintln!(
                    "{} states, {} queue, level {}, {}/s {} MB",
                    p.states,
                    p.queue,
                    p.level,
                    p.rate,
                    p.bytes >> 20
                )
            }
        });
        println!("{:?} {}", found.end, found.states().len());
        if let Some(w) = found.violation(0) {
            let path = found.trace(&w).unwrap();
            for m in model.trace(&path).unwrap() {
                println!("  {m}");
            }
        }
        return;
    }
    for variant in
        VARIANTS.iter().chain(LARGER).cloned().filter(|v| name == "all" || v.name == name)
    {
        let model = Leases::new(variant);
        let limits = Limits {
            threads: 2,
            max_states: max,
            stop_at_first_violation: true,
            projections: std::env::var_os("PROJ").is_some(),
            ..Limits::default()
        };
        let mut n = 0u64;
        let found = explore(&model, &limits, &mut |p| {
            n += 1;
            if n % 40 == 0 {
                eprintln!("{} states, {} queue, level {}, {}/s", p.states, p.queue, p.level, p.rate)
            }
        });
        println!(
            "{}: {:?} {} states {} transitions depth {} in {:?}; broken {} seen {:b} {:?}",
            model.variant.name,
            found.end,
            found.states().len(),
            found.transitions,
            found.levels.len() - 1,
            found.explored,
            found.broken(),
            found.seen(),
            model.sizes()
        );
        for p in &found.projections {
            println!("{p:?}");
        }
        println!("{:?}", found.levels);
        if std::env::var_os("DUMP").is_some() {
            let set: std::collections::BTreeSet<String> =
                found.states().iter().step_by(7).flat_map(|s| [model.dump(s, 0)]).collect();
            std::fs::write("/tmp/leases-dump.txt", set.into_iter().collect::<Vec<_>>().join("\n"))
                .unwrap();
        }
        if let Some(live) = &found.liveness {
            println!(
                "settles {} settled {} traps {} restless {}",
                live.settles(),
                live.settled,
                live.traps,
                live.restless
            );
            if let Some(trap) = &live.nearest {
                let lasso = found.lasso(trap).unwrap();
                println!("trap {} states {} moving", trap.states, trap.moving);
                for m in model.trace(&lasso.path).unwrap() {
                    println!("  {m}");
                }
                println!("  --");
                let path: Vec<_> = lasso.path.iter().chain(&lasso.cycle).copied().collect();
                for m in model.trace(&path).unwrap().iter().skip(lasso.path.len()) {
                    println!("  {m}");
                }
            }
        }
        if let Some(w) = found.violation(0) {
            let path = found.trace(&w).unwrap();
            match model.trace(&path) {
                Ok(t) => {
                    for m in t {
                        println!("  {m}");
                    }
                }
                Err(e) => println!("{e}"),
            }
        }
    }
}
