//! The rules as a page that repositories show.

use super::{
    Catalogue,
    facts::{Fact, Piece, Section},
};
use crate::{links, pages::markdown};
use ha_core::rules::{Phase, RULES};

/// More pieces than this are folded.
const MANY: usize = 12;

impl Catalogue {
    /// The page, which brings the name of each rule as an anchor.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from(
            "# Rules\n\nEvery line that a controller writes (journal, events, `explain`, `history`, \
             `status`) names a rule by its id. That id is the anchor here and in \
             [rules.html](rules.html), which is the same without a repository around it.\n\n",
        );
        out.push_str("![How a decision is made](rules.svg)\n\n");
        out.push_str(&markdown::mermaid("The same as Mermaid", &self.overview_mermaid()));
        out.push_str(
            "| phase | id | name | when | may do | may wait for |\n|---|---|---|---|---|---|\n",
        );
        for rule in RULES {
            let scope = rule.id.scope();
            let does: Vec<&str> = scope.does.iter().map(|kind| kind.name()).collect();
            let waits: Vec<&str> = scope.waits.iter().chain(scope.stops).copied().collect();
            out.push_str(&format!(
                "| {} | [{id}](#{id}) | {} | {} | {} | {} |\n",
                rule.phase.name(),
                rule.name,
                markdown::cell(rule.when),
                does.join(", "),
                waits.join(", "),
                id = rule.id,
            ));
        }
        for phase in Phase::ALL {
            out.push_str(&self.phase_markdown(*phase));
        }
        out
    }

    fn phase_markdown(&self, phase: Phase) -> String {
        let name = phase.name();
        let picture = links::phase(phase);
        let mut out = format!(
            "\n## Phase {name}\n\n{}\n\n![The rules of phase {name}, their effects and guards]\
             ({picture})\n\n",
            phase.question()
        );
        out.push_str(&markdown::mermaid("The same as Mermaid", &self.phase_mermaid(phase)));
        for rule in Self::of(phase) {
            out.push_str(&section(&self.section(rule)));
        }
        out
    }
}

fn section(section: &Section) -> String {
    let id = section.rule;
    let facts: String = section.facts.iter().map(fact).collect();
    format!("\n### <a id=\"{id}\"></a>{id} {}\n\n{}\n\n{facts}", section.name, section.sentence)
}

fn fact(fact: &Fact) -> String {
    let pieces: Vec<String> = fact.pieces.iter().map(piece).collect();
    let list = pieces.join(", ");
    if pieces.len() > MANY {
        let count = pieces.len();
        let title = fact.title;
        return format!("- {title}: <details><summary>{count}</summary>{list}</details>\n");
    }
    let long = fact.pieces.iter().any(|piece| !piece.more.is_empty());
    if long && pieces.len() > 1 {
        let items: String = pieces.iter().map(|piece| format!("  - {piece}\n")).collect();
        return format!("- {}:\n{items}", fact.title);
    }
    format!("- {}: {list}\n", fact.title)
}

fn piece(piece: &Piece) -> String {
    let text = match &piece.link {
        Some(link) => format!("[{}]({link})", piece.text),
        None => format!("`{}`", piece.text),
    };
    if piece.more.is_empty() { text } else { format!("{text} ({})", markdown::cell(&piece.more)) }
}
