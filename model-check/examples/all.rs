use model_check::{explore::*, model::*};
fn main() {
    let only: Vec<String> = std::env::args().skip(2).collect();
    let max: u64 = std::env::args().nth(1).map_or(5_000_000, |a| a.parse().unwrap());
    for c in configurations(Bounds::Ci) {
        if !only.is_empty() && !only.iter().any(|o| o == c.name) {
            continue;
        }
        let name = c.name;
        let model = match Model::new(c) {
            Ok(m) => m,
            Err(e) => {
                println!("{name}: {e}");
                continue;
            }
        };
        let ex = explore(
            &model,
            &Limits {
                threads: 2,
                max_states: max,
                stop_at_first_violation: true,
                liveness: true,
                projections: false,
            },
            &mut |_| {},
        );
        let l = ex.liveness.as_ref();
        println!(
            "{name:20} {:?} states {} transitions {} depth {} {:?} restless {:?} lost {:?} settled {:?} excused {:?} within {:?} broken {:b}",
            ex.end,
            ex.states().len(),
            ex.transitions,
            ex.levels.len(),
            ex.explored,
            l.map(|l| l.restless),
            l.map(|l| l.within.lost),
            l.map(|l| l.settled),
            l.map(|l| l.excused),
            l.map(|l| l.within.steps),
            ex.broken()
        );
        let seen: Vec<&str> = Moment::ALL
            .iter()
            .enumerate()
            .filter(|(n, _)| ex.sight(*n as u8).is_some())
            .map(|(_, (_, n))| *n)
            .collect();
        println!("      seen: {}", seen.join(", "));
        for bit in 0..64u8 {
            if let Some(w) = ex.violation(bit) {
                println!(
                    "BROKEN {} at {}",
                    property_names().get(bit as usize).unwrap_or(&"model"),
                    w.length
                );
                match model.trace(&ex.trace(&w).unwrap()) {
                    Ok(t) => println!("{t}"),
                    Err(e) => println!("PARTED {e}"),
                }
            }
        }
        if let Some(t) = l.and_then(|l| l.nearest.as_ref()) {
            println!("TRAP of {} states, {} moving", t.states, t.moving);
            let lasso = ex.lasso(t).unwrap();
            match model.trace(&lasso.path) {
                Ok(t) => println!("{t}"),
                Err(e) => println!("PARTED {e}"),
            }
            let mut whole = lasso.path.clone();
            whole.extend(&lasso.cycle);
            match model.trace(&whole) {
                Ok(t) => {
                    println!("cycle:");
                    for m in t.steps.iter().skip(lasso.path.len()) {
                        println!("   {}", m.act);
                    }
                    for (i, b) in t.world.bodies.iter().enumerate() {
                        println!(
                            "  mg-{i} {:?} rows {:?} log {:?}",
                            b.instance.role(),
                            b.instance
                                .rows()
                                .iter()
                                .map(|r| (r.name.0, r.mode, r.data))
                                .collect::<Vec<_>>(),
                            b.instance
                                .volume
                                .log
                                .iter()
                                .map(|e| (e.tick, e.payload))
                                .collect::<Vec<_>>()
                        );
                    }
                    println!("  record {:?}", t.world.api.record());
                    for no in 0..2 {
                        if let Ok(o) = t.world.observation(shell_sim::world::ControllerNo(no)) {
                            println!("ct-{no}:\n{}", ha_core::plan(&o));
                        }
                    }
                }
                Err(e) => println!("PARTED {e}"),
            }
        }
    }
}
