//! All phases below each other, each with its rules: the order in which a decision is made.

use super::Catalogue;
use crate::{
    canvas::{Anchor, Canvas, Hue, width},
    links,
};
use ha_core::rules::{Phase, Rule};
use std::fmt::Write as _;

const MARGIN: i32 = 16;
const WIDTH: i32 = 980;
const LEFT: i32 = 300;
const CHIP: i32 = 26;
const GAP: i32 = 8;

impl Catalogue {
    /// The overview as SVG.
    #[must_use]
    pub fn overview_svg(&self) -> String {
        let mut canvas = Canvas::default();
        let title = "How a decision is made";
        canvas.text((MARGIN, MARGIN + 18), Anchor::Start, "head", title);
        let notes = [
            "The phases of one pass, from above. Within a phase the first rule that applies to a \
             subject speaks.",
            "Blue: the rule may act. Red: it may end the pass, so that no later phase but the last \
             acts. Grey: it only waits.",
        ];
        let mut y = MARGIN + 18;
        for note in notes {
            y += 18;
            canvas.text((MARGIN, y), Anchor::Start, "soft", note);
        }
        y += 20;
        for (at, phase) in Phase::ALL.iter().enumerate() {
            if at > 0 {
                let x = MARGIN + 40;
                canvas.arrow(&format!("M{x},{}L{x},{y}", y - 18), Hue::Plain, "");
            }
            y = phase_row(&mut canvas, *phase, y) + 18;
        }
        canvas.finish((WIDTH, y - 18 + MARGIN), title)
    }

    /// The overview as Mermaid text.
    #[must_use]
    pub fn overview_mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        for (at, phase) in Phase::ALL.iter().enumerate() {
            let rules: Vec<String> =
                Self::of(*phase).map(|rule| format!("{} {}", rule.id, rule.name)).collect();
            let question = crate::mermaid::words(phase.question());
            // Writing to a string cannot fail.
            let _written = writeln!(
                out,
                "  p{at}[\"<b>{}</b>: {question}<br>{}\"]",
                phase.name(),
                rules.join("<br>")
            );
            if at > 0 {
                let _written = writeln!(out, "  p{} --> p{at}", at - 1);
            }
        }
        out
    }
}

fn class(rule: &Rule) -> &'static str {
    let scope = rule.id.scope();
    match (scope.stops.is_empty(), scope.does.is_empty()) {
        (false, _) => "bad",
        (true, false) => "moving",
        (true, true) => "box",
    }
}

/// Draws a phase with its rules; returns where it ends.
fn phase_row(canvas: &mut Canvas, phase: Phase, y: i32) -> i32 {
    let mut chips = Vec::new();
    let (mut x, mut line) = (MARGIN + LEFT, 0);
    for rule in Catalogue::of(phase) {
        let text = format!("{} {}", rule.id, rule.name);
        let w = width(&text) + 18;
        if x + w > WIDTH - MARGIN - GAP {
            x = MARGIN + LEFT;
            line += 1;
        }
        chips.push((x, line, w, text, rule));
        x += w + GAP;
    }
    let h = ((line + 1) * (CHIP + GAP) + GAP).max(50);
    canvas.rect((MARGIN, y), (WIDTH - 2 * MARGIN, h), "box");
    canvas.text((MARGIN + 12, y + 20), Anchor::Start, "bold", phase.name());
    canvas.text((MARGIN + 12, y + 38), Anchor::Start, "soft", phase.question());
    for (x, line, w, text, rule) in chips {
        let top = y + GAP + line * (CHIP + GAP);
        canvas.rect((x, top), (w, CHIP), class(rule));
        let link = links::rule_page(rule.id);
        canvas.linked((x + w / 2, top + 17), Anchor::Middle, "", &text, Some(&link));
    }
    y + h
}
