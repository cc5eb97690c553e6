//! One phase: its rules, the effects that they may ask for, and the guards behind those.

use super::{Catalogue, facts::guard};
use crate::{
    canvas::{Anchor, Canvas, wrapped},
    links,
};
use ha_core::{
    action::ActionKind,
    guard::GuardId,
    rules::{Phase, Rule},
};
use std::{collections::BTreeSet, fmt::Write as _};

const MARGIN: i32 = 16;
const LINE: i32 = 15;
const GAP: i32 = 12;
const RULE: (i32, i32) = (MARGIN, 380);
const KIND: (i32, i32) = (490, 150);
const GUARD: (i32, i32) = (730, 330);
const WIDTH: i32 = 1_076;

/// A box with words, and how high it stands.
struct Block {
    title: String,
    link: Option<String>,
    lines: Vec<(String, &'static str)>,
    y: i32,
}

impl Block {
    fn height(&self) -> i32 {
        let lines = i32::try_from(self.lines.len()).unwrap_or(0);
        (lines + 1) * LINE + 12
    }

    fn middle(&self) -> i32 {
        self.y + self.height() / 2
    }

    fn draw(&self, canvas: &mut Canvas, (x, w): (i32, i32), class: &str) {
        canvas.rect((x, self.y), (w, self.height()), class);
        let mut y = self.y + 17;
        let link = self.link.as_deref();
        canvas.linked((x + 10, y), Anchor::Start, "bold", &self.title, link);
        for (line, class) in &self.lines {
            y += LINE;
            canvas.text((x + 10, y), Anchor::Start, class, line);
        }
    }
}

/// Puts blocks below each other, spread over a height.
fn stack(blocks: &mut [Block], top: i32, tall: i32) {
    let spaces = i32::try_from(blocks.len() + 1).unwrap_or(i32::MAX);
    let free = (tall + 2 * GAP - (height(blocks) + GAP)).max(0) / spaces;
    let mut y = top - GAP + free;
    for block in blocks {
        block.y = y.max(top);
        y = block.y + block.height() + GAP + free;
    }
}

fn height(blocks: &[Block]) -> i32 {
    blocks.iter().map(|block| block.height() + GAP).sum::<i32>() - GAP
}

fn rule_block(rule: &Rule) -> Block {
    let scope = rule.id.scope();
    let mut lines: Vec<(String, &'static str)> =
        wrapped(&format!("when {}", rule.when), RULE.1 - 20).into_iter().map(|l| (l, "")).collect();
    let list = |word: &str, names: &[&str]| {
        let text = format!("{word}: {}", names.join(", "));
        let lines = if names.is_empty() { Vec::new() } else { wrapped(&text, RULE.1 - 24) };
        lines.into_iter().map(|line| (line, "soft small"))
    };
    lines.extend(list("may wait for", scope.waits));
    lines.extend(list("may end the pass for", scope.stops));
    let title = format!("{} {}", rule.id, rule.name);
    Block { title, link: Some(links::rule_page(rule.id)), lines, y: 0 }
}

/// A curve from the right of one block to the left of another.
fn curve(from: (i32, i32), to: (i32, i32)) -> String {
    let middle = (from.0 + to.0) / 2;
    format!("M{},{}C{middle},{} {middle},{} {},{}", from.0, from.1, from.1, to.1, to.0, to.1)
}

impl Catalogue {
    /// The effects that a phase may ask for.
    fn kinds(phase: Phase) -> Vec<ActionKind> {
        let of =
            |kind: &ActionKind| Self::of(phase).any(|rule| rule.id.scope().does.contains(kind));
        ActionKind::ALL.iter().copied().filter(of).collect()
    }

    /// The guards behind an effect, those behind all of them left out.
    fn own_guards(&self, kind: ActionKind) -> Vec<GuardId> {
        let common = self.common_guards();
        let guards = self.evidence.guards.get(&kind).into_iter().flatten();
        guards.copied().filter(|guard| !common.contains(guard)).collect()
    }

    /// The guards behind every effect that is more than closing a route.
    fn common_guards(&self) -> BTreeSet<GuardId> {
        let kinds =
            self.evidence.guards.iter().filter(|(kind, _)| **kind != ActionKind::CloseRoute);
        let mut sets = kinds.map(|(_, guards)| guards.clone());
        let first = sets.next().unwrap_or_default();
        sets.fold(first, |common, guards| common.intersection(&guards).copied().collect())
    }

    /// A phase as SVG.
    #[must_use]
    pub fn phase_svg(&self, phase: Phase) -> String {
        let title = format!("Phase {}: {}", phase.name(), phase.question());
        let mut canvas = Canvas::default();
        canvas.text((MARGIN, MARGIN + 18), Anchor::Start, "head", &title);
        let mut y = MARGIN + 20;
        for line in wrapped(&self.note(phase), WIDTH - 2 * MARGIN) {
            y += 17;
            canvas.text((MARGIN, y), Anchor::Start, "soft", &line);
        }
        let top = y + 20;
        let kinds = Self::kinds(phase);
        let guards: BTreeSet<GuardId> =
            kinds.iter().flat_map(|kind| self.own_guards(*kind)).collect();
        let guards: Vec<GuardId> = guards.into_iter().collect();
        let mut left: Vec<Block> = Self::of(phase).map(rule_block).collect();
        let mut middle: Vec<Block> = kinds.iter().map(|kind| plain(kind.name())).collect();
        let mut right: Vec<Block> = guards.iter().map(|id| guard_block(*id)).collect();
        let tall = height(&left).max(height(&middle)).max(height(&right));
        for column in [&mut left, &mut middle, &mut right] {
            stack(column, top, tall);
        }
        self.lines(&mut canvas, phase, (&kinds, &guards), (&left, &middle, &right));
        for (rule, block) in Self::of(phase).zip(&left) {
            let class = if rule.id.scope().does.is_empty() { "box" } else { "moving" };
            block.draw(&mut canvas, RULE, class);
        }
        middle.iter().for_each(|block| block.draw(&mut canvas, KIND, "box"));
        right.iter().for_each(|block| block.draw(&mut canvas, GUARD, "note"));
        canvas.finish((WIDTH, top + tall + MARGIN), &title)
    }

    fn note(&self, phase: Phase) -> String {
        if Self::kinds(phase).is_empty() {
            return "Its rules ask for no effect: they say what is waited for.".to_owned();
        }
        let common: Vec<String> = self
            .common_guards()
            .into_iter()
            .filter_map(guard)
            .map(|guard| format!("{} ({})", guard.id.name(), guard.sentence))
            .collect();
        format!(
            "From the left: rules, the effects that each may ask for (dashed: it never did in a \
             schedule), the guards that refuse such an effect where it is not right. Behind every \
             effect but a closed route stands, too: {}.",
            common.join("; ")
        )
    }

    fn lines(
        &self,
        canvas: &mut Canvas,
        phase: Phase,
        (kinds, guards): (&[ActionKind], &[GuardId]),
        (left, middle, right): (&[Block], &[Block], &[Block]),
    ) {
        for (rule, block) in Self::of(phase).zip(left) {
            let seen = self.evidence.of(rule.id).does;
            for (kind, effect) in kinds.iter().zip(middle) {
                if rule.id.scope().does.contains(kind) {
                    let ends = ((RULE.0 + RULE.1, block.middle()), (KIND.0, effect.middle()));
                    let class = if seen.contains(kind) { "rule" } else { "dashed" };
                    canvas.line(&curve(ends.0, ends.1), class);
                }
            }
        }
        for (kind, effect) in kinds.iter().zip(middle) {
            let own = self.own_guards(*kind);
            for (id, block) in guards.iter().zip(right) {
                if own.contains(id) {
                    let ends = ((KIND.0 + KIND.1, effect.middle()), (GUARD.0, block.middle()));
                    canvas.line(&curve(ends.0, ends.1), "plain");
                }
            }
        }
    }

    /// A phase as Mermaid text.
    #[must_use]
    pub fn phase_mermaid(&self, phase: Phase) -> String {
        let mut out = String::from("flowchart LR\n");
        let kinds = Self::kinds(phase);
        let number = |kind: &ActionKind| ActionKind::ALL.iter().position(|other| other == kind);
        for rule in Self::of(phase) {
            // Writing to a string cannot fail.
            let when = crate::mermaid::words(rule.when);
            let _written =
                writeln!(out, "  {}[\"<b>{} {}</b><br>{when}\"]", rule.id, rule.id, rule.name);
            let seen = self.evidence.of(rule.id).does;
            for kind in rule.id.scope().does {
                let arrow = if seen.contains(kind) { "-->" } else { "-.->" };
                let at = number(kind).unwrap_or_default();
                let _written = writeln!(out, "  {} {arrow} a{at}([\"{}\"])", rule.id, kind.name());
            }
        }
        for kind in &kinds {
            for id in self.own_guards(*kind) {
                let at = number(kind).unwrap_or_default();
                let _written =
                    writeln!(out, "  a{at} --- g-{}{{{{\"{}\"}}}}", id.name(), id.name());
            }
        }
        out
    }
}

fn plain(title: &str) -> Block {
    Block { title: title.to_owned(), link: None, lines: Vec::new(), y: 0 }
}

fn guard_block(id: GuardId) -> Block {
    let sentence = guard(id).map_or("", |guard| guard.sentence);
    let lines = wrapped(sentence, GUARD.1 - 20).into_iter().map(|line| (line, "")).collect();
    Block { title: id.name().to_owned(), link: None, lines, y: 0 }
}

// The columns are as wide as the words that they hold.
const _: () = assert!(GUARD.0 + GUARD.1 + MARGIN == WIDTH, "the last column ends at the margin");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::width;

    #[test]
    fn effects_fit_their_column() {
        for kind in ActionKind::ALL {
            assert!(width(kind.name()) + 20 <= KIND.1, "{}", kind.name());
        }
    }
}
