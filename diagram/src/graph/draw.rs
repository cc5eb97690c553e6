//! A graph as a picture.

use super::{
    Graph,
    layers::Item,
    place::{LINE, PAD, Placed},
};
use crate::canvas::{Anchor, Canvas, width, wrapped};
use std::fmt::Write as _;

const MARGIN: i32 = 16;
/// A picture is at least so wide, for its notes.
const LEAST: i32 = 640;

impl Graph {
    /// The graph as SVG.
    #[must_use]
    pub(crate) fn svg(&self) -> String {
        let placed = Placed::of(self);
        let mut canvas = Canvas::default();
        let w = (placed.width + 2 * MARGIN).max(LEAST).max(width(&self.title) * 3 / 2 + 2 * MARGIN);
        let mut y = MARGIN + 18;
        canvas.text((MARGIN, y), Anchor::Start, "head", &self.title);
        for line in self.notes.iter().flat_map(|note| wrapped(note, w - 2 * MARGIN)) {
            y += LINE + 2;
            canvas.text((MARGIN, y), Anchor::Start, "soft", &line);
        }
        let origin = ((w - placed.width) / 2, y + 24);
        for edge in 0..self.edges.len() {
            self.draw_edge(&mut canvas, &placed, edge, origin);
        }
        for (item, what) in placed.layers.items.iter().enumerate() {
            match what {
                Item::Node(node) => self.draw_node(&mut canvas, &placed, (item, *node), origin),
                Item::Words(edge) => self.draw_words(&mut canvas, &placed, (item, *edge), origin),
                Item::Joint(_) => {}
            }
        }
        let bottom = placed.bands.last().map_or(0, |(_, bottom)| *bottom);
        canvas.finish((w, origin.1 + bottom + MARGIN), &self.title)
    }

    fn draw_node(
        &self,
        canvas: &mut Canvas,
        placed: &Placed,
        (item, at): (usize, usize),
        origin: (i32, i32),
    ) {
        let node = &self.nodes[at];
        let (w, h) = placed.size[item];
        let x = origin.0 + placed.x[item];
        let mut y = origin.1 + placed.bands[placed.layers.layer[item]].0;
        let start = if at == 0 { " start" } else { "" };
        canvas.rect((x - w / 2, y), (w, h), &format!("{}{start}", node.tone.class()));
        y += LINE;
        canvas.text((x, y), Anchor::Middle, "bold", &node.title);
        for line in &node.lines {
            y += LINE;
            canvas.text((x, y), Anchor::Middle, "", line);
        }
    }

    fn draw_words(
        &self,
        canvas: &mut Canvas,
        placed: &Placed,
        (item, edge): (usize, usize),
        origin: (i32, i32),
    ) {
        let (w, h) = placed.size[item];
        let x = origin.0 + placed.x[item];
        let (top, bottom) = placed.bands[placed.layers.layer[item]];
        let mut y = origin.1 + (top + bottom - h) / 2;
        canvas.rect((x - w / 2, y), (w, h), "plate");
        y -= 2;
        for label in &self.edges[edge].labels {
            y += LINE;
            let class = label.hue.class();
            canvas.linked((x, y), Anchor::Middle, class, &label.text, label.link.as_deref());
        }
    }

    fn draw_edge(&self, canvas: &mut Canvas, placed: &Placed, edge: usize, origin: (i32, i32)) {
        let chain = &placed.layers.chains[edge];
        let mut points: Vec<(i32, i32)> = Vec::new();
        for (at, item) in chain.iter().enumerate() {
            let (top, bottom) = placed.bands[placed.layers.layer[*item]];
            let x = placed.x[*item];
            if at == 0 {
                points.push((port(placed, edge, *item, true), top + placed.size[*item].1));
            } else if at + 1 == chain.len() {
                points.push((port(placed, edge, *item, false), top));
            } else if matches!(placed.layers.items[*item], Item::Words(_)) {
                points.push((x, top));
                points.push((x, bottom));
            } else {
                points.push((x, (top + bottom) / 2));
            }
        }
        for point in &mut points {
            *point = (point.0 + origin.0, point.1 + origin.1);
        }
        if placed.layers.turned[edge] {
            points.reverse();
        }
        canvas.arrow(&curve(&points), self.edges[edge].hue(), "");
    }
}

/// Where an edge leaves a node, or reaches it: edges stand beside each other in the order of what
/// they lead to.
fn port(placed: &Placed, edge: usize, item: usize, below: bool) -> i32 {
    let end = |chain: &Vec<usize>| if below { chain.first() } else { chain.last() }.copied();
    let next = |chain: &Vec<usize>| {
        let at = if below { Some(1) } else { chain.len().checked_sub(2) };
        at.and_then(|at| chain.get(at)).map_or(0, |item| placed.x[*item])
    };
    let mut here: Vec<(i32, usize)> = placed
        .layers
        .chains
        .iter()
        .enumerate()
        .filter(|(_, chain)| end(chain) == Some(item))
        .map(|(at, chain)| (next(chain), at))
        .collect();
    here.sort_unstable();
    let count = i32::try_from(here.len()).unwrap_or(i32::MAX);
    let mine = here.iter().position(|(_, at)| *at == edge).unwrap_or(0);
    let mine = i32::try_from(mine).unwrap_or(0);
    let w = placed.size[item].0 - 2 * PAD;
    placed.x[item] - w / 2 + w * (2 * mine + 1) / (2 * count)
}

/// A smooth line through points, upright at its ends.
fn curve(points: &[(i32, i32)]) -> String {
    let mut path = String::new();
    let Some(first) = points.first() else { return path };
    // Writing to a string cannot fail.
    let _written = write!(path, "M{},{}", first.0, first.1);
    for at in 1..points.len() {
        let (from, to) = (points[at - 1], points[at]);
        let third = (to.1 - from.1) / 3;
        let leaves = match at.checked_sub(2).and_then(|before| points.get(before)) {
            Some(before) => (from.0 + (to.0 - before.0) / 6, from.1 + (to.1 - before.1) / 6),
            None => (from.0, from.1 + third),
        };
        let reaches = match points.get(at + 1) {
            Some(after) => (to.0 - (after.0 - from.0) / 6, to.1 - (after.1 - from.1) / 6),
            None => (to.0, to.1 - third),
        };
        let _written = write!(
            path,
            "C{},{} {},{} {},{}",
            leaves.0, leaves.1, reaches.0, reaches.1, to.0, to.1
        );
    }
    path
}
