use model_check::{explore::*, model::*};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let max: u64 = args.get(1).map_or(100_000, |a| a.parse().unwrap());
    let faults: u8 = args.get(2).map_or(1, |a| a.parse().unwrap());
    let each: Vec<(Outside, u8)> = args[3]
        .split(',')
        .map(|w| {
            let (n, c) = w.split_once('=').unwrap();
            let k = match n {
                "write" => Outside::Write,
                "crash" => Outside::Crash,
                "power" => Outside::Power,
                "pod" => Outside::Pod,
                "volume" => Outside::Volume,
                "ctl" => Outside::Controller,
                "freeze" => Outside::Freeze,
                "late" => Outside::Late,
                "gw" => Outside::Gateway,
                "cut" => Outside::Cut,
                "part" => Outside::Part,
                "alone" => Outside::Alone,
                "api" => Outside::Api,
                "decision" => Outside::Decision,
                "answer" => Outside::Answer,
                "switch" => Outside::Switchover,
                "mark" => Outside::Mark,
                "release" => Outside::Release,
                _ => panic!(),
            };
            (k, c.parse().unwrap())
        })
        .collect();
    let conf = Configuration {
        name: "try",
        about: "",
        settings: world(),
        budget: Budget { each, faults },
        decide: ha_core::plan,
        fine: false,
        grain: COARSE,
        main: false,
    };
    let model = Model::new(conf).unwrap();
    let limits = Limits {
        threads: 2,
        max_states: max,
        stop_at_first_violation: true,
        liveness: true,
        projections: args.get(4).is_some(),
    };
    let mut last = std::time::Instant::now();
    let ex = explore(&model, &limits, &mut |p| {
        if last.elapsed().as_secs() >= 5 {
            last = std::time::Instant::now();
            eprintln!("{p:?}");
        }
    });
    println!("{}", ex_summary(&ex));
    println!("{:?}", model.tables().sizes());
    show(&model, &ex);
    if std::env::var("DEEP").is_ok() {
        tell(&model, &ex, ex.states().len() as u32 - 1, None);
    }
}
fn ex_summary(ex: &Exploration<'_, Model>) -> String {
    let mut s = format!(
        "end {:?} states {} transitions {} depth {} in {:?} bytes/state {}\n",
        ex.end,
        ex.states().len(),
        ex.transitions,
        ex.levels.len(),
        ex.explored,
        ex.bytes / ex.states().len() as u64
    );
    s += &format!(
        "rate {} transitions/s\n",
        ex.transitions * 1000 / (ex.explored.as_millis() as u64 + 1)
    );
    if let Some(l) = &ex.liveness {
        s += &format!(
            "liveness: comps {} traps {} restless {} mixed {} settled {} excused {} within {:?} nearest {:?}\n",
            l.components,
            l.traps,
            l.restless,
            l.mixed,
            l.settled,
            l.excused,
            l.within,
            l.nearest.as_ref().map(|t| (t.entry, t.states, t.moving, t.cycle.len()))
        );
    }
    for p in &ex.projections {
        s += &format!("  {p:?}\n");
    }
    s
}
fn show(model: &Model, ex: &Exploration<'_, Model>) {
    for (n, (_, name)) in Moment::ALL.iter().enumerate() {
        match ex.sight(n as u8) {
            Some(w) => println!("seen  {name}: {} steps", w.length),
            None => println!("NEVER {name}"),
        }
    }
    let names = property_names();
    for bit in 0..64u8 {
        if let Some(w) = ex.violation(bit) {
            println!(
                "BROKEN {} at {} steps",
                names.get(bit as usize).unwrap_or(&"model"),
                w.length
            );
            tell(model, ex, w.state, w.edge);
        }
    }
    if let Some(l) = &ex.liveness {
        if let Some(t) = &l.nearest {
            println!("TRAP");
            tell(model, ex, t.entry, None);
            println!("--- cycle");
            let mut here = t.entry;
            for hop in &t.cycle {
                let st = ex.states()[here as usize];
                let to = ex.states()[hop.to as usize];
                let acts = model.acts(&st);
                let act = acts
                    .iter()
                    .find(|(a, f)| f.is_none() && model.take(&st, *a, *f).to == to)
                    .map(|(a, _)| a.to_string());
                println!("   {act:?} -> {}", hop.to);
                here = hop.to;
            }
        }
    }
}
fn tell(model: &Model, ex: &Exploration<'_, Model>, state: u32, edge: Option<u16>) {
    let path = ex.path_to(state).unwrap();
    let mut here = model.initial();
    for (n, step) in path.iter().map(|s| s.edge).chain(edge).enumerate() {
        let (act, from) = model.acts(&here)[step as usize];
        let o = model.take(&here, act, from);
        println!("{:3} {act}{}", n + 1, if from.is_some() { "   <--" } else { "" });
        if let Some(p) = &o.plan {
            for line in p.to_string().lines() {
                println!("        {line}");
            }
        }
        if let Some(r) = &o.refused {
            println!("        REFUSED {r}");
        }
        here = o.to;
    }
    let w = model.world(&here);
    for (i, b) in w.bodies.iter().enumerate() {
        println!(
            "  mg-{i} {:?} rows {:?} log {:?}",
            b.instance.role(),
            b.instance.rows().iter().map(|r| (r.name.0, r.mode, r.data)).collect::<Vec<_>>(),
            b.instance.volume.log.iter().map(|e| (e.tick, e.payload)).collect::<Vec<_>>()
        );
    }
    println!(
        "  record {:?}",
        w.api.record().map(|r| (r.term, r.stage, r.target, &r.members, &r.former))
    );
    println!(
        "  clients {:?} msgs {:?}",
        w.clients,
        w.network.messages.keys().map(|k| k.to_string()).collect::<Vec<_>>()
    );
}
