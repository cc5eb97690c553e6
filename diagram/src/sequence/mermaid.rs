//! A sequence as Mermaid text.

use super::{Item, Lane, Sequence, What, seconds};
use crate::mermaid::words;
use std::fmt::Write as _;

fn name(lane: Lane) -> String {
    lane.name().replace('-', "")
}

impl Sequence {
    /// The sequence as a Mermaid sequence diagram.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut out = String::from("sequenceDiagram\n");
        for lane in &self.lanes {
            // Writing to a string cannot fail.
            let _written = writeln!(out, "  participant {} as {}", name(*lane), lane.name());
        }
        let mut time = None;
        for item in &self.items {
            let at = if time == Some(item.at) {
                String::new()
            } else {
                format!("[{}] ", seconds(item.at))
            };
            time = Some(item.at);
            let text = format!("{at}{}", told(item));
            let _written = match &item.what {
                What::Message { from, to, answer } => {
                    let arrow = if *answer { "-->>" } else { "->>" };
                    writeln!(out, "  {}{arrow}{}: {text}", name(*from), name(*to))
                }
                What::Note { over, .. } => {
                    let ends: Vec<String> = ends(over).into_iter().map(name).collect();
                    writeln!(out, "  Note over {}: {text}", ends.join(","))
                }
                What::Left => {
                    let all: Vec<String> = ends(&self.lanes).into_iter().map(name).collect();
                    writeln!(out, "  Note over {}: … {text} …", all.join(","))
                }
            };
        }
        out
    }
}

fn told(item: &Item) -> String {
    match &item.why {
        Some(why) => format!("{}<br>{}", words(&item.text), words(why)),
        None => words(&item.text),
    }
}

/// The outermost of some lanes.
fn ends(lanes: &[Lane]) -> Vec<Lane> {
    let (first, last) = (lanes.iter().min(), lanes.iter().max());
    let mut ends: Vec<Lane> = first.into_iter().chain(last).copied().collect();
    ends.dedup();
    ends
}
