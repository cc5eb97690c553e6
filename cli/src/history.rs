//! `memgraph-ha history`: the moves of the main that controllers remember, each with what caused it
//! and how long its parts took.

use crate::{
    input::InputError,
    operator::{CODES, Seen, Where, columns, nobody, on, out, stamp},
};
use clap::{Args as ClapArgs, ValueEnum};
use ha_core::leadership::Millis;
use shell_k8s::controller::Move;
use std::process::ExitCode;

/// Which cluster, and how its moves are shown.
#[derive(Debug, ClapArgs)]
#[command(after_help = CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Where,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// For machines
    Json,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    on(&args.place, async |operator| {
        let (seen, silent) = Seen::all(&operator).await;
        if seen.is_empty() {
            return Ok(nobody(&silent.join("; ")));
        }
        let moves = Seen::moves(&seen);
        match args.output {
            Output::Json => {
                let moves: Vec<_> = moves.values().map(|(_, made)| made).collect();
                out(&format!("{:#}\n", serde_json::json!(moves)))?;
            }
            Output::Table => {
                let rows: Vec<_> = moves.values().map(|(by, made)| row(by, made)).collect();
                let head = [
                    "TERM",
                    "WHEN",
                    "CAUSE",
                    "FROM",
                    "TO",
                    "WITHDRAWN",
                    "ATTACHED",
                    "STEADY",
                    "OPEN",
                    "BECAUSE",
                ];
                out(&columns(&head, &rows))?;
            }
        }
        for why in silent {
            eprintln!("no answer: {why}");
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Times are after the record of the intent.
fn row(by: &Seen, made: &Move) -> Vec<String> {
    let ms = |after: Option<Millis>| after.map_or_else(|| "-".to_owned(), |ms| format!("{ms}ms"));
    vec![
        made.term.to_string(),
        stamp(made.wall_ms),
        made.cause.to_string(),
        made.from.map_or_else(|| "-".to_owned(), |from| by.pod(from)),
        by.pod(made.to),
        ms(made.withdrawn_ms),
        ms(made.attached_ms),
        ms(made.steady_ms),
        ms(made.open_ms),
        because(made),
    ]
}

fn because(made: &Move) -> String {
    if made.rule.is_empty() {
        return "known to a controller that does not answer".to_owned();
    }
    format!("{}: {}", made.rule, made.why)
}
