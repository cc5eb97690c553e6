//! The rules as one page that needs nothing else: pictures are in it, links between rules work
//! without a server.

use super::{
    Catalogue,
    facts::{Fact, Piece, Section},
};
use crate::canvas::escaped;
use ha_core::rules::Phase;

const STYLE: &str = include_str!("page.css");
/// More pieces than this are folded.
const MANY: usize = 12;

impl Catalogue {
    /// The page; the id of a rule is its anchor.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>Rules of memgraph-ha</title><style>{STYLE}</style></head><body>\n\
             <h1>Rules of memgraph-ha</h1>\n<p>Every line that a controller writes (journal, events, \
             <code>explain</code>, <code>history</code>, <code>status</code>) names a rule by its id: \
             the id is the anchor, as in <code>rules.html#E10</code>. Generated from the code: see \
             <a href=\"README.md\">README.md</a>.</p>\n<nav>"
        );
        for phase in Phase::ALL {
            out.push_str(&format!("<p><b>{}</b>", phase.name()));
            for rule in Self::of(*phase) {
                let (id, name) = (rule.id, rule.name);
                out.push_str(&format!(" <a href=\"#{id}\">{id} {name}</a>"));
            }
            out.push_str("</p>\n");
        }
        out.push_str("</nav>\n");
        out.push_str(&figure(&self.overview_svg()));
        for phase in Phase::ALL {
            let (name, question) = (phase.name(), escaped(phase.question()));
            out.push_str(&format!(
                "<h2 id=\"phase-{name}\">Phase {name}</h2>\n<p>{question}</p>\n"
            ));
            out.push_str(&figure(&self.phase_svg(*phase)));
            for rule in Self::of(*phase) {
                out.push_str(&section(&self.section(rule)));
            }
        }
        out.push_str("</body></html>\n");
        out
    }
}

/// A picture in the page, whose links to this page stay in it.
fn figure(svg: &str) -> String {
    format!("<figure>{}</figure>\n", svg.replace("href=\"rules.html#", "href=\"#"))
}

fn section(section: &Section) -> String {
    let id = section.rule;
    let facts: String = section.facts.iter().map(fact).collect();
    format!(
        "<section id=\"{id}\"><h3><a href=\"#{id}\">{id}</a> {}</h3>\n<p>{}</p>\n<dl>{facts}</dl>\
         </section>\n",
        section.name,
        escaped(&section.sentence)
    )
}

fn fact(fact: &Fact) -> String {
    let pieces: Vec<String> = fact.pieces.iter().map(piece).collect();
    let long = fact.pieces.iter().any(|piece| !piece.more.is_empty());
    let list = pieces.join(if long { "<br>" } else { ", " });
    let list = if pieces.len() > MANY {
        format!("<details><summary>{}</summary>{list}</details>", pieces.len())
    } else {
        list
    };
    format!("<dt>{}</dt><dd>{list}</dd>\n", fact.title)
}

fn piece(piece: &Piece) -> String {
    let words = escaped(&piece.text);
    let text = match &piece.link {
        Some(link) => format!("<a href=\"{}\">{words}</a>", escaped(link)),
        None => format!("<code>{words}</code>"),
    };
    if piece.more.is_empty() {
        text
    } else {
        format!("{text} <small>{}</small>", escaped(&piece.more))
    }
}
