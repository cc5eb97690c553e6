use Outside::*;
use model_check::{explore::*, model::*};
use shell_sim::{mutants, world::Mistake};
fn main() {
    let max: u64 = 400_000;
    let only: Vec<String> = std::env::args().skip(1).collect();
    let ladder: Vec<(&str, u8, Vec<(Outside, u8)>, bool)> = if std::env::var("OURS").is_ok() {
        vec![
            ("release alone crash", 3, vec![(Release, 1), (Alone, 1), (Crash, 1)], false),
            ("crash1 late1 w1", 2, vec![(Write, 1), (Crash, 1), (Late, 1)], false),
            ("cut late crash", 3, vec![(Cut, 1), (Late, 1), (Crash, 1)], false),
            ("cut crash2", 3, vec![(Cut, 1), (Crash, 2)], false),
            ("power late loose", 2, vec![(Power, 1), (Late, 1), (Switchover, 1)], true),
        ]
    } else {
        vec![
            ("w1 crash1", 1, vec![(Write, 1), (Crash, 1)], false),
            ("crash1 gw1", 2, vec![(Gateway, 1), (Crash, 1)], false),
            ("w1 switch", 0, vec![(Write, 1), (Switchover, 1)], false),
            ("w1 power1 loose", 1, vec![(Write, 1), (Power, 1)], true),
            ("late1 switch", 1, vec![(Late, 1), (Switchover, 1)], false),
            ("cut1 w1", 1, vec![(Write, 1), (Cut, 1)], false),
            ("crash2", 2, vec![(Crash, 2)], false),
            ("sw-power", 1, vec![(Power, 1), (Switchover, 1)], true),
            ("crash1 late1", 2, vec![(Crash, 1), (Late, 1)], false),
            ("w2 power1 loose", 1, vec![(Write, 2), (Power, 1)], true),
            ("ctl1 switch late1", 2, vec![(Controller, 1), (Switchover, 1), (Late, 1)], false),
            ("release1 gw1 switch", 1, vec![(Release, 1), (Gateway, 1), (Switchover, 1)], false),
        ]
    };
    let mut cases: Vec<(String, shell_sim::world::Decide, Option<Mistake>, bool)> =
        mutants::all().map(|m| (m.name.to_string(), m.decide, None, true)).collect();
    for (m, n, _) in Mistake::ALL {
        cases.push((n.to_string(), ha_core::plan, Some(*m), true));
    }
    cases.push(("ours".into(), ha_core::plan, None, true));
    cases.push(("rereads=false".into(), ha_core::plan, None, false));
    for (name, decide, mistake, rereads) in cases {
        if !only.is_empty() && !only.contains(&name) {
            continue;
        }
        let mut found = false;
        for (label, faults, each, loose) in &ladder {
            let mut settings = world();
            settings.mistake = mistake;
            settings.rereads = rereads;
            if *loose {
                settings.config.flush_every = 1000;
            }
            let c = Configuration {
                name: "hunt",
                about: "",
                settings,
                budget: Budget { each: each.clone(), faults: *faults },
                decide,
                fine: false,
                grain: COARSE,
                main: false,
            };
            let model = match Model::new(c) {
                Ok(m) => m,
                Err(e) => {
                    println!("{name:36} {label}: {e}");
                    found = true;
                    break;
                }
            };
            let t = std::time::Instant::now();
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
            if ex.broken() != 0 {
                if std::env::var("TELL").is_ok() {
                    let w =
                        (0..64u8).filter_map(|b| ex.violation(b)).min_by_key(|w| w.length).unwrap();
                    match model.trace(&ex.trace(&w).unwrap()) {
                        Ok(t) => println!("{t}"),
                        Err(e) => println!("PARTED {e}"),
                    }
                }
                let (bit, w) = (0..64u8)
                    .filter_map(|b| ex.violation(b).map(|w| (b, w)))
                    .min_by_key(|(_, w)| w.length)
                    .unwrap();
                let ok = model
                    .trace(&ex.trace(&w).unwrap())
                    .map(|t| t.steps.len())
                    .map_err(|e| e.to_string().lines().next().unwrap().to_string());
                println!(
                    "{name:36} {label}: {} in {} steps, {} states {:?} trace {ok:?}",
                    property_names().get(bit as usize).unwrap_or(&"model"),
                    w.length,
                    ex.states().len(),
                    t.elapsed()
                );
                found = true;
                if std::env::var("OURS").is_err() {
                    break;
                }
            }
            if let Some(t2) = ex.liveness.as_ref().and_then(|l| l.nearest.as_ref()) {
                let la = ex.lasso(t2).unwrap();
                let ok = model
                    .trace(&la.path)
                    .map(|t| t.steps.len())
                    .map_err(|e| e.to_string().lines().next().unwrap().to_string());
                println!(
                    "{name:36} {label}: settles, {} steps + cycle {}, {} states {:?} {ok:?}",
                    la.path.len(),
                    la.cycle.len(),
                    ex.states().len(),
                    t.elapsed()
                );
                if std::env::var("TELL").is_ok() {
                    let t = model.trace(&la.path).unwrap();
                    println!("{t}");
                    let mut whole = la.path.clone();
                    whole.extend(&la.cycle);
                    if let Ok(t) = model.trace(&whole) {
                        for m in t.steps.iter().skip(la.path.len()) {
                            println!("   ~ {}", m.act);
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
                        println!("record {:?}", t.world.api.record());
                        for no in 0..2 {
                            if let Ok(o) = t.world.observation(shell_sim::world::ControllerNo(no)) {
                                println!("ct-{no}: {}", ha_core::plan(&o));
                            }
                        }
                    }
                }
                found = true;
                if std::env::var("OURS").is_err() {
                    break;
                }
            }
            if std::env::var("OURS").is_ok() {
                println!("{label}: {:?} {} states {:?}", ex.end, ex.states().len(), t.elapsed());
            }
        }
        if !found {
            println!("{name:36} NOT FOUND");
        }
    }
}
