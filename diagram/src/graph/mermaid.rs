//! A graph as Mermaid text.

use super::{Graph, Tone};
use crate::canvas::Hue;
use std::fmt::Write as _;

/// Words between quotes.
fn quoted(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().map(|line| crate::mermaid::words(&line)).collect();
    format!("\"{}\"", lines.join("<br>"))
}

impl Graph {
    /// The graph as a Mermaid flowchart.
    #[must_use]
    pub(crate) fn mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        for (at, node) in self.nodes.iter().enumerate() {
            let title = format!("<b>{}</b>", crate::mermaid::words(&node.title));
            let lines = node.lines.iter().map(|line| crate::mermaid::words(line));
            let words: Vec<String> = std::iter::once(title).chain(lines).collect();
            let tone = node.tone.class();
            // Writing to a string cannot fail.
            let _written = writeln!(out, "  n{at}[\"{}\"]:::{tone}", words.join("<br>"));
        }
        for edge in &self.edges {
            let words = quoted(edge.labels.iter().map(|label| label.text.clone()));
            let arrow = match edge.hue() {
                Hue::Plain | Hue::Rule | Hue::Both => "-->",
                Hue::Event => "-.->",
            };
            let _written = writeln!(out, "  n{} {arrow}|{words}| n{}", edge.from, edge.to);
        }
        for tone in Tone::ALL {
            let (fill, stroke) = match tone {
                Tone::Good => ("#dafbe1", "#1a7f37"),
                Tone::Moving => ("#ddf4ff", "#0969da"),
                Tone::Bad => ("#ffebe9", "#cf222e"),
            };
            let class = tone.class();
            let _written =
                writeln!(out, "  classDef {class} fill:{fill},stroke:{stroke},color:#1f2328");
        }
        out
    }
}
