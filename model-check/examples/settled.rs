use model_check::{explore::*, model::*, pack::*};
use std::collections::*;
fn main() {
    let conf = Configuration {
        name: "try",
        about: "",
        settings: world(),
        budget: Budget { each: vec![(Outside::Crash, 1)], faults: 1 },
        decide: ha_core::plan,
        fine: false,
        grain: COARSE,
        main: false,
    };
    let model = Model::new(conf).unwrap();
    let ex = explore(&model, &Limits { threads: 2, ..Limits::default() }, &mut |_| {});
    let mut settled = vec![];
    for s in ex.states() {
        let mut e = vec![];
        if model.expand(s, &mut e).rest == Rest::Settled {
            settled.push(*s);
        }
    }
    println!("{} settled of {}", settled.len(), ex.states().len());
    let names = part_names();
    for p in 0..PARTS {
        let set: BTreeSet<u32> = settled.iter().map(|s| s[p]).collect();
        println!(
            "{}: {} values; without: {}",
            names[p],
            set.len(),
            settled.iter().map(|s| model.without(s, p)).collect::<BTreeSet<_>>().len()
        );
    }
    let p: usize = std::env::args().nth(1).map_or(5, |a| a.parse().unwrap());
    let set: BTreeSet<u32> = settled.iter().map(|s| s[p]).collect();
    let mut seen = BTreeSet::new();
    for s in &settled {
        if seen.insert(s[p]) && seen.len() <= 6 {
            let w = model.world(s);
            match p {
                0..=3 => println!("{:#?}", w.bodies[p]),
                5 | 8 => {
                    println!("{:#?}", w.controllers[(p - 5) / 3].process.as_ref().unwrap().history)
                }
                4 | 7 => {
                    println!("{:#?}", w.controllers[(p - 4) / 3].process.as_ref().unwrap().leader)
                }
                6 | 9 => {
                    let q = w.controllers[(p - 6) / 3].process.as_ref().unwrap();
                    println!(
                        "{:?} {:?} {:?} {:?} {:?}",
                        q.record_read, q.pods, q.queue, q.waiting, q.reports
                    )
                }
                10 => println!("{:?}", w.gateways),
                12 => println!("{:#?}", w.api),
                _ => {}
            }
        }
    }
    let _ = set;
    for s in &settled {
        let w = model.world(s);
        println!(
            "S {:?}",
            w.bodies
                .iter()
                .map(|b| (
                    b.instance.volume.log.iter().map(|e| (e.tick, e.epoch.0)).collect::<Vec<_>>(),
                    b.instance.volume.flushed,
                    b.instance.timeline().map(|t| (
                        t.epoch.0,
                        t.history.iter().map(|h| (h.epoch.0, h.ldt)).collect::<Vec<_>>(),
                        t.ldt,
                        t.clock
                    )),
                    b.instance.rows().iter().map(|r| r.data.map(|d| d.ts)).collect::<Vec<_>>()
                ))
                .collect::<Vec<_>>()
        );
    }
}
