//! `memgraph-ha explain`: one observation in, what every rule says of it out. The observation is a
//! file, or what the leader sees now; with `--if`, what would be decided if something befell it.

use crate::{
    input::{self, InputError},
    operator::{CODES, Seen, Where, instance, nobody, on, out},
};
use clap::{Args as ClapArgs, ValueEnum};
use ha_core::{
    explain::Explanation,
    ids::InstanceId,
    observation::{ClusterObservation, Contact},
    reading::{Age, Reading, Why},
};
use std::{path::PathBuf, process::ExitCode};

/// What to explain.
#[derive(Debug, ClapArgs)]
#[command(after_help = CODES)]
pub(crate) struct Args {
    /// An observation as JSON; `-` reads standard input; without it, what the leader sees now
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
    /// What if: `crash POD` (its process ends), `silence POD` (it answers nobody, for long),
    /// `delete POD` (its pod is marked for deletion); may be repeated
    #[arg(long = "if", value_name = "WHAT POD")]
    what_if: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For machines
    Json,
}

/// Reads, decides, prints.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    if let Some(path) = &args.file {
        let text = input::text(path)?;
        let mut observation: ClusterObservation =
            serde_json::from_str(&text).map_err(|error| InputError::Form {
                path: path.clone(),
                error: error.to_string(),
                expected: "an observation as JSON: desired, leadership, record, instances, route, \
                           memory",
            })?;
        let by_id = |name: &str| {
            let id = name.parse().map_err(|error| InputError::Refused(format!("--if: {error}")));
            id.map(|id: InstanceId| id)
        };
        suppose(&mut observation, &args.what_if, by_id)?;
        print(&observation, args.format)?;
        return Ok(ExitCode::SUCCESS);
    }
    on(&args.place, async |operator| {
        let seen = match Seen::by_leader(&operator).await {
            Ok(seen) => seen,
            Err(why) => return Ok(nobody(&why)),
        };
        let Some(mut observation) = seen.observation else {
            return Ok(nobody(&format!("{}: no pass has ended yet", seen.from)));
        };
        suppose(&mut observation, &args.what_if, |name| instance(&operator, name))?;
        print(&observation, args.format)?;
        Ok(ExitCode::SUCCESS)
    })
}

fn print(observation: &ClusterObservation, format: Format) -> Result<(), InputError> {
    let plan = ha_core::plan(observation);
    let explanation = Explanation::of(&plan);
    match format {
        Format::Text => out(&explanation.to_string()),
        Format::Json => out(&format!("{:#}\n", serde_json::json!(explanation))),
    }
}

/// Changes what is seen as if these things had happened.
fn suppose(
    seen: &mut ClusterObservation,
    things: &[String],
    instance: impl Fn(&str) -> Result<InstanceId, InputError>,
) -> Result<(), InputError> {
    const EXPECTED: &str = "expected `crash POD`, `silence POD` or `delete POD`";
    for thing in things {
        let (what, name) = thing
            .split_once(' ')
            .ok_or_else(|| InputError::Refused(format!("--if {thing:?}: {EXPECTED}")))?;
        let id = instance(name.trim())?;
        let Some(view) = seen.instances.get_mut(&id) else {
            return Err(InputError::Refused(format!("--if {thing:?}: {id} is not observed")));
        };
        let contact = match what {
            "crash" => Contact::Closed { since: Age::Fresh },
            "silence" => Contact::Unreached { why: Why::Silent, since: Age::Expired },
            "delete" => {
                let Reading::Known { value: Some(pod), .. } = &mut view.pod else {
                    let why = format!("--if {thing:?}: there is no pod of {id}");
                    return Err(InputError::Refused(why));
                };
                pod.deleting = true;
                continue;
            }
            _ => return Err(InputError::Refused(format!("--if {thing:?}: {EXPECTED}"))),
        };
        view.contact = contact;
        if let Reading::Known { age, .. } = &mut view.bolt {
            *age = Age::Suspect;
        }
        if what == "silence" {
            // Gateways hear nothing of a silent main either.
            seen.route.witness = ha_core::observation::Witness::Silent;
        }
    }
    Ok(())
}
